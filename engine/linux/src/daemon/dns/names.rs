//! The addresses of one name, in the order in which dnsmasq hands them out.
//!
//! Always: each look-up of several addresses moves the first behind the others, for the next asker; addresses whose
//! reverse name is this one stand ahead of those that another name had first, and the two kinds do not mix.
//! Source: dnsmasq 2.90 `src/cache.c` (`cache_hash`, `cache_find_by_name`, `add_hosts_entry`), as observed.

use net::rtnetlink::Family;
use std::net::IpAddr;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    address: IpAddr,
    ttl: u32,
    /// The address's reverse name is this one.
    reverse: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Addresses(Vec<Entry>);

impl Addresses {
    /// Filing looks the name up first, to leave duplicates out; so it rotates, too.
    pub fn insert(&mut self, address: IpAddr, ttl: u32, reverse: bool) {
        self.find(Some(Family::of(address)));
        let ahead = self.0.iter().take_while(|entry| entry.reverse).count();
        let place = if reverse { ahead } else { self.0.len() };
        self.0.insert(place, Entry { address, ttl, reverse });
    }

    /// Addresses of one family or of both, with their TTLs.
    pub fn find(&mut self, family: Option<Family>) -> Vec<(IpAddr, u32)> {
        let fits = |entry: &Entry| family.is_none_or(|family| Family::of(entry.address) == family);
        let found =
            self.0.iter().filter(|entry| fits(entry)).map(|entry| (entry.address, entry.ttl)).collect();
        if let Some(first) = self.0.iter().position(fits) {
            let kind = self.0[first].reverse;
            let mut place = first;
            for index in first + 1..self.0.len() {
                if fits(&self.0[index]) && self.0[index].reverse == kind {
                    let entry = self.0.remove(index);
                    self.0.insert(place, entry);
                    place += 1;
                }
            }
        }
        found
    }

    /// The TTL with which this name is the address's reverse name.
    pub fn reverse_ttl(&self, address: IpAddr) -> Option<u32> {
        self.0.iter().find(|entry| entry.reverse && entry.address == address).map(|entry| entry.ttl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filed(addresses: &[(&str, bool)]) -> Addresses {
        let mut all = Addresses::default();
        for (address, reverse) in addresses {
            all.insert(address.parse().expect("an address"), 0, *reverse);
        }
        all
    }

    fn last(addresses: &mut Addresses, family: Option<Family>) -> String {
        let found = addresses.find(family);
        let last = |address: &IpAddr| address.to_string().chars().last().unwrap_or_default();
        found.iter().map(|(address, _)| last(address)).collect()
    }

    #[test]
    fn three_addresses_rotate_from_where_filing_left_them() {
        let mut all = filed(&[("10.0.0.1", true), ("10.0.0.2", true), ("10.0.0.3", true)]);
        let seen: Vec<String> = (0..4).map(|_| last(&mut all, Some(Family::Inet))).collect();
        assert_eq!(seen, ["213", "132", "321", "213"]);
    }

    #[test]
    fn families_rotate_apart_unless_both_are_asked_for() {
        let mut all = filed(&[("10.0.0.1", true), ("::5", true)]);
        assert_eq!(last(&mut all, Some(Family::Inet)), "1");
        assert_eq!(last(&mut all, None), "15");
        assert_eq!(last(&mut all, None), "51");
    }

    #[test]
    fn an_address_that_belongs_to_another_name_stays_behind() {
        let mut all = filed(&[("10.0.0.1", false), ("10.0.0.2", true)]);
        assert_eq!(last(&mut all, Some(Family::Inet)), "21");
        assert_eq!(last(&mut all, Some(Family::Inet)), "21");
    }
}
