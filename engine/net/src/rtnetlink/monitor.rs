//! What `ip monitor` sees: each change of a table, in its namespace, in the order in which it came about.

use super::{Address, FdbEntry, Link, Neighbour, Route, Rule};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    NewLink(Box<Link>),
    DelLink(Box<Link>),
    NewAddress(Address),
    DelAddress(Address),
    NewRoute(Route),
    DelRoute(Route),
    NewRule(Rule),
    DelRule(Rule),
    NewNeighbour(Neighbour),
    DelNeighbour(Neighbour),
    NewFdb(FdbEntry),
    DelFdb(FdbEntry),
    NewNetnsId(i32),
    DelNetnsId(i32),
}
