//! What a file may ask of an overlay.

use super::build::Context;
use super::pool::PodPool;
use super::{DataPath, Family, Lab, Overlay};
use crate::diag::{Code, Diagnostic};
use crate::spec::{Cluster, Field};

/// Where the overlay carries packets. On the command line another data path may be tried without touching the file.
pub(super) fn reach(
    cluster: &Cluster,
    data_path: DataPath,
    other: Option<DataPath>,
    context: &mut Context,
) -> Overlay {
    let Some(Field { value: Some(true), span }) = &cluster.direct else { return Overlay::Everywhere };
    if data_path.can_be_direct() {
        return Overlay::BetweenSegments;
    }
    if other.is_none() {
        let word = data_path.word();
        let message = format!("`direct` means nothing on {word}");
        let label = if data_path.is_overlay() {
            "wireguard is for all nodes or none"
        } else {
            "there is no tunnel to leave out"
        };
        let mut diagnostic = Diagnostic::new(Code::DirectWithoutTunnel, message, span.clone(), label);
        if let Some(field) = &cluster.data_path {
            diagnostic = diagnostic.also(field.span.clone(), format!("{word} here"));
        }
        context.push(
            diagnostic.help("leave `direct` out, or write: data_path = \"vxlan\" (or geneve, ipip, gre)"),
        );
    }
    Overlay::Everywhere
}

/// IPIP carries IPv4 in IPv4, and nothing else.
pub(super) fn check_family(cluster: &Cluster, lab: &Lab, pool: &PodPool, context: &mut Context) {
    let Some(v6) = pool.written(Family::V6).filter(|_| lab.data_path == DataPath::Ipip && !pool.guessed)
    else {
        return;
    };
    let message = "ipip carries IPv4 only, and pods have IPv6".to_owned();
    let diagnostic = Diagnostic::new(Code::FamilyMismatch, message, v6.span.clone(), "IPv6 here");
    let diagnostic = match &cluster.data_path {
        Some(field) if field.value.as_deref() == Some("ipip") => {
            diagnostic.also(field.span.clone(), "IPv4 in IPv4 (RFC 2003)")
        }
        _ => diagnostic,
    };
    context
        .push(diagnostic.help("write: data_path = \"gre\", which carries both, or leave the IPv6 range out"));
}
