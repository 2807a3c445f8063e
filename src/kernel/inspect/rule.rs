//! The rules by which a namespace chooses the table that it looks for a route in.

use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::Rule;
use super::reader::Reader;
use crate::kernel::error::Result;

/// Preference and table of the rules that the kernel makes by itself: for its `local`, `main` and `default` tables.
const KERNELS: [(u32, u32); 3] = [(0, 255), (32_766, 254), (32_767, 253)];

/// The rules of both families, without the kernel's own.
pub(super) fn rules(reader: &mut Reader) -> Result<Vec<Rule>> {
    let mut rules = Vec::new();
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        let mut message = RuleMessage::default();
        message.header.family = family;
        let answers = reader.dump("rules", &RouteNetlinkMessage::GetRule(message))?;
        rules.extend(answers.into_iter().filter_map(|answer| match answer {
            RouteNetlinkMessage::NewRule(message) => rule(&message),
            _ => None,
        }));
    }
    Ok(rules)
}

fn rule(message: &RuleMessage) -> Option<Rule> {
    let header = &message.header;
    let (mut preference, mut table) = (0, u32::from(header.table));
    let (mut from, mut more) = ("from all".to_owned(), String::new());
    for attribute in &message.attributes {
        match attribute {
            RuleAttribute::Priority(number) => preference = *number,
            RuleAttribute::Table(number) => table = *number,
            RuleAttribute::Source(address) => from = format!("from {address}/{}", header.src_len),
            RuleAttribute::Destination(address) => {
                more.push_str(&format!(" to {address}/{}", header.dst_len));
            }
            RuleAttribute::Iifname(name) => more.push_str(&format!(" iif {name}")),
            RuleAttribute::Oifname(name) => more.push_str(&format!(" oif {name}")),
            RuleAttribute::FwMark(mark) => more.push_str(&format!(" fwmark {mark:#x}")),
            _ => {}
        }
    }
    let (action, table) = match header.action {
        RuleAction::ToTable
            if KERNELS.contains(&(preference, table)) && more.is_empty() && header.src_len == 0 =>
        {
            return None;
        }
        RuleAction::ToTable => (format!("lookup {table}"), Some(table)),
        other => (format!("{other:?}").to_lowercase(), None),
    };
    let is_ipv6 = header.family == AddressFamily::Inet6;
    Some(Rule { preference, is_ipv6, table, text: format!("{preference}: {from}{more} {action}") })
}
