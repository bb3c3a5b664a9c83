//! Compares what a step gave with what its recording holds.
//!
//! Normalised values are numbered as the recorder numbers them. Once a step has failed, or output was hidden by
//! `only-exit` or `no-stderr`, our count may differ from the recording's through no fault of later steps: from then on
//! a new value takes the number that the recording shows in its place, and keeps it; equal values must stay equal and
//! different ones different, as before.
//! Always: a step passes only if exit code, both streams and their last newlines are the recording's.

use super::golden::{Action, Expected, Options, Step};
use super::machine::Outcome;
use super::normalise::{Normaliser, Numbers};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Tokens that stand for a value whose number is not known: one private-use character each.
const TOKENS: u32 = 0xF_0000;

pub struct Judge<'a> {
    normaliser: Normaliser<'a>,
    numbers: Numbers,
    /// Do our numbers no longer follow from what the recording shows?
    adopts: bool,
}

/// One stream, ready to be compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Stream {
    lines: Vec<String>,
    ends_open: bool,
}

/// The values behind the tokens of a step: key and value.
#[derive(Default)]
struct Values(Vec<(String, String)>);

impl Values {
    fn token(&mut self, key: &str, value: &str) -> String {
        let value = (key.to_owned(), value.to_owned());
        let index = self.0.iter().position(|it| *it == value).unwrap_or(self.0.len());
        if index == self.0.len() {
            self.0.push(value);
        }
        char::from_u32(TOKENS + index as u32).expect("fewer values than private-use characters").to_string()
    }

    fn get(&self, token: char) -> Option<&(String, String)> {
        self.0.get((token as u32).checked_sub(TOKENS)? as usize)
    }
}

impl<'a> Judge<'a> {
    pub fn new(normaliser: Normaliser<'a>) -> Judge<'a> {
        Judge { normaliser, numbers: Numbers::default(), adopts: false }
    }

    /// Nothing where the step passed, else what differs.
    pub fn outcome(&mut self, step: &Step, got: &Outcome) -> Option<String> {
        let (options, expected) = (&step.options, &step.expected);
        let mut numbers = self.numbers.clone();
        let mut number = |key: &str, value: &str| numbers.intern(key, value).to_string();
        let stdout = self.stream(&got.stdout, options, true, &mut number);
        let stderr = self.stream(&got.stderr, options, false, &mut number);
        let literally =
            expected.code == got.code && [&stdout, &stderr] == [&expected.stdout(), &expected.stderr()];
        self.adopts |= options.only_exit || options.no_stderr;
        if literally && !self.adopts {
            self.numbers = numbers;
            return None;
        }
        let adopted = self.adopt(step, got);
        if self.adopts && expected.code == got.code && adopted {
            return None;
        }
        self.adopts = true;
        Some(difference(expected, got.code, &stdout, &stderr))
    }

    /// The lines of a stream as the recording would hold them.
    fn stream(
        &self,
        bytes: &[u8],
        options: &Options,
        is_stdout: bool,
        number: &mut dyn FnMut(&str, &str) -> String,
    ) -> Stream {
        let (mut lines, mut ends_open) = lines_of(bytes);
        if let Some(drop) = &options.drop {
            lines.retain(|line| !drop.is_match(line));
        }
        if options.cols {
            lines.iter_mut().for_each(|line| *line = columns(line));
        }
        if options.sort && is_stdout {
            let mut known = |key: &str, value: &str| match self.numbers.get(key, value) {
                Some(number) => number.to_string(),
                None => "?".to_owned(),
            };
            lines.sort_by_cached_key(|line| self.normaliser.line(line, &options.norm, &mut known));
        }
        let mut lines: Vec<_> =
            lines.iter().filter_map(|line| self.normaliser.line(line, &options.norm, number)).collect();
        if options.cols {
            lines.iter_mut().for_each(|line| *line = columns(line));
        }
        if options.only_exit || (options.no_stderr && !is_stdout) {
            lines.clear();
        }
        ends_open &= !lines.is_empty();
        Stream { lines, ends_open }
    }

    /// Takes over the recording's numbers for new values, line by line; do all lines agree?
    fn adopt(&mut self, step: &Step, got: &Outcome) -> bool {
        let mut values = Values::default();
        let mut token = |key: &str, value: &str| values.token(key, value);
        let stdout = self.stream(&got.stdout, &step.options, true, &mut token);
        let stderr = self.stream(&got.stderr, &step.options, false, &mut token);
        let mut agree = true;
        for (got, expected) in [(stdout, step.expected.stdout()), (stderr, step.expected.stderr())] {
            agree &= got.ends_open == expected.ends_open && got.lines.len() == expected.lines.len();
            let mut wanted = expected.lines.iter();
            for line in &got.lines {
                // In a step that fails anyway, lines that are there after all still tell their numbers.
                let rest = wanted.clone();
                match wanted.position(|it| self.adopt_line(it, line, &values)) {
                    Some(0) => {}
                    Some(_) => agree = false,
                    None => (agree, wanted) = (false, rest),
                }
            }
        }
        agree
    }

    /// Is `got` the expected line under the numbers known, and what numbers would make it so?
    fn adopt_line(&mut self, expected: &str, got: &str, values: &Values) -> bool {
        let mut numbers = self.numbers.clone();
        let mut rest = expected;
        for part in got.chars() {
            let Some((key, value)) = values.get(part) else {
                match rest.strip_prefix(part) {
                    Some(after) => rest = after,
                    None => return false,
                }
                continue;
            };
            let digits = rest.len() - rest.trim_start_matches(|it: char| it.is_ascii_digit()).len();
            let Ok(number) = rest[..digits].parse() else { return false };
            rest = &rest[digits..];
            match (numbers.get(key, value), numbers.value(key, number)) {
                (Some(known), _) if known == number => {}
                (None, None) => numbers.set(key, value, number),
                _ => return false,
            }
        }
        if rest.is_empty() {
            self.numbers = numbers;
        }
        rest.is_empty()
    }

    /// `tally` counts the first lines of many runs.
    pub fn shares(&mut self, step: &Step, tally: &BTreeMap<String, u32>) -> Option<String> {
        let Action::Shares { times, tolerance, .. } = &step.action else { return None };
        let mut got: BTreeMap<String, f64> = BTreeMap::new();
        for (line, count) in tally {
            let mut number = |key: &str, value: &str| self.numbers.intern(key, value).to_string();
            let line = self.normaliser.line(line, &[], &mut number).unwrap_or_default();
            *got.entry(line).or_default() += 100.0 * f64::from(*count) / f64::from((*times).max(1));
        }
        let mut wanted = BTreeMap::new();
        for line in &step.expected.stdout {
            let share =
                line.split_once('%').and_then(|(share, line)| Some((share.parse::<f64>().ok()?, line)));
            let Some((share, line)) = share else { return Some(format!("no share: {line:?}\n")) };
            wanted.insert(line.strip_prefix(' ').unwrap_or(line).to_owned(), share);
        }
        let is_near =
            |(line, share): (&String, &f64)| got.get(line).is_some_and(|it| (it - share).abs() <= *tolerance);
        if wanted.len() == got.len() && wanted.iter().all(is_near) {
            return None;
        }
        let rows = |shares: &BTreeMap<String, f64>, mark: char| {
            shares.iter().map(|(line, share)| format!("{mark}{share:.0}% {line}\n")).collect::<String>()
        };
        Some(rows(&wanted, '-') + &rows(&got, '+'))
    }
}

impl Expected {
    fn stdout(&self) -> Stream {
        Stream { lines: self.stdout.clone(), ends_open: self.stdout_ends_open }
    }

