//! The grammar of filter expressions.
//!
//! Always: nested no deeper than [`DEPTH`]; beyond it is a syntax error, as where bison's stack ends.
//! Differs from libpcap: ATM, MTP, 802.11, LLC types, PPPoE, MPLS and Geneve say "not simulated".
//! Sources: libpcap 1.10.3, grammar.y: "and" and "or" bind equally, from the left; an id without qualifiers takes
//! those of the one before it.

use super::build::{Built, Direction, Place, Qualifiers};
use super::expression::{Arith, Compare, Expression, LinkType, compute};
use super::names::dotted;
use super::token::Token;
use super::{Names, Refusal};
use std::net::Ipv6Addr;

const DEPTH: u32 = 200;
/// Tokens of one expression.
const MOST_TOKENS: usize = 20_000;

const PROTOCOLS: &[&str] = &[
    "link", "ip", "arp", "rarp", "sctp", "tcp", "udp", "icmp", "igmp", "igrp", "pim", "vrrp", "carp",
    "atalk", "aarp", "decnet", "lat", "sca", "mopdl", "moprc", "ip6", "icmp6", "ah", "esp", "iso", "esis",
    "isis", "l1", "l2", "iih", "lsp", "snp", "psnp", "csnp", "clnp", "stp", "ipx", "netbeui", "radio",
];
const KINDS: &[&str] = &["host", "net", "port", "portrange", "proto", "protochain", "gateway"];
const WIRELESS: &[&str] = &["addr1", "addr2", "addr3", "addr4", "ra", "ta"];

pub(super) struct Parser<'a> {
    tokens: Vec<Result<Token, Refusal>>,
    at: usize,
    depth: u32,
    /// Of the last id: `None` after something that has none.
    last: Option<Qualifiers>,
    place: Place,
    names: &'a Names,
}

impl<'a> Parser<'a> {
    pub fn new(tokens: Vec<Result<Token, Refusal>>, place: Place, names: &'a Names) -> Parser<'a> {
        Parser { tokens, at: 0, depth: 0, last: None, place, names }
    }

    pub fn whole(mut self) -> Built {
        if self.tokens.is_empty() {
            return Ok(Expression::Always(true));
        }
        if self.tokens.len() > MOST_TOKENS {
            return Err(Refusal::syntax());
        }
        let expression = self.expression()?;
        match self.peek()? {
            None => Ok(expression),
            Some(_) => Err(Refusal::syntax()),
        }
    }

    fn peek(&self) -> Result<Option<&Token>, Refusal> {
        self.look(0)
    }

    fn look(&self, ahead: usize) -> Result<Option<&Token>, Refusal> {
        match self.tokens.get(self.at + ahead) {
            None => Ok(None),
            Some(Ok(token)) => Ok(Some(token)),
            Some(Err(fault)) => Err(fault.clone()),
        }
    }

    fn word(&self) -> Result<Option<&'static str>, Refusal> {
        Ok(match self.peek()? {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        })
    }

