//! A compiled filter: what it asks of a packet's bytes.
//!
//! Always: reading beyond the packet's end refuses the whole packet, as the kernel's filter machine does, whatever
//! stands around it; no input makes it loop or overflow.
//! Sources: pcap-filter(7); libpcap 1.10.3, gencode.c; bpf(4).

/// What a capture's frames begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkType {
    /// EN10MB
    Ethernet,
    /// LINUX_SLL2, of `-i any`
    Cooked,
}

impl LinkType {
    /// Where the EtherType stands.
    pub(super) fn type_at(self) -> u32 {
        match self {
            LinkType::Ethernet => 12,
            LinkType::Cooked => 0,
        }
    }

    /// Where the network layer begins.
    pub fn header(self) -> u32 {
        match self {
            LinkType::Ethernet => 14,
            LinkType::Cooked => 20,
        }
    }
}

/// A packet as the filter sees it.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    pub bytes: &'a [u8],
    pub outgoing: bool,
    pub ifindex: u32,
}

/// Where an offset counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Base {
    Link,
    /// The network layer; tags of VLANs in front have been added up.
    Network {
        shift: u32,
    },
    /// Behind an IPv4 header of whatever length.
    Transport {
        shift: u32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compare {
    Equal,
    Greater,
    AtLeast,
}

#[derive(Clone, Debug)]
pub(super) enum Arith {
    Number(u32),
    Length,
    Load { base: Base, index: Box<Arith>, size: u8 },
    Negative(Box<Arith>),
    Binary { sign: &'static str, left: Box<Arith>, right: Box<Arith> },
}

#[derive(Clone, Debug)]
pub(super) enum Expression {
    Always(bool),
    /// `first`, then each with "and" (true) or "or": the two bind equally, from the left.
    Chain(Box<Expression>, Vec<(bool, Expression)>),
    Not(Box<Expression>),
    /// The EtherType; up to 1500 it is a service access point of LLC.
    LinkType {
        shift: u32,
        value: u32,
    },
    Bytes {
        base: Base,
        at: u32,
        size: u8,
        mask: u32,
        compare: Compare,
        value: u32,
    },
    Relation {
        compare: Compare,
        reversed: bool,
        left: Arith,
        right: Arith,
        guards: Vec<Expression>,
    },
    Outgoing,
    IfIndex(u32),
    /// LLC frames: a length where the EtherType would be.
    Llc,
}

/// Beyond the packet's end.
pub(super) struct Outside;

impl Expression {
    pub fn and(self, other: Expression) -> Expression {
        self.chain(true, other)
    }

    pub fn or(self, other: Expression) -> Expression {
        self.chain(false, other)
    }

    pub fn chain(self, and: bool, other: Expression) -> Expression {
        match self {
            Expression::Chain(first, mut rest) => {
                rest.push((and, other));
                Expression::Chain(first, rest)
            }
            first => Expression::Chain(Box::new(first), vec![(and, other)]),
        }
    }

    pub fn negated(self) -> Expression {
        Expression::Not(Box::new(self))
    }

    pub fn matches(&self, link: LinkType, input: &Input) -> bool {
        self.test(link, input).unwrap_or(false)
    }

    fn test(&self, link: LinkType, input: &Input) -> Result<bool, Outside> {
        Ok(match self {
            Expression::Always(answer) => *answer,
            Expression::Chain(first, rest) => {
                let mut so_far = first.test(link, input)?;
                for (and, next) in rest {
                    if so_far == *and {
                        so_far = next.test(link, input)?;
                    }
                }
                so_far
            }
            Expression::Not(inner) => !inner.test(link, input)?,
            Expression::LinkType { shift, value } => link_type(link, input, *shift, *value)?,
            Expression::Bytes { base, at, size, mask, compare, value } => {
                let found = load(link, input, *base, *at, *size)? & mask;
                compare.holds(found, *value)
            }
            Expression::Relation { compare, reversed, left, right, guards } => {
                for guard in guards {
                    if !guard.test(link, input)? {
                        return Ok(false);
                    }
                }
                let (left, right) = (left.value(link, input)?, right.value(link, input)?);
                let (Some(left), Some(right)) = (left, right) else { return Ok(false) };
                compare.holds(left, right) != *reversed
            }
            Expression::Outgoing => match link {
                LinkType::Ethernet => input.outgoing,
                LinkType::Cooked => load(link, input, Base::Link, 10, 1)? == 4,
            },
            Expression::IfIndex(index) => input.ifindex == *index,
            Expression::Llc => match link {
                LinkType::Ethernet => load(link, input, Base::Link, 12, 2)? <= 1500,
                LinkType::Cooked => load(link, input, Base::Link, 0, 2)? == 4,
            },
        })
    }
}

impl Compare {
    fn holds(self, left: u32, right: u32) -> bool {
        match self {
            Compare::Equal => left == right,
            Compare::Greater => left > right,
            Compare::AtLeast => left >= right,
        }
    }
}

impl Arith {
    /// `None` where it divides by zero, which refuses the packet.
    fn value(&self, link: LinkType, input: &Input) -> Result<Option<u32>, Outside> {
        Ok(match self {
            Arith::Number(number) => Some(*number),
            Arith::Length => Some(input.bytes.len() as u32),
            Arith::Load { base, index, size } => match index.value(link, input)? {
                Some(at) => Some(load(link, input, *base, at, *size)?),
                None => None,
            },
            Arith::Negative(inner) => inner.value(link, input)?.map(u32::wrapping_neg),
            Arith::Binary { sign, left, right } => {
                match (left.value(link, input)?, right.value(link, input)?) {
                    (Some(left), Some(right)) => compute(sign, left, right),
                    _ => None,
                }
            }
        })
    }
}

pub(super) fn compute(sign: &str, left: u32, right: u32) -> Option<u32> {
    match sign {
        "+" => Some(left.wrapping_add(right)),
        "-" => Some(left.wrapping_sub(right)),
        "*" => Some(left.wrapping_mul(right)),
        "/" => left.checked_div(right),
        "%" => left.checked_rem(right),
        "&" => Some(left & right),
        "|" => Some(left | right),
        "^" => Some(left ^ right),
        "<<" => Some(left.checked_shl(right).unwrap_or(0)),
        _ => Some(left.checked_shr(right).unwrap_or(0)),
    }
}

fn link_type(link: LinkType, input: &Input, shift: u32, value: u32) -> Result<bool, Outside> {
    let found = load(link, input, Base::Link, link.type_at() + shift, 2)?;
    if value > 1500 {
        return Ok(found == value);
    }
    let llc = match link {
        LinkType::Ethernet => found <= 1500,
        LinkType::Cooked => found == 4,
    };
    Ok(llc && load(link, input, Base::Network { shift }, 0, 1)? == value)
}

fn load(link: LinkType, input: &Input, base: Base, at: u32, size: u8) -> Result<u32, Outside> {
    let start = match base {
        Base::Link => 0,
        Base::Network { shift } => link.header() + shift,
        Base::Transport { shift } => {
            let network = link.header() + shift;
            let first = byte(input, network)?;
            network + u32::from(first & 0xf) * 4
        }
    };
    let at = start.checked_add(at).ok_or(Outside)?;
    let mut value = 0;
    for step in 0..u32::from(size) {
        value = value << 8 | u32::from(byte(input, at.checked_add(step).ok_or(Outside)?)?);
    }
    Ok(value)
}

fn byte(input: &Input, at: u32) -> Result<u8, Outside> {
    input.bytes.get(at as usize).copied().ok_or(Outside)
}
