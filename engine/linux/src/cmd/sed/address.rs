//! Which lines a sed command applies to.
//!
//! Always: a range is open from the line of its first address to that of its second.
//! Source: sed.info, "Addresses".

use super::program::{Address, Step};
use super::run::Runner;

impl Runner {
    pub(super) fn applies(&mut self, at: usize, step: &Step, last: bool) -> bool {
        let holds = match (&step.first, &step.second) {
            (None, _) => true,
            (Some(first), None) => self.matches(first, last),
            (Some(first), Some(second)) => self.in_range(at, first, second, last),
        };
        holds != step.negated
    }

    fn in_range(&mut self, at: usize, first: &Address, second: &Address, last: bool) -> bool {
        if let Some(end) = self.ranges.get(&at).copied() {
            let over = match (end, second) {
                (Some(end), _) if self.line > end => {
                    // The last line was passed over by `n` or `N`.
                    self.ranges.remove(&at);
                    return matches!(second, Address::Line(_)) && self.matches(first, last);
                }
                (Some(end), _) => self.line == end,
                (None, second) => self.matches(second, last),
            };
            if over {
                self.ranges.remove(&at);
            }
            return true;
        }
        let zero = matches!(first, Address::Line(0)) && self.line == 1;
        if !zero && !self.matches(first, last) {
            return false;
        }
        let end = match second {
            Address::Line(line) => Some(*line),
            Address::Plus(count) => Some(self.line + count),
            Address::Multiple(step) if *step > 0 => Some(self.line.div_ceil(*step) * step),
            Address::Multiple(_) => Some(self.line),
            Address::Last if last => Some(self.line),
            _ => None,
        };
        if zero && self.matches(second, last) {
            return true;
        }
        match end {
            Some(end) if end <= self.line => {}
            end => drop(self.ranges.insert(at, end)),
        }
        true
    }

    fn matches(&mut self, address: &Address, last: bool) -> bool {
        match address {
            Address::Line(line) => self.line == *line,
            Address::Step(first, 0) => self.line == *first,
            Address::Step(first, step) => self.line >= *first && (self.line - first).is_multiple_of(*step),
            Address::Last => last,
            Address::Match(regex) => {
                let regex = regex.clone().or_else(|| self.last_regex.clone());
                self.last_regex.clone_from(&regex);
                regex.is_some_and(|regex| regex.is_match(&self.pattern))
            }
            Address::Plus(_) | Address::Multiple(_) => false,
        }
    }
}
