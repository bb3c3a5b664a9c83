//! A cluster's objects as the page knows them: the rows of kubectl's tables, folded from `Event::Objects`.
//!
//! Always: a delta costs what it brings; rows are in kubectl's order, by namespace and name.

use api::cluster::{Columns, ObjectKey, ObjectRow, ObjectsDelta, age};
use std::collections::BTreeMap;

/// What is offered first; the rest follows by name.
const FIRST: [&str; 8] =
    ["Pod", "Service", "EndpointSlice", "Deployment", "ReplicaSet", "DaemonSet", "StatefulSet", "Node"];

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    cells: Vec<String>,
    born: Option<i64>,
    /// Columns that changed when the row was told last; a new row has them all.
    pub changed: Vec<usize>,
    /// Grows with each change, so that a flash begins anew; 0 before anything changed.
    pub turn: u32,
}

#[derive(Debug, Default)]
struct Kind {
    columns: Columns,
    /// By namespace and name.
    rows: BTreeMap<(String, String), Row>,
}

#[derive(Debug, Default)]
pub struct Objects {
    epoch: i64,
    kinds: BTreeMap<String, Kind>,
    turn: u32,
}

impl Objects {
    pub fn clear(&mut self) {
        *self = Objects::default();
    }

    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// Takes a delta in. What comes with the first one is not news.
    pub fn apply(&mut self, delta: ObjectsDelta) {
        self.epoch = delta.epoch;
        for columns in delta.columns {
            let kind = self.kinds.entry(columns.kind.clone()).or_default();
            kind.columns = columns;
        }
        for key in delta.gone {
            if let Some(kind) = self.kinds.get_mut(&key.kind) {
                kind.rows.remove(&(key.namespace, key.name));
            }
        }
        let turn = self.turn;
        for ObjectRow { key, cells, born } in delta.put {
            let rows = &mut self.kinds.entry(key.kind).or_default().rows;
            let before = rows.entry((key.namespace, key.name)).or_default();
            let differs = |at: &usize| before.cells.get(*at) != cells.get(*at);
            let changed = (0..cells.len()).filter(|at| turn > 0 && differs(at)).collect();
            *before = Row { cells, born, changed, turn };
        }
        self.turn = self.turn.wrapping_add(1);
    }

    /// Kinds that have objects, with how many.
    pub fn kinds(&self) -> Vec<(&Columns, usize)> {
        let place = |kind: &str| FIRST.iter().position(|it| *it == kind).unwrap_or(FIRST.len());
        let mut kinds: Vec<(&Columns, usize)> = self
            .kinds
            .values()
            .filter(|it| !it.rows.is_empty())
            .map(|it| (&it.columns, it.rows.len()))
            .collect();
        kinds.sort_by_key(|(it, _)| (place(&it.kind), it.kind.clone()));
        kinds
    }

    /// The namespaces of a kind's objects; none where they belong to none.
    pub fn namespaces(&self, kind: &str) -> Vec<&str> {
        let rows = self.kinds.get(kind).into_iter().flat_map(|it| it.rows.keys());
        let mut names: Vec<&str> = rows.map(|(namespace, _)| namespace.as_str()).collect();
        names.dedup();
        names.retain(|it| !it.is_empty());
        names
    }

    pub fn headers(&self, kind: &str) -> &[String] {
        self.kinds.get(kind).map_or(&[], |it| &it.columns.headers)
    }

    /// What kubectl calls the kind.
    pub fn resource(&self, kind: &str) -> &str {
        self.kinds.get(kind).map_or("", |it| &it.columns.resource)
    }

    /// The rows of a kind, of one namespace if named.
    pub fn rows<'a>(
        &'a self,
        kind: &'a str,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = (ObjectKey, &'a Row)> {
        let rows = self.kinds.get(kind).into_iter().flat_map(|it| &it.rows);
        rows.filter(move |((of, _), _)| namespace.is_none_or(|it| it == of)).map(move |((of, name), row)| {
            (ObjectKey { kind: kind.to_owned(), namespace: of.clone(), name: name.clone() }, row)
        })
    }

    pub fn has(&self, key: &ObjectKey) -> bool {
        let place = (key.namespace.clone(), key.name.clone());
        self.kinds.get(&key.kind).is_some_and(|it| it.rows.contains_key(&place))
    }

    /// The cells of a row, its age as of `now` nanoseconds since boot.
    pub fn cells(&self, kind: &str, row: &Row, now: u64) -> Vec<String> {
        let mut cells = row.cells.clone();
        let column = self.kinds.get(kind).and_then(|it| it.columns.age);
        if let (Some(cell), Some(born)) = (column.and_then(|it| cells.get_mut(it)), row.born) {
            let seconds = i64::try_from(now / 1_000_000_000).unwrap_or(i64::MAX);
            *cell = age(self.epoch + seconds - born);
        }
        cells
    }
}

