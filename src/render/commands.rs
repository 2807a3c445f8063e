//! A plan as the command lines that would do the same, for people to read and to paste.

use std::fmt::{self, Write as _};

use super::tunnel;
use crate::model::{Impair, Value};
use crate::plan::nftables::{Rule, Table};
use crate::plan::{Absent, End, Kind, Namespace, NextHop, Op, Plan, Qdisc, Route, Step};

/// The whole plan as a shell script: a section a namespace, a comment a step.
pub fn script(plan: &Plan, lab: &str) -> String {
    parts(plan, lab).collect()
}

/// The same piece by piece: those of thousands of pods are longer than anybody should have to keep in memory.
pub fn parts<'a>(plan: &'a Plan, lab: &str) -> impl Iterator<Item = String> + use<'a> {
    let head = format!(
        "# {lab}: what `netlab up` makes, as commands. Paste them into a root shell; netlab itself needs none of them.\n"
    );
    let sections = plan.namespaces.iter().map(|namespace| format!("\n{}", section(plan, namespace)));
    std::iter::once(head).chain(sections).chain(std::iter::once_with(|| last_section(plan)))
}

/// The commands of what is done when all namespaces are there; nothing where nothing is.
pub fn last_section(plan: &Plan) -> String {
    if plan.last.is_empty() {
        return String::new();
    }
    format!("\n##### last, when everything is there{}", steps(plan, &plan.last))
}

/// The commands of one namespace.
pub fn section(plan: &Plan, namespace: &Namespace) -> String {
    let mut out = String::new();
    let name = &namespace.name;
    let what = match namespace.kind {
        Kind::Fabric => "the switches of the underlay",
        Kind::Router => "a router",
        Kind::External => "a host beyond the cluster",
        Kind::Node => "a node",
        Kind::Pod => "a pod",
    };
    // Writing to a String cannot fail.
    let _ = writeln!(out, "##### {name}: {what}\nip netns add {name}");
    out.push_str(&steps(plan, &namespace.steps));
    out
}

fn steps(plan: &Plan, steps: &[Step]) -> String {
    let mut out = String::new();
    for step in steps {
        let _ = writeln!(out, "\n# {}: {}", plan.namespaces[step.run_in].name, step.why);
        for op in &step.ops {
            commands(plan, step.run_in, op, &mut out);
        }
    }
    out
}

/// The commands that do what one operation does.
fn commands(plan: &Plan, run_in: usize, op: &Op, out: &mut String) {
    let at = &plan.namespaces[run_in].name;
    let mut line = |words: fmt::Arguments<'_>| {
        // Writing to a String cannot fail.
        let _ = out.write_fmt(words);
        out.push('\n');
    };
    match op {
        Op::Sysctl { path, value, absent } => {
            let flags = match absent {
                Absent::Fails => "-qw",
                Absent::IsFine => "-qew",
            };
            line(format_args!("ip netns exec {at} sysctl {flags} {}={value}", path.replace('/', ".")));
        }
        Op::Bridge { link, mac, mtu } => {
            line(format_args!(
                "ip -n {at} link add name {} index {} address {mac} mtu {mtu} type bridge stp_state 0 forward_delay 0 \
                 mcast_snooping 0 vlan_default_pvid 0",
                link.name, link.index
            ));
            line(format_args!("ip -n {at} link set dev {} up", link.name));
        }
        Op::Veth { near, bridge, far_namespace, far, mtu } => {
            let there = &plan.namespaces[*far_namespace].name;
            let master = bridge.as_ref().map(|bridge| format!("master {} ", bridge.name)).unwrap_or_default();
            line(format_args!(
                "ip -n {at} link add name {} type veth peer name {} netns {there}",
                end(near, *mtu),
                end(far, *mtu)
            ));
            line(format_args!("ip -n {at} link set dev {} {master}up", near.link.name));
        }
        Op::Hairpin { link } => line(format_args!("bridge -n {at} link set dev {} hairpin on", link.name)),
        Op::Enslave { link, bridge } => {
            line(format_args!("ip -n {at} link set dev {} master {}", link.name, bridge.name));
        }
        Op::Up { link } => line(format_args!("ip -n {at} link set dev {} up", link.name)),
        Op::Offload { link, .. } => line(format_args!(
            "ip netns exec {at} ethtool -K {} tx off sg off tso off gso off gro off",
            link.name
        )),
        Op::Address { link, address } => {
            // IPv4: with the subnet's broadcast address; IPv6: usable at once.
            let how = if address.addr().is_ipv6() { "nodad" } else { "brd +" };
            line(format_args!("ip -n {at} addr add {address} {how} dev {}", link.name));
        }
        Op::Route(planned) => line(format_args!("{}", route(at, planned))),
        Op::Neighbour { link, address, mac } => line(format_args!(
            "ip -n {at} neigh replace {address} lladdr {mac} dev {} nud permanent",
            link.name
        )),
        Op::Nftables { tables } => {
            tables.iter().flat_map(|table| nft(at, table)).for_each(|words| line(format_args!("{words}")));
        }
        Op::Tunnel(planned) => line(format_args!("{}", tunnel::device(at, planned))),
        Op::Wireguard(planned) => {
            tunnel::wireguard(at, planned).iter().for_each(|words| line(format_args!("{words}")));
        }
        Op::NoLinkLocal { link } => {
            line(format_args!("ip -n {at} link set dev {} addrgenmode none", link.name));
        }
        Op::Fdb { link, mac, to } => {
            line(format_args!("bridge -n {at} fdb add {mac} dev {} dst {to} self permanent", link.name));
        }
        Op::Impair { link, qdisc } => {
            let handle = qdisc.handle();
            line(format_args!(
                "tc -n {at} qdisc add dev {} root handle {handle}: {}",
                link.name,
                discipline(qdisc)
            ));
        }
    }
}