    fn takes_word(&mut self, words: &[&'static str]) -> Result<Option<&'static str>, Refusal> {
        let found = self.word()?.filter(|word| words.contains(word));
        self.at += usize::from(found.is_some());
        Ok(found)
    }

    fn takes_sign(&mut self, signs: &[&'static str]) -> Result<Option<&'static str>, Refusal> {
        let found = match self.peek()? {
            Some(Token::Sign(sign)) => signs.iter().find(|wanted| *wanted == sign).copied(),
            _ => None,
        };
        self.at += usize::from(found.is_some());
        Ok(found)
    }

    fn takes_not(&mut self) -> Result<bool, Refusal> {
        Ok(self.takes_word(&["not"])?.is_some() || self.takes_sign(&["!"])?.is_some())
    }

    /// "and" is true, "or" false.
    fn takes_joint(&mut self) -> Result<Option<bool>, Refusal> {
        let joint = match (self.takes_word(&["and", "or"])?, self.takes_sign(&["&&", "||"])?) {
            (Some("and"), _) | (_, Some("&&")) => Some(true),
            (Some(_), _) | (_, Some(_)) => Some(false),
            _ => None,
        };
        Ok(joint)
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Refusal>) -> Result<T, Refusal> {
        self.depth += 1;
        let result = if self.depth > DEPTH { Err(Refusal::syntax()) } else { inner(self) };
        self.depth -= 1;
        result
    }

    fn expression(&mut self) -> Built {
        let mut built = self.term(false)?;
        while let Some(and) = self.takes_joint()? {
            let next = self.term(true)?;
            built = built.chain(and, next);
        }
        Ok(built)
    }

    /// A term; behind "and" and "or" also an id by itself.
    fn term(&mut self, or_id: bool) -> Built {
        if self.takes_not()? {
            return Ok(self.deeper(|parser| parser.term(or_id))?.negated());
        }
        if self.begins_arithmetic()? {
            let start = self.at;
            match self.relation() {
                // The bracket may hold the whole relation instead of one side of it.
                Err(refusal)
                    if refusal == Refusal::syntax() && self.tokens[start] == Ok(Token::Sign("(")) =>
                {
                    self.at = start;
                }
                answer => return answer,
            }
        }
        if or_id && self.begins_id()? {
            let Some(qualifiers) = self.last else {
                return Err(Refusal("syntax error in filter expression".into()));
            };
            return self.id(&qualifiers);
        }
        if self.takes_sign(&["("])?.is_some() {
            let inner = self.deeper(Parser::expression)?;
            return self.closed(inner);
        }
        self.primitive()
    }

    fn closed<T>(&mut self, inner: T) -> Result<T, Refusal> {
        match self.takes_sign(&[")"])? {
            Some(_) => Ok(inner),
            None => Err(Refusal::syntax()),
        }
    }

    /// Is this an id, or a bracket (with "not" before it) around ids?
    fn begins_id(&self) -> Result<bool, Refusal> {
        let mut ahead = 0;
        loop {
            match self.look(ahead)? {
                Some(Token::Sign("(" | "!") | Token::Word("not")) => ahead += 1,
                Some(
                    Token::Id(_) | Token::Number(_) | Token::Address(_) | Token::Address6(_) | Token::Mac(_),
                ) => {
                    return Ok(true);
                }
                _ => return Ok(false),
            }
        }
    }

    /// Does a relation begin here? A number, a load, a length or a sign, with an operator to follow.
    fn begins_arithmetic(&self) -> Result<bool, Refusal> {
        let mut ahead = 0;
        while let Some(Token::Sign("(")) = self.look(ahead)? {
            ahead += 1;
        }
        Ok(match self.look(ahead)? {
            Some(Token::Word("len") | Token::Sign("-")) => true,
            Some(Token::Word(word)) if PROTOCOLS.contains(word) => {
                self.look(ahead + 1)? == Some(&Token::Sign("["))
            }
            Some(Token::Number(_)) => {
                let mut after = ahead + 1;
                while let Some(Token::Sign(")")) = self.look(after)? {
                    after += 1;
                }
                let relation =
                    ["=", "!=", "<", ">", "<=", ">=", "+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"];
                matches!(self.look(after)?, Some(Token::Sign(sign)) if relation.contains(sign))
            }
            _ => false,
        })
    }

    /// `[not] name`, `(name or name)` with the qualifiers that stand before.
    fn id(&mut self, qualifiers: &Qualifiers) -> Built {
        if self.takes_sign(&["!"])?.is_some() || self.takes_word(&["not"])?.is_some() {
            return Ok(self.deeper(|parser| parser.id(qualifiers))?.negated());
        }
        if self.takes_sign(&["("])?.is_some() {
            let mut built = self.deeper(|parser| parser.id(qualifiers))?;
            while let Some(and) = self.takes_joint()? {
                let next = self.deeper(|parser| parser.id(qualifiers))?;
                built = built.chain(and, next);
            }
            return self.closed(built);
        }
        let token = self.peek()?.cloned();
        self.at += 1;
        self.last = Some(*qualifiers);
        match token {
            Some(Token::Id(name)) => self.place.name(&name, qualifiers, self.names),
            Some(Token::Number(number)) => self.number(number, qualifiers),
            Some(Token::Address(text)) => self.address(&text, qualifiers),
            Some(Token::Address6(text)) => self.address6(&text, qualifiers),
            Some(Token::Mac(octets)) => self.place.mac(octets, qualifiers),
            _ => Err(Refusal::syntax()),
        }
    }

    fn number(&self, number: u32, q: &Qualifiers) -> Built {
        match q.kind {
            Some(word @ ("port" | "portrange")) => self.place.port_number(number, q, word),
            Some("proto") => self.place.protocol(number, q),
            Some("gateway") => Err(Refusal("'gateway' requires a name".into())),
            Some("protochain") => Err(Refusal(super::not_simulated("protochain"))),
            _ if q.protocol == Some("link") => Err(Refusal("illegal link layer address".into())),
            Some("net") => {
                let (mut value, mut mask) = (number, u32::MAX);
                while value != 0 && value & 0xff00_0000 == 0 {
                    value <<= 8;
                    mask <<= 8;
                }
                self.place.host(value.into(), mask, q)
            }
            _ => self.place.host(number.into(), u32::MAX, q),
        }
    }

    fn address(&mut self, text: &str, q: &Qualifiers) -> Built {
        let (address, given) =
            dotted(text).ok_or_else(|| Refusal(format!("invalid IPv4 address '{text}'")))?;
        let written_mask = if self.takes_sign(&["/"])?.is_some() {
            let Some(Token::Number(bits)) = self.peek()?.cloned() else { return Err(Refusal::syntax()) };
            self.at += 1;
            if bits > 32 {
                return Err(Refusal("mask length must be <= 32".into()));
            }
            let mask = if bits == 0 { 0 } else { u32::MAX << (32 - bits) };
            Some((mask, format!("{text}/{bits}")))
        } else if self.takes_word(&["mask"])?.is_some() {
            let Some(Token::Address(mask)) = self.peek()?.cloned() else { return Err(Refusal::syntax()) };
            self.at += 1;
            let (bits, _) = dotted(&mask).ok_or_else(|| Refusal(format!("invalid IPv4 address '{mask}'")))?;
            Some((bits.to_bits(), format!("{text} mask {mask}")))
        } else {
            None
        };
        if let Some((mask, written)) = written_mask {
            if address.to_bits() & !mask != 0 {
                return Err(Refusal(format!("non-network bits set in \"{written}\"")));
            }
            return match q.kind {
                Some("net") => self.place.host(address, mask, q),
                _ => Err(Refusal("Mask syntax for networks only".into())),
            };
        }
        match q.kind {
            Some(word @ ("port" | "portrange" | "proto" | "protochain")) => {
                Err(Refusal(format!("'{word}' modifier applied to ip host")))
            }
            Some("gateway") => Err(Refusal("'gateway' requires a name".into())),
            _ if q.protocol == Some("link") => Err(Refusal("illegal link layer address".into())),
            _ => self.place.host(address, given, q),
        }
    }

    fn address6(&mut self, text: &str, q: &Qualifiers) -> Built {
        let address: Ipv6Addr = text.parse().map_err(|_| Refusal(format!("bogus IPv6 address {text}")))?;
        let mut bits = 128;
        if self.takes_sign(&["/"])?.is_some() {
            let Some(Token::Number(number)) = self.peek()?.cloned() else { return Err(Refusal::syntax()) };
            self.at += 1;
            bits = number;
        }
        if bits > 128 {
            return Err(Refusal("mask length must be <= 128".into()));
        }
        let mask = if bits == 0 { 0 } else { u128::MAX << (128 - bits) };
        if address.to_bits() & !mask != 0 {
            return Err(Refusal(format!("non-network bits set in \"{text}/{bits}\"")));
        }
        match q.kind {
            None | Some("host") if bits != 128 => Err(Refusal("Mask syntax for networks only".into())),
            None | Some("host" | "net") => self.place.host6(address, bits, q),
            Some(_) => Err(Refusal("invalid qualifier against IPv6 address".into())),
        }
    }

    /// What stands by itself, or qualifiers with their id.
    fn primitive(&mut self) -> Built {
        let protocol = self.takes_word(PROTOCOLS)?;
        let direction = self.direction()?;
        let kind = self.takes_word(KINDS)?;
        if direction != Direction::Default || kind.is_some() {
            if direction != Direction::Default && matches!(kind, Some("proto" | "protochain" | "gateway")) {
                return Err(Refusal::syntax());
            }
            return self.id(&Qualifiers { protocol, direction, kind });
        }
        self.last = None;
        match self.takes_word(&["broadcast", "multicast"])? {
            Some("broadcast") => return self.place.broadcast(protocol),
            Some(_) => return self.place.multicast(protocol),
            None => {}
        }
        let Some(protocol) = protocol else { return self.other() };
        match self.peek()? {
            None | Some(Token::Word("and" | "or") | Token::Sign("&&" | "||" | ")")) => {
                self.place.abbreviation(protocol)
            }
            Some(_) => Err(Refusal::syntax()),
        }
    }

    fn direction(&mut self) -> Result<Direction, Refusal> {
        let Some(first) = self.takes_word(&["src", "dst"])? else {
            return Ok(self.takes_word(WIRELESS)?.map_or(Direction::Default, Direction::Wireless));
        };
        let start = self.at;
        if let Some(and) = self.takes_joint()? {
            let other = if first == "src" { "dst" } else { "src" };
            if self.takes_word(&[other])?.is_some() {
                return Ok(if and { Direction::Both } else { Direction::Either });
            }
            self.at = start;
        }
        Ok(if first == "src" { Direction::Source } else { Direction::Destination })
    }

    fn other(&mut self) -> Built {
        let Some(word) = self.word()? else { return Err(Refusal::syntax()) };
        self.at += 1;
        let length = |compare, value| Expression::Relation {
            compare,
            reversed: false,
            left: Arith::Length,
            right: Arith::Number(value),
            guards: Vec::new(),
        };
        match word {
            // "less" is at most, "greater" is at least.
            "less" => Ok(length(Compare::Greater, self.bare_number()?).negated()),
            "greater" => Ok(length(Compare::AtLeast, self.bare_number()?)),
            "inbound" | "outbound" => {
                if self.place.link == LinkType::Ethernet && !self.place.live {
                    let text = "inbound/outbound not supported on Ethernet when reading savefiles";
                    return Err(Refusal(text.into()));
                }
                Ok(if word == "outbound" { Expression::Outgoing } else { Expression::Outgoing.negated() })
            }
            "ifindex" => {
                let index = self.bare_number()?;
                match self.place.link == LinkType::Ethernet && !self.place.live {
                    true => Err(Refusal("ifindex not supported on Ethernet when reading savefiles".into())),
                    false => Ok(Expression::IfIndex(index)),
                }
            }
            "vlan" => self.vlan(),
            "llc" if !matches!(self.peek()?, Some(Token::Id(_) | Token::Word("rnr"))) => Ok(Expression::Llc),
            "ifname" | "rset" | "rnr" | "srnr" | "reason" | "action" => self.packet_filter(word),
            "type" | "subtype" => match self.peek()? {
                Some(Token::Id(_) | Token::Number(_)) => {
                    Err(Refusal("802.11 link-layer types supported only on 802.11".into()))
                }
                _ => Err(Refusal::syntax()),
            },
            "byte" | "llc" | "mpls" | "pppoed" | "pppoes" | "geneve" | "atm" | "mtp" | "dir" => {
                Err(Refusal(super::not_simulated(word)))
            }
            _ => Err(Refusal::syntax()),
        }
    }

    /// What only a BSD firewall's log has.
    fn packet_filter(&mut self, word: &str) -> Built {
        let has_value = matches!(self.peek()?, Some(Token::Id(_) | Token::Number(_)));
        match (has_value, word) {
            (true, "ifname") => Err(Refusal("ifname supported only on PF linktype".into())),
            (true, "rset") => Err(Refusal("ruleset supported only on PF linktype".into())),
            (true, "rnr") => Err(Refusal("rnr supported only on PF linktype".into())),
            (true, "srnr") => Err(Refusal("srnr supported only on PF linktype".into())),
            (true, "reason") => Err(Refusal("reason supported only on PF linktype".into())),
            (true, _) => Err(Refusal("action supported only on PF linktype".into())),
            (false, _) => Err(Refusal::syntax()),
        }
    }

    fn bare_number(&mut self) -> Result<u32, Refusal> {
        let Some(Token::Number(number)) = self.peek()?.cloned() else { return Err(Refusal::syntax()) };
        self.at += 1;
        Ok(number)
    }

    /// From here on all offsets count behind the tag.
    fn vlan(&mut self) -> Built {
        let id = match self.peek()? {
            Some(Token::Number(_)) => Some(self.bare_number()?),
            _ => None,
        };
        if let Some(id) = id.filter(|id| *id > 0x0fff) {
            return Err(Refusal(format!("VLAN tag {id} greater than maximum 4095")));
        }
        let kinds = [0x8100, 0x88a8, 0x9100].map(|kind| self.place.link_type(kind));
        let tagged = kinds.into_iter().reduce(Expression::or).unwrap_or(Expression::Always(false));
        let tag = super::expression::Base::Network { shift: self.place.shift };
        self.place.shift += 4;
        Ok(match id {
            None => tagged,
            Some(value) => tagged.and(Expression::Bytes {
                base: tag,
                at: 0,
                size: 2,
                mask: 0x0fff,
                compare: Compare::Equal,
                value,
            }),
        })
    }

    fn relation(&mut self) -> Built {
        self.last = None;
        let mut guards = Vec::new();
        let left = self.arithmetic(0, &mut guards)?;
        let sign = self.takes_sign(&["=", "!=", "<", ">", "<=", ">="])?.ok_or_else(Refusal::syntax)?;
        let right = self.arithmetic(0, &mut guards)?;
        let (compare, reversed) = match sign {
            ">" => (Compare::Greater, false),
            ">=" => (Compare::AtLeast, false),
            "=" => (Compare::Equal, false),
            "<=" => (Compare::Greater, true),
            "<" => (Compare::AtLeast, true),
            _ => (Compare::Equal, true),
        };
        Ok(Expression::Relation { compare, reversed, left, right, guards })
    }

    fn arithmetic(&mut self, level: usize, guards: &mut Vec<Expression>) -> Result<Arith, Refusal> {
        /// From the loosest to the tightest.
        const LEVELS: [&[&str]; 5] = [&["|", "^"], &["&"], &["<<", ">>"], &["+", "-"], &["*", "/", "%"]];
        let Some(signs) = LEVELS.get(level) else { return self.deeper(|parser| parser.operand(guards)) };
        let mut left = self.arithmetic(level + 1, guards)?;
        let mut length = 0;
        while let Some(sign) = self.takes_sign(signs)? {
            let right = self.arithmetic(level + 1, guards)?;
            if let (true, Arith::Number(0)) = (matches!(sign, "/" | "%"), &right) {
                let what = if sign == "/" { "division" } else { "modulus" };
                return Err(Refusal(format!("{what} by zero")));
            }
            left = match (&left, &right) {
                (Arith::Number(a), Arith::Number(b)) => Arith::Number(compute(sign, *a, *b).unwrap_or(0)),
                _ => Arith::Binary { sign, left: Box::new(left), right: Box::new(right) },
            };
            // Each step nests one deeper.
            length += 1;
            if length > DEPTH {
                return Err(Refusal("expression is too complex".into()));
            }
        }
        Ok(left)
    }

    fn operand(&mut self, guards: &mut Vec<Expression>) -> Result<Arith, Refusal> {
        if self.takes_sign(&["-"])?.is_some() {
            let inner = self.deeper(|parser| parser.operand(guards))?;
            return Ok(Arith::Negative(Box::new(inner)));
        }
        if self.takes_sign(&["("])?.is_some() {
            let inner = self.arithmetic(0, guards)?;
            return self.closed(inner);
        }
        if self.takes_word(&["len"])?.is_some() {
            return Ok(Arith::Length);
        }
        if let Some(protocol) = self.takes_word(PROTOCOLS)? {
            self.takes_sign(&["["])?.ok_or_else(Refusal::syntax)?;
            let index = self.arithmetic(0, guards)?;
            let size = if self.takes_sign(&[":"])?.is_some() { self.bare_number()? } else { 1 };
            self.takes_sign(&["]"])?.ok_or_else(Refusal::syntax)?;
            let (load, wanted) = self.place.load(protocol, index, size)?;
            guards.extend(wanted);
            return Ok(load);
        }
        Ok(Arith::Number(self.bare_number()?))
    }
}
