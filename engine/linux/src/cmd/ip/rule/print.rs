//! One rule as `ip rule` shows it.

use crate::cmd::ip::address::print::color;
use crate::cmd::ip::route::ip_protocol_name;
use crate::cmd::iproute2::json::Value;
use crate::cmd::iproute2::names::List;
use crate::cmd::iproute2::run::Options;
use crate::cmd::iproute2::{Color, Names, Printer, prefix};
use ipnet::IpNet;
use net::rtnetlink::{Rule, RuleAction, protocol};

/// What rules are printed with.
pub struct Row<'a> {
    pub options: &'a Options,
    pub names: &'a Names,
    pub deleted: bool,
}

impl Row<'_> {
    pub fn rule(&self, out: &mut Printer, rule: &Rule) {
        out.open_object(None);
        if self.deleted {
            out.field("deleted", true, "Deleted ");
        }
        let priority = rule.priority.unwrap_or(0);
        out.field("priority", priority, format_args!("{priority}:\t"));
        if rule.invert {
            out.field("not", Value::Null, "not ");
        }
        match rule.from {
            Some(net) => address(out, "from ", "src", "srclen", net),
            None => out.field("src", "all", "from all"),
        }
        if let Some(net) = rule.to {
            address(out, " to ", "dst", "dstlen", net);
        }
        if rule.tos != 0 {
            let tos = self.names.text(List::DsField, u32::from(rule.tos));
            out.field("tos", &tos, format_args!(" tos {tos}"));
        }
        self.mark_and_devices(out, rule);
        self.packet(out, rule);
        if rule.table != 0 {
            let table = self.names.text(List::Table, rule.table);
            out.field("table", &table, format_args!(" lookup {table}"));
            if let Some(length) = rule.suppress_prefix_length {
                out.field("suppress_prefixlen", length, format_args!(" suppress_prefixlength {length}"));
            }
        }
        action(out, rule, self.names);
        let shown = rule.protocol != protocol::UNSPEC && rule.protocol != protocol::KERNEL;
        if shown || self.options.details {
            let name = self.names.text(List::Protocol, u32::from(rule.protocol));
            out.field("protocol", &name, format_args!(" proto {name}"));
        }
        out.text("\n");
        out.close_object();
    }

    fn mark_and_devices(&self, out: &mut Printer, rule: &Rule) {
        let hexadecimal = |value: u32| if value == 0 { "0".to_owned() } else { format!("{value:#x}") };
        if rule.fwmark != 0 || rule.fwmask != 0 {
            let mark = hexadecimal(rule.fwmark);
            out.field("fwmark", &mark, format_args!(" fwmark {mark}"));
            if rule.fwmask != u32::MAX {
                let mask = hexadecimal(rule.fwmask);
                out.field("fwmask", &mask, format_args!("/{mask}"));
            }
        }
        for (key, name, detached) in
            [("iif", &rule.iif, rule.iif_detached), ("oif", &rule.oif, rule.oif_detached)]
        {
            let Some(name) = name else { continue };
            out.text(format_args!(" {key} "));
            out.field_in(Some(Color::Ifname), key, name, name);
            if detached {
                out.field(&format!("{key}_detached"), Value::Null, " [detached]");
            }
        }
    }

    fn packet(&self, out: &mut Printer, rule: &Rule) {
        if let Some((first, last)) = rule.uids {
            out.field("uid_start", first, format_args!(" uidrange {first}"));
            out.field("uid_end", last, format_args!("-{last}"));
        }
        if rule.ip_protocol != 0 {
            let name = ip_protocol_name(rule.ip_protocol);
            out.field("ipproto", &name, format_args!(" ipproto {name}"));
        }
        for (key, ports) in [("sport", rule.source_ports), ("dport", rule.destination_ports)] {
            match ports {
                Some((low, high)) if low == high => out.field(key, low, format_args!(" {key} {low}")),
                Some((low, high)) => {
                    out.field(&format!("{key}_start"), low, format_args!(" {key} {low}"));
                    out.field(&format!("{key}_end"), high, format_args!("-{high}"));
                }
                None => {}
            }
        }
    }
}

fn address(out: &mut Printer, lead: &str, key: &str, length_key: &str, net: IpNet) {
    let text = prefix::text(net.addr());
    out.text(lead);
    out.field_in(color(net.addr()), key, &text, &text);
    if net.prefix_len() != net.max_prefix_len() {
        out.field(length_key, net.prefix_len(), format_args!("/{}", net.prefix_len()));
    }
}

fn action(out: &mut Printer, rule: &Rule, names: &Names) {
    let kind = match rule.action {
        RuleAction::Lookup => return,
        RuleAction::Goto(target) => {
            out.field("goto", target, format_args!(" goto {target}"));
            if rule.unresolved {
                out.field("unresolved", Value::Null, " [unresolved]");
            }
            return;
        }
        RuleAction::Nop => return out.field("nop", Value::Null, " nop"),
        RuleAction::Blackhole => 6,
        RuleAction::Unreachable => 7,
        RuleAction::Prohibit => 8,
    };
    let name = names.route_type(kind);
    out.field("action", &name, format_args!(" {name}"));
}
