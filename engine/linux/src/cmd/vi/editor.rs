//! The editor: what it knows, and who gets the next key.
//!
//! Always: a key is handled at once and never waits; what needs files or programs is left in [`Editor::entered`]
//! or [`Editor::wish`] for the program around it. Keys that replay others are bounded by [`REPLAYS`].

use super::buffer::{Buffer, Line, Pos};
use super::command::{Command, Parsed, parse};
use super::entry::Entry;
use super::insert::Insertion;
use super::keyboard::{PASTE, PASTED};
use super::operator::Shape;
use super::options::Options;
use super::substitute::Confirm;
use crate::cmd::Exit;
use crate::regex::Regex;
use std::collections::{BTreeMap, VecDeque};

/// Keys of macros and repeats after one key that was typed.
pub(super) const REPLAYS: usize = 50_000;
/// Keys of one command that is not complete.
const PENDING: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Normal,
    Insert,
    Replace,
    Visual(Shape),
    /// A line is typed after `:` or `/`.
    Entry,
    /// `:s///c` asks.
    Confirm,
    /// "Press ENTER".
    Pause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Error,
}

#[derive(Clone, Debug)]
pub(super) struct Register {
    pub lines: Vec<Line>,
    pub shape: Shape,
}

/// What `.` does again.
#[derive(Clone, Debug, Default)]
pub(super) struct Dot {
    pub keys: Vec<char>,
    /// What was selected: shape, lines, columns.
    pub selected: Option<(Shape, usize, usize)>,
}

/// What the program around the editor is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Over(Exit),
    Suspend,
    Redraw,
}

pub(super) struct Editor {
    pub buffer: Buffer,
    pub options: Options,
    pub path: Option<String>,
    /// The file is not there yet.
    pub is_new: bool,
    pub latin1: bool,
    pub cursor: Pos,
    /// The column that up and down keep to, on the screen.
    pub want: usize,
    pub keeps_want: bool,
    pub mode: Mode,
    pub columns: usize,
    pub rows: usize,
    /// The first line shown, and the first column of it where lines do not wrap.
    pub top: usize,
    pub left: usize,
    pub pending: Vec<char>,
    pub registers: BTreeMap<char, Register>,
    pub find: Option<(char, char)>,
    /// The pattern looked for last, and backwards?
    pub pattern: Option<(String, bool)>,
    /// What `:s` put in last.
    pub replaced: Option<(String, String, bool)>,
    pub highlight: Option<Regex>,
    /// Where the pattern being typed is found.
    pub preview: Option<(Pos, Pos)>,
    pub message: Option<(String, Tone)>,
    /// Lines said that need more room than the last row.
    pub output: Vec<String>,
    /// Where the selection began, and the one before it.
    pub anchor: Pos,
    pub selected: Option<(Shape, Pos, Pos)>,
    /// A pattern is typed in Visual mode, which goes on afterwards.
    pub was_visual: Option<Shape>,
    pub dot: Dot,
    /// Keys of an insertion still go to `dot`.
    pub dot_open: bool,
    pub replaying: bool,
    pub insertion: Insertion,
    /// Ctrl-O in Insert or Replace mode: back to there after one command.
    pub once: Option<(Pos, Mode)>,
    pub pasting: bool,
    paste_ends: bool,
    pub entry: Entry,
    pub waiting: Option<(Command, Vec<char>)>,
    pub entered: Option<String>,
    pub last_entered: String,
    pub confirm: Option<Confirm>,
    /// How many matches the last `:s` replaced.
    pub substituted: usize,
    pub recording: Option<(char, Vec<char>)>,
    pub last_macro: Option<char>,
    pub stuffed: VecDeque<char>,
    replays: usize,
    pub wish: Option<Wish>,
    pub beeps: bool,
    /// `filetype plugin indent on`, and what autocommands set for YAML.
    pub filetype: bool,
    pub for_yaml: Vec<String>,
}

