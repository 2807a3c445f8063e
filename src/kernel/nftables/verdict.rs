//! What a rule comes to, where the rest of it need not be understood.

use netlink_packet_netfilter::nftables::{
    DataAttribute, ExpressionAttribute, Expressions, Immediate, ListAttribute, VerdictAttribute,
};

use super::expression::decided;
use crate::plan::nftables::Verdict;

/// Whether a rule drops or rejects those packets that it is about, whichever these are.
pub(super) fn refuses(list: &[ListAttribute<ExpressionAttribute>]) -> bool {
    let parts = list.iter().filter_map(|item| match item {
        ListAttribute::Element(parts) => Some(parts),
        _ => None,
    });
    parts.flatten().any(|part| match part {
        ExpressionAttribute::Data(Expressions::Immediate(parts)) => {
            parts.iter().find_map(decided) == Some(Verdict::Drop)
        }
        ExpressionAttribute::Data(Expressions::Other { expression_type, .. }) => expression_type == "reject",
        // An expression that has nothing to say beside its name may come without data.
        ExpressionAttribute::Name(name) => name == "reject",
        _ => false,
    })
}

/// The chain that a rule has asked about what it is about.
pub(super) fn jump(list: &[ListAttribute<ExpressionAttribute>]) -> Option<String> {
    let parts = list.iter().filter_map(|item| match item {
        ListAttribute::Element(parts) => Some(parts),
        _ => None,
    });
    parts.flatten().find_map(|part| match part {
        ExpressionAttribute::Data(Expressions::Immediate(parts)) => {
            parts.iter().find_map(|part| match part {
                Immediate::Data(DataAttribute::Verdict(parts)) => parts.iter().find_map(|part| match part {
                    VerdictAttribute::Chain(name) => Some(name.clone()),
                    _ => None,
                }),
                _ => None,
            })
        }
        _ => None,
    })
}
