//! Tables as the kernel has them: the chains at interfaces, with the rules that have the form of those that netlab writes.
//! A chain of which not every rule is understood is left out, so that nobody takes the rest for the whole.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_netfilter::nftables::{
    Bitwise, ChainAttribute, ChainMessage, Cmp, DataAttribute, DevHookNumber, ExpressionAttribute,
    Expressions, Hook as HookAttribute, HookNumber, Immediate, ListAttribute, Meta, MetaKey, NfTablesMessage,
    Operator, Payload, RuleAttribute, RuleMessage, Verdict as Code, VerdictAttribute,
};
use netlink_packet_netfilter::{
    NetfilterHeader, NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily,
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_NETFILTER};
use nix::errno::Errno;

use super::super::error::{Error, Result};
use super::expression::{ACCEPT, DROP, NETWORK_HEADER, PROTOCOLS};
use crate::plan::nftables::{Chain, Field, Hook, Match, Relation, Rule, Table, TableFamily, Verdict};

/// The kernel fills at most 32 KiB of a dump at once; this is twice that.
const BUFFER: usize = 64 * 1024;
/// How often a dump is begun again because the rules changed in the middle of it.
const ATTEMPTS: usize = 20;

/// The tables of family `netdev` of the namespace that this thread is in; `place` is its name, for errors. None where the
/// kernel has no nftables.
pub(in crate::kernel) fn at_interfaces(place: &str) -> Result<Vec<Table>> {
    let what = format!("{place}: reading packet filter rules");
    let Ok(socket) = Socket::new(NETLINK_NETFILTER) else { return Ok(Vec::new()) };
    socket.connect(&SocketAddr::new(0, 0)).map_err(Error::io(what.clone()))?;
    let chains = dump(&socket, &what, &NfTablesMessage::GetChain(ChainMessage { attributes: Vec::new() }))?;
    let rules = dump(&socket, &what, &NfTablesMessage::GetRule(RuleMessage { attributes: Vec::new() }))?;
    let mut tables: Vec<Table> = Vec::new();
    for message in chains {
        let NfTablesMessage::NewChain(message) = message else { continue };
        let Some((table, mut chain)) = chain(&message) else { continue };
        let Some(all) = rules_of(&rules, &table, &chain.name) else { continue };
        chain.rules = all;
        match tables.iter_mut().find(|known| known.name == table) {
            Some(known) => known.chains.push(chain),
            None => {
                let family = TableFamily::Netdev;
                tables.push(Table { family, name: table.into(), chains: vec![chain] });
            }
        }
    }
    Ok(tables)
}

fn dump(socket: &Socket, what: &str, request: &NfTablesMessage) -> Result<Vec<NfTablesMessage>> {
    for sequence in 1..=ATTEMPTS {
        let sequence = u32::try_from(sequence).unwrap_or(0);
        if let Some(answers) = exchange(socket, what, request, sequence)? {
            return Ok(answers);
        }
    }
    Err(Error::Unexpected(format!("{what}: they changed each of the {ATTEMPTS} times that they were read")))
}

/// One dump; `None` if the rules changed meanwhile.
fn exchange(
    socket: &Socket,
    what: &str,
    request: &NfTablesMessage,
    sequence: u32,
) -> Result<Option<Vec<NfTablesMessage>>> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    header.sequence_number = sequence;
    let inner = NetfilterMessageInner::NfTables(request.clone());
    let message = NetfilterMessage::new(NetfilterHeader::new(NetfilterProtoFamily::NetDev, 0, 0), inner);
    let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket.send(&bytes, 0).map_err(Error::io(what.to_owned()))?;
    let (mut answers, mut interrupted) = (Vec::new(), false);
    let mut buffer = Vec::with_capacity(BUFFER);
    loop {
        buffer.clear();
        // The kernel fills the next part inside the call, so there is never anything to wait for.
        socket.recv(&mut buffer, libc::MSG_DONTWAIT).map_err(Error::io(what.to_owned()))?;
        let mut rest = buffer.as_slice();
        while !rest.is_empty() {
            let answer = NetlinkMessage::<NetfilterMessage>::deserialize(rest)
                .map_err(|error| Error::Unexpected(format!("{what}: {error}")))?;
            let length = usize::try_from(answer.header.length).unwrap_or(0).next_multiple_of(4);
            rest = rest.get(length.max(16)..).unwrap_or_default();
            if answer.header.sequence_number != sequence {
                continue;
            }
            interrupted |= answer.header.flags & NLM_F_DUMP_INTR != 0;
            match answer.payload {
                NetlinkPayload::InnerMessage(message) => {
                    if let NetfilterMessageInner::NfTables(message) = message.inner {
                        answers.push(message);
                    }
                }
                NetlinkPayload::Done(_) => return Ok((!interrupted).then_some(answers)),
                NetlinkPayload::Error(error) => {
                    return match Errno::from_raw(error.raw_code().saturating_neg()) {
                        // A kernel without the family, or without nftables, has no such rules.
                        Errno::EOPNOTSUPP | Errno::EAFNOSUPPORT | Errno::EINVAL => Ok(Some(Vec::new())),
                        errno => Err(Error::Call { what: what.to_owned(), errno }),
                    };
                }
                _ => {}
            }
        }
    }
}

