//! History expansion (`!!`, `!$`, `!ssh`, `^old^new`), and the file that the history is kept in.
//!
//! Stands between the line editor and the parser. Always: inside single quotes, and after a backslash, `!` is nothing special.
//! Differs from bash: of the modifiers only `:p`, and no `!#`, no `:s`.
//! Source: bash(1), "HISTORY EXPANSION".

use super::Shell;

/// Lines of history (`HISTSIZE`).
pub(super) const LINES: usize = 1000;

/// A line after expansion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expanded {
    /// As it was typed.
    Same,
    /// To be shown, and run.
    Line(String),
    /// `:p`: to be shown only.
    Shown(String),
}

/// The expansion of a line; `Err` is what could not be found.
pub(super) fn expand(line: &str, history: &[String]) -> Result<Expanded, String> {
    if let Some(rest) = line.strip_prefix('^') {
        return quick(rest, history).map(Expanded::Line);
    }
    let chars: Vec<char> = line.chars().collect();
    let (mut out, mut at, mut changed, mut shown) = (String::new(), 0, false, false);
    let (mut single, mut double) = (false, false);
    while let Some(c) = chars.get(at) {
        let next = chars.get(at + 1).copied();
        match c {
            '\\' if !single => {
                out.push('\\');
                out.extend(next);
                at += 2;
                continue;
            }
            '\'' if !double => single = !single,
            '"' if !single => double = !double,
            '!' if !single && begins(next, double) => {
                let (text, end, only) = one(&chars, at, history)?;
                out.push_str(&text);
                at = end;
                changed = true;
                shown |= only;
                continue;
            }
            _ => {}
        }
        out.push(*c);
        at += 1;
    }
    Ok(match (changed, shown) {
        (false, _) => Expanded::Same,
        (true, true) => Expanded::Shown(out),
        (true, false) => Expanded::Line(out),
    })
}

/// May that character follow a `!` that means something?
fn begins(next: Option<char>, double: bool) -> bool {
    next.is_some_and(|c| !c.is_whitespace() && c != '=' && c != '(' && !(double && c == '"'))
}

/// `^old^new^`
fn quick(rest: &str, history: &[String]) -> Result<String, String> {
    let mut parts = rest.splitn(3, '^');
    let (old, new) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let last = history.last().ok_or_else(|| format!(":s^{rest}: event not found"))?;
    if old.is_empty() || !last.contains(old) {
        return Err(format!(":s^{rest}: substitution failed"));
    }
    Ok(last.replacen(old, new, 1) + parts.next().unwrap_or_default())
}

/// One `!…` at `at`: its text, where it ends, and whether it is to be shown only.
fn one(chars: &[char], at: usize, history: &[String]) -> Result<(String, usize, bool), String> {
    let (event, mut end) = event(chars, at, history)?;
    let mut text = event.clone();
    let designator = match chars.get(end) {
        Some(':') => {
            chars.get(end + 1).copied().filter(|c| "0123456789^$*-".contains(*c)).map(|c| (c, end + 1))
        }
        Some(c @ ('^' | '$' | '*')) => Some((*c, end)),
        _ => None,
    };
    if let Some((_, from)) = designator {
        let stop = (from..chars.len()).find(|i| !"0123456789^$*-".contains(chars[*i])).unwrap_or(chars.len());
        let spec: String = chars[from..stop].iter().collect();
        text = words(&event, &spec).ok_or_else(|| {
            let typed: String = chars[at..stop].iter().collect();
            format!("{typed}: bad word specifier")
        })?;
        end = stop;
    }
    let only = chars.get(end) == Some(&':') && chars.get(end + 1) == Some(&'p');
    Ok((text, if only { end + 2 } else { end }, only))
}

/// `!!`, `!-2`, `!5`, `!?text?`, `!text`, and `!$` which is `!!:$`.
fn event(chars: &[char], at: usize, history: &[String]) -> Result<(String, usize), String> {
    let missing = |end: usize| {
        let typed: String = chars[at..end].iter().collect();
        format!("{typed}: event not found")
    };
    let back = |count: usize| history.len().checked_sub(count).and_then(|index| history.get(index)).cloned();
    match chars.get(at + 1) {
        Some('!') => back(1).map(|line| (line, at + 2)).ok_or_else(|| missing(at + 2)),
        Some('$' | '^' | '*' | ':') => back(1).map(|line| (line, at + 1)).ok_or_else(|| missing(at + 2)),
        Some('?') => {
            let end = (at + 2..chars.len()).find(|i| chars[*i] == '?').unwrap_or(chars.len());
            let text: String = chars[at + 2..end].iter().collect();
            let found = history.iter().rev().find(|line| line.contains(&text)).cloned();
            let end = (end + 1).min(chars.len());
            found.map(|line| (line, end)).ok_or_else(|| missing(end))
        }
        _ => {
            let ends = |c: char| c.is_whitespace() || ":;&|()<>\"'$^*".contains(c);
            let end = (at + 1..chars.len()).find(|i| ends(chars[*i])).unwrap_or(chars.len());
            let text: String = chars[at + 1..end].iter().collect();
            let found = match text.parse::<i64>() {
                Ok(number) if number < 0 => usize::try_from(number.unsigned_abs()).ok().and_then(back),
                Ok(number) => usize::try_from(number)
                    .ok()
                    .and_then(|it| it.checked_sub(1))
                    .and_then(|it| history.get(it))
                    .cloned(),
                Err(_) => history.iter().rev().find(|line| line.starts_with(&text)).cloned(),
            };
            found.map(|line| (line, end)).ok_or_else(|| missing(end))
        }
    }
}

