//! Which protocol and port a rule is about, where the rest of it need not be understood.

use netlink_packet_netfilter::nftables::{
    Cmp, DataAttribute, ExpressionAttribute, Expressions, ListAttribute, Meta, MetaKey, Operator, Payload,
};

use super::expression::NETWORK_HEADER;

/// `NFT_PAYLOAD_TRANSPORT_HEADER` (linux/netfilter/nf_tables.h).
const TRANSPORT_HEADER: u32 = 2;

/// What was loaded last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Loaded {
    Protocol,
    Port,
}

/// The number of IP's protocol, and the port that packets go to, where a rule asks for exactly these.
pub(super) fn about(list: &[ListAttribute<ExpressionAttribute>]) -> (Option<u8>, Option<u16>) {
    let (mut protocol, mut port, mut loaded) = (None, None, None);
    for item in list {
        let ListAttribute::Element(parts) = item else { continue };
        let data = parts.iter().find_map(|part| match part {
            ExpressionAttribute::Data(data) => Some(data),
            _ => None,
        });
        match data {
            Some(Expressions::Cmp(parts)) => match (loaded.take(), equal(parts)) {
                (Some(Loaded::Protocol), Some([number])) => protocol = Some(*number),
                (Some(Loaded::Port), Some([high, low])) => port = Some(u16::from_be_bytes([*high, *low])),
                _ => {}
            },
            Some(Expressions::Meta(parts)) => {
                loaded = parts.contains(&Meta::Key(MetaKey::L4Proto)).then_some(Loaded::Protocol);
            }
            Some(Expressions::Payload(parts)) => loaded = field(parts),
            _ => loaded = None,
        }
    }
    (protocol, port)
}

fn field(parts: &[Payload]) -> Option<Loaded> {
    let is = |base, offset, length| {
        [Payload::Base(base), Payload::Offset(offset), Payload::Len(length)]
            .iter()
            .all(|part| parts.contains(part))
    };
    // Where they stand: RFC 791, 3.1; RFC 9293, 3.1, and RFC 768.
    match () {
        () if is(NETWORK_HEADER, 9, 1) => Some(Loaded::Protocol),
        () if is(TRANSPORT_HEADER, 2, 2) => Some(Loaded::Port),
        () => None,
    }
}

fn equal(parts: &[Cmp]) -> Option<&[u8]> {
    let value = parts.iter().find_map(|part| match part {
        Cmp::Data(DataAttribute::Value(bytes)) => Some(bytes.as_slice()),
        _ => None,
    });
    value.filter(|_| parts.contains(&Cmp::Op(Operator::Equal)))
}
