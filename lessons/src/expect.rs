//! The words of an expectation: read from a lesson, said to a learner.
//!
//! Always: what is printed can be read again.

use crate::check::{Expect, Want};
use api::probe::Outcome;
use std::fmt;

impl TryFrom<String> for Expect {
    type Error = String;

    fn try_from(text: String) -> Result<Expect, String> {
        let (first, body) = match text.split_once(" body~") {
            Some((first, body)) => (first, Some(body.to_owned())),
            None => (text.as_str(), None),
        };
        let want = match first {
            "answered" => Want::Answered,
            "refused" => Want::Refused,
            "timeout" => Want::TimedOut,
            "unreachable" => Want::Unreachable,
            "no name" => Want::NoName,
            "fails" => Want::Fails,
            number => match number.parse() {
                Ok(status) => return Ok(Expect(Want::Status { status, body })),
                Err(_) => {
                    return Err(format!(
                        "`{text}` is no expectation: answered, refused, timeout, unreachable, `no name`, fails, or a status as in `200` or `200 body~text`"
                    ));
                }
            },
        };
        match body {
            None => Ok(Expect(want)),
            Some(_) => Err(format!("`{text}`: only a status can be followed by body~")),
        }
    }
}

impl From<Expect> for String {
    fn from(expect: Expect) -> String {
        expect.to_string()
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Want::Answered => f.write_str("answered"),
            Want::Status { status, body: None } => write!(f, "{status}"),
            Want::Status { status, body: Some(body) } => write!(f, "{status} body~{body}"),
            Want::Refused => f.write_str("refused"),
            Want::TimedOut => f.write_str("timeout"),
            Want::Unreachable => f.write_str("unreachable"),
            Want::NoName => f.write_str("no name"),
            Want::Fails => f.write_str("fails"),
        }
    }
}

impl Expect {
    pub fn holds(&self, outcome: &Outcome) -> bool {
        match (&self.0, outcome) {
            (Want::Answered, Outcome::Answered { .. })
            | (Want::Refused, Outcome::Refused { .. })
            | (Want::TimedOut, Outcome::TimedOut)
            | (Want::Unreachable, Outcome::Unreachable { .. })
            | (Want::NoName, Outcome::NoName { .. }) => true,
            (Want::Status { status: want, body }, Outcome::Answered { status, body: got, .. }) => {
                status == want && body.as_ref().is_none_or(|part| got.contains(part.as_str()))
            }
            (Want::Fails, outcome) => !matches!(outcome, Outcome::Answered { .. }),
            _ => false,
        }
    }

    /// As a learner reads it after "want".
    pub fn words(&self) -> String {
        match &self.0 {
            Want::Answered => "an answer".to_owned(),
            Want::Status { status, body: None } => format!("HTTP {status}"),
            Want::Status { status, body: Some(body) } => format!("HTTP {status} with “{body}”"),
            Want::Refused => "connection refused".to_owned(),
            Want::TimedOut => "no answer at all".to_owned(),
            Want::Unreachable => "an ICMP error: unreachable".to_owned(),
            Want::NoName => "a name that does not resolve".to_owned(),
            Want::Fails => "no answer".to_owned(),
        }
    }
}

/// As a learner reads it after "got".
pub(crate) fn outcome_words(outcome: &Outcome) -> String {
    let after = |us: u64| format!("{}.{} ms", us / 1000, us % 1000 / 100);
    match outcome {
        Outcome::Answered { status: 0, from, after_us, .. } => {
            format!("an answer from {from} after {}", after(*after_us))
        }
        Outcome::Answered { status, body, .. } => format!("HTTP {status} with “{}”", first_line(body)),
        Outcome::Refused { after_us } => format!("connection refused after {}", after(*after_us)),
        Outcome::TimedOut => "no answer".to_owned(),
        Outcome::Unreachable { what, by } if by.is_empty() => what.clone(),
        Outcome::Unreachable { what, by } => format!("{what} (said {by})"),
        Outcome::NoName { words } => words.clone(),
    }
}

fn first_line(body: &str) -> String {
    const SHOWN: usize = 60;
    let line = body.lines().next().unwrap_or_default();
    if line.chars().count() <= SHOWN {
        line.to_owned()
    } else {
        line.chars().take(SHOWN).chain(['…']).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expectations_read_back_as_they_were_written() {
        for text in
            ["answered", "200", "200 body~orders", "refused", "timeout", "unreachable", "no name", "fails"]
        {
            let expect = Expect::try_from(text.to_owned()).expect("a known expectation");
            assert_eq!(expect.to_string(), text);
        }
        assert!(Expect::try_from("refused body~x".to_owned()).is_err());
        assert!(Expect::try_from("maybe".to_owned()).unwrap_err().contains("is no expectation"));
    }

    #[test]
    fn a_status_and_a_part_of_the_body_are_both_asked_for() {
        let got = |status, body: &str| Outcome::Answered {
            status,
            body: body.into(),
            from: "x".into(),
            after_us: 1,
        };
        let expect = Expect::try_from("200 body~web".to_owned()).expect("a known expectation");
        assert!(expect.holds(&got(200, "hello from web-1")));
        assert!(!expect.holds(&got(200, "hello from api")));
        assert!(!expect.holds(&got(503, "web")));
        assert!(!expect.holds(&Outcome::TimedOut));
    }
}
