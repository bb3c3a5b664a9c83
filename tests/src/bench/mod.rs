//! How fast the engine is, in figures and ratios: natively (`bin/bench.rs`) and in Chromium (`bench.rs`).
//!
//! Prints one line a figure, with its goal or a ratio beside it; never fails on a figure, since machines differ, and
//! says of one that could not be had why. A ratio compares the same work where ten and where ten thousand things
//! exist: it should be near 1.

mod cluster;
mod control;
mod proxy;
mod scale;
mod service;
mod whole;

use std::error::Error;
use web_time::Instant;

pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// Prints the groups of figures that are named, all of them where none is.
pub fn run(wanted: &[String], print: &mut dyn FnMut(String)) {
    let groups: [(&str, fn(&mut Lines)); 4] =
        [("packets", packets), ("scale", scale), ("whole", whole), ("cluster", cluster)];
    let mut lines = Lines { print };
    for (name, group) in groups {
        if wanted.is_empty() || wanted.iter().any(|it| it == name) {
            group(&mut lines);
        }
    }
}

struct Lines<'a> {
    print: &'a mut dyn FnMut(String),
}

impl Lines<'_> {
    fn line(&mut self, what: &str, figure: &str, beside: &str) {
        (self.print)(format!("{what:<68} {figure:>14}   {beside}"));
    }

    /// A figure in words, or why there is none.
    fn figure<T>(&mut self, what: &str, had: Outcome<T>, words: impl FnOnce(T) -> String, beside: &str) {
        match had {
            Ok(figure) => self.line(what, &words(figure), beside),
            Err(why) => self.line(what, "none", &why.to_string()),
        }
    }

    /// The same work with few and with many: both figures, and how many times as long the second takes.
    fn grown(&mut self, what: &str, few: Outcome<f64>, many: Outcome<f64>) {
        match few.and_then(|few| Ok((few, many?))) {
            Ok((few, many)) => {
                let beside = format!("{few:.0} ns with 10: {:.2} times", many / few);
                self.line(what, &format!("{many:.0} ns"), &beside);
            }
            Err(why) => self.line(what, "none", &why.to_string()),
        }
    }
}

/// What `act` makes, and how many milliseconds it takes.
fn timed<T>(act: impl FnOnce() -> T) -> (T, f64) {
    let started = Instant::now();
    let made = act();
    (made, started.elapsed().as_secs_f64() * 1e3)
}

/// Bytes that this process has in memory; in wasm, of its linear memory, which only grows. Elsewhere nothing.
fn resident() -> f64 {
    #[cfg(target_arch = "wasm32")]
    return core::arch::wasm32::memory_size::<0>() as f64 * 65_536.0;
    #[cfg(not(target_arch = "wasm32"))]
    {
        let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        text.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok()).unwrap_or(0.0) * 4096.0
    }
}

fn packets(lines: &mut Lines) {
    let ns = |it: f64| format!("{it:.0} ns");
    let rate = |it: f64| format!("{it:.0} /s");
    let what = "pod → DNAT → VXLAN → pod, 1450 B, 100 flows, tracing off";
    lines.figure(what, service::packets(false), ns, "goal ≤ 500 ns");
    let what = "the same as the page has it: every stop told, every frame kept";
    lines.figure(what, service::packets(true), ns, "");
    let what = "TCP across nodes, MTU 1450";
    lines.figure(what, service::stream(), |it| format!("{it:.2} Gb/s"), "goal ≥ 15 Gb/s");
    lines.figure("connections through a Service", service::connections(), rate, "goal ≥ 200,000 /s");
    let what = "HTTP requests, pod → Service, over 100 kept connections";
    lines.figure(what, service::requests_kept(), rate, "goal ≥ 100,000 /s, in Chromium ≥ 50,000 /s");
    let what = "HTTP requests, pod → Service, a connection each";
    lines.figure(what, service::requests_single(), rate, "");
}

