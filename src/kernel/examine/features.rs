//! Trying each feature, in a network namespace that is thrown away.
//!
//! The numbers are the kernel's: linux/if_link.h, linux/if_tunnel.h, linux/lwtunnel.h, linux/pkt_sched.h and
//! linux/netfilter/nf_tables.h.

use netlink_packet_core::{NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_sys::protocols::{NETLINK_NETFILTER, NETLINK_ROUTE};
use nix::errno::Errno;
use socket2::{Domain, Protocol, Socket, Type};

use super::request::{Attributes, Refused, ask, failed, request};
use crate::kernel::procfs::Settings;
use crate::plan::Feature;

const NEW_LINK: u16 = 16;
const NEW_ROUTE: u16 = 24;
const NEW_QDISC: u16 = 36;
/// The index of `lo`, in every namespace.
const LOOPBACK: i32 = 1;
/// Addresses that are kept for documentation (RFC 5737).
const HERE: [u8; 4] = [192, 0, 2, 1];
const THERE: [u8; 4] = [192, 0, 2, 2];

/// Makes one thing that takes the feature.
pub(super) fn attempt(feature: Feature) -> Result<(), Refused> {
    let plain = Attributes::default;
    match feature {
        Feature::Veth => link("veth", &plain()),
        Feature::Bridge => link("bridge", &plain()),
        Feature::Ipv6 => ipv6(),
        Feature::RawIcmp => socket(Domain::IPV4, Some(Protocol::ICMPV4)),
        Feature::PacketSockets => socket(Domain::PACKET, None),
        // IFLA_VXLAN_ID, IFLA_VXLAN_LEARNING, IFLA_VXLAN_PORT
        Feature::Vxlan => {
            let data = plain().bytes(1, &1u32.to_ne_bytes()).bytes(7, &[0]);
            link("vxlan", &data.bytes(15, &8472u16.to_be_bytes()))
        }
        // IFLA_GENEVE_COLLECT_METADATA
        Feature::Geneve => link("geneve", &plain().bytes(6, &[])),
        // IFLA_IPTUN_LOCAL, IFLA_IPTUN_REMOTE: without ends it would be the one that the module makes by itself.
        Feature::Ipip => link("ipip", &plain().bytes(2, &HERE).bytes(3, &THERE)),
        // IFLA_GRE_COLLECT_METADATA
        Feature::Gre => link("gre", &plain().bytes(18, &[])),
        Feature::Gre6 => link("ip6gre", &plain().bytes(18, &[])),
        Feature::Wireguard => link("wireguard", &plain()),
        Feature::RouteEncap => route_encap(),
        Feature::NftablesNat => nftables_nat(),
        Feature::NftablesNetdev => nftables_netdev(),
        // struct tc_netem_qopt: latency, limit, loss, gap, duplicate, jitter
        Feature::Netem => qdisc("netem", &words(&[0, 1000, 0, 0, 0, 0])),
        Feature::Tbf => tbf(),
    }
}

/// Brings `lo` up: routes and rules want an interface.
pub(super) fn prepare() -> Result<(), Refused> {
    // struct ifinfomsg, with IFF_UP as what is set and as what is changed
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&LOOPBACK.to_ne_bytes());
    header[8..12].copy_from_slice(&libc::IFF_UP.to_ne_bytes());
    header[12..16].copy_from_slice(&libc::IFF_UP.to_ne_bytes());
    ask(NETLINK_ROUTE, &[request(NEW_LINK, NLM_F_ACK, &header, &Attributes::default())])
}

fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_ne_bytes()).collect()
}

/// An interface of that kind, named after it.
fn link(kind: &str, data: &Attributes) -> Result<(), Refused> {
    // IFLA_INFO_KIND, IFLA_INFO_DATA in IFLA_LINKINFO; IFLA_IFNAME
    let info = Attributes::default().text(1, kind).nest(2, data);
    let attributes = Attributes::default().text(3, &format!("try-{kind}")).nest(18, &info);
    ask(NETLINK_ROUTE, &[request(NEW_LINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &[0; 16], &attributes)])
}

fn socket(domain: Domain, protocol: Option<Protocol>) -> Result<(), Refused> {
    Socket::new(domain, Type::RAW, protocol).map(drop).map_err(|error| failed(&error))
}

/// Writes what a node of a dual-stack lab gets, and opens a socket.
fn ipv6() -> Result<(), Refused> {
    let settings = Settings::open().map_err(|error| (Errno::EIO, error.to_string()))?;
    match settings.write("net/ipv6/conf/default/accept_dad", "0") {
        Ok(true) => socket(Domain::IPV6, Some(Protocol::ICMPV6)),
        Ok(false) => Err((Errno::EAFNOSUPPORT, String::new())),
        Err(errno) => Err((errno, String::new())),
    }
}

