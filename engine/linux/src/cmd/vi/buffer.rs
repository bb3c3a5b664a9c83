//! The text in an editor: lines, marks, and how to take changes back.
//!
//! Always: there is at least one line; a text without any has one that does not count ([`Buffer::none`]).
//! At most [`CHARS`] characters: a change beyond is refused. What undo needs is bounded by [`UNDO_CHARS`];
//! the oldest steps are forgotten first.

use std::collections::{BTreeMap, VecDeque};

pub(super) type Line = Vec<char>;

/// Characters of one text.
pub(super) const CHARS: usize = 4 << 20;
/// Characters kept for undo.
const UNDO_CHARS: usize = 1 << 20;

/// A place in a text; both count from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pos {
    pub line: usize,
    pub col: usize,
}

impl Pos {
    pub fn new(line: usize, col: usize) -> Pos {
        Pos { line, col }
    }
}

/// `count` lines from `at` on become `lines`.
struct Change {
    at: usize,
    count: usize,
    lines: Vec<Line>,
    /// The text has no lines afterwards.
    none: bool,
}

/// What one `u` takes back.
struct Step {
    changes: Vec<Change>,
    cursor: Pos,
    number: usize,
    made: u64,
}

/// What undo did: where to go, and what to say.
pub(super) struct Undone {
    pub cursor: Pos,
    pub exact: bool,
    pub lines_before: usize,
    pub lines_after: usize,
    pub number: usize,
    pub made: u64,
}

#[derive(Default)]
pub(super) struct Buffer {
    lines: Vec<Line>,
    pub none: bool,
    pub marks: BTreeMap<char, Pos>,
    /// Where the cursor stood and what time it was when the command began.
    pub before: Pos,
    pub now: u64,
    done: VecDeque<Step>,
    undone: Vec<Step>,
    open: bool,
    number: usize,
    saved: usize,
    /// The last step that was forgotten.
    forgotten: usize,
    size: usize,
    kept: usize,
    /// A change was too big.
    pub refused: bool,
    /// The line changed last, as it was before.
    last_line: Option<(usize, Line)>,
}

fn weight(lines: &[Line]) -> usize {
    lines.iter().map(|line| line.len() + 1).sum()
}

impl Buffer {
    pub fn new(lines: Vec<Line>) -> Buffer {
        let none = lines.is_empty();
        let lines = if none { vec![Line::new()] } else { lines };
        Buffer { size: weight(&lines), lines, none, ..Buffer::default() }
    }

    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// A line; empty beyond the last.
    pub fn line(&self, at: usize) -> &[char] {
        self.lines.get(at).map_or(&[], Vec::as_slice)
    }

    /// The last line's index.
    pub fn last(&self) -> usize {
        self.lines.len() - 1
    }

    pub fn char_at(&self, at: Pos) -> Option<char> {
        self.line(at.line).get(at.col).copied()
    }

    /// Columns up to the first that is no blank.
    pub fn indent(&self, at: usize) -> usize {
        self.line(at).iter().take_while(|c| matches!(c, ' ' | '\t')).count()
    }

    pub fn is_modified(&self) -> bool {
        self.state() != self.saved
    }

    /// Which step the text is as it was after.
    fn state(&self) -> usize {
        self.done.back().map_or(self.forgotten, |step| step.number)
    }

    pub fn set_saved(&mut self) {
        self.close_step();
        self.saved = self.state();
    }

    /// The next change begins a new step.
    pub fn close_step(&mut self) {
        self.open = false;
    }

    pub fn set(&mut self, at: usize, line: Line) {
        self.replace(at, 1, vec![line]);
    }