impl Editor {
    pub fn new(columns: usize, rows: usize) -> Editor {
        Editor {
            buffer: Buffer::new(Vec::new()),
            options: Options::new(),
            path: None,
            is_new: false,
            latin1: false,
            cursor: Pos::default(),
            want: 0,
            keeps_want: false,
            mode: Mode::Normal,
            columns,
            rows,
            top: 0,
            left: 0,
            pending: Vec::new(),
            registers: BTreeMap::new(),
            find: None,
            pattern: None,
            replaced: None,
            highlight: None,
            preview: None,
            message: None,
            output: Vec::new(),
            anchor: Pos::default(),
            selected: None,
            was_visual: None,
            dot: Dot::default(),
            dot_open: false,
            replaying: false,
            insertion: Insertion::default(),
            once: None,
            pasting: false,
            paste_ends: false,
            entry: Entry::default(),
            waiting: None,
            entered: None,
            last_entered: String::new(),
            confirm: None,
            substituted: 0,
            recording: None,
            last_macro: None,
            stuffed: VecDeque::new(),
            replays: 0,
            wish: None,
            beeps: false,
            filetype: false,
            for_yaml: Vec::new(),
        }
    }

    pub fn say(&mut self, words: impl Into<String>) {
        self.tell(words.into(), Tone::Plain);
    }

    /// What is said of a file keeps to one row.
    pub fn say_short(&mut self, words: String) {
        let room = self.message_columns() - 1;
        let over = words.chars().count().saturating_sub(room);
        let shown = if over > 0 { "<".chars().chain(words.chars().skip(over + 1)).collect() } else { words };
        self.message = Some((shown, Tone::Plain));
    }

    pub fn fail(&mut self, words: impl Into<String>) {
        self.tell(words.into(), Tone::Error);
    }

    fn tell(&mut self, words: String, tone: Tone) {
        if tone == Tone::Error {
            self.beep();
        }
        if words.chars().count() >= self.message_columns() || words.contains('\n') {
            self.pause(words.lines().map(str::to_owned).collect());
        } else {
            self.message = Some((words, tone));
        }
    }

    /// Shows lines over the text until a key is pressed.
    pub fn pause(&mut self, lines: Vec<String>) {
        self.output.extend(lines);
        self.mode = Mode::Pause;
    }

    /// Nothing is there to do: a macro ends.
    pub fn beep(&mut self) {
        self.beeps = true;
        self.stuffed.clear();
    }

    /// A key that was typed, or that a macro holds.
    pub fn typed(&mut self, key: char) {
        if let Some((_, keys)) = &mut self.recording
            && self.stuffed.is_empty()
            && keys.len() < REPLAYS
        {
            keys.push(key);
        }
        self.replays = 0;
        // A `q` on its own ends the recording.
        let ends = key == 'q' && self.mode == Mode::Normal && self.pending.is_empty();
        if !(ends && self.end_recording()) {
            self.key(key);
        }
    }

    /// The next key of a macro.
    pub fn stuffed_key(&mut self) -> Option<char> {
        self.replays += 1;
        if self.replays > REPLAYS {
            self.stuffed.clear();
        }
        self.stuffed.pop_front()
    }

    pub fn key(&mut self, key: char) {
        match key {
            PASTE => {
                self.paste_ends = self.mode == Mode::Normal;
                if self.paste_ends {
                    let command =
                        Command { key: if self.cursor.col == 0 { 'i' } else { 'a' }, ..Command::default() };
                    self.pending.clear();
                    self.execute(command, Vec::new());
                }
                self.record(PASTE);
                self.pasting = true;
            }
            PASTED if self.pasting => {
                self.record(PASTED);
                self.pasting = false;
                if self.paste_ends {
                    self.leave_insert();
                }
            }
            _ => match self.mode {
                Mode::Pause => self.resume(key),
                Mode::Entry => self.entry_key(key),
                Mode::Confirm => self.confirm_key(key),
                Mode::Insert | Mode::Replace => self.insert_key(key),
                Mode::Normal | Mode::Visual(_) => self.normal_key(key),
            },
        }
        if std::mem::take(&mut self.buffer.refused) {
            self.fail("E342: Out of memory!  (the text would be longer than 4194304 characters)");
        }
        self.settle();
    }