/// A route that says which tunnel end it leads to.
fn route_encap() -> Result<(), Refused> {
    // struct rtmsg: AF_INET, /24, main table, static, on the link, unicast
    let header = [2, 24, 0, 0, 254, 4, 253, 1, 0, 0, 0, 0];
    // LWTUNNEL_IP_ID, LWTUNNEL_IP_DST
    let tunnel = Attributes::default().bytes(1, &7u64.to_be_bytes()).bytes(2, &THERE);
    // RTA_DST, RTA_OIF, RTA_ENCAP_TYPE (LWTUNNEL_ENCAP_IP), RTA_ENCAP
    let attributes = Attributes::default()
        .bytes(1, &[198, 51, 100, 0])
        .bytes(4, &LOOPBACK.to_ne_bytes())
        .bytes(21, &2u16.to_ne_bytes())
        .nest(22, &tunnel);
    ask(NETLINK_ROUTE, &[request(NEW_ROUTE, NLM_F_ACK | NLM_F_CREATE, &header, &attributes)])
}

/// A queueing discipline on `lo`, in place of the one before.
fn qdisc(kind: &str, options: &[u8]) -> Result<(), Refused> {
    // struct tcmsg: family, interface, handle, parent (TC_H_ROOT), info
    let mut header = [0; 20];
    header[4..8].copy_from_slice(&LOOPBACK.to_ne_bytes());
    header[12..16].copy_from_slice(&u32::MAX.to_ne_bytes());
    // TCA_KIND, TCA_OPTIONS
    let attributes = Attributes::default().text(1, kind).bytes(2, options);
    ask(NETLINK_ROUTE, &[request(NEW_QDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, &header, &attributes)])
}

fn tbf() -> Result<(), Refused> {
    // struct tc_ratespec with only a rate, in bytes a second
    let rate = [[0; 8].as_slice(), &(1u32 << 20).to_ne_bytes()].concat();
    let none = [0; 12];
    // struct tc_tbf_qopt: rate, peak rate, limit, buffer, mtu
    let parameters = [rate.as_slice(), &none, &words(&[1 << 20, 1 << 20, 0])].concat();
    // TCA_TBF_PARMS, TCA_TBF_BURST: more than a packet of lo, else the kernel's log would get a warning
    let options = Attributes::default().bytes(1, &parameters).bytes(6, &(1u32 << 20).to_ne_bytes());
    qdisc("tbf", options.as_bytes())
}

/// Families of nftables (`enum nf_inet_hooks` and linux/netfilter.h).
const IPV4: u8 = 2;
const NETDEV: u8 = 5;

/// A message of nftables, or (10) of the frame of a transaction.
fn nft(kind: u16, family: u8, attributes: &Attributes) -> Vec<u8> {
    request(10 << 8 | kind, NLM_F_ACK | NLM_F_CREATE, &[family, 0, 0, 0], attributes)
}

/// A transaction of nftables.
fn transaction(messages: Vec<Vec<u8>>) -> Result<(), Refused> {
    // NFNL_MSG_BATCH_BEGIN and _END, for the subsystem of nftables
    let frame = |kind| request(kind, 0, &[0, 0, 0, 10], &Attributes::default());
    let mut all = vec![frame(16)];
    all.extend(messages);
    all.push(frame(17));
    ask(NETLINK_NETFILTER, &all)
}

fn table(family: u8) -> Vec<u8> {
    nft(0, family, &Attributes::default().text(1, "try"))
}

/// A chain at a hook.
fn chain(family: u8, name: &str, kind: &str, number: u32, device: Option<&str>) -> Vec<u8> {
    // NFTA_HOOK_HOOKNUM, _PRIORITY, _DEV
    let hook = Attributes::default().bytes(1, &number.to_be_bytes()).bytes(2, &100u32.to_be_bytes());
    let hook = match device {
        Some(device) => hook.text(3, device),
        None => hook,
    };
    // NFTA_CHAIN_TABLE, _NAME, _HOOK, _TYPE
    nft(3, family, &Attributes::default().text(1, "try").text(3, name).nest(4, &hook).text(7, kind))
}

/// A rule that masquerades what leaves.
fn nftables_nat() -> Result<(), Refused> {
    // NFTA_EXPR_NAME in NFTA_LIST_ELEM
    let masquerade = Attributes::default().nest(1, &Attributes::default().text(1, "masq"));
    // NFTA_RULE_TABLE, _CHAIN, _EXPRESSIONS
    let rule = Attributes::default().text(1, "try").text(2, "out").nest(4, &masquerade);
    // NF_INET_POST_ROUTING
    transaction(vec![table(IPV4), chain(IPV4, "out", "nat", 4, None), nft(6, IPV4, &rule)])
}

/// Chains before and after IP sees a packet of an interface.
fn nftables_netdev() -> Result<(), Refused> {
    // NF_NETDEV_INGRESS, NF_NETDEV_EGRESS
    let hook = |name, number| chain(NETDEV, name, "filter", number, Some("lo"));
    transaction(vec![table(NETDEV), hook("in", 0), hook("out", 1)])
}
