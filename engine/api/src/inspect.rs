//! What the page may look at: frames taken apart, tables of a namespace.
//!
//! Always: a field's range lies inside its frame's bytes, so that list, tree and bytes can point at one another.

use crate::cluster::ObjectShown;
use crate::event::Protocol;
use crate::{DeviceId, FrameId, Journey, JourneyId};
use serde::{Deserialize, Serialize};

/// One row of the Packets pane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameRow {
    pub frame: FrameId,
    pub at: u64,
    pub device: DeviceId,
    /// Going out of the device (else coming in).
    pub out: bool,
    pub journey: JourneyId,
    pub source: String,
    pub destination: String,
    pub protocol: Protocol,
    pub info: String,
    pub length: u32,
}

/// One frame, taken apart as Wireshark would.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dissection {
    pub row: FrameRow,
    pub bytes: Vec<u8>,
    pub layers: Vec<Field>,
}

/// A node of the tree: `text` as shown, `name` as a display filter says it (`ip.src`), the bytes it stands on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    pub name: String,
    pub text: String,
    pub value: String,
    pub start: u32,
    pub length: u32,
    pub fields: Vec<Field>,
}

/// A table as a tool would print it, cell by cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// `routes`, `neighbours`, `fdb`, `iptables nat` …
    pub title: String,
    /// The command that prints the same in a terminal.
    pub command: String,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    Journey(Journey),
    Frame(Dissection),
    Frames(Vec<Dissection>),
    Pcapng(Vec<u8>),
    Tables(Vec<Table>),
    Object(Box<ObjectShown>),
    /// What was asked for is not there (any more).
    Gone,
}