fn scale(lines: &mut Lines) {
    for hops in [1, 10, 100] {
        let what = format!("a packet through {hops} routers");
        let each = scale::routers(hops);
        let beside = each.as_ref().map_or(String::new(), |it| format!("{:.0} ns a hop", it / hops as f64));
        lines.figure(&what, each, |it| format!("{:.0} /s", 1e9 / it), &beside);
    }
    for bridges in [1, 10] {
        let what = format!("a frame through {bridges} bridges");
        let each = scale::bridges(bridges);
        let beside =
            each.as_ref().map_or(String::new(), |it| format!("{:.0} ns a bridge", it / bridges as f64));
        lines.figure(&what, each, |it| format!("{:.0} /s", 1e9 / it), &beside);
    }
    use scale::Many;
    for (what, many, count) in [
        ("a packet past 10,000 routes", Many::Routes, 10_000),
        ("a packet past 10,000 rules for single addresses", Many::Rules, 10_000),
        ("a packet past 1,000 neighbours", Many::Neighbours, 1_000),
        ("a packet past 100,000 tracked flows", Many::Flows, 100_000),
        ("a packet past 2,000 other namespaces", Many::Namespaces, 2_000),
    ] {
        lines.grown(what, scale::with(many, 10), scale::with(many, count));
    }
}

fn whole(lines: &mut Lines) {
    #[cfg(not(target_arch = "wasm32"))]
    {
        let boot = whole::slowest_boot();
        let what = boot.as_ref().map_or(String::new(), |it| format!(" ({})", it.1));
        lines.figure(&format!("slowest lab to boot{what}"), boot, |it| format!("{:.1} ms", it.0), "");
    }
    let ms = |it: f64| format!("{it:.0} ms");
    lines.figure("replay of a tape of 100 lines", whole::replay(), ms, "");
    let what = "HTTP requests, curl to python3 on another machine";
    lines.figure(what, whole::requests(), |it| format!("{it:.0} /s"), "");
    let kb = |it: f64| format!("{:.1} kB", it / 1024.0);
    let (netns, veth) = match whole::memory() {
        Ok((netns, veth)) => (Ok(netns), Ok(veth)),
        Err(why) => (Err(why.to_string().into()), Err(why)),
    };
    lines.figure("memory of an idle namespace", netns, kb, "");
    lines.figure("memory of an idle veth pair, up, with addresses", veth, kb, "");
}

fn cluster(lines: &mut Lines) {
    let ms = |it: f64| format!("{it:.0} ms");
    lines.figure("cluster of 3 nodes, from nothing to all Ready", cluster::boot(), ms, "goal ≤ 50 ms");
    let few = control::deployment(100);
    let beside = few.map_or(String::new(), |it| format!("{:.0} ms for 100", it.milliseconds));
    let api = control::deployment(1_000);
    let object = api.as_ref().map_or(0.0, |it| it.bytes);
    let what = "Deployment of 1,000 Pods, API, controllers and scheduler alone";
    lines.figure(what, api, |it| ms(it.milliseconds), &beside);
    match cluster::deployment(1_000) {
        Err(why) => lines.line("Deployment of 1,000 Pods, applied to all Ready", "none", &why.to_string()),
        Ok(done) => {
            let beside = format!(
                "goal ≤ 1 s; {:.1} virtual s, on 10 workers; longest turn of the engine {:.0} ms",
                done.virtual_seconds, done.longest_turn
            );
            lines.line("Deployment of 1,000 Pods, applied to all Ready", &ms(done.milliseconds), &beside);
            let beside =
                format!("goal ≤ 1 kB; its object and what the controllers keep: {:.1} kB", object / 1024.0);
            let own = (done.bytes - object) / 1024.0;
            lines.line("memory of an idle Pod beyond its API object", &format!("{own:.1} kB"), &beside);
        }
    }
    match (proxy::services(10), proxy::services(5_000)) {
        (Ok(few), Ok(many)) => {
            let beside = format!("{:.1} ms with 10", few.full);
            lines.line("kube-proxy's rules of 5,000 Services, synced", &ms(many.full), &beside);
            let beside = format!("{:.1} ms with 10", few.partial);
            lines.line("  one of them changes", &ms(many.partial), &beside);
            lines.grown("  a packet of a known flow", Ok(few.known), Ok(many.known));
            lines.grown("  the first packet of a flow", Ok(few.first), Ok(many.first));
        }
        (Err(why), _) | (_, Err(why)) => {
            lines.line("kube-proxy's rules of 5,000 Services, synced", "none", &why.to_string());
        }
    }
}
