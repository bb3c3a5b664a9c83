//! How much of the load each priority gets, and which of them panic.
//!
//! A priority takes what its healthy hosts can bear (over-provisioned, 1.4 by default); the rest spills over to the next.
//! Too few healthy hosts in sum, and a priority below the threshold is used whole, healthy or not.
//! Always: the loads add up to 100.
//! Sources: Envoy `load_balancer_impl.cc` (`recalculatePerPriorityState`, `recalculatePerPriorityPanic`).

/// What is counted of one priority's hosts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Census {
    pub hosts: u64,
    pub healthy: u64,
    pub degraded: u64,
    /// The same by weight, where the assignment asks for it.
    pub healthy_weight: u64,
    pub degraded_weight: u64,
    pub total_weight: u64,
}

/// Load of each priority in percent, healthy and degraded hosts apart, and which priorities panic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loads {
    pub healthy: Vec<u32>,
    pub degraded: Vec<u32>,
    pub panic: Vec<bool>,
}

/// Which hosts of a priority a pick is made among.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    Healthy,
    Degraded,
}

impl Loads {
    /// `factor` is the over-provisioning in percent, `threshold` that of panic.
    pub fn new(levels: &[Census], factor: u64, threshold: u32) -> Loads {
        let share = |part: u64, of: u64| (factor * part).checked_div(of).unwrap_or(0).min(100) as u32;
        let health: Vec<u32> = levels.iter().map(|it| share(it.healthy_weight, it.total_weight)).collect();
        let degraded: Vec<u32> = levels.iter().map(|it| share(it.degraded_weight, it.total_weight)).collect();
        let total = health.iter().chain(&degraded).sum::<u32>().min(100);
        let mut loads = Loads {
            healthy: vec![0; levels.len()],
            degraded: vec![0; levels.len()],
            panic: vec![false; levels.len()],
        };
        if total > 0 {
            loads.spread(&health, &degraded, total);
        }
        if threshold == 0 && total == 0 {
            loads.all_to_first();
            return loads;
        }
        for (panic, level) in loads.panic.iter_mut().zip(levels) {
            let available = 100.0 * (level.healthy + level.degraded) as f64 / level.hosts.max(1) as f64;
            *panic = total < 100 && available < f64::from(threshold);
        }
        if loads.panic.iter().all(|it| *it) {
            loads.by_hosts(levels);
        }
        loads
    }

    fn all_to_first(&mut self) {
        if let Some(first) = self.healthy.first_mut() {
            *first = 100;
        }
    }

    fn spread(&mut self, health: &[u32], degraded: &[u32], total: u32) {
        let mut left = 100;
        let rows = self.healthy.iter_mut().zip(health).chain(self.degraded.iter_mut().zip(degraded));
        for (load, available) in rows {
            *load = left.min(available * 100 / total);
            left -= *load;
        }
        // What rounding left over goes to the first that has anything.
        let rest = self.healthy.iter_mut().zip(health).chain(self.degraded.iter_mut().zip(degraded));
        if let Some((load, _)) = rest.into_iter().find(|(_, available)| **available > 0) {
            *load += left;
        }
    }

    /// When all panic, by the number of hosts alone.
    fn by_hosts(&mut self, levels: &[Census]) {
        let all: u64 = levels.iter().map(|it| it.hosts).sum();
        self.degraded.fill(0);
        self.healthy.fill(0);
        if all == 0 {
            return self.all_to_first();
        }
        let mut left = 100;
        for (load, level) in self.healthy.iter_mut().zip(levels) {
            *load = (100 * level.hosts / all) as u32;
            left -= *load;
        }
        if let Some((load, _)) = self.healthy.iter_mut().zip(levels).find(|(_, level)| level.hosts > 0) {
            *load += left;
        }
    }

    /// The priority that a hash (or a drawn number) falls into.
    pub fn choose(&self, hash: u64) -> (usize, Availability) {
        let hash = (hash % 100 + 1) as u32;
        let mut sum = 0;
        let healthy = self.healthy.iter().enumerate().map(|(at, load)| (at, *load, Availability::Healthy));
        let degraded = self.degraded.iter().enumerate().map(|(at, load)| (at, *load, Availability::Degraded));
        for (at, load, availability) in healthy.chain(degraded) {
            sum += load;
            if hash <= sum {
                return (at, availability);
            }
        }
        (0, Availability::Healthy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(hosts: u64, healthy: u64) -> Census {
        Census { hosts, healthy, healthy_weight: healthy, total_weight: hosts, ..Census::default() }
    }

    fn loads(levels: &[Census]) -> (Vec<u32>, Vec<bool>) {
        let loads = Loads::new(levels, 140, 50);
        (loads.healthy, loads.panic)
    }

    #[test]
    fn a_priority_bears_all_until_a_quarter_of_it_is_gone() {
        // Envoy's table in "priority levels".
        assert_eq!(loads(&[level(100, 100), level(100, 100)]).0, [100, 0]);
        assert_eq!(loads(&[level(100, 72), level(100, 100)]).0, [100, 0]);
        assert_eq!(loads(&[level(100, 71), level(100, 100)]).0, [99, 1]);
        assert_eq!(loads(&[level(100, 50), level(100, 50)]).0, [70, 30]);
        assert_eq!(loads(&[level(100, 0), level(100, 100)]).0, [0, 100]);
        assert_eq!(loads(&[level(100, 25), level(100, 25)]).0, [50, 50]);
    }

    #[test]
    fn panic_waits_until_the_sum_is_short() {
        assert_eq!(loads(&[level(4, 1), level(4, 4)]).1, [false, false]);
        assert_eq!(loads(&[level(100, 25), level(100, 25)]).1, [true, true]);
        assert_eq!(loads(&[level(2, 0)]), (vec![100], vec![true]));
    }

    #[test]
    fn with_panic_off_and_nobody_healthy_the_first_is_asked_in_vain() {
        let loads = Loads::new(&[level(2, 0), level(2, 0)], 140, 0);
        assert_eq!((loads.healthy, loads.panic), (vec![100, 0], vec![false, false]));
    }
}
