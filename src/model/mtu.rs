//! MTUs: what an overlay puts around a packet, and what is left for pods.

use super::address::Family;
use super::build::{Context, SMALLEST_MTU, SMALLEST_MTU_V6};
use super::segments::Segments;
use super::{Addresses, DataPath, Lab};
use crate::diag::{Code, Diagnostic, Span};
use crate::spec::{Cluster, Field};

/// Bytes of an Ethernet header, of UDP's, and of an IP header of each family without options.
const ETHERNET: u32 = 14;
const UDP: u32 = 8;
const IPV4: u32 = 20;
const IPV6: u32 = 40;
/// Bytes of the header that VXLAN (RFC 7348, 5) and Geneve without options (RFC 8926, 3.4) put before a frame.
const VNI_HEADER: u32 = 8;
/// GRE's header without key, checksum and sequence number (RFC 2784, 2.1).
const GRE: u32 = 4;
/// The largest IP packet: its length is a number of 16 bits (RFC 791, 3.1).
const LARGEST_IP: u32 = 65_535;
/// `WireGuard`'s data message: type and reserved 4, receiver 4, counter 8, and Poly1305's tag 16 at the end.
const WIREGUARD: u32 = 32;

impl DataPath {
    /// Bytes that nodes put around a pod's packet, between two nodes whose own addresses are of a family.
    ///
    /// | data path | over IPv4 | over IPv6 |
    /// |---|---|---|
    /// | `vxlan` | 14 Ethernet + 8 VXLAN + 8 UDP + 20 IPv4 = 50 | 14 + 8 + 8 + 40 = 70 |
    /// | `geneve` | 14 Ethernet + 8 Geneve + 8 UDP + 20 IPv4 = 50 | 14 + 8 + 8 + 40 = 70 |
    /// | `ipip` | 20 IPv4 | IPv4 only |
    /// | `gre` | 4 GRE + 20 IPv4 = 24 | 4 + 40 = 44 |
    /// | `wireguard` | 32 `WireGuard` + 8 UDP + 20 IPv4 = 60 | 32 + 8 + 40 = 80 |
    /// | the others | 0 | 0 |
    ///
    /// The underlay's own Ethernet header is not in it: an MTU is what comes after that.
    pub fn overhead(self, outside: Family) -> u32 {
        let ip = match outside {
            Family::V4 => IPV4,
            Family::V6 => IPV6,
        };
        match self {
            Self::L2 | Self::HostGw | Self::Cloud => 0,
            Self::Vxlan | Self::Geneve => ETHERNET + VNI_HEADER + UDP + ip,
            Self::Ipip => ip,
            Self::Gre => GRE + ip,
            Self::Wireguard => WIREGUARD + UDP + ip,
        }
    }

    /// The largest packet that a tunnel of this kind carries over links of that MTU.
    fn carries(self, underlay: u32, outside: Family) -> u32 {
        let largest = underlay.saturating_sub(self.overhead(outside));
        match self {
            // The kernel leaves room for an outer header of IPv6, whatever it is (`max_mtu` in drivers/net/geneve.c), and
            // silently makes the device's MTU that.
            Self::Geneve => largest.min(LARGEST_IP - self.overhead(Family::V6)),
            _ => largest,
        }
    }
}

impl Lab {
    /// The family of the addresses that nodes use among themselves: IPv4 where they have it.
    pub fn outside(&self) -> Family {
        outside(&self.pod_cidr)
    }

    /// The smallest MTU on the underlay.
    pub fn underlay_mtu(&self) -> u32 {
        self.segments.iter().map(|segment| segment.mtu).min().unwrap_or(self.mtu)
    }

    /// The MTU of a tunnel between nodes, which carries what the underlay leaves, whatever pods have.
    pub fn tunnel_mtu(&self) -> u32 {
        self.data_path.carries(self.underlay_mtu(), self.outside())
    }
}

fn outside(pod_cidr: &Addresses) -> Family {
    if pod_cidr.v4.is_some() { Family::V4 } else { Family::V6 }
}

