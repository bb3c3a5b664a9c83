//! The display filter of the Packets pane: Wireshark's words, and plain text.
//!
//! Called for each frame with the fields its dissection names. Always: a text either parses or says where it fails;
//! parsing recurses at most `DEPTH` deep. `!=` means "no such field has that value", as in Wireshark 4.
//! Differs from Wireshark: no slices, sets, arithmetic or functions; a word that is neither field nor protocol is
//! looked for in the row, where Wireshark would refuse it. Source: wireshark-filter(4).

use ipnet::IpNet;
use std::net::IpAddr;

/// Brackets and negations nested deeper are refused.
const DEPTH: usize = 32;

/// Words that stand for a layer when they stand alone.
pub const PROTOCOLS: &[&str] =
    &["arp", "dns", "eth", "http", "icmp", "icmpv6", "ip", "ipv6", "tcp", "udp", "vlan", "vxlan"];

/// What the input offers while a filter is typed.
pub const WORDS: &[&str] = &[
    "arp",
    "dns",
    "http",
    "icmp",
    "tcp",
    "udp",
    "vxlan",
    "ip.addr ==",
    "ip.src ==",
    "ip.dst ==",
    "ip.ttl <",
    "eth.addr ==",
    "tcp.port ==",
    "udp.port ==",
    "tcp.flags.syn == 1",
    "tcp.flags.reset == 1",
    "icmp.type ==",
    "arp.opcode ==",
    "dns.qry.name contains",
    "http.request.method ==",
    "vxlan.vni ==",
    "frame.number ==",
    "frame.len >",
];

/// One frame as a filter sees it: `fields` are (name, value) pairs of all layers, layer names among them.
pub struct Frame<'a> {
    pub fields: &'a [(String, String)],
    /// Source, destination, protocol and info in one line.
    pub text: &'a str,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Filter(Expr);

#[derive(Clone, Debug, PartialEq)]
enum Expr {
    Or(Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Has(String),
    Compare(String, Op, String),
    Text(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Eq,
    Ne,
    Gt,
    Lt,
    Ge,
    Le,
    Contains,
}

/// Where (in bytes) a filter stops making sense, and what was expected there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    pub at: usize,
    pub expected: &'static str,
}

impl Filter {
    /// `Ok(None)` is the empty filter, which shows everything.
    pub fn parse(text: &str) -> Result<Option<Filter>, FilterError> {
        let tokens = lex(text)?;
        if tokens.is_empty() {
            return Ok(None);
        }
        let mut parser = Parser { tokens: &tokens, next: 0, end: text.len() };
        let expr = parser.or(0)?;
        match parser.peek() {
            None => Ok(Some(Filter(expr))),
            Some(_) => Err(parser.error("“and”, “or”, or the end")),
        }
    }

    pub fn matches(&self, frame: &Frame<'_>) -> bool {
        holds(&self.0, frame)
    }

    /// Only text is looked for, so that rows alone decide and no frame need be taken apart.
    pub fn needs_fields(&self) -> bool {
        fn needs(expr: &Expr) -> bool {
            match expr {
                Expr::Or(a, b) | Expr::And(a, b) => needs(a) || needs(b),
                Expr::Not(inner) => needs(inner),
                Expr::Text(_) => false,
                Expr::Has(_) | Expr::Compare(..) => true,
            }
        }
        needs(&self.0)
    }
}

impl Filter {
    /// The fields whose values are asked for. A layer alone is no mistake where no packet has it.
    pub fn names(&self) -> Vec<&str> {
        fn gather<'a>(expr: &'a Expr, names: &mut Vec<&'a str>) {
            match expr {
                Expr::Or(a, b) | Expr::And(a, b) => {
                    gather(a, names);
                    gather(b, names);
                }
                Expr::Not(inner) => gather(inner, names),
                Expr::Compare(name, ..) => names.push(name),
                Expr::Has(_) | Expr::Text(_) => {}
            }
        }
        let mut names = Vec::new();
        gather(&self.0, &mut names);
        names
    }
}

fn holds(expr: &Expr, frame: &Frame<'_>) -> bool {
    match expr {
        Expr::Or(a, b) => holds(a, frame) || holds(b, frame),
        Expr::And(a, b) => holds(a, frame) && holds(b, frame),
        Expr::Not(inner) => !holds(inner, frame),
        Expr::Has(name) => frame.fields.iter().any(|(field, _)| field.eq_ignore_ascii_case(name)),
        Expr::Compare(name, Op::Ne, want) => !any_value(frame, name, Op::Eq, want),
        Expr::Compare(name, op, want) => any_value(frame, name, *op, want),
        Expr::Text(text) => frame.text.to_lowercase().contains(&text.to_lowercase()),
    }
}

fn any_value(frame: &Frame<'_>, name: &str, op: Op, want: &str) -> bool {
    let either = both_ends(name);
    frame
        .fields
        .iter()
        .filter(|(field, _)| field.eq_ignore_ascii_case(name) || either.contains(&field.as_str()))
        .any(|(_, value)| compare(value, op, want))
}

