//! `/etc/nsswitch.conf`: where names are looked up, in which order, and what ends the search.
//!
//! Always: a source that is neither `files` nor `dns` is not installed, and says UNAVAIL.
//! Differs from glibc: `[SUCCESS=merge]` is read as `continue`.
//! Sources: nsswitch.conf(5); glibc 2.36 `nss/nss_database.c` (defaults).

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Files,
    Dns,
    /// Named, but not installed on these machines.
    Missing(String),
}

/// What a source said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Success,
    NotFound,
    Unavail,
    TryAgain,
}

const STATUSES: [(&str, Status); 4] = [
    ("success", Status::Success),
    ("notfound", Status::NotFound),
    ("unavail", Status::Unavail),
    ("tryagain", Status::TryAgain),
];

/// A source, and after which statuses the search ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub source: Source,
    returns: [bool; 4],
}

impl Step {
    fn new(word: &str) -> Step {
        let source = match word {
            "files" => Source::Files,
            "dns" => Source::Dns,
            other => Source::Missing(other.to_owned()),
        };
        Step { source, returns: [true, false, false, false] }
    }

    pub fn ends_at(&self, status: Status) -> bool {
        STATUSES.iter().zip(self.returns).any(|((_, known), returns)| *known == status && returns)
    }

    /// `[NOTFOUND=return !UNAVAIL=continue]` without its brackets.
    fn act(&mut self, actions: &str) {
        for action in actions.split_whitespace() {
            let Some((status, what)) = action.split_once('=') else { continue };
            let (status, negated) = match status.strip_prefix('!') {
                Some(status) => (status, true),
                None => (status, false),
            };
            let returns = what.eq_ignore_ascii_case("return");
            for ((name, _), at) in STATUSES.iter().zip(&mut self.returns) {
                if name.eq_ignore_ascii_case(status) != negated {
                    *at = returns;
                }
            }
        }
    }
}

/// The steps of a database (`hosts`, `services`); the last line of it counts.
pub fn steps(text: &str, database: &str) -> Vec<Step> {
    let mut found = None;
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some((name, sources)) = line.split_once(':')
            && name.trim() == database
        {
            found = Some(parse(sources));
        }
    }
    found.filter(|steps| !steps.is_empty()).unwrap_or_else(|| match database {
        "hosts" | "networks" => parse("dns [!UNAVAIL=return] files"),
        _ => parse("files"),
    })
}

fn parse(mut text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    loop {
        text = text.trim_start();
        if let Some(rest) = text.strip_prefix('[') {
            let (actions, rest) = rest.split_once(']').unwrap_or((rest, ""));
            if let Some(step) = steps.last_mut() {
                step.act(actions);
            }
            text = rest;
        } else if text.is_empty() {
            return steps;
        } else {
            let end = text
                .find(|character: char| character.is_whitespace() || character == '[')
                .unwrap_or(text.len());
            steps.push(Step::new(&text[..end]));
            text = &text[end..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_goes_on_until_success_unless_told_otherwise() {
        let steps = steps("# x\nhosts: files mdns4_minimal [NOTFOUND=return] dns # y\n", "hosts");
        assert_eq!(steps.len(), 3);
        assert!(steps[0].ends_at(Status::Success) && !steps[0].ends_at(Status::NotFound));
        assert!(steps[1].ends_at(Status::NotFound) && !steps[1].ends_at(Status::Unavail));
        assert_eq!(steps[2].source, Source::Dns);
    }

    #[test]
    fn without_a_line_dns_comes_first_and_only_its_absence_lets_files_speak() {
        for text in ["", "passwd: files\n", "hosts:\n"] {
            let steps = steps(text, "hosts");
            assert_eq!((&steps[0].source, &steps[1].source), (&Source::Dns, &Source::Files));
            assert!(steps[0].ends_at(Status::NotFound) && !steps[0].ends_at(Status::Unavail));
        }
    }

    #[test]
    fn unfinished_actions_are_borne() {
        assert_eq!(steps("hosts: [a=b] files [= [NOTFOUND=", "hosts").len(), 1);
    }
}
