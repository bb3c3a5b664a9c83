//! Counters and gauges by Envoy's names, as `/stats` shows them.
//!
//! A name is looked up once, when the configuration is read; after that a number stands for it.
//! Differs from Envoy: histograms are not kept.

use std::collections::BTreeMap;

/// One counter or gauge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stat(u32);

/// All of them.
#[derive(Debug)]
pub struct Stats {
    names: BTreeMap<String, Stat>,
    values: Vec<u64>,
    is_gauge: Vec<bool>,
    is_used: Vec<bool>,
}

/// One of them, as the admin page shows it.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its value.
    pub value: u64,
    /// Whether it is a gauge.
    pub is_gauge: bool,
    /// Whether it was ever written.
    pub is_used: bool,
}

impl Default for Stats {
    fn default() -> Stats {
        Stats { names: BTreeMap::new(), values: vec![0], is_gauge: vec![false], is_used: vec![false] }
    }
}

impl Stats {
    fn named(&mut self, name: &str, is_gauge: bool) -> Stat {
        if let Some(stat) = self.names.get(name) {
            return *stat;
        }
        let stat = Stat(self.values.len() as u32);
        self.values.push(0);
        self.is_gauge.push(is_gauge);
        self.is_used.push(false);
        self.names.insert(name.to_owned(), stat);
        stat
    }

    /// The counter of this name, made if it is new.
    pub fn counter(&mut self, name: &str) -> Stat {
        self.named(name, false)
    }

    /// The gauge of this name, made if it is new.
    pub fn gauge(&mut self, name: &str) -> Stat {
        self.named(name, true)
    }

    /// Counts by name: for what happens seldom.
    pub fn count(&mut self, name: &str) {
        let stat = self.counter(name);
        self.inc(stat);
    }

    /// One more.
    pub fn inc(&mut self, stat: Stat) {
        self.add(stat, 1);
    }

    /// One less, not below nought.
    pub fn dec(&mut self, stat: Stat) {
        let value = &mut self.values[stat.0 as usize];
        *value = value.saturating_sub(1);
    }

    /// So many more.
    pub fn add(&mut self, stat: Stat, more: u64) {
        self.values[stat.0 as usize] += more;
        self.is_used[stat.0 as usize] |= more > 0;
    }

    /// Sets a gauge.
    pub fn set(&mut self, stat: Stat, value: u64) {
        self.values[stat.0 as usize] = value;
        self.is_used[stat.0 as usize] = true;
    }

    /// The value of one.
    pub fn value(&self, stat: Stat) -> u64 {
        self.values[stat.0 as usize]
    }

    /// The value of a name, if there is such a one.
    pub fn lookup(&self, name: &str) -> Option<u64> {
        self.names.get(name).map(|it| self.value(*it))
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = Shown<'_>> {
        self.names.iter().map(|(name, it)| {
            let at = it.0 as usize;
            Shown { name, value: self.values[at], is_gauge: self.is_gauge[at], is_used: self.is_used[at] }
        })
    }

    /// Sets all counters to nought, as `/reset_counters` does.
    pub fn reset_counters(&mut self) {
        for at in 0..self.values.len() {
            if !self.is_gauge[at] {
                (self.values[at], self.is_used[at]) = (0, false);
            }
        }
    }

    /// Forgets everything whose name begins so: a cluster that went.
    pub fn forget(&mut self, prefix: &str) {
        let gone: Vec<String> = self
            .names
            .range(prefix.to_owned()..)
            .map(|it| it.0)
            .take_while(|it| it.starts_with(prefix))
            .cloned()
            .collect();
        gone.iter().for_each(|name| {
            self.names.remove(name);
        });
    }
}

/// A struct of stats that share a prefix: `stats!(Name { counters } { gauges })`, made by `Name::new(&mut Stats, prefix)`.
macro_rules! stats {
    ($(#[$doc:meta])* $name:ident { $($counter:ident)* } { $($gauge:ident)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $name { $(pub $counter: $crate::stats::Stat,)* $(pub $gauge: $crate::stats::Stat,)* }

        impl $name {
            /// The stats of `prefix`, which ends in a dot.
            pub fn new(stats: &mut $crate::stats::Stats, prefix: &str) -> $name {
                $name {
                    $($counter: stats.counter(&format!("{prefix}{}", stringify!($counter))),)*
                    $($gauge: stats.gauge(&format!("{prefix}{}", stringify!($gauge))),)*
                }
            }
        }
    };
}
pub(crate) use stats;