/// `$`, `^`, `*`, `2`, `1-3`, `2-`, `2*` of an old line.
fn words(line: &str, spec: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let last = words.len().checked_sub(1)?;
    let place = |text: &str, usual: usize| match text {
        "" => Some(usual),
        "$" => Some(last),
        "^" => Some(1),
        digits => digits.parse().ok(),
    };
    let (from, to) = match spec.split_once('-') {
        Some((from, "")) => (place(from, 0)?, last.saturating_sub(1)),
        Some((from, to)) => (place(from, 0)?, place(to, last)?),
        None => match spec.strip_suffix('*') {
            Some(from) => (place(from, 1)?, last),
            None => (place(spec, 0)?, place(spec, 0)?),
        },
    };
    if spec == "*" && last == 0 {
        return Some(String::new());
    }
    Some(words.get(from..to.checked_add(1)?)?.join(" "))
}

impl Shell {
    /// The line to run; `None` where there is nothing to run. What was expanded is shown, as bash shows it.
    pub(super) async fn expand_history(&mut self, line: String) -> Option<String> {
        if !self.options.histexpand || !line.contains('!') && !line.starts_with('^') {
            return Some(line);
        }
        match expand(&line, &self.history) {
            Ok(Expanded::Same) => Some(line),
            Ok(Expanded::Line(line)) => {
                self.sys.eprint(format!("{line}\n")).await;
                Some(line)
            }
            Ok(Expanded::Shown(line)) => {
                self.sys.eprint(format!("{line}\n")).await;
                self.remember(&line);
                None
            }
            Err(words) => {
                self.complain_line(words).await;
                None
            }
        }
    }

    fn history_file(&mut self) -> Option<String> {
        match self.scalar("HISTFILE") {
            Some(path) => Some(path).filter(|path| !path.is_empty()),
            None => self.scalar("HOME").map(|home| format!("{home}/.bash_history")),
        }
    }

    pub(super) async fn read_history(&mut self) {
        let Some(path) = self.history_file() else { return };
        let bytes = self.sys.read_file(&path).await.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        let skip = lines.len().saturating_sub(LINES);
        self.history.extend(lines.into_iter().skip(skip).map(str::to_owned));
    }

    pub(super) async fn write_history(&mut self) {
        let Some(path) = self.history_file() else { return };
        let text: String = self.history.iter().map(|line| format!("{line}\n")).collect();
        if !text.is_empty() {
            // Where it cannot be written, bash says nothing either.
            self.sys.write_file(&path, text.as_bytes()).await.ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: &str) -> Result<Expanded, String> {
        let history = ["ip link add br0 type bridge", "ping -c1 10.0.0.2", "ls /tmp /etc"].map(str::to_owned);
        expand(line, &history)
    }

    #[test]
    fn old_lines_and_their_words_come_back() {
        let line = |text: &str| Ok(Expanded::Line(text.to_owned()));
        assert_eq!(run("sudo !!"), line("sudo ls /tmp /etc"));
        assert_eq!(run("cd !$"), line("cd /etc"));
        assert_eq!(run("!ping"), line("ping -c1 10.0.0.2"));
        assert_eq!(run("!-2 -q"), line("ping -c1 10.0.0.2 -q"));
        assert_eq!(run("!1"), line("ip link add br0 type bridge"));
        assert_eq!(run("echo !ip:2-3 !*"), line("echo add br0 /tmp /etc"));
        assert_eq!(run("^/tmp^/var"), line("ls /var /etc"));
        assert_eq!(run("!?br0?"), line("ip link add br0 type bridge"));
        assert_eq!(run("!!:p"), Ok(Expanded::Shown("ls /tmp /etc".to_owned())));
    }

    #[test]
    fn what_is_quoted_or_stands_alone_is_left() {
        for text in ["echo '!!'", "echo \\!x", "[ 1 != 2 ]", "! true", "echo \"hi!\"", "echo hi!"] {
            assert_eq!(run(text), Ok(Expanded::Same), "{text}");
        }
        assert_eq!(run("!nosuch"), Err("!nosuch: event not found".to_owned()));
        assert_eq!(run("!99"), Err("!99: event not found".to_owned()));
    }

    proptest::proptest! {
        #[test]
        fn no_line_panics(line in "[!^$*:?a-z0-9 '\"\\\\-]{0,20}") {
            drop(run(&line));
        }
    }
}