/// A queueing discipline in the words of `tc`.
fn discipline(qdisc: &Qdisc) -> String {
    match qdisc {
        Qdisc::Tbf { rate_bps, burst, limit } => {
            format!("tbf rate {rate_bps}bit burst {burst}b limit {limit}b")
        }
        Qdisc::Netem { impair, limit } => netem(impair, *limit),
    }
}

fn netem(impair: &Impair, limit: u32) -> String {
    let mut words = format!("netem limit {limit}");
    for (value, number) in impair.values() {
        let text = match value {
            Value::Delay => format!(" delay {number}us"),
            // Jitter is the second word of `delay`, which comes before it.
            Value::Jitter => format!(" {number}us"),
            Value::Rate => format!(" rate {number}bit"),
            Value::Loss | Value::Duplicate | Value::Reorder | Value::Corrupt => {
                format!(" {} {}%", value.word(), Percent(number))
            }
        };
        words.push_str(&text);
    }
    words
}

/// Parts per million as a percentage.
struct Percent(u64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:04}", self.0 / 10_000, self.0 % 10_000)
    }
}

fn nft(at: &str, table: &Table) -> Vec<String> {
    let nft = format!("ip netns exec {at} nft add");
    let mut lines = vec![format!("{nft} table {table}")];
    for chain in &table.chains {
        // Braces and semicolons are the shell's too.
        lines.push(format!("{nft} chain {table} {} '{{ {chain} }}'", chain.name));
        let rule = |rule: &Rule| format!("{nft} rule {table} {} '{rule}'", chain.name);
        lines.extend(chain.rules.iter().map(rule));
    }
    lines
}

fn route(at: &str, Route { to, via, link, next_hop, source, encap }: &Route) -> String {
    let family = if to.addr().is_ipv6() { "-6 " } else { "" };
    let to = if to.prefix_len() == 0 { "default".to_owned() } else { to.to_string() };
    let encap = encap.map(|encap| format!("{encap} ")).unwrap_or_default();
    let via = via.map(|via| format!("via {via} ")).unwrap_or_default();
    let onlink = if *next_hop == NextHop::OnLink { " onlink" } else { "" };
    let source = source.map(|source| format!(" src {source}")).unwrap_or_default();
    format!("ip {family}-n {at} route add {to} {encap}{via}dev {} proto static{source}{onlink}", link.name)
}

fn end(end: &End, mtu: u32) -> String {
    format!(
        "{} index {} address {} mtu {mtu} numtxqueues 1 numrxqueues 1",
        end.link.name, end.link.index, end.mac
    )
}
