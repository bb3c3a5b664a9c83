//! A cluster's chores: the packets its own programs exchange for themselves, told apart from everybody else's.
//!
//! The rule: a conversation belongs to whoever opened it. What kubelet (probes among it), API server, controllers,
//! scheduler, etcd, kube-proxy and flannel open is a chore, and so is CoreDNS's watch of the API server; the answers to
//! it and the ARP and ICMP it causes go with it, and so do the ARP probes of the kernel's timers. What a sidecar opens for
//! a client goes with the client's request; what it opens for itself (names it looks up, health checks) is a chore.
//! What was opened by the lab's set-up, before anybody looked, ends as a chore.
//! Whatever anything else opens (a learner's curl, his kubectl) is none, whichever port it goes to.
//! Always: reads finished and open journeys, changes nothing; a conversation is known by its addresses and ports,
//! before and after each rewrite on its way; what is remembered is bounded.

use api::JourneyId;
use net::{Network, Outline};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Whose conversations are chores.
const PROGRAMS: &[&str] = &[
    "containerd",
    "envoy",
    "etcd",
    "flanneld",
    "kube-apiserver",
    "kube-controller",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubelet",
];
/// CoreDNS also asks other servers in a client's name; of its own it only watches the API server.
const DNS: &str = "coredns";
const API_SERVER: &str = ".6443";
/// What tells a packet of TCP in its line.
const FLAGS: &str = ": Flags [";
/// What a kernel asks by its timers, for no packet that waits.
const ARP: &str = "ARP";
/// Conversations remembered; beyond, the one that was silent longest is forgotten and judged anew.
const CONVERSATIONS: usize = 8_192;
/// Chores remembered by number, for what they cause.
const CHORES: usize = 16_384;

/// Both ends as `address.port`, the lesser first.
type Ends = (String, String);

#[derive(Debug)]
pub struct Chores {
    /// The first packet that was not looked at.
    next: JourneyId,
    /// The lab is still settling: connections that end now were opened by its set-up, unseen.
    is_settling: bool,
    /// Packets that are still under way, and may be rewritten yet.
    open: Vec<JourneyId>,
    /// Whether a conversation is a chore, and when it was heard of last.
    conversations: BTreeMap<Ends, (bool, u64)>,
    by_age: BTreeMap<u64, Ends>,
    turn: u64,
    known: BTreeSet<JourneyId>,
    oldest: VecDeque<JourneyId>,
    untold: Vec<JourneyId>,
}

impl Chores {
    /// Looks at the packets from that one on.
    pub fn from(next: JourneyId) -> Chores {
        Chores {
            next,
            is_settling: true,
            open: Vec::new(),
            conversations: BTreeMap::new(),
            by_age: BTreeMap::new(),
            turn: 0,
            known: BTreeSet::new(),
            oldest: VecDeque::new(),
            untold: Vec::new(),
        }
    }

    pub fn has(&self, journey: JourneyId) -> bool {
        self.known.contains(&journey)
    }

    /// Chores that were not told yet.
    pub fn take(&mut self) -> Vec<JourneyId> {
        std::mem::take(&mut self.untold)
    }

    /// The lab has settled: from now on somebody looks.
    pub fn settle(&mut self) {
        self.is_settling = false;
    }

    /// Judges the packets made since the last call.
    pub fn sort(&mut self, net: &Network) {
        for id in std::mem::take(&mut self.open) {
            if let Some(journey) = net.outlines_from(id).next().filter(|it| it.id == id) {
                self.follow(&journey, self.has(id));
            }
        }
        if net.next_journey() == self.next {
            return;
        }
        for journey in net.outlines_from(self.next) {
            self.judge(&journey);
        }
        self.next = net.next_journey();
    }

    fn judge(&mut self, journey: &Outline<'_>) {
        let is_chore = match (journey.cause, ends(journey)) {
            (Some(cause), _) => self.has(cause),
            (None, None) => journey.maker == ARP,
            (None, Some(ends)) => {
                let opens = journey.summary.ends_with("Flags [S]");
                let known = self.conversations.get(&sorted(&ends)).filter(|_| !opens);
                let goes_on = !opens && journey.summary.contains(FLAGS);
                let is_new = || is_own(journey, &ends) || (self.is_settling && goes_on);
                known.map_or_else(is_new, |(is_chore, _)| *is_chore)
            }
        };
        if is_chore {
            if self.oldest.len() == CHORES
                && let Some(oldest) = self.oldest.pop_front()
            {
                self.known.remove(&oldest);
            }
            self.known.insert(journey.id);
            self.oldest.push_back(journey.id);
            self.untold.push(journey.id);
        }
        self.follow(journey, is_chore);
    }

    /// Remembers a packet's conversation under every pair of ends it has had.
    fn follow(&mut self, journey: &Outline<'_>, is_chore: bool) {
        if journey.is_open {
            self.open.push(journey.id);
        }
        let speaks = journey.cause.is_none() || journey.summary.contains(FLAGS);
        let Some(mut ends) = ends(journey).filter(|_| speaks) else { return };
        self.note(sorted(&ends), is_chore);
        for (before, after) in &journey.rewrites {
            let (before, after) = (before.replace(':', "."), after.replace(':', "."));
            if ends.0 == before {
                ends.0 = after;
            } else if ends.1 == before {
                ends.1 = after;
            }
            self.note(sorted(&ends), is_chore);
        }
    }

    fn note(&mut self, ends: Ends, is_chore: bool) {
        self.turn += 1;
        if let Some((_, before)) = self.conversations.insert(ends.clone(), (is_chore, self.turn)) {
            self.by_age.remove(&before);
        }
        self.by_age.insert(self.turn, ends);
        if self.by_age.len() > CONVERSATIONS
            && let Some((_, silent)) = self.by_age.pop_first()
        {
            self.conversations.remove(&silent);
        }
    }
}

/// Where a packet was made to go, from its line `A.PORT > B.PORT: …`.
fn ends(journey: &Outline<'_>) -> Option<Ends> {
    let (ends, _) = journey.summary.split_once(": ")?;
    let (from, to) = ends.split_once(" > ")?;
    Some((from.to_owned(), to.to_owned()))
}

fn sorted((a, b): &Ends) -> Ends {
    if a < b { (a.clone(), b.clone()) } else { (b.clone(), a.clone()) }
}

/// The first packet of a conversation that is a chore.
fn is_own(journey: &Outline<'_>, (from, to): &Ends) -> bool {
    let by = journey.maker;
    PROGRAMS.contains(&by) || (by == DNS && (from.ends_with(API_SERVER) || to.ends_with(API_SERVER)))
}
