//! Taps.
#[derive(Debug, Default)]
pub(crate) struct Capture {}