/// Pixels that a letter and the space between two columns take in the table, as the style sheet has them.
const LETTER: f64 = 7.0;
const SPACE: f64 = 16.0;
/// Letters of a name that are worth a column beyond those that are always in view.
const NAME: usize = 22;
/// Letters of a name that are left whatever happens.
const LEAST: usize = 10;

/// How many letters a name gets where a table has `pixels` in view: all of them, unless a column that is worth more
/// than a name's end would be out of view. That is `STATUS`, and any further one that leaves names their `NAME` letters.
/// `widths` are the letters of each column, `name` is the column of names.
pub fn name_room(headers: &[&str], widths: &[usize], name: usize, pixels: f64) -> usize {
    let longest = widths.get(name).copied().unwrap_or_default();
    let status = headers.iter().position(|it| *it == "STATUS").map_or(name, |it| it.max(name));
    let left = |last: usize| {
        let before = widths.iter().take(last + 1).enumerate().filter(|(at, _)| *at != name);
        let taken: f64 = before.map(|(_, letters)| *letters as f64 * LETTER + SPACE).sum();
        ((pixels - taken - SPACE) / LETTER).max(0.0) as usize
    };
    let further = (status + 1..widths.len()).rev().find(|last| left(*last) >= longest.min(NAME));
    left(further.unwrap_or(status)).max(LEAST).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delta(rows: &[(&str, &str, &str)], gone: &[&str]) -> ObjectsDelta {
        let key = |namespace: &str, name: &str| ObjectKey {
            kind: "Pod".into(),
            namespace: namespace.into(),
            name: name.into(),
        };
        ObjectsDelta {
            epoch: 1_000,
            columns: vec![Columns {
                kind: "Pod".into(),
                resource: "pods".into(),
                headers: ["NAME", "STATUS", "AGE"].map(str::to_owned).into(),
                age: Some(2),
            }],
            put: rows
                .iter()
                .map(|(namespace, name, status)| ObjectRow {
                    key: key(namespace, name),
                    cells: vec![(*name).into(), (*status).into(), String::new()],
                    born: Some(1_000),
                })
                .collect(),
            gone: gone.iter().map(|name| key("default", name)).collect(),
        }
    }

    #[test]
    fn deltas_add_up_and_ages_go_on_by_themselves() {
        let mut objects = Objects::default();
        objects.apply(delta(&[("default", "web", "Pending"), ("kube-system", "dns", "Running")], &[]));
        objects.apply(delta(&[("default", "web", "Running"), ("default", "api", "Running")], &[]));
        objects.apply(delta(&[], &["api"]));
        let rows: Vec<_> = objects.rows("Pod", None).collect();
        let shown: Vec<String> =
            rows.iter().map(|(_, row)| objects.cells("Pod", row, 5_000_000_000).join(" ")).collect();
        assert_eq!(shown, ["web Running 5s", "dns Running 5s"]);
        assert_eq!(objects.namespaces("Pod"), ["default", "kube-system"]);
        assert_eq!(objects.rows("Pod", Some("default")).count(), 1);
    }

    #[test]
    fn the_cell_that_changed_flashes_and_what_was_there_at_first_does_not() {
        let mut objects = Objects::default();
        objects.apply(delta(&[("default", "web", "Pending")], &[]));
        let changed = |objects: &Objects| objects.rows("Pod", None).next().map(|it| it.1.changed.clone());
        assert_eq!(changed(&objects), Some(Vec::new()));
        objects.apply(delta(&[("default", "web", "Running")], &[]));
        assert_eq!(changed(&objects), Some(vec![1]));
    }

    #[test]
    fn a_name_gives_way_to_the_status_and_to_no_more_than_there_is_room_for() {
        let headers = ["NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP"];
        let widths = [11, 37, 5, 7, 8, 4, 12];
        let room = |pixels: f64| name_room(&headers, &widths, 1, pixels);
        assert_eq!(room(2_000.0), 37, "there is room for all");
        assert_eq!(room(420.0), 27);
        assert!((11 + 27 + 5 + 7) as f64 * LETTER + 4.0 * SPACE <= 420.0, "the status is in view");
        assert_eq!(room(560.0), 31, "the age is in view, too, the address is not");
        assert_eq!(room(100.0), LEAST);
        assert_eq!(name_room(&["NAME", "TYPE"], &[3, 9], 0, 50.0), 3);
    }

    #[test]
    fn pods_come_first_and_a_kind_without_objects_is_not_offered() {
        let mut objects = Objects::default();
        let mut first = delta(&[("default", "web", "Running")], &[]);
        first.columns.insert(0, Columns { kind: "ConfigMap".into(), ..Columns::default() });
        objects.apply(first);
        assert_eq!(objects.kinds().iter().map(|(it, _)| it.kind.as_str()).collect::<Vec<_>>(), ["Pod"]);
    }
}
