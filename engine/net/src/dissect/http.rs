//! HTTP/1 in clear text: the first line and the headers of a segment that begins a message. Source: RFC 9112.

use super::Dissector;
use super::field::{Layer, printable, with};
use api::event::Protocol;

const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
/// Lines of a header that are shown.
const MOST_LINES: usize = 100;
/// Of the first line, in the row and the label.
const MOST_SHOWN: usize = 200;

pub(super) fn http(to: &mut Dissector, payload: Layer) {
    let Some(first) = lines(payload.bytes).next() else { return };
    let text = printable(&payload.bytes[first.0..first.1]);
    let mut words = text.split(' ');
    let start = words.next().unwrap_or_default();
    let response = start.starts_with("HTTP/1.");
    let request = METHODS.contains(&start) && text.contains(" HTTP/1.");
    if !response && !request {
        return;
    }
    to.layer(|| {
        let fields = lines(payload.bytes)
            .take(MOST_LINES)
            .take_while(|(from, until)| until > from)
            .map(|(from, until)| {
                let line = printable(&payload.bytes[from..until]);
                let name = if from == 0 {
                    if response { "http.response.line" } else { "http.request.line" }
                } else {
                    "http.header"
                };
                payload.field(name, from, until - from, line.clone(), line)
            })
            .collect();
        with(payload.field("http", 0, payload.bytes.len(), "Hypertext Transfer Protocol", ""), fields)
    });
    let shown: String = text.chars().take(MOST_SHOWN).collect();
    let label =
        if response { shown.clone() } else { shown.rsplit_once(" HTTP/").map_or("", |it| it.0).to_string() };
    to.say(Protocol::Http, shown, label);
}

/// Where each line begins and ends, without its line end.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, usize)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let length = bytes.get(at..)?.iter().position(|byte| *byte == b'\n')?;
        let from = at;
        at += length + 1;
        let end = from + length;
        Some((from, if end > from && bytes[end - 1] == b'\r' { end - 1 } else { end }))
    })
}
