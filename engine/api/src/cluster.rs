//! What the page knows of a cluster's objects: the rows of kubectl's tables, told as they change.
//!
//! Always: rows are `kubectl get -o wide`'s, made by the engine; a copy folded from all deltas since boot is whole.
//! Differs from kubectl: an age is told as the time of birth, so that it can go on without being told again.

use crate::inspect::Table;
use serde::{Deserialize, Serialize};

/// One object, by kind, namespace (empty for what belongs to none) and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectKey {
    pub kind: String,
    pub namespace: String,
    pub name: String,
}

/// The columns of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    pub kind: String,
    /// As kubectl takes it: `pods`, `deployments.apps`.
    pub resource: String,
    pub headers: Vec<String>,
    /// The column that is an age; its cells are empty, and rows say when they were born.
    pub age: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRow {
    pub key: ObjectKey,
    pub cells: Vec<String>,
    /// Seconds since 1970.
    pub born: Option<i64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectsDelta {
    /// The wall clock at boot, in seconds since 1970.
    pub epoch: i64,
    /// Of kinds that come for the first time.
    pub columns: Vec<Columns>,
    pub put: Vec<ObjectRow>,
    pub gone: Vec<ObjectKey>,
}

impl ObjectsDelta {
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty() && self.put.is_empty() && self.gone.is_empty()
    }
}

/// All of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectShown {
    pub key: ObjectKey,
    /// As `kubectl get -o yaml` prints it.
    pub yaml: String,
    /// What happened to it, as the end of `kubectl describe` has it.
    pub events: Table,
}

/// A number of seconds as kubectl shows an age. Source: apimachinery `util/duration`.
pub fn age(seconds: i64) -> String {
    if seconds < -1 {
        return "<invalid>".to_owned();
    }
    let seconds = seconds.max(0);
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let pair = |big: i64, unit: &str, small: i64, small_unit: &str| {
        if small == 0 { format!("{big}{unit}") } else { format!("{big}{unit}{small}{small_unit}") }
    };
    match () {
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => pair(minutes, "m", seconds % 60, "s"),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => pair(hours, "h", minutes % 60, "m"),
        () if hours < 48 => format!("{hours}h"),
        () if hours < 192 => pair(hours / 24, "d", hours % 24, "h"),
        () if hours < 24 * 365 * 2 => format!("{}d", hours / 24),
        () if hours < 24 * 365 * 8 => pair(hours / 24 / 365, "y", hours / 24 % 365, "d"),
        () => format!("{}y", hours / 24 / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_lose_detail_as_they_grow() {
        let ages = [(119, "119s"), (576, "9m36s"), (10_740, "179m"), (28_740, "7h59m"), (2_592_000, "30d")];
        for (seconds, text) in ages {
            assert_eq!(age(seconds), text);
        }
    }
}