    fn stderr(&self) -> Stream {
        Stream { lines: self.stderr.clone(), ends_open: self.stderr_ends_open }
    }
}

/// Text as the recorder shows it, and whether the last newline is missing.
pub fn lines_of(bytes: &[u8]) -> (Vec<String>, bool) {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            write!(text, "\\x{byte:02x}").expect("a String takes all");
        }
    }
    let text = text.replace('\r', "\\r");
    if text.is_empty() {
        return (Vec::new(), false);
    }
    let whole = text.strip_suffix('\n');
    (whole.unwrap_or(&text).split('\n').map(str::to_owned).collect(), whole.is_none())
}

/// Runs of blanks as one, none at the end.
fn columns(line: &str) -> String {
    let mut out = String::new();
    for letter in line.trim_end().chars() {
        match letter {
            ' ' | '\t' if out.ends_with(' ') => {}
            '\t' => out.push(' '),
            _ => out.push(letter),
        }
    }
    out
}

fn difference(expected: &Expected, code: i32, stdout: &Stream, stderr: &Stream) -> String {
    let mut text = String::new();
    if expected.code != code {
        text += &format!("-exit code {}\n+exit code {code}\n", expected.code);
    }
    for (name, expected, got) in
        [("stdout", expected.stdout(), stdout), ("stderr", expected.stderr(), stderr)]
    {
        if expected == *got {
            continue;
        }
        text += &format!("@@ {name} @@\n");
        let (before, after) = (expected.text(), got.text());
        let lines = similar::TextDiff::from_lines(&before, &after);
        for change in lines.iter_all_changes() {
            text += &format!("{}{}", change.tag(), change.value());
        }
    }
    if text.is_empty() {
        text = "the same text, but values that were equal (or different) elsewhere are not here\n".to_owned();
    }
    text
}

impl Stream {
    fn text(&self) -> String {
        let text = self.lines.iter().fold(String::new(), |text, line| text + line + "\n");
        if self.ends_open { text + "\\ no newline at the end\n" } else { text }
    }
}

