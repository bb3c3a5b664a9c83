//! Filter expressions: the language of pcap-filter(7), compiled to a predicate over a packet's bytes.
//!
//! Called by `tcpdump`; calls nothing. Always: no input of a learner panics; what is refused is refused in
//! libpcap's words.
//! Differs from libpcap: the predicate is a tree instead of a program for the kernel's filter machine, so `-d` has
//! nothing to show; primitives of links that no machine here has say "not simulated".
//! Sources: pcap-filter(7); libpcap 1.10.3.

mod build;
mod expression;
mod names;
mod parse;
mod satisfy;
mod token;

pub use expression::{Input, LinkType};
pub use names::Names;

use build::Place;
use expression::Expression;

/// What libpcap would say; tcpdump puts its own name in front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub String);

/// Marks a [`Refusal`] that only wants a name resolved.
const WANTS: &str = "\0wants ";

impl Refusal {
    fn syntax() -> Refusal {
        Refusal("can't parse filter expression: syntax error".into())
    }

    fn wants(name: &str) -> Refusal {
        Refusal(format!("{WANTS}{name}"))
    }

    /// The host to be resolved and put into [`Names`] before compiling again.
    pub fn wanted(&self) -> Option<&str> {
        self.0.strip_prefix(WANTS)
    }
}

fn not_simulated(what: &str) -> String {
    format!("{what}: not simulated in vethlab; use host, net, port, proto or proto[offset]")
}

#[derive(Clone, Debug)]
pub struct Compiled {
    expression: Expression,
    link: LinkType,
}

impl Compiled {
    pub fn matches(&self, input: &Input) -> bool {
        self.expression.matches(self.link, input)
    }
}

/// `netmask` is that of the device, where it has one; `live` is false for a file.
pub fn compile(
    text: &str,
    link: LinkType,
    netmask: Option<u32>,
    live: bool,
    names: &Names,
) -> Result<Compiled, Refusal> {
    let place = Place { link, shift: 0, netmask, live };
    let expression = parse::Parser::new(token::tokens(text), place, names).whole()?;
    if satisfy::rejects_all(&expression) {
        return Err(Refusal("expression rejects all packets".into()));
    }
    Ok(Compiled { expression, link })
}

#[cfg(test)]
mod tests;
