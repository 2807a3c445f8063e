//! Tables as the messages of one transaction.

use std::fmt;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_netfilter::nftables::{
    ChainAttribute, ChainMessage, DevHookNumber, Hook as HookAttribute, HookNumber, InetHookNumber,
    NfTablesMessage, RuleAttribute, RuleMessage, TableAttribute, TableMessage,
};
use netlink_packet_netfilter::none::ControlMessage;
use netlink_packet_netfilter::{
    NetfilterHeader, NetfilterMessage, NetfilterMessageInner, NetfilterProtoFamily,
};

use super::expression::expressions;
use crate::plan::nftables::{Chain, Hook, Rule, Table, TableFamily};

/// One thing that is added.
pub(super) enum Request<'a> {
    Table(&'a Table),
    Chain(&'a Table, &'a Chain),
    Rule(&'a Table, &'a Chain, &'a Rule),
}

/// What adds tables, in order.
pub(super) fn requests(tables: &[Table]) -> Vec<Request<'_>> {
    let mut requests = Vec::new();
    for table in tables {
        requests.push(Request::Table(table));
        for chain in &table.chains {
            requests.push(Request::Chain(table, chain));
            requests.extend(chain.rules.iter().map(|rule| Request::Rule(table, chain, rule)));
        }
    }
    requests
}

/// The datagram of a transaction. Its first message, which begins it, has the number `first`; requests follow.
pub(super) fn datagram(requests: &[Request<'_>], first: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256 * (requests.len() + 2));
    let mut sequence = first;
    let mut add = |message: NetfilterMessage, flags: u16| {
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = sequence;
        sequence = sequence.wrapping_add(1);
        let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
        message.finalize();
        let start = bytes.len();
        bytes.resize(start + message.buffer_len().next_multiple_of(4), 0);
        message.serialize(&mut bytes[start..]);
    };
    add(frame(ControlMessage::BatchBegin), 0);
    for (place, request) in requests.iter().enumerate() {
        // The kernel answers when it has taken or refused the whole, so the last acknowledgement speaks for all; and
        // refusals are told unasked. Hundreds of answers would not fit what an ordinary user's socket holds.
        let acknowledge = if place + 1 == requests.len() { NLM_F_ACK } else { 0 };
        add(request.message(), acknowledge | request.flags());
    }
    add(frame(ControlMessage::BatchEnd), 0);
    bytes
}

/// `NFNL_SUBSYS_NFTABLES`: whose transaction it is (linux/netfilter/nfnetlink.h).
const NFTABLES: u16 = 10;

fn frame(message: ControlMessage) -> NetfilterMessage {
    NetfilterMessage::new(NetfilterHeader::new(NetfilterProtoFamily::Unspec, 0, NFTABLES), message)
}

impl Request<'_> {
    fn table(&self) -> &Table {
        match self {
            Self::Table(table) | Self::Chain(table, _) | Self::Rule(table, ..) => table,
        }
    }

    fn flags(&self) -> u16 {
        match self {
            Self::Table(_) | Self::Chain(..) => NLM_F_CREATE,
            Self::Rule(..) => NLM_F_CREATE | NLM_F_APPEND,
        }
    }

    fn message(&self) -> NetfilterMessage {
        let family = match self.table().family {
            TableFamily::Inet => NetfilterProtoFamily::Inet,
            TableFamily::Netdev => NetfilterProtoFamily::NetDev,
        };
        let message = match self {
            Self::Table(table) => NfTablesMessage::NewTable(TableMessage {
                attributes: vec![TableAttribute::Name(table.name.to_string())],
            }),
            Self::Chain(table, chain) => {
                NfTablesMessage::NewChain(ChainMessage { attributes: chain_attributes(table, chain) })
            }
            Self::Rule(table, chain, rule) => NfTablesMessage::NewRule(RuleMessage {
                attributes: vec![
                    RuleAttribute::Table(table.name.to_string()),
                    RuleAttribute::Chain(chain.name.to_string()),
                    RuleAttribute::Expressions(expressions(table.family, rule)),
                ],
            }),
        };
        let inner = NetfilterMessageInner::NfTables(message);
        NetfilterMessage::new(NetfilterHeader::new(family, 0, 0), inner)
    }
}

fn chain_attributes(table: &Table, chain: &Chain) -> Vec<ChainAttribute> {
    let (kind, number, device) = match &chain.hook {
        Hook::NatPostrouting => ("nat", HookNumber::Inet(InetHookNumber::PostRouting), None),
        Hook::Ingress { device } => ("filter", HookNumber::Dev(DevHookNumber::Ingress), Some(device)),
        Hook::Egress { device } => ("filter", HookNumber::Dev(DevHookNumber::Egress), Some(device)),
    };
    let mut hook = vec![
        HookAttribute::Number(number),
        // Two's complement, as the kernel has it.
        HookAttribute::Priority(chain.priority.cast_unsigned()),
    ];
    hook.extend(device.map(|device| HookAttribute::NetDeviceName(device.to_string())));
    vec![
        ChainAttribute::Table(table.name.to_string()),
        ChainAttribute::Name(chain.name.to_string()),
        ChainAttribute::Hook(hook),
        ChainAttribute::Type(kind.to_owned()),
    ]
}

impl fmt::Display for Request<'_> {
    /// What is added, as error messages name it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(table) => write!(f, "nftables table {table}"),
            Self::Chain(table, chain) => write!(f, "nftables chain {table} {}", chain.name),
            Self::Rule(table, chain, rule) => {
                write!(f, "nftables rule `{rule}` of chain {table} {}", chain.name)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_begins_and_ends_and_asks_for_one_answer() {
        let chain = Chain {
            name: "c".into(),
            hook: Hook::Ingress { device: "lo".into() },
            priority: -1,
            rules: Vec::new(),
        };
        let table = Table { family: TableFamily::Netdev, name: "t".into(), chains: vec![chain] };
        let tables = [table];
        let mut rest = &datagram(&requests(&tables), 7)[..];
        let mut messages = Vec::new();
        while let Some((length, _)) = rest.split_first_chunk() {
            let (message, after) = rest.split_at(u32::from_ne_bytes(*length) as usize);
            messages.push(message);
            rest = after;
        }
        let kinds: Vec<u16> = messages.iter().map(|m| u16::from_ne_bytes([m[4], m[5]])).collect();
        assert_eq!(kinds, [0x10, 0xa00, 0xa03, 0x11]);
        let flags: Vec<u16> = messages.iter().map(|m| u16::from_ne_bytes([m[6], m[7]])).collect();
        assert_eq!(flags, [0x1, 0x401, 0x405, 0x1]);
        let numbers: Vec<u8> = messages.iter().map(|m| m[8]).collect();
        assert_eq!(numbers, [7, 8, 9, 10]);
        // nfgenmsg: family, version, and in network order whose transaction it is.
        assert_eq!(messages[0][16..], [0, 0, 0, 10]);
        assert_eq!(messages[2][16..20], [5, 0, 0, 0]);
        // NFTA_CHAIN_HOOK, nested: hook 0, priority -1, device `lo`.
        let hook: &[u8] = &[
            28, 0, 4, 0x80, 8, 0, 1, 0, 0, 0, 0, 0, 8, 0, 2, 0, 0xff, 0xff, 0xff, 0xff, 7, 0, 3, 0, b'l',
            b'o', 0, 0,
        ];
        assert!(messages[2].windows(hook.len()).any(|window| window == hook), "{:?}", messages[2]);
    }
}
