//! What packet filter rules a namespace has, read back from the kernel.

use netlink_packet_core::{
    DefaultNla, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
    Nla as _,
};
use netlink_packet_netfilter::nftables::{
    ChainAttribute, ChainMessage, ExpressionAttribute, Expressions, Hook as HookAttribute, ListAttribute,
    NfTablesMessage, RuleAttribute, RuleMessage,
};
use netlink_packet_netfilter::{
    NetfilterHeader, NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily,
};
use netlink_sys::{Socket, protocols::NETLINK_NETFILTER};

use super::super::error::{Error, Result};
use super::super::netlink::open;
use super::about::about;
use super::expression::{DROP, rule};
use super::verdict::{jump, refuses};
use crate::plan::nftables::{Chain, Hook, Rule, Table, TableFamily};

/// A chain of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundChain {
    /// The table's family, as `nft` names it: `inet`, `netdev`, …
    pub family: String,
    /// The table.
    pub table: String,
    /// Its own name.
    pub name: String,
    /// `nat`, `filter` or `route`; none where the kernel asks it only when another chain says so.
    pub kind: Option<String>,
    /// The hook's number, in its family.
    pub hook: Option<u32>,
    /// The interface at which it is asked, in family `netdev`.
    pub device: Option<String>,
    /// Its place among the chains of the hook.
    pub priority: Option<i32>,
    /// Whether what no rule decides is dropped: its policy.
    pub drops: bool,
    /// Its rules, in order.
    pub rules: Vec<FoundRule>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRule {
    /// What it says; none where that is more than netlab itself ever writes.
    pub rule: Option<Rule>,
    /// Whether it drops or rejects some packets, also where it cannot be told which.
    pub refuses: bool,
    /// The number of IP's protocol, and the port that packets go to, where it asks for exactly these.
    pub about: (Option<u8>, Option<u16>),
    /// The number by which it can be taken away.
    pub handle: Option<u64>,
    /// How many packets it has decided on, where it counts.
    pub packets: Option<u64>,
}

/// All chains of the calling thread's network namespace, in the kernel's order; none where the kernel has no nftables.
///
/// # Errors
/// If the kernel cannot be asked, or says something that is no answer.
pub(in crate::kernel) fn chains(place: &str) -> Result<Vec<FoundChain>> {
    let Ok(socket) = open(NETLINK_NETFILTER) else { return Ok(Vec::new()) };
    let asking = |what| dump(&socket, place, what);
    let none = Vec::new;
    let mut chains: Vec<FoundChain> = Vec::new();
    let mut jumps: Vec<Jump> = Vec::new();
    for (family, message) in asking(NfTablesMessage::GetChain(ChainMessage { attributes: none() }))? {
        if let NfTablesMessage::NewChain(message) = message {
            chains.push(chain(family, message));
        }
    }
    for (family, message) in asking(NfTablesMessage::GetRule(RuleMessage { attributes: Vec::new() }))? {
        let NfTablesMessage::NewRule(RuleMessage { attributes }) = message else { continue };
        let (mut table, mut name, mut expressions) = (String::new(), String::new(), Vec::new());
        let mut handle = None;
        for attribute in attributes {
            match attribute {
                RuleAttribute::Table(text) => table = text,
                RuleAttribute::Chain(text) => name = text,
                RuleAttribute::Handle(number) => handle = Some(number),
                RuleAttribute::Expressions(list) => expressions = list,
                _ => {}
            }
        }
        let is_its =
            |chain: &&FoundChain| chain.family == word(family) && chain.table == table && chain.name == name;
        let at = chains.iter().position(|chain| is_its(&chain));
        if let Some(at) = at {
            let chain: &mut FoundChain = &mut chains[at];
            jumps.extend(jump(&expressions).map(|to| (at, chain.rules.len(), to)));
            chain.rules.push(FoundRule {
                packets: packets(&expressions),
                rule: rule(&expressions),
                refuses: refuses(&expressions),
                about: about(&expressions),
                handle,
            });
        }
    }
    follow_jumps(&mut chains, &jumps);
    Ok(chains)
}

/// A rule that has another chain asked: chain and rule, by their places, and the other's name.
type Jump = (usize, usize, String);

/// A rule refuses what a chain refuses that it has asked.
fn follow_jumps(chains: &mut [FoundChain], jumps: &[Jump]) {
    // Chains may have chains asked in turn, but no chain itself: there are no more turns than jumps.
    for _ in jumps {
        for (at, rule, to) in jumps {
            let here = (chains[*at].family.clone(), chains[*at].table.clone());
            let is_it = |chain: &&FoundChain| {
                chain.name == *to && (&chain.family, &chain.table) == (&here.0, &here.1)
            };
            let refuses =
                chains.iter().find(is_it).is_some_and(|chain| chain.rules.iter().any(|rule| rule.refuses));
            chains[*at].rules[*rule].refuses |= refuses;
        }
    }
}

