//! What the kernel refuses: targets and matches in the wrong table, at the wrong hook or without their protocol;
//! jumps to nowhere, to base chains, round in circles or too deep.
//!
//! Called by transactions for every rule. Always: what passes here can be walked without surprise.
//! Sources: linux nf_tables_api.c (nft_chain_validate), nft_compat.c, x_tables.c (xt_check_target), ip_tables.c.

use super::Hook;
use super::chain::MAX_JUMPS;
use super::header::{ICMP, TCP, UDP};
use super::matches::Match;
use super::rule::Spec;
use super::table::{Base, Chain, ChainKind, Table};
use crate::Errno;
use std::collections::BTreeMap;

/// Hits that `recent` counts to, and one (`XT_RECENT_MAX_NSTAMPS`).
const MAX_HITS: u32 = 256;

/// A rule where it is to stand, looked at by itself.
pub(crate) fn rule(table: &Table, chain: &Chain, spec: &Spec) -> Result<(), Errno> {
    if let Some(to) = spec.jumps_to() {
        let target = table.chain(to).ok_or(Errno::ENOENT)?;
        if target.base.is_some() {
            return Err(Errno::EOPNOTSUPP);
        }
    }
    let (protocol, invert) = (spec.ip.protocol, spec.ip.protocol_invert);
    let is = |wanted: u8| protocol == wanted && !invert;
    for one in &spec.matches {
        let fits = match one {
            Match::Tcp(_) | Match::Tcpmss(_) => is(TCP),
            Match::Udp(_) => is(UDP),
            Match::Icmp(_) => is(ICMP),
            Match::Recent(it) => it.hits < MAX_HITS,
            _ => true,
        };
        if !fits {
            return Err(Errno::EINVAL);
        }
    }
    if let Some(action) = spec.target.as_action() {
        let place = action.place();
        if place.table.is_some_and(|name| *name != *table.name) || !action.fits_protocol(protocol, invert) {
            return Err(Errno::EINVAL);
        }
    }
    match &chain.base {
        Some(base) if !fits_hook(spec, base) => Err(Errno::EINVAL),
        _ => Ok(()),
    }
}

/// Whether the rule's target and matches may be reached from that base chain.
fn fits_hook(spec: &Spec, base: &Base) -> bool {
    let hook = base.hook;
    let target = spec.target.as_action().is_none_or(|action| {
        let place = action.place();
        place.hooks.is_none_or(|hooks| hooks.contains(&hook))
            && (place.table != Some("nat") || base.kind == ChainKind::Nat)
    });
    target && spec.matches.iter().all(|one| match_fits_hook(one, hook))
}

fn match_fits_hook(one: &Match, hook: Hook) -> bool {
    use super::matches::addrtype::Limit;
    match one {
        Match::Owner(_) => matches!(hook, Hook::Output | Hook::Postrouting),
        Match::Mac(_) => matches!(hook, Hook::Prerouting | Hook::Input | Hook::Forward),
        Match::Addrtype(it) => !matches!(
            (it.limit, hook),
            (Some(Limit::Input), Hook::Postrouting | Hook::Output)
                | (Some(Limit::Output), Hook::Prerouting | Hook::Input)
        ),
        Match::Physdev(it) => {
            let asks_out = it.output.is_some() || it.is_out.is_some();
            let bridged = it.is_bridged == Some(false);
            !(asks_out && !bridged && hook == Hook::Output)
        }
        _ => true,
    }
}

/// All chains that packets can come to, from every base chain: EMLINK for loops and jumps too deep, EINVAL for what
/// may not be reached from there.
pub(crate) fn chains(table: &Table) -> Result<(), Errno> {
    for (_, chain, base) in table.base_chains() {
        let mut depths = BTreeMap::new();
        depth(table, chain, base, 0, &mut depths)?;
    }
    Ok(())
}

/// How many chains follow one another below this one, itself included.
fn depth<'a>(
    table: &'a Table,
    chain: &'a Chain,
    base: &Base,
    level: usize,
    depths: &mut BTreeMap<&'a str, usize>,
) -> Result<usize, Errno> {
    if level >= MAX_JUMPS {
        return Err(Errno::EMLINK);
    }
    if let Some(known) = depths.get(&*chain.name) {
        return if level + known > MAX_JUMPS { Err(Errno::EMLINK) } else { Ok(*known) };
    }
    let mut deepest = 0;
    for rule in &chain.rules {
        if !fits_hook(&rule.spec, base) {
            return Err(Errno::EINVAL);
        }
        if let Some(next) = rule.spec.jumps_to().and_then(|to| table.chain(to)) {
            deepest = deepest.max(depth(table, next, base, level + 1, depths)?);
        }
    }
    depths.insert(&chain.name, deepest + 1);
    Ok(deepest + 1)
}