/// A field that stands for source and destination alike.
pub fn both_ends(name: &str) -> [&'static str; 2] {
    match name {
        "ip.addr" => ["ip.src", "ip.dst"],
        "ipv6.addr" => ["ipv6.src", "ipv6.dst"],
        "eth.addr" => ["eth.src", "eth.dst"],
        "tcp.port" => ["tcp.srcport", "tcp.dstport"],
        "udp.port" => ["udp.srcport", "udp.dstport"],
        _ => ["", ""],
    }
}

fn compare(value: &str, op: Op, want: &str) -> bool {
    if op == Op::Contains {
        return value.to_lowercase().contains(&want.to_lowercase());
    }
    if let (Ok(address), Ok(net)) = (value.parse::<IpAddr>(), want.parse::<IpNet>()) {
        return op == Op::Eq && net.contains(&address);
    }
    let order = match (number(value), number(want)) {
        (Some(value), Some(want)) => value.cmp(&want),
        _ => value.to_lowercase().cmp(&want.to_lowercase()),
    };
    match op {
        Op::Eq => order.is_eq(),
        Op::Ne => order.is_ne(),
        Op::Gt => order.is_gt(),
        Op::Lt => order.is_lt(),
        Op::Ge => order.is_ge(),
        Op::Le => order.is_le(),
        Op::Contains => false,
    }
}

/// Decimal, `0x…`, and the truth values of a flag.
fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None if text.eq_ignore_ascii_case("true") => Some(1),
        None if text.eq_ignore_ascii_case("false") => Some(0),
        None => text.parse().ok(),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open,
    Close,
    Or,
    And,
    Not,
    Op(Op),
    Word(String),
    Quoted(String),
}

fn lex(text: &str) -> Result<Vec<(usize, Token)>, FilterError> {
    const SIGNS: &[(&str, Token)] = &[
        ("(", Token::Open),
        (")", Token::Close),
        ("||", Token::Or),
        ("&&", Token::And),
        ("==", Token::Op(Op::Eq)),
        ("!=", Token::Op(Op::Ne)),
        (">=", Token::Op(Op::Ge)),
        ("<=", Token::Op(Op::Le)),
        (">", Token::Op(Op::Gt)),
        ("<", Token::Op(Op::Lt)),
        ("!", Token::Not),
    ];
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        if first.is_whitespace() {
            at += first.len_utf8();
        } else if let Some((sign, token)) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) {
            tokens.push((at, token.clone()));
            at += sign.len();
        } else if first == '"' {
            let length = rest[1..].find('"').ok_or(FilterError { at, expected: "a closing quote" })?;
            tokens.push((at, Token::Quoted(rest[1..1 + length].to_string())));
            at += length + 2;
        } else {
            let ends = |c: char| c.is_whitespace() || "()|&=!<>\"".contains(c);
            let length = rest.find(ends).unwrap_or(rest.len());
            if length == 0 {
                return Err(FilterError { at, expected: "==, && or ||" });
            }
            tokens.push((at, word(&rest[..length])));
            at += length;
        }
    }
    Ok(tokens)
}

fn word(text: &str) -> Token {
    match text.to_ascii_lowercase().as_str() {
        "or" => Token::Or,
        "and" => Token::And,
        "not" => Token::Not,
        "eq" => Token::Op(Op::Eq),
        "ne" => Token::Op(Op::Ne),
        "gt" => Token::Op(Op::Gt),
        "lt" => Token::Op(Op::Lt),
        "ge" => Token::Op(Op::Ge),
        "le" => Token::Op(Op::Le),
        "contains" => Token::Op(Op::Contains),
        _ => Token::Word(text.to_string()),
    }
}