fn chain(family: NetfilterProtoFamily, message: ChainMessage) -> FoundChain {
    let mut chain = FoundChain {
        family: word(family).to_owned(),
        table: String::new(),
        name: String::new(),
        kind: None,
        hook: None,
        device: None,
        priority: None,
        drops: false,
        rules: Vec::new(),
    };
    for attribute in message.attributes {
        match attribute {
            ChainAttribute::Table(table) => chain.table = table,
            ChainAttribute::Name(name) => chain.name = name,
            ChainAttribute::Type(kind) => chain.kind = Some(kind),
            ChainAttribute::Policy(policy) => chain.drops = policy == DROP,
            ChainAttribute::Hook(hook) => {
                for part in hook {
                    match part {
                        HookAttribute::Number(number) => chain.hook = Some(number.into()),
                        HookAttribute::Priority(priority) => chain.priority = Some(priority.cast_signed()),
                        HookAttribute::NetDeviceName(device) => chain.device = Some(device),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    chain
}

/// The tables of family `netdev`, with their chains at interfaces. A chain of which not every rule is understood is left
/// out, so that nobody takes the rest for the whole.
pub(in crate::kernel) fn at_interfaces(chains: &[FoundChain]) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for found in chains.iter().filter(|chain| chain.family == "netdev") {
        let rules: Option<Vec<Rule>> = found.rules.iter().map(|found| found.rule.clone()).collect();
        let Some((rules, hook)) = rules.zip(hook(found)) else { continue };
        let priority = found.priority.unwrap_or_default();
        let chain = Chain { name: found.name.clone().into(), hook, priority, rules };
        match tables.iter_mut().find(|known| known.name == found.table) {
            Some(known) => known.chains.push(chain),
            None => {
                let (family, name) = (TableFamily::Netdev, found.table.clone().into());
                tables.push(Table { family, name, chains: vec![chain] });
            }
        }
    }
    tables
}

fn hook(chain: &FoundChain) -> Option<Hook> {
    let device = chain.device.clone()?.into();
    // `NF_NETDEV_INGRESS` and `NF_NETDEV_EGRESS` (linux/netfilter.h).
    match chain.hook? {
        0 => Some(Hook::Ingress { device }),
        1 => Some(Hook::Egress { device }),
        _ => None,
    }
}

fn word(family: NetfilterProtoFamily) -> &'static str {
    match family {
        NetfilterProtoFamily::Inet => "inet",
        NetfilterProtoFamily::IPv4 => "ip",
        NetfilterProtoFamily::IPv6 => "ip6",
        NetfilterProtoFamily::ARP => "arp",
        NetfilterProtoFamily::NetDev => "netdev",
        NetfilterProtoFamily::Bridge => "bridge",
        _ => "?",
    }
}

/// `NFTA_COUNTER_PACKETS` (linux/netfilter/nf_tables.h).
const PACKETS: u16 = 2;

/// What a rule's counter says, where it has one.
fn packets(expressions: &[ListAttribute<ExpressionAttribute>]) -> Option<u64> {
    let parts = expressions.iter().filter_map(|item| match item {
        ListAttribute::Element(parts) => Some(parts),
        _ => None,
    });
    let counter = parts.flatten().find_map(|part| match part {
        ExpressionAttribute::Data(Expressions::Other { expression_type, attributes })
            if expression_type == "counter" =>
        {
            Some(attributes)
        }
        _ => None,
    })?;
    let value = |attribute: &DefaultNla| {
        let mut bytes = vec![0; attribute.value_len()];
        attribute.emit_value(&mut bytes);
        bytes.try_into().ok().map(u64::from_be_bytes)
    };
    counter.iter().find(|attribute| attribute.kind() == PACKETS).and_then(value)
}

/// How often a dump is begun again because the rules changed in the middle of it.
const ATTEMPTS: usize = 20;

type Told = Vec<(NetfilterProtoFamily, NfTablesMessage)>;

fn dump(socket: &Socket, place: &str, request: NfTablesMessage) -> Result<Told> {
    let header = NetfilterHeader::new(NetfilterProtoFamily::Unspec, 0, 0);
    let request = NetfilterMessage::new(header, request);
    for sequence in 1..=ATTEMPTS {
        if let Some(told) = once(socket, place, &request, sequence as u32)? {
            return Ok(told);
        }
    }
    Err(Error::Unexpected(format!(
        "{place}: its nftables rules changed each of the {ATTEMPTS} times they were read"
    )))
}

/// All answers to one request; none where they are not of one moment.
fn once(socket: &Socket, place: &str, request: &NetfilterMessage, sequence: u32) -> Result<Option<Told>> {
    let what = || format!("{place}: reading nftables rules");
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    header.sequence_number = sequence;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(request.clone()));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket.send(&bytes, 0).map_err(Error::io(what()))?;
    let (mut told, mut interrupted) = (Vec::new(), false);
    let mut buffer = Vec::with_capacity(1 << 16);
    loop {
        buffer.clear();
        socket.recv(&mut buffer, 0).map_err(Error::io(what()))?;
        let mut rest = buffer.as_slice();
        while !rest.is_empty() {
            let answer = NetlinkMessage::<NetfilterMessage>::deserialize(rest)
                .map_err(|error| Error::Unexpected(format!("{}: {error}", what())))?;
            let length = (answer.header.length as usize).next_multiple_of(4);
            rest = rest.get(length.max(16)..).unwrap_or_default();
            if answer.header.sequence_number != sequence {
                continue;
            }
            interrupted |= answer.header.flags & NLM_F_DUMP_INTR != 0;
            match answer.payload {
                NetlinkPayload::InnerMessage(NetfilterMessage {
                    header,
                    inner: NetfilterMessageInner::NfTables(message),
                    ..
                }) => told.push((header.family, message)),
                // A kernel without nftables has no rules.
                NetlinkPayload::Error(_) => return Ok(Some(Vec::new())),
                NetlinkPayload::Done(_) => return Ok((!interrupted).then_some(told)),
                _ => {}
            }
        }
    }
}