    pub fn replace(&mut self, at: usize, count: usize, lines: Vec<Line>) {
        let at = at.min(self.lines.len());
        let count = count.min(self.lines.len() - at);
        if weight(&lines) + self.size > CHARS + weight(&self.lines[at..at + count]) {
            self.refused = true;
            return;
        }
        if count == 1 && lines.len() == 1 {
            if self.last_line.as_ref().is_none_or(|(line, _)| *line != at) {
                self.last_line = Some((at, self.lines[at].clone()));
            }
        } else {
            self.last_line = None;
        }
        self.undone.clear();
        if !self.open {
            self.open = true;
            self.number += 1;
            let (cursor, made) = (self.before, self.now);
            self.done.push_back(Step { changes: Vec::new(), cursor, number: self.number, made });
        }
        let added = lines.len();
        let inverse = self.apply(Change { at, count, lines, none: false });
        let step = self.done.back_mut().expect("a step is open");
        match step.changes.last_mut().filter(|last| last.at == at && last.count == count && added > 0) {
            // The same lines again, as with each letter typed: how they were at first is enough.
            Some(last) => last.count = added,
            None => {
                self.kept += weight(&inverse.lines) + 1;
                step.changes.push(inverse);
            }
        }
        while self.kept > UNDO_CHARS && self.done.len() > 1 {
            let Some(oldest) = self.done.pop_front() else { break };
            self.kept -= weight_of(&oldest).min(self.kept);
            self.forgotten = oldest.number;
        }
    }

    /// Makes a change; what would take it back.
    fn apply(&mut self, change: Change) -> Change {
        let (at, mut count, none) = (change.at, change.lines.len(), self.none);
        self.move_marks(at, change.count, count);
        self.size += weight(&change.lines);
        let lines: Vec<Line> = self.lines.splice(at..at + change.count, change.lines).collect();
        self.size -= weight(&lines);
        self.none = change.none;
        if self.lines.is_empty() {
            self.lines.push(Line::new());
            self.size += 1;
            self.none = true;
            count = 1;
        }
        Change { at, count, lines, none }
    }

    /// Marks below stay with their lines, those of lines that are gone go.
    fn move_marks(&mut self, at: usize, old: usize, new: usize) {
        self.marks.retain(|_, mark| {
            if mark.line >= at + old {
                mark.line = mark.line - old + new;
                return true;
            }
            mark.line < at + new
        });
    }

    pub fn undo(&mut self) -> Option<Undone> {
        let step = self.done.pop_back()?;
        self.kept -= weight_of(&step).min(self.kept);
        let (undone, step) = self.swap(step);
        self.undone.push(step);
        Some(undone)
    }

    pub fn redo(&mut self) -> Option<Undone> {
        let step = self.undone.pop()?;
        let (undone, step) = self.swap(step);
        self.kept += weight_of(&step);
        self.done.push_back(step);
        Some(undone)
    }

    fn swap(&mut self, step: Step) -> (Undone, Step) {
        self.close_step();
        self.last_line = None;
        let (mut before, mut after, mut top, mut exact) = (0, 0, usize::MAX, false);
        let mut changes = Vec::new();
        for change in step.changes.into_iter().rev() {
            (before, after) = (before + change.count, after + change.lines.len());
            let end = change.at + change.lines.len();
            exact |= step.cursor.line + 1 >= change.at && step.cursor.line <= end;
            top = top.min(change.at);
            changes.push(self.apply(change));
        }
        let cursor = if exact { step.cursor } else { Pos::new(top.min(self.last()), 0) };
        let (number, made) = (step.number, step.made);
        let undone = Undone { cursor, exact, lines_before: before, lines_after: after, number, made };
        (undone, Step { changes, ..step })
    }

    /// `U`: the line changed last as it was; where that is.
    pub fn restore_line(&mut self) -> Option<usize> {
        let (at, line) = self.last_line.take()?;
        let now = self.line(at).to_vec();
        self.set(at, line);
        self.last_line = Some((at, now));
        Some(at)
    }
}

fn weight_of(step: &Step) -> usize {
    step.changes.iter().map(|change| weight(&change.lines) + 1).sum()
}
