//! `history`, `fc`: the lines that were entered.
//!
//! Differs from bash: `fc` opens no editor; of `history`'s options only -c and -d.
//! Source: bash(1), "HISTORY", `fc`.

use super::{Flow, Shell};

const FC_USAGE: &str = "fc [-e ename] [-lnr] [first] [last] or fc -s [pat=rep] [command]";
/// Lines that `fc -l` lists when it is not told which.
const LISTED: usize = 16;

impl Shell {
    pub(super) async fn history_builtin(&mut self, args: &[String]) -> u8 {
        match args.first().map(String::as_str) {
            Some("-c") => {
                self.history.clear();
                0
            }
            Some("-d") => {
                let place =
                    args.get(1).and_then(|text| text.parse::<usize>().ok()).and_then(|n| n.checked_sub(1));
                match place.filter(|place| *place < self.history.len()) {
                    Some(place) => {
                        self.history.remove(place);
                        0
                    }
                    None => {
                        let shown = args.get(1).cloned().unwrap_or_default();
                        self.builtin_error("history", format!("{shown}: history position out of range")).await
                    }
                }
            }
            Some(option) if option.starts_with('-') => {
                self.builtin_error("history", format!("{option}: not simulated in vethlab")).await
            }
            Some(text) if text.parse::<usize>().is_err() => {
                self.builtin_error("history", format!("{text}: numeric argument required")).await
            }
            count => {
                let count = count.and_then(|text| text.parse().ok()).unwrap_or(usize::MAX);
                let skip = self.history.len().saturating_sub(count);
                let mut text = String::new();
                for (index, line) in self.history.iter().enumerate().skip(skip) {
                    text.push_str(&format!("{:5}  {line}\n", index + 1));
                }
                self.put_out("history", &text).await
            }
        }
    }

    pub(super) async fn fc(&mut self, args: &[String]) -> Flow {
        let (mut list, mut again, mut bare, mut reverse) = (false, false, false, false);
        let mut rest = args;
        // A number may look like an option: `fc -l -3`.
        let number = |word: &str| word[1..].starts_with(|c: char| c.is_ascii_digit());
        while let Some((word, more)) = rest.split_first().filter(|(word, _)| word.len() > 1) {
            let Some(letters) = word.strip_prefix('-').filter(|_| !number(word)) else { break };
            rest = more;
            for letter in letters.chars() {
                match letter {
                    'l' => list = true,
                    's' => again = true,
                    'n' => bare = true,
                    'r' => reverse = true,
                    'e' => {
                        let words = "-e: not simulated in vethlab; use fc -s";
                        self.status = self.builtin_error("fc", words).await;
                        return Flow::Next;
                    }
                    letter => {
                        self.status = self.usage("fc", &format!("-{letter}"), FC_USAGE).await;
                        return Flow::Next;
                    }
                }
            }
        }
        // The line that says `fc` is not one of those it speaks of.
        let lines = self.history.len().saturating_sub(usize::from(self.interactive));
        if again {
            return self.run_again(rest, lines).await;
        }
        if !list {
            let words = "no editor is simulated in vethlab; use fc -s, or history and !N";
            self.status = self.builtin_error("fc", words).await;
            return Flow::Next;
        }
        let place = |word: &String| self.line_like(word, lines);
        let places: Vec<Option<usize>> = rest.iter().take(2).map(place).collect();
        let (first, last) = match places[..] {
            [] => (lines.saturating_sub(LISTED), lines.saturating_sub(1)),
            [Some(first)] => (first, lines.saturating_sub(1)),
            [Some(first), Some(last)] => (first, last),
            _ => {
                self.status = self.builtin_error("fc", "history specification out of range").await;
                return Flow::Next;
            }
        };
        let mut shown: Vec<usize> = (first.min(last)..=first.max(last)).filter(|at| *at < lines).collect();
        if reverse != (first > last) {
            shown.reverse();
        }
        let row = |at: &usize| {
            let number = if bare { String::new() } else { (at + 1).to_string() };
            format!("{number}\t {}\n", self.history[*at])
        };
        let text: String = shown.iter().map(row).collect();
        self.status = self.put_out("fc", &text).await;
        Flow::Next
    }

    /// Where the line is that a number, a number back from the end, or its beginning names.
    fn line_like(&self, word: &str, lines: usize) -> Option<usize> {
        match word.parse::<i64>() {
            Ok(back) if back < 0 => Some(lines.saturating_sub(usize::try_from(-back).ok()?)),
            Ok(0) => lines.checked_sub(1),
            Ok(number) => usize::try_from(number).ok().map(|number| number - 1).filter(|at| *at < lines),
            Err(_) => self.history[..lines].iter().rposition(|line| line.starts_with(word)),
        }
    }

    /// `fc -s OLD=NEW COMMAND`
    async fn run_again(&mut self, words: &[String], lines: usize) -> Flow {
        let (changes, names): (Vec<&String>, Vec<&String>) =
            words.iter().partition(|word| word.contains('='));
        let at = match names.first() {
            Some(name) => self.line_like(name, lines),
            None => lines.checked_sub(1),
        };
        let Some(mut line) = at.map(|at| self.history[at].clone()) else {
            self.status = self.builtin_error("fc", "no command found").await;
            return Flow::Next;
        };
        for change in changes {
            let (old, new) = change.split_once('=').unwrap_or_default();
            if !old.is_empty() {
                line = line.replace(old, new);
            }
        }
        self.sys.eprint(format!("{line}\n")).await;
        self.history.truncate(lines);
        self.remember(&line);
        self.run_text(&line, "").await
    }
}
