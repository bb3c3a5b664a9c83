//! Records in columns, as BIND's tools print them.
//!
//! Source: BIND 9.18 `lib/dns/masterdump.c` (columns, tabs), `lib/dns/ttl.c` (times in words), `rdata/generic/soa_6.c`.

use crate::dns::{Data, Question, Record};

const TAB: usize = 8;

/// Where columns start, and what is left out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    ttl_column: usize,
    class_column: usize,
    type_column: usize,
    data_column: usize,
    pub no_ttl: bool,
    pub no_class: bool,
    pub ttl_units: bool,
    pub multiline: bool,
    pub comments: bool,
    pub expand_aaaa: bool,
    pub unknown_format: bool,
}

impl Style {
    pub fn new(no_ttl: bool, no_class: bool, multiline: bool) -> Style {
        let (class_column, type_column, data_column) = match () {
            () if multiline || (no_ttl && no_class) => (24, 24, 32),
            () if no_ttl || no_class => (24, 32, 40),
            () => (32, 40, 48),
        };
        Style {
            ttl_column: 24,
            class_column,
            type_column,
            data_column,
            no_ttl,
            no_class,
            ttl_units: false,
            multiline,
            comments: multiline,
            expand_aaaa: false,
            unknown_format: false,
        }
    }

    pub fn record(&self, record: &Record) -> String {
        let mut line = Line::new(record.name.to_string());
        if !self.no_ttl {
            let ttl = if self.ttl_units { ttl_text(record.ttl, false) } else { record.ttl.to_string() };
            line.put(self.ttl_column, &ttl);
        }
        if !self.no_class {
            line.put(self.class_column, &self.class(record.class));
        }
        line.put(self.type_column, &self.kind(record.kind));
        line.put(self.data_column, &self.data(&record.data));
        line.text + "\n"
    }

    /// A question, without the semicolon in front.
    pub fn question(&self, question: &Question) -> String {
        let mut line = Line::new(question.name.to_string());
        if !self.no_class {
            line.put(self.class_column, &self.class(question.class));
        }
        line.put(self.type_column, &self.kind(question.kind));
        line.text + "\n"
    }

    fn class(&self, class: crate::dns::Class) -> String {
        if self.unknown_format { format!("CLASS{}", class.0) } else { class.to_string() }
    }

    fn kind(&self, kind: crate::dns::Kind) -> String {
        if self.unknown_format { format!("TYPE{}", kind.0) } else { kind.to_string() }
    }

    pub fn data(&self, data: &Data) -> String {
        match data {
            data if self.unknown_format => Data::Bytes(data.bytes()).to_string(),
            Data::Soa { mname, rname, serial, refresh, retry, expire, minimum } if self.multiline => {
                let indent = format!("\n{}", "\t".repeat(self.data_column / TAB));
                let mut text = format!("{mname} {rname} (");
                let fields = [
                    ("serial", serial),
                    ("refresh", refresh),
                    ("retry", retry),
                    ("expire", expire),
                    ("minimum", minimum),
                ];
                for (index, (name, value)) in fields.into_iter().enumerate() {
                    text += &indent;
                    text += &match (self.comments, index) {
                        (true, 0) => format!("{value:<10} ; {name}"),
                        (true, _) => format!("{value:<10} ; {name} ({})", ttl_text(*value, true)),
                        (false, _) => value.to_string(),
                    };
                }
                text + &indent + ")"
            }
            Data::Aaaa(address) if self.expand_aaaa => {
                address.segments().map(|segment| format!("{segment:04x}")).join(":")
            }
            data => data.to_string(),
        }
    }
}

/// A line with columns at multiples of eight where the text before leaves room, else one blank on.
struct Line {
    text: String,
    column: usize,
}

impl Line {
    fn new(start: String) -> Line {
        let column = start.len();
        Line { text: start, column }
    }

    fn put(&mut self, column: usize, text: &str) {
        let to = column.max(self.column + 1);
        let tabs = to / TAB - self.column / TAB;
        let from = if tabs > 0 { to / TAB * TAB } else { self.column };
        self.text.push_str(&"\t".repeat(tabs));
        self.text.push_str(&" ".repeat(to - from));
        self.text.push_str(text);
        self.column = to + text.len();
    }
}

/// `1d2h`, or in words `1 day 2 hours`.
pub(super) fn ttl_text(seconds: u32, words: bool) -> String {
    let units = [
        (seconds / 604_800, "week"),
        (seconds / 86_400 % 7, "day"),
        (seconds / 3600 % 24, "hour"),
        (seconds / 60 % 60, "minute"),
        (seconds % 60, "second"),
    ];
    let parts: Vec<String> = units
        .into_iter()
        .filter(|(count, unit)| *count > 0 || (seconds == 0 && *unit == "second"))
        .map(|(count, unit)| match words {
            true => format!("{count} {unit}{}", if count == 1 { "" } else { "s" }),
            false => format!("{count}{}", &unit[..1]),
        })
        .collect();
    parts.join(if words { " " } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::{Class, Kind, Name};

    fn record(name: &str) -> Record {
        let name = Name::parse(name).expect("a name");
        Record { name, kind: Kind::A, class: Class::IN, ttl: 300, data: Data::A([10, 0, 0, 80].into()) }
    }

    #[test]
    fn columns_move_on_by_a_blank_where_a_name_is_long() {
        let style = Style::new(false, false, false);
        assert_eq!(style.record(&record("www.example.com")), "www.example.com.\t300\tIN\tA\t10.0.0.80\n");
        let long = "web-service.default.svc.cluster.local";
        assert_eq!(style.record(&record(long)), format!("{long}. 300 IN A\t10.0.0.80\n"));
        let short = Style::new(true, true, false);
        assert_eq!(short.record(&record("www.example.com")), "www.example.com.\tA\t10.0.0.80\n");
        let wide = Style::new(false, false, true);
        assert_eq!(wide.record(&record("www.example.com")), "www.example.com.\t300 IN A 10.0.0.80\n");
    }

    #[test]
    fn times_have_units() {
        assert_eq!([0, 300, 3661, 604_800].map(|it| ttl_text(it, false)), ["0s", "5m", "1h1m1s", "1w"]);
        assert_eq!(ttl_text(86_460, true), "1 day 1 minute");
    }
}
