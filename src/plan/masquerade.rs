//! The way out: a packet that leaves the cluster has its node's address instead of its pod's, because nobody outside has a
//! route to pods. Pods among each other never see it.

use ipnet::IpNet;

use super::data_path;
use super::link::Link;
use super::nftables::{Chain, Hook, Match, Rule, SOURCE_NAT, Table, TableFamily, Verdict};
use super::op::Op;
use crate::model::{Family, Lab};

/// What the rules are for.
pub(super) const WHY: &str =
    "the way out: who leaves the cluster has the node's address, pods among each other never";

/// A node's rules; none in labs without a way out, whose packets then pass no connection tracking.
pub(super) fn node_rules(lab: &Lab, number: usize) -> Option<Op> {
    let kept = lab.not_masqueraded.as_ref()?;
    let slices = lab.nodes[number].pod_cidr.iter();
    let as_it_is = kept.iter().map(|net| Rule { matches: vec![Match::to(*net)], verdict: Verdict::Return });
    let translated =
        slices.map(|net| Rule { matches: vec![Match::from(net)], verdict: verdict(lab, number, &net) });
    let chain = Chain {
        name: "postrouting".into(),
        hook: Hook::NatPostrouting,
        priority: SOURCE_NAT,
        rules: as_it_is.chain(translated).collect(),
    };
    let table = Table { family: TableFamily::Inet, name: "netlab".into(), chains: vec![chain] };
    Some(Op::Nftables { tables: vec![table] })
}

/// Who a packet from a slice becomes. The kernel would find the address by itself, but where packets leave by cbr0, that has
/// the pods' gateway address too: in IPv6 it would be taken wherever it has more bits in common with the target (RFC 6724, 5,
/// rule 8), and nobody outside has a route to it.
fn verdict(lab: &Lab, number: usize, slice: &IpNet) -> Verdict {
    let own = lab.nodes[number].address.get(Family::of(slice)).map(|net| net.addr());
    match own.filter(|_| data_path::uplink(lab) == Link::cbr0()) {
        Some(own) => Verdict::SourceNat(own),
        None => Verdict::Masquerade,
    }
}
