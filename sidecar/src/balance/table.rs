//! The two tables of consistent hashing: Envoy's ketama ring, and Maglev.
//!
//! Always: the same keys and weights give the same table as in Envoy, entry by entry.
//! Sources: Envoy `ring_hash_lb.cc`, `maglev_lb.cc`; Eisenbud et al., "Maglev" (2016), listing 1.

use super::hash::{murmur2, xx64, xx64_seeded};

/// A host, its key and its share of the table (shares add up to one).
#[derive(Debug, Clone)]
pub struct Share<'h> {
    pub host: usize,
    pub key: &'h str,
    pub weight: f64,
}

/// How large a ring may get, and its hash.
#[derive(Debug, Clone, Copy)]
pub struct RingSize {
    pub least: u64,
    pub most: u64,
    pub murmur: bool,
}

#[derive(Debug, Clone)]
pub enum Table {
    /// Hashes in order, each with its host.
    Ring(Vec<(u64, u32)>),
    Maglev(Vec<u32>),
}

impl Table {
    pub fn ring(shares: &[Share<'_>], size: RingSize) -> Table {
        let least = shares.iter().map(|it| it.weight).fold(1.0, f64::min);
        let scale = ((least * size.least as f64).ceil() / least).min(size.most as f64);
        let mut ring = Vec::new();
        let (mut placed, mut wanted) = (0.0, 0.0);
        for share in shares {
            wanted += scale * share.weight;
            let mut index = 0;
            while placed < wanted {
                let key = format!("{}_{index}", share.key);
                let hash = if size.murmur { murmur2(key.as_bytes()) } else { xx64(key.as_bytes()) };
                ring.push((hash, share.host as u32));
                index += 1;
                placed += 1.0;
            }
        }
        ring.sort_by_key(|it| it.0);
        Table::Ring(ring)
    }

    /// `size` must be prime, so that every step visits the whole table.
    pub fn maglev(shares: &[Share<'_>], size: u64) -> Table {
        const FREE: u32 = u32::MAX;
        let mut sorted: Vec<&Share<'_>> = shares.iter().collect();
        sorted.sort_by(|a, b| a.key.cmp(b.key));
        let most = shares.iter().map(|it| it.weight).fold(0.0, f64::max);
        if most <= 0.0 || size < 2 {
            return Table::Maglev(Vec::new());
        }
        let step = |it: &Share<'_>| {
            let key = it.key.as_bytes();
            (xx64(key) % size, xx64_seeded(1, key) % (size - 1) + 1)
        };
        let steps: Vec<(u64, u64)> = sorted.iter().map(|it| step(it)).collect();
        let mut table = vec![FREE; size as usize];
        let mut next = vec![0u64; sorted.len()];
        let mut target = vec![0.0; sorted.len()];
        let mut filled = 0;
        let mut turn = 0.0;
        while filled < size {
            turn += 1.0;
            for (index, share) in sorted.iter().enumerate() {
                // The heaviest host places one entry each turn, a lighter one correspondingly seldom.
                if filled == size || turn * share.weight < target[index] {
                    continue;
                }
                target[index] += most;
                let (offset, skip) = steps[index];
                let free = loop {
                    let at = (offset + skip * next[index]) % size;
                    next[index] += 1;
                    if table[at as usize] == FREE {
                        break at;
                    }
                };
                table[free as usize] = share.host as u32;
                filled += 1;
            }
        }
        Table::Maglev(table)
    }

    /// The host of a hash; a further attempt is given another.
    pub fn choose(&self, hash: u64, attempt: u32) -> Option<usize> {
        match self {
            Table::Ring(ring) => {
                let at = ring.partition_point(|it| it.0 < hash);
                let at = (at + attempt as usize) % ring.len().max(1);
                ring.get(if at == ring.len() { 0 } else { at }).map(|it| it.1 as usize)
            }
            Table::Maglev(table) => {
                let hash = if attempt > 0 { hash ^ (u64::MAX - u64::from(attempt) + 1) } else { hash };
                let at = hash.checked_rem(table.len() as u64)?;
                table.get(at as usize).map(|it| *it as usize)
            }
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Table::Ring(ring) => ring.len(),
            Table::Maglev(table) => table.len(),
        }
    }

    /// Entries of the hosts with the fewest and the most, as the cluster's gauges show.
    pub fn spread(&self) -> (u64, u64) {
        let mut hosts: Vec<u32> = match self {
            Table::Ring(ring) => ring.iter().map(|it| it.1).collect(),
            Table::Maglev(table) => table.clone(),
        };
        hosts.sort_unstable();
        let counts = || hosts.chunk_by(|a, b| a == b).map(|it| it.len() as u64);
        (counts().min().unwrap_or(0), counts().max().unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares<'k>(keys: &'k [&'k str]) -> Vec<Share<'k>> {
        let weight = 1.0 / keys.len() as f64;
        keys.iter().enumerate().map(|(host, key)| Share { host, key, weight }).collect()
    }

    #[test]
    fn a_ring_of_three_places_users_where_envoy_placed_them() {
        let ring = Table::ring(
            &shares(&["host-a", "host-b", "host-c"]),
            RingSize { least: 1024, most: 8_388_608, murmur: false },
        );
        assert_eq!(ring.len(), 1026);
        let placed: Vec<_> =
            (0..12).filter_map(|it| ring.choose(xx64(format!("user-{it}").as_bytes()), 0)).collect();
        assert_eq!(placed, [2, 2, 0, 2, 0, 1, 2, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn maglev_shares_its_table_by_weight() {
        let mut weighted = shares(&["a", "b"]);
        (weighted[0].weight, weighted[1].weight) = (0.75, 0.25);
        let table = Table::maglev(&weighted, 65_537);
        let (least, most) = table.spread();
        assert_eq!(least + most, 65_537);
        assert!((least as f64 / 65_537.0 - 0.25).abs() < 0.001, "{least}");
    }

    #[test]
    fn another_attempt_goes_round_the_ring() {
        let ring = Table::ring(&shares(&["a", "b"]), RingSize { least: 4, most: 8, murmur: false });
        let hosts: Vec<_> = (0..4).filter_map(|it| ring.choose(7, it)).collect();
        assert!(hosts.contains(&0) && hosts.contains(&1), "{hosts:?}");
    }
}