    /// Enough was read: back to the text; another key than Enter is a command already.
    fn resume(&mut self, key: char) {
        self.mode = Mode::Normal;
        self.output.clear();
        self.message = None;
        if !matches!(key, '\r' | '\n' | ' ') {
            self.key(key);
        }
    }

    fn normal_key(&mut self, key: char) {
        if self.pending.is_empty() && key == '\u{3}' && self.mode == Mode::Normal {
            let bang = if self.buffer.is_modified() { "!" } else { "" };
            let words = if bang.is_empty() { "exit Vim" } else { "abandon all changes and exit Vim" };
            self.say(format!("Type  :qa{bang}  and press <Enter> to {words}"));
            return;
        }
        self.pending.push(key);
        match parse(&self.pending, matches!(self.mode, Mode::Visual(_))) {
            Parsed::More if self.pending.len() < PENDING => return,
            Parsed::More => self.pending.clear(),
            Parsed::Bad => {
                let alone = self.pending.len() == 1;
                self.pending.clear();
                match self.mode {
                    Mode::Visual(_) if alone => self.leave_visual(),
                    _ => self.beep(),
                }
            }
            Parsed::Command(command) => {
                let keys = std::mem::take(&mut self.pending);
                self.execute(command, keys);
            }
        }
        if self.mode == Mode::Normal
            && let Some((at, mode)) = self.once.take()
        {
            let end = self.buffer.line(at.line).len();
            if self.cursor == Pos::new(at.line, end.saturating_sub(1)) && at.col == end {
                self.cursor = at;
            }
            self.mode = mode;
        }
    }

    /// Keys that stand for what was typed before.
    pub fn replay(&mut self, keys: &[char]) {
        let before = std::mem::replace(&mut self.replaying, true);
        for key in keys {
            self.replays += 1;
            if self.replays > REPLAYS {
                break;
            }
            self.key(*key);
        }
        self.replaying = before;
    }

    /// The cursor stands on a character of the text.
    pub fn settle(&mut self) {
        self.cursor.line = self.cursor.line.min(self.buffer.last());
        let end = self.buffer.line(self.cursor.line).len();
        let behind = match self.mode {
            Mode::Insert | Mode::Replace => true,
            Mode::Visual(_) => self.want == usize::MAX,
            _ => self.once.is_some(),
        };
        self.cursor.col = self.cursor.col.min(if behind { end } else { end.saturating_sub(1) });
        self.anchor.line = self.anchor.line.min(self.buffer.last());
    }

    /// Columns of the screen that a character takes at `column`.
    pub fn width(&self, c: char, column: usize) -> usize {
        if c == '\t' && self.options.list { 2 } else { self.text_width(c, column) }
    }

    /// The same whether tabs are shown as `^I` (`:set list`) or not.
    pub fn text_width(&self, c: char, column: usize) -> usize {
        match c {
            '\t' => self.options.tabstop - column % self.options.tabstop,
            c if c.is_control() => 2,
            _ => 1,
        }
    }

    /// The column of the screen at which that character begins.
    pub fn column_of(&self, at: Pos) -> usize {
        let before = self.buffer.line(at.line).iter().take(at.col);
        before.fold(0, |column, c| column + self.width(*c, column))
    }

    /// The character at a column of the screen; behind a short line its last one.
    pub fn col_at(&self, line: usize, column: usize) -> usize {
        let text = self.buffer.line(line);
        let mut end = 0;
        for (col, c) in text.iter().enumerate() {
            end += self.width(*c, end);
            if end > column {
                return col;
            }
        }
        let behind = matches!(self.mode, Mode::Insert | Mode::Replace);
        if behind { text.len() } else { text.len().saturating_sub(1) }
    }
}
