//! `:s`: a pattern becomes other text, at once or asked one by one.
//!
//! Not simulated: `\=`, flags beyond `& c e g i I n`.
//! Source: Vim's change.txt, ":substitute".

use super::buffer::{Line, Pos};
use super::editor::{Editor, Mode};
use super::search::until_delimiter;
use crate::regex::{Match, Regex};

/// What `\r` puts in, until lines are made of it.
const NEW_LINE: char = '\u{f70e}';

/// A substitution under way.
pub(super) struct Confirm {
    regex: Regex,
    text: String,
    all: bool,
    /// From where on, and the last line.
    at: Pos,
    last: usize,
    /// The match that is asked about.
    found: Option<Match>,
    done: usize,
    lines: usize,
    last_changed: Option<usize>,
}

/// What `:s` was given.
struct Wanted {
    pattern: String,
    text: String,
    letters: String,
    from: usize,
    to: usize,
}

impl Editor {
    /// `args` is what stands behind `s`. Errors are as Vim words them.
    pub fn substitute(&mut self, from: usize, to: usize, args: &str) -> Result<(), String> {
        let Wanted { pattern, text, letters, from, to } = self.wanted(from, to, args)?;
        let mut words = pattern.clone();
        for case in letters.chars().filter(|c| matches!(c, 'i' | 'I')) {
            words.push_str(if case == 'i' { "\\c" } else { "\\C" });
        }
        let regex = self.regex(&words)?;
        let all =
            letters.contains('g') || letters.contains('&') && self.replaced.as_ref().is_some_and(|it| it.2);
        let text = match text.contains('~') {
            true => with_last(&text, self.replaced.as_ref().map_or("", |it| &it.1)),
            false => text,
        };
        self.highlight = self.options.hlsearch.then(|| regex.clone());
        self.pattern = Some((pattern.clone(), false));
        self.replaced = Some((pattern.clone(), text.clone(), all));
        if letters.contains('n') {
            let counts = (from..=to).map(|line| matches_of(&regex, self.buffer.line(line), 0, all).len());
            let (matches, lines) =
                counts.fold((0, 0), |sum, count| (sum.0 + count, sum.1 + usize::from(count > 0)));
            self.say(count_of(matches, "match", "matches", lines));
            return Ok(());
        }
        let mut run = Confirm {
            regex,
            text,
            all,
            at: Pos::new(from, 0),
            last: to,
            found: None,
            done: 0,
            lines: 0,
            last_changed: None,
        };
        if letters.contains('c') {
            self.ask_next(run);
        } else {
            self.rest(&mut run);
            self.finish(&run);
        }
        let missed = self.confirm.is_none() && self.substituted == 0;
        if missed && !letters.contains('e') {
            return Err(format!("E486: Pattern not found: {pattern}"));
        }
        Ok(())
    }

    fn wanted(&self, from: usize, to: usize, args: &str) -> Result<Wanted, String> {
        const NONE: &str = "E35: No previous regular expression";
        let delimiter = args.chars().next().filter(|c| !c.is_alphanumeric() && !" \"|\\&".contains(*c));
        let (pattern, text, flags) = match (delimiter, &self.replaced) {
            (Some(delimiter), _) => {
                let (pattern, rest) = until_delimiter(&args[delimiter.len_utf8()..], delimiter);
                let (text, rest) =
                    rest.map_or_else(Default::default, |rest| until_delimiter(rest, delimiter));
                (pattern, text, rest.unwrap_or_default())
            }
            (None, Some((pattern, text, _))) => (pattern.clone(), text.clone(), args.trim_start()),
            (None, None) => return Err(NONE.to_owned()),
        };
        let last = self.pattern.as_ref().map(|(pattern, _)| pattern.clone());
        let pattern = Some(pattern).filter(|it| !it.is_empty()).or(last).ok_or(NONE)?;
        let (letters, rest) = flags.split_at(flags.find(|c| !"&cegiIn".contains(c)).unwrap_or(flags.len()));
        let (from, to) = match (rest.trim(), rest.trim().parse::<usize>()) {
            ("", _) => (from, to),
            (_, Ok(count)) if count > 0 => (to, to.saturating_add(count - 1).min(self.buffer.last())),
            (rest, _) => return Err(format!("E488: Trailing characters: {rest}")),
        };
        Ok(Wanted { pattern, text, letters: letters.to_owned(), from, to })
    }

    /// Everything from where it stands, without asking.
    fn rest(&mut self, run: &mut Confirm) {
        while run.at.line <= run.last && !self.buffer.refused {
            let line = self.buffer.line(run.at.line).to_vec();
            let found = matches_of(&run.regex, &line, run.at.col, run.all);
            let (mut new, mut from) = (Line::new(), 0);
            for found in &found {
                new.extend(&line[from..found.start]);
                new.extend(expand(&run.text, &line, found));
                from = found.end;
            }
            if !found.is_empty() {
                new.extend(&line[from..]);
                self.put_in(run, new, found.len());
            }
            run.at = Pos::new(run.at.line + 1, 0);
        }
    }

