//! Packet filter rules.

use super::super::table::columns;
use super::super::{Chain, Rule};
use crate::render::count;

pub(super) fn chain(chain: &Chain) -> Vec<String> {
    let what = match chain.kind.as_deref() {
        Some("nat") => "asked for the first packet of each connection; the others do as it was told",
        Some(_) => "asked for every packet",
        None => "asked where another chain says so",
    };
    let mut lines =
        vec![format!("NFTABLES: table {}, chain {}", chain.table, chain.name), format!("  {what}")];
    if chain.rules.is_empty() {
        lines.push("  no rules: everything passes as it is".into());
    }
    let rows: Vec<[String; 2]> = chain.rules.iter().map(row).collect();
    lines.extend(columns(&rows));
    lines
}

fn row(rule: &Rule) -> [String; 2] {
    let text = rule.text.as_deref().unwrap_or("(a rule that `nft list ruleset` shows)");
    // The number says so, too.
    [text.replace("counter ", ""), rule.packets.map(|packets| count(packets, "packet")).unwrap_or_default()]
}
