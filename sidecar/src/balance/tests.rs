//! What balancing does with whole clusters, as their configuration and hosts say.

use super::*;
use crate::config;

fn cluster(yaml: &str) -> Cluster {
    let text = format!("name: c\nconnect_timeout: 1s\n{yaml}");
    config::message(&config::tree(&text, false).expect("valid YAML")).expect("a cluster")
}

fn host(id: u32) -> Host {
    Host { id, address: format!("10.0.0.{id}:80"), weight: 1, ..Host::default() }
}

/// How many of `count` picks each host got.
fn tally(balancer: &mut Balancer, choice: &Choice<'_>, count: u32) -> BTreeMap<u32, u32> {
    let mut tally = BTreeMap::new();
    for _ in 0..count {
        if let Some(id) = balancer.choose(choice) {
            *tally.entry(id).or_insert(0) += 1;
        }
    }
    tally
}

fn of(yaml: &str, hosts: Vec<Host>) -> Balancer {
    let mut balancer = Balancer::new(&cluster(yaml), 7);
    balancer.update(hosts);
    balancer
}

#[test]
fn round_robin_goes_round() {
    let mut balancer = of("", (1..=3).map(host).collect());
    assert_eq!(tally(&mut balancer, &Choice::default(), 9), BTreeMap::from([(1, 3), (2, 3), (3, 3)]));
}

#[test]
fn round_robin_keeps_to_weights() {
    let heavy = Host { weight: 3, ..host(2) };
    let mut balancer = of("", vec![host(1), heavy]);
    assert_eq!(tally(&mut balancer, &Choice::default(), 400), BTreeMap::from([(1, 100), (2, 300)]));
}

#[test]
fn least_request_spares_the_busy_host() {
    let mut balancer =
        of("lb_policy: LEAST_REQUEST\nleast_request_lb_config: {choice_count: 10}", vec![host(1), host(2)]);
    balancer.set_active(1, 5);
    let tally = tally(&mut balancer, &Choice::default(), 100);
    assert!(tally.get(&1).copied().unwrap_or(0) <= 1, "{tally:?}");
}

#[test]
fn an_unhealthy_host_gets_nothing_until_most_are() {
    let sick = |id| Host { health: Health::Unhealthy, ..host(id) };
    let mut balancer = of("", vec![host(1), host(2), sick(3)]);
    assert_eq!(tally(&mut balancer, &Choice::default(), 10), BTreeMap::from([(1, 5), (2, 5)]));
    balancer.update(vec![host(1), sick(2), sick(3)]);
    assert_eq!(tally(&mut balancer, &Choice::default(), 9), BTreeMap::from([(1, 3), (2, 3), (3, 3)]));
    assert_eq!(balancer.stats.lb_healthy_panic, 9);
}

#[test]
fn with_panic_off_no_healthy_host_is_no_host() {
    let sick = Host { health: Health::Unhealthy, ..host(1) };
    let mut balancer = of("common_lb_config: {healthy_panic_threshold: {value: 0}}", vec![sick]);
    assert_eq!(balancer.choose(&Choice::default()), None);
}

#[test]
fn the_second_priority_stands_in_for_the_first() {
    let far = Host { priority: 1, ..host(2) };
    let mut balancer = of("", vec![host(1), far.clone()]);
    assert_eq!(tally(&mut balancer, &Choice::default(), 10), BTreeMap::from([(1, 10)]));
    balancer.update(vec![Host { health: Health::Unhealthy, ..host(1) }, far]);
    assert_eq!(tally(&mut balancer, &Choice::default(), 10), BTreeMap::from([(2, 10)]));
}

#[test]
fn localities_get_their_weight_however_many_hosts_they_have() {
    let at = |id, zone: &str, weight| Host {
        locality: (String::new(), zone.to_owned(), String::new()),
        locality_weight: weight,
        ..host(id)
    };
    let hosts = vec![at(1, "a", 3), at(2, "b", 1), at(3, "b", 1)];
    let mut balancer = of("common_lb_config: {locality_weighted_lb_config: {}}", hosts.clone());
    assert_eq!(tally(&mut balancer, &Choice::default(), 400), BTreeMap::from([(1, 300), (2, 50), (3, 50)]));
    let mut without = of("", hosts);
    assert_eq!(tally(&mut without, &Choice::default(), 9), BTreeMap::from([(1, 3), (2, 3), (3, 3)]));
}

#[test]
fn a_ring_is_sticky_and_a_retry_goes_elsewhere() {
    let mut balancer = of("lb_policy: RING_HASH", (1..=3).map(host).collect());
    assert_eq!(balancer.stats.table_size, 1026);
    let hash = Some(hash::xx64(b"user-1"));
    let first = balancer.choose(&Choice { hash, ..Choice::default() });
    assert_eq!(tally(&mut balancer, &Choice { hash, ..Choice::default() }, 20).len(), 1);
    let skip = |id| Some(id) == first;
    let retry = balancer.choose(&Choice { hash, skip: Some(&skip), attempts: 5, ..Choice::default() });
    assert!(retry.is_some() && retry != first, "{first:?} {retry:?}");
}

#[test]
fn without_a_hash_a_maglev_cluster_chooses_by_chance() {
    let mut balancer = of("lb_policy: MAGLEV", (1..=3).map(host).collect());
    assert_eq!(balancer.stats.table_size, 65_537);
    assert_eq!(tally(&mut balancer, &Choice::default(), 100).len(), 3);
}

const SUBSETS: &str = "lb_subset_config: {subset_selectors: [{keys: [version]}, {keys: [stage, version]}]";

fn versions() -> Vec<Host> {
    let labelled = |id, version: &str| Host {
        metadata: Struct::from_iter([
            ("version".to_owned(), version.into()),
            ("stage".to_owned(), "prod".into()),
        ]),
        ..host(id)
    };
    vec![labelled(1, "v1"), labelled(2, "v2"), labelled(3, "v2")]
}

#[test]
fn a_subset_has_only_the_hosts_with_its_labels() {
    let mut balancer = of(&format!("{SUBSETS}}}"), versions());
    let wanted = |version: &str| Struct::from_iter([("version".to_owned(), version.into())]);
    let (v1, v2, v3) = (wanted("v1"), wanted("v2"), wanted("v3"));
    let choice = |metadata| Choice { metadata: Some(metadata), ..Choice::default() };
    assert_eq!(tally(&mut balancer, &choice(&v1), 4), BTreeMap::from([(1, 4)]));
    assert_eq!(tally(&mut balancer, &choice(&v2), 4), BTreeMap::from([(2, 2), (3, 2)]));
    assert_eq!(balancer.choose(&choice(&v3)), None);
    assert_eq!((balancer.stats.lb_subsets_selected, balancer.stats.lb_subsets_active), (8, 8));
}

#[test]
fn a_subset_that_is_not_falls_back_as_told() {
    let any = format!("{SUBSETS}, fallback_policy: ANY_ENDPOINT}}");
    let default = format!("{SUBSETS}, fallback_policy: DEFAULT_SUBSET, default_subset: {{version: v1}}}}");
    let v3 = Struct::from_iter([("version".to_owned(), "v3".into())]);
    let choice = Choice { metadata: Some(&v3), ..Choice::default() };
    assert_eq!(tally(&mut of(&any, versions()), &choice, 6).len(), 3);
    assert_eq!(tally(&mut of(&default, versions()), &choice, 6), BTreeMap::from([(1, 6)]));
}
