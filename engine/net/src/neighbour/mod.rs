//! Neighbours: which MAC a next hop has, found out by ARP.

mod arp;
mod state;
mod table;

pub(crate) use arp::Message;
pub(crate) use state::{Entry, Update};
pub(crate) use table::{NeighbourId, NeighbourTable};
