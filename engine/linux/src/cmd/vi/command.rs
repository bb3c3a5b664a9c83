//! What keys make a command: `"xNdNw`, `gg`, `fx`, `di(`.
//!
//! Source: Vim's index.txt, "Normal mode" and "Operator-pending mode".

use super::keyboard::ESC;

/// The greatest count.
const MOST: usize = 99_999;

#[derive(Clone, Debug, Default)]
pub(super) struct Command {
    pub register: Option<char>,
    pub count: Option<usize>,
    /// `d` and the like; those that begin with `g` go by their second letter.
    pub operator: Option<char>,
    pub key: char,
    /// The letter after `g`, `f`, `r`, `'`, `i` …
    pub second: char,
    /// What was typed after `/`.
    pub pattern: Option<String>,
}

pub(super) enum Parsed {
    More,
    Bad,
    Command(Command),
}

impl Command {
    /// How often.
    pub fn times(&self) -> usize {
        self.count.unwrap_or(1)
    }
}

pub(super) fn parse(keys: &[char], visual: bool) -> Parsed {
    let mut command = Command::default();
    let mut number: Option<usize> = None;
    let mut keys = keys.iter().copied();
    loop {
        let Some(key) = keys.next() else { return Parsed::More };
        match key {
            ESC | '\u{3}' => return Parsed::Bad,
            '"' => match keys.next() {
                Some(name) => command.register = Some(name),
                None => return Parsed::More,
            },
            '0'..='9' if key != '0' || number.is_some() => {
                let digit = key as usize - '0' as usize;
                number = Some((number.unwrap_or(0) * 10 + digit).min(MOST));
            }
            'd' | 'c' | 'y' | '<' | '>' | '=' if command.operator.is_none() && !visual => {
                command.operator = Some(key);
                command.count = number.take();
            }
            _ => {
                command.key = key;
                let wants = "gzfFtTrmq@'`Z[]\u{17}".contains(key)
                    || "ia".contains(key) && (visual || command.operator.is_some());
                // `dr` and its like mean nothing, `yy` and `gUU` do.
                if wants && command.operator != Some(key) {
                    match keys.next() {
                        Some(ESC) => return Parsed::Bad,
                        Some(second) => command.second = second,
                        None => return Parsed::More,
                    }
                }
                if key == 'g' && "~uU".contains(command.second) {
                    if command.operator == Some(command.second) {
                        command.key = command.second;
                    } else if command.operator.is_none() && !visual {
                        command.operator = Some(command.second);
                        command.count = number.take();
                        continue;
                    }
                }
                command.count = match (command.count, number) {
                    (Some(a), Some(b)) => Some((a * b).min(MOST)),
                    (a, b) => a.or(b),
                };
                return Parsed::Command(command);
            }
        }
    }
}
