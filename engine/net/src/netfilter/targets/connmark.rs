//! `-j CONNMARK`: marks the flow, or copies marks between flow and packet.
//!
//! Sources: linux xt_connmark.c; libxt_CONNMARK.c for the words.

use super::{Action, Outcome, Target, mark};
use crate::netfilter::context::Context;
use crate::netfilter::matches::Style;
use crate::netfilter::text::option::{Draft, Extension, Given, Opt, Takes, Value, opt};
use crate::netfilter::text::problem::{Problem, bad};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Set,
    Save,
    Restore,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connmark {
    pub mode: Mode,
    pub value: u32,
    pub flow_mask: u32,
    pub packet_mask: u32,
    /// To the left where positive.
    pub shift: i8,
}

/// The five of MARK, save and restore.
const ANY: u32 = 0b111_1111;
const NUMBER: Takes = Takes::Integer(32, 0, 0);
const SHIFT: Takes = Takes::Integer(8, 0, 32);
const OPTIONS: &[Opt] = &[
    opt("set-xmark", 4, Takes::Mark).excludes(ANY),
    opt("set-mark", 0, Takes::Mark).excludes(ANY),
    opt("and-mark", 1, NUMBER).excludes(ANY),
    opt("or-mark", 2, NUMBER).excludes(ANY),
    opt("xor-mark", 3, NUMBER).excludes(ANY),
    opt("save-mark", 5, Takes::Nothing).excludes(ANY),
    opt("restore-mark", 6, Takes::Nothing).excludes(ANY),
    opt("left-shift-mark", 10, SHIFT),
    opt("right-shift-mark", 11, SHIFT),
    opt("ctmask", 7, NUMBER).excludes(1 << 9),
    opt("nfmask", 8, NUMBER).excludes(1 << 9),
    opt("mask", 9, NUMBER).excludes(1 << 7 | 1 << 8),
];

pub(super) const EXTENSIONS: &[Extension<Target>] = &[Extension {
    name: "CONNMARK",
    family: None,
    options: OPTIONS,
    start: |_| {
        Box::new(Connmark { mode: Mode::Set, value: 0, flow_mask: u32::MAX, packet_mask: u32::MAX, shift: 0 })
    },
}];

impl Draft<Target> for Connmark {
    fn set(&mut self, id: u8, value: &Value, _: &mut Given<'_>) -> Result<(), Problem> {
        let number = value.number();
        match id {
            5 => self.mode = Mode::Save,
            6 => self.mode = Mode::Restore,
            7 => self.flow_mask = number as u32,
            8 => self.packet_mask = number as u32,
            9 => (self.flow_mask, self.packet_mask) = (number as u32, number as u32),
            10 => self.shift = number as i8,
            11 => self.shift = -(number as i8),
            _ => {
                self.mode = Mode::Set;
                (self.value, self.flow_mask) = mark::read(id, value);
            }
        }
        Ok(())
    }

    fn check(&mut self, seen: u32) -> Result<(), Problem> {
        match seen & ANY {
            0 => bad("CONNMARK target: No operation specified"),
            _ => Ok(()),
        }
    }

    fn finish(self: Box<Self>) -> Target {
        Target::Connmark(*self)
    }
}

impl Connmark {
    fn shifted(&self, mark: u32) -> u32 {
        let by = u32::from(self.shift.unsigned_abs());
        match self.shift {
            0.. => mark.checked_shl(by).unwrap_or(0),
            _ => mark.checked_shr(by).unwrap_or(0),
        }
    }

    fn shift_text(&self, out: &mut String, prefix: &str) {
        match self.shift {
            0 => {}
            1.. => put!(out, " {prefix}left-shift-mark {}", self.shift),
            _ => put!(out, " {prefix}right-shift-mark {}", self.shift.unsigned_abs()),
        }
    }
}

impl Action for Connmark {
    fn name(&self) -> &'static str {
        "CONNMARK"
    }

    fn needs_conntrack(&self) -> bool {
        true
    }

    fn save(&self, out: &mut String) {
        let (flow, packet) = (self.flow_mask, self.packet_mask);
        match self.mode {
            Mode::Set => put!(out, " --set-xmark {:#x}/{flow:#x}", self.value),
            Mode::Save => put!(out, " --save-mark --nfmask {packet:#x} --ctmask {flow:#x}"),
            Mode::Restore => put!(out, " --restore-mark --nfmask {packet:#x} --ctmask {flow:#x}"),
        }
        self.shift_text(out, "--");
    }

    fn print(&self, out: &mut String, _: &Style<'_>) {
        let (flow, packet) = (self.flow_mask, self.packet_mask);
        match self.mode {
            Mode::Set => mark::print(out, "CONNMARK", self.value, flow),
            Mode::Save | Mode::Restore => {
                let save = self.mode == Mode::Save;
                out.push_str(if save { " CONNMARK save" } else { " CONNMARK restore" });
                if flow == packet && flow != u32::MAX {
                    put!(out, " mask {flow:#x}");
                } else if flow != packet && save {
                    put!(out, " nfmask {packet:#x} ctmask ~{flow:#x}");
                } else if flow != packet {
                    put!(out, " ctmask {flow:#x} nfmask ~{packet:#x}");
                }
            }
        }
        self.shift_text(out, "");
    }

    fn act(&self, at: &mut Context<'_>) -> Outcome {
        let packet = at.packet.mark;
        let Some((flow, _)) = at.flow_mut() else { return Outcome::Continue };
        match self.mode {
            Mode::Set => flow.mark = self.shifted((flow.mark & !self.flow_mask) ^ self.value),
            Mode::Save => {
                let mark = self.shifted(packet & self.packet_mask);
                flow.mark = (flow.mark & !self.flow_mask) ^ mark;
            }
            Mode::Restore => {
                let mark = self.shifted(flow.mark & self.flow_mask);
                at.packet.mark = (packet & !self.packet_mask) ^ mark;
            }
        }
        Outcome::Continue
    }
}