/// A base chain at one interface, as yet without rules, and the name of its table.
fn chain(message: &ChainMessage) -> Option<(String, Chain)> {
    let (mut table, mut name, mut number, mut priority, mut device) = (None, None, None, 0, None);
    for attribute in &message.attributes {
        match attribute {
            ChainAttribute::Table(text) => table = Some(text.clone()),
            ChainAttribute::Name(text) => name = Some(text.clone()),
            ChainAttribute::Hook(hook) => {
                for one in hook {
                    match one {
                        HookAttribute::Number(other) => number = Some(u32::from(*other)),
                        HookAttribute::Priority(value) => priority = value.cast_signed(),
                        HookAttribute::NetDeviceName(text) => device = Some(text.clone()),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    let (ingress, egress) = (HookNumber::Dev(DevHookNumber::Ingress), HookNumber::Dev(DevHookNumber::Egress));
    let device = Cow::from(device?);
    let hook = match number? {
        number if number == u32::from(ingress) => Hook::Ingress { device },
        number if number == u32::from(egress) => Hook::Egress { device },
        _ => return None,
    };
    Some((table?, Chain { name: name?.into(), hook, priority, rules: Vec::new() }))
}

/// The rules of a chain, in order; `None` if there is one that is not understood.
fn rules_of(all: &[NfTablesMessage], table: &str, chain: &str) -> Option<Vec<Rule>> {
    let mut rules = Vec::new();
    for message in all {
        let NfTablesMessage::NewRule(RuleMessage { attributes }) = message else { continue };
        let has = |wanted: RuleAttribute| attributes.contains(&wanted);
        if !has(RuleAttribute::Table(table.to_owned())) || !has(RuleAttribute::Chain(chain.to_owned())) {
            continue;
        }
        let expressions = attributes.iter().find_map(|attribute| match attribute {
            RuleAttribute::Expressions(list) => Some(list),
            _ => None,
        });
        rules.push(rule(expressions?)?);
    }
    Some(rules)
}

/// What the rule's program has loaded.
enum Loaded {
    Nothing,
    Protocol,
    Address(Field, Vec<u8>),
}

fn rule(list: &[ListAttribute<ExpressionAttribute>]) -> Option<Rule> {
    let (mut matches, mut is_ipv6, mut loaded) = (Vec::new(), false, Loaded::Nothing);
    for item in list {
        let ListAttribute::Element(parts) = item else { return None };
        let data = parts.iter().find_map(|part| match part {
            ExpressionAttribute::Data(data) => Some(data),
            _ => None,
        });
        match data {
            Some(Expressions::Meta(meta)) if meta.contains(&Meta::Key(MetaKey::EtherTypeProtocol)) => {
                loaded = Loaded::Protocol;
            }
            Some(Expressions::Payload(payload)) => loaded = address(payload, is_ipv6)?,
            Some(Expressions::Bitwise(bitwise)) => {
                let Loaded::Address(_, mask) = &mut loaded else { return None };
                *mask = bitwise.iter().find_map(|part| match part {
                    Bitwise::Mask(DataAttribute::Value(bytes)) => Some(bytes.clone()),
                    _ => None,
                })?;
            }
            Some(Expressions::Cmp(cmp)) => match &loaded {
                Loaded::Protocol => is_ipv6 = protocol(cmp)?,
                Loaded::Address(field, mask) => matches.push(compared(cmp, *field, mask, is_ipv6)?),
                Loaded::Nothing => return None,
            },
            Some(Expressions::Immediate(immediate)) => {
                return Some(Rule { matches, verdict: verdict(immediate)? });
            }
            Some(Expressions::Other { expression_type, .. }) if expression_type == "counter" => {}
            _ if parts.contains(&ExpressionAttribute::Name("counter".into())) => {}
            _ => return None,
        }
    }
    None
}

fn address(payload: &[Payload], is_ipv6: bool) -> Option<Loaded> {
    let (mut offset, mut length, mut base) = (None, None, None);
    for part in payload {
        match part {
            Payload::Base(number) => base = Some(*number),
            Payload::Offset(number) => offset = Some(*number),
            Payload::Len(number) => length = usize::try_from(*number).ok(),
            _ => {}
        }
    }
    let field = match (is_ipv6, offset?) {
        (false, 12) | (true, 8) => Field::Source,
        (false, 16) | (true, 24) => Field::Destination,
        _ => return None,
    };
    (base? == NETWORK_HEADER).then_some(Loaded::Address(field, vec![0xff; length?]))
}

fn value(cmp: &[Cmp]) -> Option<(Relation, &[u8])> {
    let (mut relation, mut bytes) = (None, None);
    for part in cmp {
        match part {
            Cmp::Op(Operator::Equal) => relation = Some(Relation::In),
            Cmp::Op(Operator::NotEqual) => relation = Some(Relation::NotIn),
            Cmp::Data(DataAttribute::Value(value)) => bytes = Some(value.as_slice()),
            _ => {}
        }
    }
    relation.zip(bytes)
}

fn protocol(cmp: &[Cmp]) -> Option<bool> {
    let (Relation::In, bytes) = value(cmp)? else { return None };
    let place = PROTOCOLS.iter().position(|(_, ethernet)| ethernet.to_be_bytes() == bytes)?;
    Some(place == 1)
}

fn compared(cmp: &[Cmp], field: Field, mask: &[u8], is_ipv6: bool) -> Option<Match> {
    let (relation, bytes) = value(cmp)?;
    let prefix_len = u8::try_from(mask.iter().map(|byte| byte.count_ones()).sum::<u32>()).ok()?;
    let mut whole = [0; 16];
    whole.get_mut(..bytes.len())?.copy_from_slice(bytes);
    let net = if is_ipv6 {
        IpNet::V6(Ipv6Net::new(Ipv6Addr::from(whole), prefix_len).ok()?)
    } else {
        let [a, b, c, d, ..] = whole;
        IpNet::V4(Ipv4Net::new(Ipv4Addr::new(a, b, c, d), prefix_len).ok()?)
    };
    Some(Match { field, relation, net })
}

fn verdict(immediate: &[Immediate]) -> Option<Verdict> {
    let code = immediate.iter().find_map(|part| match part {
        Immediate::Data(DataAttribute::Verdict(parts)) => parts.iter().find_map(|part| match part {
            VerdictAttribute::Code(code) => Some(*code),
            _ => None,
        }),
        _ => None,
    })?;
    match code {
        Code::Other(DROP) => Some(Verdict::Drop),
        Code::Other(ACCEPT) => Some(Verdict::Accept),
        Code::Return => Some(Verdict::Return),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::expression::expressions;
    use super::*;

    #[test]
    fn a_rule_reads_as_it_was_written() {
        let net = |text: &str| text.parse().expect("a network");
        let rules = [
            Rule { matches: vec![Match::not_from(net("192.168.66.11/32"))], verdict: Verdict::Drop },
            Rule { matches: vec![Match::to(net("10.244.16.0/20"))], verdict: Verdict::Accept },
            Rule {
                matches: vec![Match::not_to(net("fd00:66::b/128")), Match::not_to(net("fe80::/10"))],
                verdict: Verdict::Drop,
            },
            Rule { matches: Vec::new(), verdict: Verdict::Return },
        ];
        for written in rules {
            assert_eq!(rule(&expressions(TableFamily::Netdev, &written)), Some(written));
        }
    }

    #[test]
    fn what_is_not_understood_is_no_rule() {
        let masquerade = Rule { matches: Vec::new(), verdict: Verdict::Masquerade };
        assert_eq!(rule(&expressions(TableFamily::Netdev, &masquerade)), None);
        let of_another_family = Rule {
            matches: vec![Match::to("10.0.0.0/8".parse().expect("a network"))],
            verdict: Verdict::Drop,
        };
        assert_eq!(rule(&expressions(TableFamily::Inet, &of_another_family)), None);
    }
}
