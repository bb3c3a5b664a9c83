//! IPv4 but for the packet path itself: addresses, routes, rules, ICMP, fragments, what was learnt of paths.

mod address;
mod address6;
mod exception;
pub(crate) mod fib;
mod fragment;
pub(crate) mod header;
mod icmp;
mod multicast;
mod nd;
mod reset;
mod routes;
pub(crate) mod rule;

pub(crate) use address::{InDevice, InetAddress};
pub(crate) use address6::{Address6, In6Device};
pub(crate) use exception::Exceptions;
pub(crate) use fib::{FibQuery, FibResult, FibRoute, Hop};
pub(crate) use fragment::Defragment;
pub(crate) use fragment::{FragmentKey, FragmentQueues};
pub(crate) use icmp::{IcmpLimits, icmp_type, is_icmp_error, is_unfragmentable, unreachable};
pub(crate) use multicast::group_mac;
pub(crate) use routes::RouteMatch;
pub(crate) use rule::{Fib, FibRule};
