//! `iptables -L`: chains and rules as columns.
//!
//! Sources: iptables xshared.c (print_header, print_rule_details, print_ifaces, print_ipv4_addresses).

use super::names::Names;
use super::option::protocol_name;
use super::problem::{Problem, Query};
use crate::netfilter::matches::Style;
use crate::netfilter::rule::{Family, Interface, Masked, Rule};
use crate::netfilter::table::Chain;
use crate::netfilter::targets::Target;

/// What of a rule is shown, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Format {
    pub numeric: bool,
    /// Counters and interfaces (`-v`).
    pub verbose: bool,
    /// Counters whole (`-x`).
    pub exact: bool,
    pub line_numbers: bool,
    /// One rule on a line of its own, as `-v -A` shows what it did.
    pub loose: bool,
}

impl Format {
    /// `FMT_PRINT_RULE`
    pub const RULE: Format =
        Format { numeric: true, verbose: false, exact: false, line_numbers: false, loose: true };
}

/// A counter: five digits and a letter, or whole (`xtables_print_num`).
fn count(mut number: u64, exact: bool) -> String {
    if exact {
        return format!("{number:8} ");
    }
    if number <= 99_999 {
        return format!("{number:5} ");
    }
    for unit in ['K', 'M', 'G'] {
        number = (number + 500) / 1000;
        if number <= 9999 {
            return format!("{number:4}{unit} ");
        }
    }
    format!("{:4}T ", (number + 500) / 1000)
}

/// The same without columns.
fn loose_count(number: u64, exact: bool) -> String {
    format!("{} ", count(number, exact).trim())
}

/// `Chain …` and the names of the columns.
pub(super) fn header(out: &mut String, chain: &Chain, references: usize, format: Format) {
    put!(out, "Chain {}", chain.name);
    match &chain.base {
        Some(base) => {
            put!(out, " (policy {}", base.policy.name());
            if format.verbose {
                let counters = base.counters.as_ref();
                let (packets, bytes) = counters.map_or((0, 0), |it| (it.packets.get(), it.bytes.get()));
                let (packets, bytes) = (loose_count(packets, format.exact), loose_count(bytes, format.exact));
                put!(out, " {packets}packets, {bytes}bytes");
            }
            out.push_str(")\n");
        }
        None => put!(out, " ({references} references)\n"),
    }
    if format.line_numbers {
        out.push_str("num  ");
    }
    if format.verbose {
        match format.exact {
            false => put!(out, "{:>5} {:>5} ", "pkts", "bytes"),
            true => put!(out, "{:>8} {:>10} ", "pkts", "bytes"),
        }
    }
    out.push_str("target     prot opt");
    if format.verbose {
        out.push_str(" in     out    ");
    }
    out.push_str(" source               destination         \n");
}

/// One rule, on a line.
pub(super) fn rule(
    out: &mut String,
    rule: &Rule,
    family: Family,
    number: u32,
    format: Format,
    names: &Names,
) -> Result<(), Problem> {
    let spec = &rule.spec;
    let column = |text: &str, width: usize| match format.loose {
        true => format!("{text} "),
        false => format!("{text:<width$} "),
    };
    if format.line_numbers {
        out.push_str(&column(&number.to_string(), 4));
    }
    if format.verbose {
        out.push_str(&count(rule.packets.get(), format.exact));
        // The column of bytes is wider where counters are whole.
        out.push_str(&count(rule.bytes.get(), format.exact));
    }
    out.push_str(&column(spec.target.listed(), 9));
    out.push(if spec.ip.protocol_invert { '!' } else { ' ' });
    let protocol = spec.ip.protocol;
    match protocol_name(protocol, format.numeric).filter(|_| !format.numeric || format.loose) {
        Some(name) => out.push_str(&column(name, 4)),
        None => out.push_str(&column(&protocol.to_string(), 4)),
    }
    if format.loose {
        out.push_str("opt ");
    }
    out.push_str(match spec.ip.fragment {
        Some(true) => "!f ",
        Some(false) => "-f ",
        None => "-- ",
    });
    if format.verbose || format.loose {
        interfaces(out, spec.ip.input.as_ref(), spec.ip.output.as_ref(), format);
    }
    let any = Masked { address: family.any(), mask: family.mask(0) };
    for (at, asked) in [spec.ip.source, spec.ip.destination].into_iter().enumerate() {
        let (masked, invert) = asked.unwrap_or((any, false));
        out.push(if invert { '!' } else { ' ' });
        let text = address(&masked, format.numeric, names)?;
        match format.loose {
            true if at == 0 => put!(out, "{text} "),
            true => put!(out, "-> {text}"),
            false => put!(out, "{text:<19} "),
        }
    }
    if format.loose {
        out.push_str("  ");
    }
    if matches!(spec.target, Target::Goto(_)) {
        out.push_str("[goto] ");
    }
    let style = Style { numeric: format.numeric, names, protocol };
    spec.matches.iter().for_each(|one| one.print(out, &style));
    if let Some(action) = spec.target.as_action() {
        action.print(out, &style);
    }
    out.push('\n');
    Ok(())
}

fn interfaces(out: &mut String, input: Option<&Interface>, output: Option<&Interface>, format: Format) {
    let any = if format.numeric { "*" } else { "any" };
    let text = |asked: Option<&Interface>| match asked {
        Some(interface) => format!("{}{}", if interface.invert { "!" } else { "" }, interface.pattern),
        None => any.to_owned(),
    };
    match format.loose {
        true => put!(out, "in {} out {} ", text(input), text(output)),
        false => put!(out, " {:<6} {:<6} ", text(input), text(output)),
    }
}

/// An address, by name where names are wanted and it has one.
fn address(masked: &Masked, numeric: bool, names: &Names) -> Result<String, Problem> {
    let anywhere = masked.length() == Some(0);
    if numeric {
        return Ok(format!("{}{}", masked.address, masked.mask_suffix()));
    }
    if anywhere {
        return Ok("anywhere".to_owned());
    }
    match names.addresses.get(&masked.address) {
        None => Err(Problem::Need(Query::Address(masked.address))),
        Some(Some(name)) => Ok(format!("{name}{}", masked.mask_suffix())),
        Some(None) => Ok(format!("{}{}", masked.address, masked.mask_suffix())),
    }
}
