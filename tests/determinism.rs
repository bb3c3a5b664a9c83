//! The same lab, seed and requests give the same events, byte for byte: twice here, and here as in a browser.
//!
//! What is compared is a fingerprint of every event (as it is posted to the page) and of the pcapng file of all
//! frames. A native run writes them down in `target/determinism.golden`; one in headless Chromium
//! (`cargo test --target wasm32-unknown-unknown -p tests --test determinism`, after it) must come to the same.

use api::event::Event;
use api::inspect::Answer;
use api::request::{Command, Query, Replay, Request};
use api::{Lab, TtyId};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use tests::labs::Story;
use world::Session;

const STORIES: u64 = 4;
const ACTS: usize = 12;
const SEED: u64 = 11;
/// One tick of the page's clock.
const TICK: u64 = 16_000_000;
/// Events of the engine a tick may run.
const BUDGET: usize = 200_000;
/// Ticks in which a line may come to its end.
const PATIENCE: usize = 400;

/// Where the native run leaves what it told.
#[cfg(not(target_arch = "wasm32"))]
const TOLD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/determinism.golden");

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// Everything a page would hear, as bytes.
struct Page {
    session: Session,
    heard: Sha256,
    events: usize,
}

impl Page {
    fn open(lab: &Lab, seed: u64) -> Page {
        let session = Session::new(Replay { lab: lab.clone(), seed, requests: Vec::new(), until: 0 });
        let mut page = Page { session, heard: Sha256::new(), events: 0 };
        page.hear();
        for (number, machine) in lab.machines.iter().enumerate() {
            let (tty, machine) = (TtyId(number as u32), machine.name.clone());
            page.ask(Command::Request(Request::OpenTty { tty, machine, columns: 80, rows: 24 }));
        }
        page
    }

    /// Hears, and says whether nothing goes on any more.
    fn hear(&mut self) -> bool {
        let mut settled = false;
        for event in self.session.take_events() {
            self.heard.update(postcard::to_stdvec(&event).expect("an event can be written"));
            self.events += 1;
            if let Event::Clock { settled: now, .. } = event {
                settled = now;
            }
        }
        settled
    }

    fn ask(&mut self, command: Command) {
        self.session.command(command);
        self.hear();
    }

    fn run(&mut self, tty: TtyId, line: &str) {
        self.ask(Command::Request(Request::Type { tty, bytes: format!("{line}\r").into_bytes() }));
        for _ in 0..PATIENCE {
            self.session.tick(TICK, BUDGET);
            if self.hear() {
                break;
            }
        }
    }

    fn pcapng(&mut self) -> Vec<u8> {
        self.session.command(Command::Query { id: 1, query: Query::Pcapng(None) });
        let answer = self.session.take_events().into_iter().find_map(|event| match event {
            Event::Answer { id: 1, answer: Answer::Pcapng(bytes) } => Some(bytes),
            _ => None,
        });
        answer.expect("an answer to the query")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes all");
        text
    })
}

/// `seed 1: 812 events 5f…, 40 kB of pcapng 9c…`
fn fingerprint(story: &Story, seed: u64) -> String {
    let mut page = Page::open(&story.lab, seed);
    for act in &story.acts {
        let tty = story.lab.machines.iter().position(|it| it.name == act.on).expect("a machine of the story");
        page.run(TtyId(tty as u32), &act.run);
    }
    let pcapng = page.pcapng();
    let (events, heard) = (page.events, hex(&page.heard.finalize()));
    let frames = hex(&Sha256::digest(&pcapng));
    format!(
        "story {} seed {seed}: {events} events {heard}, {} bytes of pcapng {frames}\n",
        story.seed,
        pcapng.len()
    )
}

fn fingerprints() -> String {
    (0..STORIES).map(|story| fingerprint(&Story::drawn(story, ACTS), SEED)).collect()
}

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn a_story_told_again_is_the_same_and_under_another_seed_another() {
    let story = Story::drawn(0, ACTS);
    assert_eq!(fingerprint(&story, SEED), fingerprint(&story, SEED));
    let (one, other) = (fingerprint(&story, SEED), fingerprint(&story, SEED + 1));
    assert_ne!(one.split(':').nth(1), other.split(':').nth(1), "MAC addresses and ports come from the seed");
}

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn stories_are_told_and_written_down_for_the_browser() {
    let told = fingerprints();
    assert_eq!(told, fingerprints());
    std::fs::write(TOLD, told).expect("target/ is there, since this test was built in it");
}

#[cfg(target_arch = "wasm32")]
#[wasm_bindgen_test::wasm_bindgen_test]
fn stories_go_in_a_browser_as_they_went_natively() {
    // Without the native run before this there is no such file, or one of an older engine.
    let told = include_str!("../target/determinism.golden");
    assert_eq!(fingerprints(), told, "run `cargo nextest run -p tests --test determinism` first");
}