    /// A line's new text, which may be several lines.
    fn put_in(&mut self, run: &mut Confirm, new: Line, count: usize) {
        let lines: Vec<Line> = new.split(|c| *c == NEW_LINE).map(<[char]>::to_vec).collect();
        let more = lines.len() - 1;
        self.buffer.replace(run.at.line, 1, lines);
        run.at.line += more;
        run.last += more;
        run.done += count;
        run.lines += usize::from(run.last_changed != Some(run.at.line));
        run.last_changed = Some(run.at.line);
    }

    fn finish(&mut self, run: &Confirm) {
        self.substituted = run.done;
        if let Some(line) = run.last_changed {
            self.cursor = Pos::new(line, self.first_nonblank(line.min(self.buffer.last())));
        }
        if run.done > 2 {
            self.say(count_of(run.done, "substitution", "substitutions", run.lines));
        }
    }

    /// Goes to the next match and asks, or ends.
    fn ask_next(&mut self, mut run: Confirm) {
        self.preview = None;
        while run.at.line <= run.last {
            let text = self.buffer.line(run.at.line);
            if let Some(found) =
                run.regex.find_at(text, run.at.col).filter(|it| it.start < text.len() || run.at.col == 0)
            {
                self.cursor = Pos::new(run.at.line, found.start);
                self.preview = Some((self.cursor, Pos::new(run.at.line, found.end)));
                self.message = Some((
                    format!("replace with {} (y/n/a/q/l/^E/^Y)?", run.text),
                    super::editor::Tone::Plain,
                ));
                run.found = Some(found);
                self.mode = Mode::Confirm;
                self.confirm = Some(run);
                return;
            }
            run.at = Pos::new(run.at.line + 1, 0);
        }
        self.message = None;
        self.finish(&run);
    }

    pub fn confirm_key(&mut self, key: char) {
        let Some(mut run) = self.confirm.take() else { return };
        let Some(found) = run.found.clone() else { return };
        match key {
            'y' | 'l' => {
                let line = self.buffer.line(run.at.line).to_vec();
                let new =
                    [&line[..found.start], &expand(&run.text, &line, &found), &line[found.end..]].concat();
                let tail = line.len() - found.end;
                self.put_in(&mut run, new, 1);
                run.at.col = self.buffer.line(run.at.line).len().saturating_sub(tail)
                    + usize::from(found.start == found.end);
            }
            'n' => run.at.col = found.end.max(found.start + 1),
            'a' => {
                run.at.col = found.start;
                self.rest(&mut run);
            }
            'q' | '\u{1b}' | '\u{3}' => run.last = run.at.line,
            _ => {
                self.confirm = Some(run);
                return;
            }
        }
        self.mode = Mode::Normal;
        self.message = None;
        self.preview = None;
        if matches!(key, 'a' | 'q' | 'l' | '\u{1b}' | '\u{3}') {
            return self.finish(&run);
        }
        if !run.all {
            run.at = Pos::new(run.at.line + 1, 0);
        }
        self.ask_next(run);
    }
}

/// `3 substitutions on 2 lines`
fn count_of(count: usize, one: &str, more: &str, lines: usize) -> String {
    let s = if lines == 1 { "" } else { "s" };
    format!("{count} {} on {lines} line{s}", if count == 1 { one } else { more })
}

fn matches_of(regex: &Regex, line: &[char], from: usize, all: bool) -> Vec<Match> {
    let mut found = regex.find_all(line);
    found.retain(|it| it.start >= from);
    found.truncate(if all { usize::MAX } else { 1 });
    found
}

/// `~` is what was put in before.
fn with_last(text: &str, last: &str) -> String {
    let mut out = String::new();
    let mut escaped = false;
    for c in text.chars() {
        match (escaped, c) {
            (false, '~') => out.push_str(last),
            (true, '~') => {
                out.pop();
                out.push('~');
            }
            _ => out.push(c),
        }
        escaped = c == '\\' && !escaped;
    }
    out
}

/// What a match becomes.
fn expand(text: &str, line: &[char], found: &Match) -> Line {
    let mut out = Line::new();
    // What `\u`, `\L` and the like ask for: the next letter, all that follow.
    let (mut once, mut all) = (None, None);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let group = |index: usize| match index {
            0 => line[found.start..found.end].to_vec(),
            index => found
                .groups
                .get(index - 1)
                .copied()
                .flatten()
                .map_or(Line::new(), |(from, to)| line[from..to].to_vec()),
        };
        let piece = match c {
            '&' => group(0),
            '\\' => match chars.next() {
                Some(digit @ '0'..='9') => group(digit as usize - '0' as usize),
                Some('r') => vec![NEW_LINE],
                Some('n') => vec!['\0'],
                Some('t') => vec!['\t'],
                Some(c @ ('u' | 'l')) => {
                    once = Some(c);
                    continue;
                }
                Some(c @ ('U' | 'L')) => {
                    all = Some(c.to_ascii_lowercase());
                    continue;
                }
                Some('e' | 'E') => {
                    (once, all) = (None, None);
                    continue;
                }
                Some(c) => vec![c],
                None => vec!['\\'],
            },
            c => vec![c],
        };
        for c in piece {
            out.push(match once.take().or(all) {
                Some('u') => c.to_uppercase().next().unwrap_or(c),
                Some(_) => c.to_lowercase().next().unwrap_or(c),
                None => c,
            });
        }
    }
    out
}