struct Parser<'a> {
    tokens: &'a [(usize, Token)],
    next: usize,
    end: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.next += usize::from(found);
        found
    }

    fn error(&self, expected: &'static str) -> FilterError {
        FilterError { at: self.tokens.get(self.next).map_or(self.end, |(at, _)| *at), expected }
    }

    fn or(&mut self, depth: usize) -> Result<Expr, FilterError> {
        let mut left = self.and(depth)?;
        while self.take(&Token::Or) {
            left = Expr::Or(Box::new(left), Box::new(self.and(depth)?));
        }
        Ok(left)
    }

    fn and(&mut self, depth: usize) -> Result<Expr, FilterError> {
        let mut left = self.not(depth)?;
        loop {
            // Two words side by side are looked for together, as in any search box.
            let side_by_side = matches!(self.peek(), Some(Token::Word(_) | Token::Quoted(_)));
            if !self.take(&Token::And) && !side_by_side {
                return Ok(left);
            }
            left = Expr::And(Box::new(left), Box::new(self.not(depth)?));
        }
    }

    fn not(&mut self, depth: usize) -> Result<Expr, FilterError> {
        if depth > DEPTH {
            return Err(self.error("fewer brackets"));
        }
        if self.take(&Token::Not) {
            return Ok(Expr::Not(Box::new(self.not(depth + 1)?)));
        }
        if self.take(&Token::Open) {
            let inner = self.or(depth + 1)?;
            return if self.take(&Token::Close) { Ok(inner) } else { Err(self.error("a closing bracket")) };
        }
        self.leaf()
    }

    fn leaf(&mut self) -> Result<Expr, FilterError> {
        let expr = match self.peek() {
            Some(Token::Quoted(text)) => Expr::Text(text.clone()),
            Some(Token::Word(word)) => {
                let word = word.clone();
                self.next += 1;
                return self.comparison(word);
            }
            _ => return Err(self.error("a field, a protocol or a word")),
        };
        self.next += 1;
        Ok(expr)
    }

    fn comparison(&mut self, word: String) -> Result<Expr, FilterError> {
        if let Some(Token::Op(op)) = self.peek() {
            let op = *op;
            self.next += 1;
            let value = match self.peek() {
                Some(Token::Word(value) | Token::Quoted(value)) => value.clone(),
                _ => return Err(self.error("a value")),
            };
            self.next += 1;
            return Ok(Expr::Compare(word.to_ascii_lowercase(), op, value));
        }
        let lower = word.to_ascii_lowercase();
        let is_field = word.starts_with(|c: char| c.is_ascii_alphabetic())
            && lower.split_once('.').is_some_and(|(layer, _)| layer == "frame" || PROTOCOLS.contains(&layer));
        if is_field || PROTOCOLS.contains(&lower.as_str()) {
            return Ok(Expr::Has(lower));
        }
        Ok(Expr::Text(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYN: &[(&str, &str)] = &[
        ("eth", ""),
        ("eth.src", "02:00:00:00:00:01"),
        ("ip", ""),
        ("ip.src", "10.0.0.1"),
        ("ip.dst", "10.96.0.20"),
        ("ip.ttl", "64"),
        ("tcp", ""),
        ("tcp.srcport", "41822"),
        ("tcp.dstport", "80"),
        ("tcp.flags.syn", "1"),
        ("frame.len", "74"),
    ];

    fn shows(filter: &str) -> bool {
        let fields: Vec<_> = SYN.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
        let frame = Frame { fields: &fields, text: "10.0.0.1 10.96.0.20 TCP 41822 → 80 [SYN]" };
        Filter::parse(filter).expect("a filter").is_none_or(|filter| filter.matches(&frame))
    }

    #[test]
    fn wireshark_words_choose_frames() {
        for yes in [
            "",
            "tcp",
            "ip.addr == 10.0.0.1",
            "ip.addr==10.0.0.0/8",
            "tcp.port == 80 && !arp",
            "tcp.dstport eq 80 and ip.src == 10.0.0.1",
            "arp or (tcp and tcp.flags.syn == 1)",
            "ip.ttl > 10",
            "frame.len >= 74",
            "tcp.port == 0x50",
            "not udp",
            "eth.addr == 02:00:00:00:00:01",
            "ip.dst != 10.0.0.1",
            "tcp.flags.syn == True",
        ] {
            assert!(shows(yes), "{yes}");
        }
        for no in
            ["udp", "ip.src == 10.96.0.20", "tcp.port == 443", "ip.addr != 10.0.0.1", "ip.ttl < 64", "!tcp"]
        {
            assert!(!shows(no), "{no}");
        }
    }

    #[test]
    fn other_words_are_looked_for_in_the_row() {
        assert!(shows("syn"));
        assert!(shows("10.96"));
        assert!(shows("41822 SYN"));
        assert!(shows("\"→ 80\""));
        assert!(!shows("reset"));
        assert!(!shows("syn and reset"));
    }

    #[test]
    fn text_alone_needs_no_dissection() {
        let needs = |text| Filter::parse(text).ok().flatten().is_some_and(|filter| filter.needs_fields());
        assert!(!needs("syn or reset"));
        assert!(needs("syn or tcp"));
    }

    #[test]
    fn a_mistake_says_where() {
        let error = |text| Filter::parse(text).expect_err("a mistake");
        assert_eq!(error("ip.addr =="), FilterError { at: 10, expected: "a value" });
        assert_eq!(error("(tcp"), FilterError { at: 4, expected: "a closing bracket" });
        assert_eq!(error("tcp &&"), FilterError { at: 6, expected: "a field, a protocol or a word" });
        assert_eq!(error("tcp = 1").at, 4);
        assert_eq!(error("\"open"), FilterError { at: 0, expected: "a closing quote" });
        assert_eq!(error("tcp )").at, 4);
    }

    #[test]
    fn deep_nesting_is_refused_and_odd_text_never_panics() {
        assert!(Filter::parse(&"(".repeat(10_000)).is_err());
        assert!(Filter::parse(&"!".repeat(10_000)).is_err());
        for odd in ["é == ü", "\"", "&", "|", "== ==", "→", "ip.addr == \"", "!\u{301}"] {
            drop(Filter::parse(odd));
        }
    }
}
