//! The counters of a link: `ip -s link`, `ip -s -s link`, `-h` for people.

use crate::cmd::iproute2::Printer;
use crate::cmd::iproute2::run::Options;
use net::rtnetlink::Link;

/// `width` columns, a blank after; `-human-readable` with k, M, G … of 1000 or (`-iec`) 1024.
fn number(options: &Options, width: usize, count: u64) -> String {
    let base: u64 = if options.iec { 1024 } else { 1000 };
    if !options.human || count < base {
        return format!("{count:>width$} ");
    }
    let prefixes = ['k', 'M', 'G', 'T', 'P', 'E'];
    let mut power = base;
    let mut prefix = 0;
    while count / base >= power && prefix + 1 < prefixes.len() {
        power *= base;
        prefix += 1;
    }
    let whole = count / power;
    let precision = if whole < 10 {
        2
    } else if whole < 100 {
        1
    } else {
        0
    };
    let shown = format!(
        "{:.precision$}{}{}",
        count as f64 / power as f64,
        prefixes[prefix],
        if options.iec { "i" } else { "" }
    );
    format!("{shown:>width$} ")
}

/// Columns as wide as their widest number.
struct Columns([usize; 8]);

impl Columns {
    fn fit(&mut self, options: &Options, values: [u64; 8]) {
        if options.human {
            return;
        }
        for (width, value) in self.0.iter_mut().zip(values) {
            *width = (*width).max(value.to_string().len());
        }
    }

    fn heads(&self, first: &str, heads: [&str; 5], last: &str) -> String {
        let [a, b, c, d, e, f, ..] = self.0;
        let [bytes, packets, errors, dropped, fifth] = ["bytes", heads[0], heads[1], heads[2], heads[3]];
        format!(
            "    {first}: {bytes:>width$} {packets:>b$} {errors:>c$} {dropped:>d$} {fifth:>e$} {:>f$} {last:>g$}",
            heads[4],
            width = a - 4,
            g = self.0[6],
        )
    }
}

/// Both directions, without a line end after the last number.
pub fn print(out: &mut Printer, options: &Options, link: &Link) {
    if out.is_json() { json(out, options, link) } else { table(out, options, link) }
}

fn table(out: &mut Printer, options: &Options, link: &Link) {
    let stats = &link.stats;
    let twice = options.stats > 1;
    let changes = u64::from(stats.carrier_changes);
    let mut columns = Columns(
        ["*X errors:", "packets", "errors", "dropped", "heartbt", "overrun", "compressed", "otherhost"]
            .map(str::len),
    );
    let received = [
        stats.rx_bytes,
        stats.rx_packets,
        stats.rx_errors,
        stats.rx_dropped,
        stats.rx_missed,
        stats.multicast,
    ];
    let sent = [
        stats.tx_bytes,
        stats.tx_packets,
        stats.tx_errors,
        stats.tx_dropped,
        stats.tx_carrier_errors,
        stats.collisions,
    ];
    let eight = |six: [u64; 6]| [six[0], six[1], six[2], six[3], six[4], six[5], 0, 0];
    columns.fit(options, eight(received));
    columns.fit(options, eight(sent));
    if twice {
        columns
            .fit(options, [0, stats.rx_length_errors, 0, 0, 0, stats.rx_over_errors, stats.rx_nohandler, 0]);
        columns.fit(options, [0, 0, stats.tx_aborted_errors, 0, 0, 0, changes, 0]);
    }
    let widths = columns.0;
    let row = |values: [u64; 6]| -> String {
        values.iter().zip(widths).map(|(value, width)| number(options, width, *value)).collect()
    };
    out.text(columns.heads("RX", ["packets", "errors", "dropped", "missed", "mcast"], ""));
    out.line();
    out.text("    ");
    out.text(row(received));
    if twice {
        let values = [stats.rx_length_errors, 0, 0, 0, stats.rx_over_errors];
        errors(out, options, widths, ["RX errors:", "length", "crc", "frame", "fifo", "overrun"], values);
    }
    out.line();
    out.text(columns.heads("TX", ["packets", "errors", "dropped", "carrier", "collsns"], ""));
    out.line();
    out.text("    ");
    out.text(row(sent));
    if twice {
        let values = [stats.tx_aborted_errors, 0, 0, 0, changes];
        errors(
            out,
            options,
            widths,
            ["TX errors:", "aborted", "fifo", "window", "heartbt", "transns"],
            values,
        );
    }
}

fn errors(out: &mut Printer, options: &Options, widths: [usize; 8], heads: [&str; 6], values: [u64; 5]) {
    out.line();
    out.text(format_args!("    {}{:>width$}", heads[0], "", width = widths[0] - 10));
    for (head, width) in heads[1..].iter().zip(&widths[1..6]) {
        out.text(format_args!(" {head:>width$}"));
    }
    out.line();
    out.text(format_args!("{:>width$}", "", width = widths[0] + 5));
    for (value, width) in values.iter().zip(&widths[1..6]) {
        out.text(number(options, *width, *value));
    }
}

fn json(out: &mut Printer, options: &Options, link: &Link) {
    let stats = &link.stats;
    let twice = options.stats > 1;
    let zeros = |out: &mut Printer, names: &[&str]| names.iter().for_each(|name| out.json(name, 0u64));
    out.open_object(Some("stats64"));
    out.open_object(Some("rx"));
    for (name, value) in [
        ("bytes", stats.rx_bytes),
        ("packets", stats.rx_packets),
        ("errors", stats.rx_errors),
        ("dropped", stats.rx_dropped),
        ("over_errors", stats.rx_over_errors),
        ("multicast", stats.multicast),
    ] {
        out.json(name, value);
    }
    if twice {
        out.json("length_errors", stats.rx_length_errors);
        zeros(out, &["crc_errors", "frame_errors", "fifo_errors"]);
        out.json("missed_errors", stats.rx_missed);
        if stats.rx_nohandler != 0 {
            out.json("nohandler", stats.rx_nohandler);
        }
    }
    out.close_object();
    out.open_object(Some("tx"));
    for (name, value) in [
        ("bytes", stats.tx_bytes),
        ("packets", stats.tx_packets),
        ("errors", stats.tx_errors),
        ("dropped", stats.tx_dropped),
        ("carrier_errors", stats.tx_carrier_errors),
        ("collisions", stats.collisions),
    ] {
        out.json(name, value);
    }
    if twice {
        out.json("aborted_errors", stats.tx_aborted_errors);
        zeros(out, &["fifo_errors", "window_errors", "heartbeat_errors"]);
        out.json("carrier_changes", stats.carrier_changes);
    }
    out.close_object();
    out.close_object();
}
