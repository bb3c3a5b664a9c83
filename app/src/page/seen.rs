//! What grows with every packet, as it is shown: at most `SEEN_MS` old.
//!
//! Always: in a storm of packets the list and the bar of time are drawn ten times a second, not at every frame.

use app::store::frames::Frames;
use app::store::lab::Lab;
use app::store::live::Live;
use app::store::timeline::Timeline;
use std::rc::Rc;

const SEEN_MS: f64 = 100.0;

#[derive(Default)]
pub(super) struct Seen {
    pub frames: Live<Frames>,
    pub timeline: Rc<Timeline>,
    at_ms: f64,
}

impl Seen {
    /// Answers whether there is anything new.
    pub fn renew(&mut self, lab: &Lab, now_ms: f64) -> bool {
        self.at_ms = now_ms;
        let new = self.frames != lab.frames || self.timeline != lab.timeline;
        self.frames = lab.frames.clone();
        self.timeline = Rc::clone(&lab.timeline);
        new
    }

    pub fn renew_if_due(&mut self, lab: &Lab, now_ms: f64) {
        if now_ms - self.at_ms >= SEEN_MS {
            self.renew(lab, now_ms);
        }
    }
}
