//! Which routes of a long virtual host can match a path at all, so that the others need not be asked.
//!
//! Called by `table`. Always: the routes left out would not have matched, and those that remain keep their order.

use super::{Path, Route};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Fewer routes are asked one by one.
const FEW: usize = 16;

/// The routes of a virtual host by the text that their paths begin with.
#[derive(Debug, Default)]
pub struct Index {
    by_start: BTreeMap<Box<[u8]>, Vec<u32>>,
    /// How long those texts are.
    lengths: Vec<usize>,
    /// Routes without such a text: regular expressions, and where case does not matter.
    others: Vec<u32>,
}

impl Index {
    /// The index of so many routes that one is worth it.
    pub fn new(routes: &[Rc<Route>]) -> Option<Index> {
        if routes.len() < FEW {
            return None;
        }
        let mut index = Index::default();
        for (at, route) in routes.iter().enumerate() {
            let at = at as u32;
            match &route.path {
                Path::Prefix(start) | Path::Exact(start) | Path::Separated(start) if !route.ignores_case => {
                    index.by_start.entry(start.as_bytes().into()).or_default().push(at);
                }
                _ => index.others.push(at),
            }
        }
        index.lengths = index.by_start.keys().map(|it| it.len()).collect();
        index.lengths.sort_unstable();
        index.lengths.dedup();
        Some(index)
    }

    /// The places of the routes that may match a path, in order.
    pub fn candidates(&self, path: &[u8]) -> Vec<u32> {
        let mut found = self.others.clone();
        for start in self.lengths.iter().map_while(|it| path.get(..*it)) {
            if let Some(places) = self.by_start.get(start) {
                found.extend_from_slice(places);
            }
        }
        found.sort_unstable();
        found
    }
}
