//! Matching: all ways at once, in step with the text; one way after the other where back-references need it.

use super::{Instruction, Regex, Side};

/// Steps that a match with back-references may take; then there is none.
pub(super) const STEPS: usize = 1_000_000;

type Slots = Vec<Option<usize>>;

fn is_word(c: Option<&char>) -> bool {
    c.is_some_and(|c| c.is_ascii_alphanumeric() || *c == '_')
}

struct Thread {
    at: usize,
    slots: Slots,
}

impl Regex {
    fn slot_count(&self) -> usize {
        let highest = self.program.iter().map(|it| match it {
            Instruction::Save(slot) | Instruction::Progress(slot) => slot + 1,
            _ => 0,
        });
        highest.max().unwrap_or(2).max(2 * (self.groups + 1))
    }

    fn same(&self, wanted: char, c: char) -> bool {
        wanted == c || self.ignore_case && wanted.eq_ignore_ascii_case(&c)
    }

    fn reads(&self, instruction: &Instruction, c: char) -> bool {
        match instruction {
            Instruction::Char(wanted) => self.same(*wanted, c),
            Instruction::Any => true,
            Instruction::Set(set) => {
                let other =
                    if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
                match (self.ignore_case, set.negated) {
                    (false, _) => set.contains(c),
                    (true, false) => set.contains(c) || set.contains(other),
                    (true, true) => set.contains(c) && set.contains(other),
                }
            }
            _ => false,
        }
    }

    fn holds(instruction: &Instruction, text: &[char], at: usize) -> bool {
        let before = is_word(at.checked_sub(1).and_then(|at| text.get(at)));
        let after = is_word(text.get(at));
        match instruction {
            Instruction::LineStart => at == 0,
            Instruction::LineEnd => at == text.len(),
            Instruction::WordStart => !before && after,
            Instruction::WordEnd => before && !after,
            Instruction::WordEdge => before != after,
            Instruction::NoWordEdge => before == after,
            _ => false,
        }
    }

    /// Threads in step with the text; those that began further left, and of one start those that end last, win.
    pub(super) fn simulate(&self, text: &[char], from: usize) -> Option<Slots> {
        let mut best: Option<Slots> = None;
        let mut threads: Vec<Thread> = Vec::new();
        for at in from..=text.len() {
            let mut seen = vec![false; self.program.len()];
            let mut now = Vec::new();
            for thread in threads.drain(..) {
                self.follow(thread, text, at, &mut seen, &mut now);
            }
            if best.is_none() {
                let slots = vec![None; self.slot_count()];
                self.follow(Thread { at: 0, slots }, text, at, &mut seen, &mut now);
            }
            for thread in now {
                match &self.program[thread.at] {
                    Instruction::Match => {
                        let better = match &best {
                            None => true,
                            Some(best) => {
                                thread.slots[0] < best[0]
                                    || thread.slots[0] == best[0] && thread.slots[1] > best[1]
                            }
                        };
                        if better {
                            best = Some(thread.slots);
                        }
                    }
                    instruction => {
                        let late = best.as_ref().is_some_and(|best| thread.slots[0] > best[0]);
                        if !late && text.get(at).is_some_and(|c| self.reads(instruction, *c)) {
                            threads.push(Thread { at: thread.at + 1, slots: thread.slots });
                        }
                    }
                }
            }
            if threads.is_empty() && best.is_some() {
                break;
            }
        }
        best
    }

    /// Goes on without reading, the first choice first.
    fn follow(&self, thread: Thread, text: &[char], at: usize, seen: &mut [bool], into: &mut Vec<Thread>) {
        let mut open = vec![thread];
        while let Some(mut thread) = open.pop() {
            if std::mem::replace(&mut seen[thread.at], true) {
                continue;
            }
            match &self.program[thread.at] {
                Instruction::Jump(to) => open.push(Thread { at: *to, slots: thread.slots }),
                Instruction::Split(a, b) => {
                    open.push(Thread { at: *b, slots: thread.slots.clone() });
                    open.push(Thread { at: *a, slots: thread.slots });
                }
                Instruction::Save(slot) => {
                    thread.slots[*slot] = Some(at);
                    open.push(Thread { at: thread.at + 1, slots: thread.slots });
                }
                Instruction::Progress(slot) => {
                    if thread.slots[*slot] != Some(at) {
                        open.push(Thread { at: thread.at + 1, slots: thread.slots });
                    }
                }
                Instruction::Char(_) | Instruction::Any | Instruction::Set(_) | Instruction::Match => {
                    into.push(thread);
                }
                instruction => {
                    if Self::holds(instruction, text, at) {
                        open.push(Thread { at: thread.at + 1, slots: thread.slots });
                    }
                }
            }
        }
    }

    /// One way after the other.
    pub(super) fn backtrack(&self, text: &[char], from: usize) -> Option<Slots> {
        let mut steps = 0;
        (from..=text.len()).find_map(|start| self.ways(text, start, &mut steps))
    }

    /// Does the group that looks around match there?
    fn looks(&self, text: &[char], at: usize, side: Side, steps: &mut usize) -> bool {
        match side {
            Side::Ahead => self.ways(text, at, steps).is_some(),
            Side::Behind => (0..=at).rev().any(|start| self.ways(&text[..at], start, steps).is_some()),
        }
    }

    /// The ways that begin at `start`, up to the first that matches.
    fn ways(&self, text: &[char], start: usize, steps: &mut usize) -> Option<Slots> {
        let mut open = vec![(0, start, vec![None; self.slot_count()])];
        while let Some((at, position, mut slots)) = open.pop() {
            *steps += 1;
            if *steps > STEPS {
                return None;
            }
            match &self.program[at] {
                Instruction::Match => return Some(slots),
                Instruction::Jump(to) => open.push((*to, position, slots)),
                Instruction::Split(a, b) => {
                    open.push((*b, position, slots.clone()));
                    open.push((*a, position, slots));
                }
                Instruction::Save(slot) => {
                    slots[*slot] = Some(position);
                    open.push((at + 1, position, slots));
                }
                Instruction::Progress(slot) => {
                    if slots[*slot] != Some(position) {
                        open.push((at + 1, position, slots));
                    }
                }
                Instruction::Look(regex, side, negated) => {
                    if regex.looks(text, position, *side, steps) != *negated {
                        open.push((at + 1, position, slots));
                    }
                }
                Instruction::Back(group) => {
                    let (Some(start), Some(end)) = (slots[2 * group], slots[2 * group + 1]) else {
                        continue;
                    };
                    let wanted = &text[start.min(end)..end];
                    let here = text.get(position..position + wanted.len());
                    let same =
                        |here: &[char]| here.iter().zip(wanted).all(|(c, wanted)| self.same(*wanted, *c));
                    if here.is_some_and(same) {
                        open.push((at + 1, position + wanted.len(), slots));
                    }
                }
                instruction @ (Instruction::Char(_) | Instruction::Any | Instruction::Set(_)) => {
                    if text.get(position).is_some_and(|c| self.reads(instruction, *c)) {
                        open.push((at + 1, position + 1, slots));
                    }
                }
                instruction => {
                    if Self::holds(instruction, text, position) {
                        open.push((at + 1, position, slots));
                    }
                }
            }
        }
        None
    }
}
