//! Kernel tables of what is selected, and which of their cells changed since they were last seen.
//!
//! Always: a row is compared with the old row it shares most cells with; a row unlike any old one is new as a whole.

use api::NetnsId;
use api::inspect::Table;
use api::journey::{Journey, Stop, StopKind};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tables {
    pub all: Vec<Table>,
    /// (table, row, column) of the cells that differ from what was shown before.
    pub changed: BTreeSet<(usize, usize, usize)>,
    /// Grows with each answer, so that a flash begins anew.
    pub turn: u32,
}

impl Tables {
    /// Takes a new answer in. `same` says that it is about the same thing, so that a difference is a change.
    pub fn renew(&mut self, all: Vec<Table>, same: bool) {
        self.changed = if same { changed(&self.all, &all) } else { BTreeSet::new() };
        self.turn = self.turn.wrapping_add(u32::from(!self.changed.is_empty() || !same));
        self.all = all;
    }

    pub fn rules(&self) -> impl Iterator<Item = (usize, &Table)> {
        self.all.iter().enumerate().filter(|(_, table)| is_rules(table))
    }

    pub fn objects(&self) -> impl Iterator<Item = (usize, &Table)> {
        self.all.iter().enumerate().filter(|(_, table)| !is_rules(table))
    }
}

/// Rule lists stand in the Rules pane, everything else in Objects.
fn is_rules(table: &Table) -> bool {
    ["iptables", "ip6tables", "nft", "ipvs", "ipset"].iter().any(|tool| table.title.starts_with(tool))
}

/// The rows of a table of rules that a packet took in that netns.
pub fn taken(table: &Table, netns: NetnsId, journey: &Journey) -> BTreeSet<usize> {
    let took = |stop: &Stop| match &stop.kind {
        StopKind::Rule { table: of, chain, rule, .. }
            if stop.netns == netns && table.title.ends_with(&format!(" {of}")) =>
        {
            Some((chain.clone(), *rule))
        }
        _ => None,
    };
    let took: BTreeSet<(String, u32)> = journey.stops.iter().filter_map(took).collect();
    let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
    let mut rows = BTreeSet::new();
    for (row, cells) in table.rows.iter().enumerate() {
        let [chain, text, ..] = cells.as_slice() else { continue };
        if !text.starts_with("-A") {
            continue;
        }
        let number = numbers.entry(chain).or_default();
        *number += 1;
        if took.contains(&(chain.clone(), *number)) {
            rows.insert(row);
        }
    }
    rows
}

fn changed(old: &[Table], new: &[Table]) -> BTreeSet<(usize, usize, usize)> {
    let mut cells = BTreeSet::new();
    for (index, table) in new.iter().enumerate() {
        let Some(before) = old.iter().find(|it| it.title == table.title) else { continue };
        let mut left: Vec<&Vec<String>> = before.rows.iter().collect();
        // Equal rows first, so that a changed one is not taken for its unchanged neighbour.
        let mut open: Vec<usize> = Vec::new();
        for (row, now) in table.rows.iter().enumerate() {
            match left.iter().position(|was| *was == now) {
                Some(at) => drop(left.remove(at)),
                None => open.push(row),
            }
        }
        for row in open {
            let now = &table.rows[row];
            let alike = |was: &Vec<String>| was.iter().zip(now).filter(|(a, b)| a == b).count();
            let best = (0..left.len())
                .max_by_key(|at| alike(left[*at]))
                .filter(|at| alike(left[*at]) * 2 >= now.len());
            let was = best.map(|at| left.remove(at));
            let differs = |column: &usize| was.is_none_or(|was| was.get(*column) != now.get(*column));
            cells.extend((0..now.len()).filter(differs).map(|column| (index, row, column)));
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[&str]) -> Vec<Table> {
        let rows = rows.iter().map(|row| row.split(' ').map(str::to_string).collect()).collect();
        vec![Table { title: "neighbours".into(), command: String::new(), columns: Vec::new(), rows }]
    }

    fn after(old: &[&str], new: &[&str]) -> Vec<(usize, usize, usize)> {
        let mut tables = Tables::default();
        tables.renew(table(old), false);
        assert!(tables.changed.is_empty(), "nothing flashes at first sight");
        tables.renew(table(new), true);
        tables.changed.into_iter().collect()
    }

    #[test]
    fn only_the_cell_that_changed_flashes() {
        assert_eq!(
            after(
                &["10.0.0.2 aa STALE", "10.0.0.3 bb STALE"],
                &["10.0.0.2 aa STALE", "10.0.0.3 bb REACHABLE"]
            ),
            [(0, 1, 2)]
        );
    }

    #[test]
    fn a_new_row_flashes_whole_and_moves_no_other() {
        assert_eq!(after(&["a b c"], &["x y z", "a b c"]), [(0, 0, 0), (0, 0, 1), (0, 0, 2)]);
    }

    #[test]
    fn nothing_flashes_when_nothing_changed() {
        assert!(after(&["a b c"], &["a b c"]).is_empty());
    }
}
