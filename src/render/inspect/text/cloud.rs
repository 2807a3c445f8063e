//! The fabric of a cloud: its route table and its checks, in a console's words.

use super::super::table::table;
use super::super::{Check, Inspection, RouteTableRow};

pub(super) fn route_table(inspection: &Inspection) -> Option<Vec<String>> {
    if inspection.route_table.is_empty() {
        return None;
    }
    let row = |row: &RouteTableRow| {
        let target = match row.address {
            Some(address) => format!("{} ({address})", row.target),
            None => row.target.clone(),
        };
        [row.destination.to_string(), target]
    };
    let mut lines = vec!["ROUTE TABLE: as a cloud's console would show it".to_owned()];
    lines.extend(table(["DESTINATION", "TARGET"], inspection.route_table.iter().map(row)));
    if inspection.route_table.iter().any(|row| row.target == "local") {
        lines.push("  local: machines on a segment, which is on the fabric itself".into());
    }
    Some(lines)
}

pub(super) fn checks(inspection: &Inspection) -> Option<Vec<String>> {
    if inspection.source_dest_checks.is_empty() {
        return None;
    }
    let row = |check: &Check| [check.target.clone(), check.field.to_owned(), check.rule.clone()];
    let mut lines = vec!["SOURCE/DESTINATION CHECK: who may have no packets but its own".to_owned()];
    lines.extend(table(["TARGET", "CHECKS", "RULE"], inspection.source_dest_checks.iter().map(row)));
    lines.push(
        "  a node's pods have addresses of their own: their packets are dropped until it is off".into(),
    );
    Some(lines)
}
