//! `ip route`: routes are added, changed, deleted, listed and asked for.
//!
//! Differs from iproute2: no realms, encapsulations, nexthop objects or vrf; `save`, `restore` and `showdump` are
//! not simulated, nor is the listing of the cache.

mod get;
mod list;
mod modify;
pub mod print;

use crate::cmd::iproute2::run::Run;
use crate::cmd::iproute2::{Stop, Words, matches};
pub use get::{ip_protocol, ip_protocol_name};
use modify::Verb;
use net::rtnetlink::Mode;

pub fn usage() -> Stop {
    Stop::exit(255, include_str!("../usage/route.txt"))
}

pub async fn route(run: &mut Run, mut words: Words<'_>) -> Result<(), Stop> {
    let Some(verb) = words.next() else { return list::show(run, words).await };
    if matches(verb, "add") {
        modify::modify(run, words, Verb::Put(Mode::Add)).await
    } else if matches(verb, "change") || verb == "chg" {
        modify::modify(run, words, Verb::Put(Mode::Change)).await
    } else if matches(verb, "replace") {
        modify::modify(run, words, Verb::Put(Mode::Replace)).await
    } else if matches(verb, "prepend") {
        modify::modify(run, words, Verb::Put(Mode::Prepend)).await
    } else if matches(verb, "append") {
        modify::modify(run, words, Verb::Put(Mode::Append)).await
    } else if matches(verb, "test") {
        Err(Stop::not_simulated("ip", "route test", "ip route get"))
    } else if matches(verb, "delete") {
        modify::modify(run, words, Verb::Delete).await
    } else if matches(verb, "list") || matches(verb, "show") || matches(verb, "lst") {
        list::show(run, words).await
    } else if matches(verb, "get") {
        get::get(run, words).await
    } else if matches(verb, "flush") {
        list::flush(run, words).await
    } else if matches(verb, "save") || matches(verb, "restore") || matches(verb, "showdump") {
        Err(Stop::not_simulated("ip", &format!("route {verb}"), "ip route show"))
    } else if matches(verb, "help") {
        Err(usage())
    } else {
        Err(Stop::exit(255, format!("Command \"{verb}\" is unknown, try \"ip route help\".\n")))
    }
}
