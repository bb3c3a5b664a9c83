//! Options as getopt_long(3) of glibc reads them, with its error texts.
//!
//! Always: operands may stand between options unless the short options start with `+`; `--` ends the options.
//! Source: getopt(3).

/// Does an option take a value?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    Nothing,
    Value,
    /// Only when written together: `-p5`, `--load=FILE`.
    MayValue,
}

/// A long option, and the letter it stands for.
pub type Long = (&'static str, Takes, char);

/// What the next word was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    Option(char, Option<String>),
    /// Told on stderr by getopt itself; the program then sees `?`.
    Wrong(String),
}

/// A walk over the arguments; what is no option is kept for [`Getopt::operands`].
#[derive(Clone, Debug)]
pub struct Getopt {
    program: String,
    short: &'static str,
    long: &'static [Long],
    /// Long options that come after those.
    more: &'static [Long],
    words: Vec<String>,
    at: usize,
    /// The rest of a cluster like `-la`.
    cluster: String,
    operands: Vec<String>,
}

impl Getopt {
    pub fn new(program: &str, words: &[String], short: &'static str, long: &'static [Long]) -> Getopt {
        Getopt {
            program: program.rsplit('/').next().unwrap_or(program).to_owned(),
            short,
            long,
            more: &[],
            words: words.to_vec(),
            at: 0,
            cluster: String::new(),
            operands: Vec::new(),
        }
    }

    /// Long options that the tool shares with its kin.
    pub fn with(self, more: &'static [Long]) -> Getopt {
        Getopt { more, ..self }
    }

    /// The words that are no options; complete once the walk has ended.
    pub fn operands(mut self) -> Vec<String> {
        self.operands.extend(self.words.drain(self.at.min(self.words.len())..));
        self.operands
    }

    fn takes(&self, letter: char) -> Option<Takes> {
        let short = self.short.trim_start_matches(['+', '-', ':']);
        let at = short.find(letter).filter(|_| letter != ':')?;
        let after = &short[at + letter.len_utf8()..];
        Some(match (after.starts_with("::"), after.starts_with(':')) {
            (true, _) => Takes::MayValue,
            (_, true) => Takes::Value,
            _ => Takes::Nothing,
        })
    }

    fn wrong(&self, what: String) -> Found {
        Found::Wrong(format!("{}: {what}\n", self.program))
    }

    fn next_word(&mut self) -> Option<String> {
        let word = self.words.get(self.at).cloned();
        self.at += usize::from(word.is_some());
        word
    }

    fn short_option(&mut self) -> Found {
        let letter = self.cluster.remove(0);
        match self.takes(letter) {
            None => self.wrong(format!("invalid option -- '{letter}'")),
            Some(Takes::Nothing) => Found::Option(letter, None),
            Some(_) if !self.cluster.is_empty() => {
                Found::Option(letter, Some(std::mem::take(&mut self.cluster)))
            }
            Some(Takes::MayValue) => Found::Option(letter, None),
            Some(Takes::Value) => match self.next_word() {
                Some(value) => Found::Option(letter, Some(value)),
                None => self.wrong(format!("option requires an argument -- '{letter}'")),
            },
        }
    }

    fn long_option(&mut self, word: &str) -> Found {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word, None),
        };
        let all = || self.long.iter().chain(self.more).copied();
        let exact: Vec<Long> = all().filter(|(full, ..)| *full == name).collect();
        let short = || all().filter(|(full, ..)| full.starts_with(name)).collect();
        let fitting: Vec<Long> = if exact.is_empty() { short() } else { exact };
        let (full, takes, letter) = match fitting.as_slice() {
            [] => return self.wrong(format!("unrecognized option '--{name}'")),
            [one, others @ ..] if others.iter().all(|other| (other.1, other.2) == (one.1, one.2)) => *one,
            several => {
                let names: String = several.iter().map(|(full, ..)| format!(" '--{full}'")).collect();
                return self.wrong(format!("option '--{name}' is ambiguous; possibilities:{names}"));
            }
        };
        match (takes, value) {
            (Takes::Nothing, Some(_)) => self.wrong(format!("option '--{full}' doesn't allow an argument")),
            (Takes::Value, None) => match self.next_word() {
                Some(value) => Found::Option(letter, Some(value)),
                None => self.wrong(format!("option '--{full}' requires an argument")),
            },
            (_, value) => Found::Option(letter, value),
        }
    }
}

impl Iterator for Getopt {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        if !self.cluster.is_empty() {
            return Some(self.short_option());
        }
        loop {
            let word = self.next_word()?;
            match word.strip_prefix('-') {
                Some("-") => return None,
                Some(long) if long.starts_with('-') && !(self.long.is_empty() && self.more.is_empty()) => {
                    return Some(self.long_option(&long[1..]));
                }
                Some(cluster) if !cluster.is_empty() => {
                    self.cluster = cluster.to_owned();
                    return Some(self.short_option());
                }
                _ if self.short.starts_with('+') => {
                    self.at -= 1;
                    return None;
                }
                _ => self.operands.push(word),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &[Long] =
        &[("all", Takes::Nothing, 'a'), ("load", Takes::MayValue, 'p'), ("lock", Takes::Value, 'l')];

    fn walk(short: &'static str, line: &str) -> (Vec<String>, Vec<String>) {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let mut options = Getopt::new("/usr/bin/tool", &words, short, LONG);
        let seen = options
            .by_ref()
            .map(|found| match found {
                Found::Option(letter, None) => letter.to_string(),
                Found::Option(letter, Some(value)) => format!("{letter}={value}"),
                Found::Wrong(text) => text.trim_end().to_owned(),
            })
            .collect();
        (seen, options.operands())
    }

    #[test]
    fn options_and_operands_may_be_mixed() {
        let (seen, operands) = walk("ac:p::", "x -ac5 y -c 6 -p -p7 --lock=z --al -- -a");
        assert_eq!(seen, ["a", "c=5", "c=6", "p", "p=7", "l=z", "a"]);
        assert_eq!(operands, ["x", "y", "-a"]);
    }

    #[test]
    fn a_plus_ends_the_options_at_the_first_operand() {
        let (seen, operands) = walk("+a", "-a x -a");
        assert_eq!((seen.len(), operands), (1, vec!["x".to_owned(), "-a".to_owned()]));
    }

    #[test]
    fn mistakes_are_told_as_glibc_tells_them() {
        let (seen, _) = walk("ac:", "-z --frob --all=1 --lo -c");
        assert_eq!(
            seen,
            [
                "tool: invalid option -- 'z'",
                "tool: unrecognized option '--frob'",
                "tool: option '--all' doesn't allow an argument",
                "tool: option '--lo' is ambiguous; possibilities: '--load' '--lock'",
                "tool: option requires an argument -- 'c'",
            ]
        );
    }
}