#[cfg(test)]
mod tests {
    use super::super::golden::{Golden, parse};
    use super::super::normalise::Rules;
    use super::*;

    const RULES: &str = r##"
        [[normaliser]]
        name = "mac"
        group = "default"
        pattern = '\b(m[0-9a-f]+)\b'
        replace = "<MAC:#>"
    "##;

    /// Judges each step of a recording by what we say it gave; the numbers of the steps that pass.
    fn passing(text: &str, given: &[&str]) -> Vec<usize> {
        let rules = Rules::parse(RULES).unwrap();
        let Golden { header, items } = parse(text).unwrap();
        let golden = Golden { header, items };
        let mut judge = Judge::new(Normaliser::new(&rules, "").unwrap());
        let mut passing = Vec::new();
        for (number, (step, stdout)) in golden.steps().zip(given).enumerate() {
            let got = Outcome { stdout: stdout.as_bytes().to_vec(), stderr: Vec::new(), code: 0 };
            if judge.outcome(step, &got).is_none() {
                passing.push(number + 1);
            }
        }
        passing
    }

    #[test]
    fn text_code_and_last_newline_are_compared() {
        assert_eq!(passing("$ a\n| x\n$ a\n| x\n$ a\n| x\n\\ stdout\n", &["x\n", "x", "x"]), [1, 3]);
        assert_eq!(passing("$ a\n? 1\n| x\n$ a\n! x\n$ a\n| x \n$ a\n", &["x\n", "x\n", "x\n", ""]), [4]);
    }

    #[test]
    fn equal_values_stay_equal_and_different_ones_different() {
        assert_eq!(passing("$ a\n| <MAC:1> <MAC:2>\n$ b\n| <MAC:2>\n", &["ma mb\n", "mb\n"]), [1, 2]);
        assert_eq!(passing("$ a\n| <MAC:1> <MAC:2>\n$ b\n| <MAC:2>\n", &["ma mb\n", "ma\n"]), [1]);
        assert_eq!(passing("$ a\n| <MAC:1> <MAC:1>\n", &["ma mb\n"]), [0; 0]);
        assert_eq!(passing("$ a\n| <MAC:2>\n", &["ma\n"]), [0; 0]);
    }

    #[test]
    fn a_failed_step_does_not_shift_the_numbers_of_later_ones() {
        let golden = "$ a\n| <MAC:1>\n$ b\n| <MAC:2>\n$ c\n| <MAC:2> <MAC:3>\n$ d\n| <MAC:3>\n";
        assert_eq!(passing(golden, &["", "mb\n", "mb mc\n", "mc\n"]), [2, 3, 4]);
        assert_eq!(passing(golden, &["", "mb\n", "mc mc\n", "mb\n"]), [2]);
        assert_eq!(passing(golden, &["new line\nma\n", "mb\n", "mb mc\n", "ma\n"]), [2, 3]);
    }

    #[test]
    fn sorted_lines_and_columns_are_compared_as_such() {
        assert_eq!(passing("% sort\n$ a\n| a\n| b\n", &["b\na\n"]), [1]);
        assert_eq!(passing("% sort\n$ a\n| a\n| b\n", &["b\na\na\n"]), [0; 0]);
        assert_eq!(passing("% cols\n$ a\n| a b\n", &["a \t b  \n"]), [1]);
        assert_eq!(passing("$ a\n| a b\n", &["a  b\n"]), [0; 0]);
        assert_eq!(passing("% drop ^#\n$ a\n| b\n", &["# x\nb\n"]), [1]);
        assert_eq!(passing("% only-exit\n$ a\n$ b\n| <MAC:4>\n", &["whatever ma\n", "mb\n"]), [1, 2]);
    }

    #[test]
    fn bytes_are_shown_as_the_recorder_shows_them() {
        assert_eq!(lines_of(b"a\r\nb\xff\n\n"), (["a\\r", "b\\xff", ""].map(str::to_owned).to_vec(), false));
        assert_eq!(lines_of(b""), (vec![], false));
        assert_eq!(lines_of(b"\n"), (vec![String::new()], false));
        assert_eq!(lines_of(b"a"), (vec!["a".to_owned()], true));
    }

    #[test]
    fn shares_may_be_off_by_the_tolerance() {
        let judge = |a: u32, b: u32| {
            let golden = parse("* 100 ±10 x\n| 30% a\n| 70% b\n").unwrap();
            let rules = Rules::parse(RULES).unwrap();
            let tally = BTreeMap::from([("a".to_owned(), a), ("b".to_owned(), b)]);
            let step = golden.steps().next().unwrap();
            Judge::new(Normaliser::new(&rules, "").unwrap()).shares(step, &tally)
        };
        assert_eq!(judge(40, 60), None);
        assert_eq!(judge(41, 59).unwrap(), "-30% a\n-70% b\n+41% a\n+59% b\n");
    }
}