/// The MTU of pods, or a diagnostic where the underlay does not carry it.
pub(super) fn pods(
    cluster: &Cluster,
    lab: &Lab,
    segments: &Segments,
    pod_cidr: &Addresses,
    context: &mut Context,
) -> u32 {
    let overhead = lab.data_path.overhead(lab.outside());
    let (underlay, at) = smallest(cluster, lab, segments);
    let least = if pod_cidr.v6.is_some() { SMALLEST_MTU_V6 } else { SMALLEST_MTU };
    let largest = lab.data_path.carries(underlay, lab.outside());
    if largest < least && overhead > 0 {
        let word = lab.data_path.word();
        let message = format!("an underlay of {underlay} bytes cannot carry {}", in_tunnel(word, pod_cidr));
        let label = format!("{underlay} − {overhead} of {word} = {largest}, and pods need {least}");
        let diagnostic = Diagnostic::new(Code::MtuBeyondUnderlay, message, at.unwrap_or(0..0), label);
        context.push(diagnostic.help(format!("write for example: mtu = {}", least + overhead)));
        return least;
    }
    let why = format!("a veth carries from {least} to 65535 bytes{}", for_v6(pod_cidr));
    let written = context.number("pod_mtu", cluster.pod_mtu.as_ref(), i64::from(least)..=65535, &why);
    let Some(pod_mtu) = written.and_then(|mtu| u32::try_from(mtu).ok()) else { return largest };
    let unchecked = cluster.check_mtu.as_ref().and_then(|field| field.value) == Some(false);
    if pod_mtu > largest && !unchecked {
        let written = cluster.pod_mtu.as_ref().map_or(0..0, |field| field.span.clone());
        context.push(too_large(lab, pod_mtu, (underlay, at), largest, written));
    }
    pod_mtu
}

fn too_large(
    lab: &Lab,
    pod_mtu: u32,
    (underlay, at): (u32, Option<Span>),
    largest: u32,
    written: Span,
) -> Diagnostic {
    let overhead = lab.data_path.overhead(lab.outside());
    let word = lab.data_path.word();
    let (message, label) = if overhead > 0 {
        (
            format!("pods send packets of {pod_mtu} bytes, which {word} cannot carry"),
            format!("{pod_mtu} + {overhead} of {word} = {}", pod_mtu + overhead),
        )
    } else {
        (
            format!("pods send packets of {pod_mtu} bytes, which the underlay cannot carry"),
            format!("{pod_mtu} here"),
        )
    };
    let diagnostic = Diagnostic::new(Code::MtuBeyondUnderlay, message, written, label);
    let diagnostic = match at {
        Some(at) => diagnostic.also(at, format!("the underlay carries {underlay}")),
        None => diagnostic
            .help(format!("the underlay carries {underlay} bytes: [cluster] mtu is 1500 by default")),
    };
    diagnostic.help(format!(
        "write: pod_mtu = {largest}, or leave it out; check_mtu = false makes the lab all the same, to see what breaks"
    ))
}

/// The smallest MTU of the underlay, and the place that says so.
fn smallest(cluster: &Cluster, lab: &Lab, segments: &Segments) -> (u32, Option<Span>) {
    let smallest = lab.segments.iter().zip(&segments.mtu_spans).min_by_key(|(segment, _)| segment.mtu);
    let own = smallest.and_then(|(_, span)| span.clone());
    (lab.underlay_mtu(), own.or_else(|| cluster.mtu.as_ref().map(|field: &Field<i64>| field.span.clone())))
}

fn in_tunnel(word: &str, pod_cidr: &Addresses) -> String {
    if pod_cidr.v6.is_some() { format!("IPv6 inside {word}") } else { format!("{word} with anything in it") }
}

fn for_v6(pod_cidr: &Addresses) -> &'static str {
    if pod_cidr.v6.is_some() { ", and IPv6 needs 1280" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_geneve_devices_end_before_the_largest_packet_does() {
        assert_eq!(DataPath::Geneve.carries(1500, Family::V4), 1450);
        assert_eq!(DataPath::Geneve.carries(65_535, Family::V4), 65_465);
        assert_eq!(DataPath::Vxlan.carries(65_535, Family::V4), 65_485);
    }

    #[test]
    fn overheads_are_those_of_the_headers() {
        let of = |path: DataPath| (path.overhead(Family::V4), path.overhead(Family::V6));
        assert_eq!(of(DataPath::Vxlan), (50, 70));
        assert_eq!(of(DataPath::Geneve), (50, 70));
        assert_eq!(of(DataPath::Ipip).0, 20);
        assert_eq!(of(DataPath::Gre), (24, 44));
        assert_eq!(of(DataPath::Wireguard), (60, 80));
        for path in DataPath::ALL.into_iter().filter(|path| !path.is_overlay()) {
            assert_eq!(of(path), (0, 0), "{path:?}");
        }
    }
}
