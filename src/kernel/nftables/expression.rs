//! A rule as the small programs that the kernel runs for each packet: load, mask, compare, count, decide. They are those
//! that `nft` makes of the same line.

use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_core::{DefaultNla, Nla as _};
use netlink_packet_netfilter::nftables::{
    Bitwise, Cmp, DataAttribute, ExpressionAttribute, Expressions, Immediate, ListAttribute, Meta, MetaKey,
    Operator, Payload, Register, Verdict as Code, VerdictAttribute,
};

use crate::plan::nftables::{Field, Match, Relation, Rule, TableFamily, Verdict};

type List = Vec<ListAttribute<ExpressionAttribute>>;

/// `NFT_PAYLOAD_NETWORK_HEADER`: offsets are from where the IP header begins (linux/netfilter/nf_tables.h).
pub(super) const NETWORK_HEADER: u32 = 1;
/// `NF_DROP` and `NF_ACCEPT` (linux/netfilter.h).
pub(super) const DROP: u32 = 0;
pub(super) const ACCEPT: u32 = 1;
/// `NFPROTO_IPV4` and `NFPROTO_IPV6` (linux/netfilter.h), and what Ethernet calls them (linux/if_ether.h).
pub(super) const PROTOCOLS: [(u8, u16); 2] = [(2, 0x0800), (10, 0x86dd)];

/// The expressions of a rule of a table of that family.
pub(super) fn expressions(family: TableFamily, rule: &Rule) -> List {
    let mut list = Vec::new();
    let mut is_ipv6 = None;
    for one in &rule.matches {
        let ipv6 = one.net.addr().is_ipv6();
        // Before the first look at an address, and where the IP family changes: which header is it?
        if is_ipv6.replace(ipv6) != Some(ipv6) {
            ip_family(family, usize::from(ipv6), &mut list);
        }
        address(one, &mut list);
    }
    list.push(Expressions::Other { expression_type: "counter".into(), attributes: Vec::new() }.into());
    list.extend(verdict(rule.verdict).into_iter().map(Into::into));
    list
}

fn ip_family(family: TableFamily, place: usize, list: &mut List) {
    let (netfilter, ethernet) = PROTOCOLS[place];
    let (key, value) = match family {
        TableFamily::Inet => (MetaKey::Nfproto, vec![netfilter]),
        TableFamily::Netdev => (MetaKey::EtherTypeProtocol, ethernet.to_be_bytes().to_vec()),
    };
    let load = vec![Meta::Key(key), Meta::DestinationRegister(Register::Reg1)];
    list.push(Expressions::Meta(load).into());
    list.push(compare(Operator::Equal, value));
}

/// Loads an address, as much of it as the network has, and compares.
fn address(one: &Match, list: &mut List) {
    let (bytes, mask) = match one.net.trunc() {
        IpNet::V4(net) => (net.network().octets().to_vec(), net.netmask().octets().to_vec()),
        IpNet::V6(net) => (net.network().octets().to_vec(), net.netmask().octets().to_vec()),
    };
    // Where addresses stand in the header: RFC 791, 3.1, and RFC 8200, 3.
    let offset = match (one.field, bytes.len()) {
        (Field::Source, 4) => 12,
        (Field::Destination, 4) => 16,
        (Field::Source, _) => 8,
        (Field::Destination, _) => 24,
    };
    // Of a /0 no byte would be compared, and nobody could tell which address the rule is about: it has a mask, as `nft` has it.
    let whole_bytes = one.net.prefix_len() > 0 && one.net.prefix_len().is_multiple_of(8);
    let length = if whole_bytes { usize::from(one.net.prefix_len() / 8) } else { bytes.len() };
    let load = vec![
        Payload::DestinationRegister(Register::Reg1),
        Payload::Base(NETWORK_HEADER),
        Payload::Offset(offset),
        Payload::Len(length as u32),
    ];
    list.push(Expressions::Payload(load).into());
    if !whole_bytes {
        let and = vec![
            Bitwise::SourceRegister(Register::Reg1),
            Bitwise::DestinationRegister(Register::Reg1),
            Bitwise::Length(length as u32),
            Bitwise::Mask(DataAttribute::Value(mask)),
            Bitwise::Xor(DataAttribute::Value(vec![0; length])),
        ];
        list.push(Expressions::Bitwise(and).into());
    }
    let operator = match one.relation {
        Relation::In => Operator::Equal,
        Relation::NotIn => Operator::NotEqual,
    };
    list.push(compare(operator, bytes[..length].to_vec()));
}

fn compare(operator: Operator, value: Vec<u8>) -> ListAttribute<ExpressionAttribute> {
    let cmp =
        vec![Cmp::SourceRegister(Register::Reg1), Cmp::Op(operator), Cmp::Data(DataAttribute::Value(value))];
    Expressions::Cmp(cmp).into()
}

fn verdict(verdict: Verdict) -> Vec<Expressions> {
    let code = match verdict {
        Verdict::Accept => Code::Other(ACCEPT),
        Verdict::Drop => Code::Other(DROP),
        Verdict::Return => Code::Return,
        Verdict::Masquerade => {
            return vec![Expressions::Other { expression_type: "masq".into(), attributes: Vec::new() }];
        }
        Verdict::SourceNat(own) => return source_nat(own).to_vec(),
    };
    vec![Expressions::Immediate(vec![
        Immediate::DestinationRegister(Register::Verdict),
        Immediate::Data(DataAttribute::Verdict(vec![VerdictAttribute::Code(code)])),
    ])]
}

/// Attributes of `nat`, `NFTA_NAT_…`, and `NFT_NAT_SNAT` and `NFT_REG_1` as they have them (linux/netfilter/nf_tables.h).
const NAT_TYPE: u16 = 1;
const NAT_FAMILY: u16 = 2;
const NAT_ADDRESS: u16 = 3;
const NAT_LAST_ADDRESS: u16 = 4;
const NAT_FLAGS: u16 = 7;
const SOURCE: u32 = 0;
const REGISTER: u32 = 1;
/// `NF_NAT_RANGE_MAP_IPS` (linux/netfilter/nf_nat.h): the kernel's word for an address that is given.
const WITH_ADDRESS: u32 = 1;

/// Loads the address that a packet gets, and gives it to it.
fn source_nat(own: IpAddr) -> [Expressions; 2] {
    let (bytes, family) = match own {
        IpAddr::V4(own) => (own.octets().to_vec(), PROTOCOLS[0].0),
        IpAddr::V6(own) => (own.octets().to_vec(), PROTOCOLS[1].0),
    };
    let load =
        vec![Immediate::DestinationRegister(Register::Reg1), Immediate::Data(DataAttribute::Value(bytes))];
    let parts = [(NAT_TYPE, SOURCE), (NAT_FAMILY, u32::from(family)), (NAT_ADDRESS, REGISTER)];
    let attributes = parts.map(|(kind, value)| DefaultNla::new(kind, value.to_be_bytes().to_vec())).to_vec();
    [Expressions::Immediate(load), Expressions::Other { expression_type: "nat".into(), attributes }]
}

/// The rule that these expressions are, where it is one that [`expressions`] makes.
pub(super) fn rule(list: &[ListAttribute<ExpressionAttribute>]) -> Option<Rule> {
    let mut matches = Vec::new();
    let (mut loaded, mut mask, mut own) = (None, None, None);
    for item in list {
        let ListAttribute::Element(parts) = item else { return None };
        let data = parts.iter().find_map(|part| match part {
            ExpressionAttribute::Data(data) => Some(data),
            _ => None,
        });
        match data {
            // Which header it is follows from where the address stands in it.
            Some(Expressions::Meta(parts)) if parts.iter().any(is_family) => loaded = None,
            Some(Expressions::Payload(parts)) => loaded = Some(field(parts)?),
            Some(Expressions::Bitwise(parts)) => mask = parts.iter().find_map(bits),
            Some(Expressions::Cmp(parts)) => {
                if let Some(loaded) = loaded.take() {
                    matches.push(compared(loaded, mask.take(), parts)?);
                }
            }
            Some(Expressions::Immediate(parts)) if own.is_none() => match parts.iter().find_map(value) {
                Some(bytes) => own = Some(address_of(&bytes)?),
                None => return Some(Rule { matches, verdict: parts.iter().find_map(decided)? }),
            },
            Some(Expressions::Other { expression_type, attributes }) if expression_type == "nat" => {
                let is_source = is_source_nat(attributes);
                return own
                    .filter(|_| is_source)
                    .map(|own| Rule { matches, verdict: Verdict::SourceNat(own) });
            }
            Some(Expressions::Other { expression_type, .. }) if expression_type == "counter" => {}
            // With ports, or drawn by lot, it is more than netlab writes.
            Some(Expressions::Other { expression_type, attributes })
                if expression_type == "masq" && attributes.is_empty() =>
            {
                return Some(Rule { matches, verdict: Verdict::Masquerade });
            }
            _ => return None,
        }
    }
    None
}

fn is_family(part: &Meta) -> bool {
    matches!(part, Meta::Key(MetaKey::Nfproto | MetaKey::EtherTypeProtocol))
}

/// Which address a part of the header is, and how many bytes an address has there.
fn field(parts: &[Payload]) -> Option<(Field, usize)> {
    let offset = parts.iter().find_map(|part| match part {
        Payload::Offset(offset) => Some(*offset),
        _ => None,
    });
    if !parts.contains(&Payload::Base(NETWORK_HEADER)) {
        return None;
    }
    match offset? {
        12 => Some((Field::Source, 4)),
        16 => Some((Field::Destination, 4)),
        8 => Some((Field::Source, 16)),
        24 => Some((Field::Destination, 16)),
        _ => None,
    }
}

fn bits(part: &Bitwise) -> Option<u8> {
    match part {
        Bitwise::Mask(DataAttribute::Value(mask)) => {
            Some(mask.iter().map(|byte| byte.count_ones()).sum::<u32>() as u8)
        }
        _ => None,
    }
}

fn compared((field, size): (Field, usize), mask: Option<u8>, parts: &[Cmp]) -> Option<Match> {
    let (mut relation, mut value) = (None, None);
    for part in parts {
        match part {
            Cmp::Op(Operator::Equal) => relation = Some(Relation::In),
            Cmp::Op(Operator::NotEqual) => relation = Some(Relation::NotIn),
            Cmp::Data(DataAttribute::Value(bytes)) => value = Some(bytes.clone()),
            _ => {}
        }
    }
    let mut bytes = value?;
    let length = mask.unwrap_or(bytes.len() as u8 * 8);
    bytes.resize(size, 0);
    Some(Match { field, relation: relation?, net: IpNet::new(address_of(&bytes)?, length).ok()? })
}

fn address_of(bytes: &[u8]) -> Option<IpAddr> {
    match <[u8; 4]>::try_from(bytes) {
        Ok(v4) => Some(v4.into()),
        Err(_) => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
    }
}

/// What is loaded, where it is no verdict.
fn value(part: &Immediate) -> Option<Vec<u8>> {
    match part {
        Immediate::Data(DataAttribute::Value(bytes)) => Some(bytes.clone()),
        _ => None,
    }
}

/// Whether it is the source that gets the address that was loaded, and nothing else is asked for.
fn is_source_nat(attributes: &[DefaultNla]) -> bool {
    let value = |attribute: &DefaultNla| {
        let mut bytes = vec![0; attribute.value_len()];
        attribute.emit_value(&mut bytes);
        bytes.try_into().map(u32::from_be_bytes)
    };
    let told: Vec<(u16, u32)> =
        attributes.iter().filter_map(|one| Some((one.kind(), value(one).ok()?))).collect();
    // The kernel tells the last of the addresses too, which is the first.
    let is_known = |(kind, value): &(u16, u32)| match *kind {
        NAT_TYPE => *value == SOURCE,
        NAT_FAMILY => true,
        NAT_ADDRESS | NAT_LAST_ADDRESS => *value == REGISTER,
        NAT_FLAGS => *value == WITH_ADDRESS,
        _ => false,
    };
    told.contains(&(NAT_TYPE, SOURCE)) && told.iter().all(is_known)
}

pub(super) fn decided(part: &Immediate) -> Option<Verdict> {
    let Immediate::Data(DataAttribute::Verdict(parts)) = part else { return None };
    parts.iter().find_map(|part| match part {
        VerdictAttribute::Code(Code::Other(DROP)) => Some(Verdict::Drop),
        VerdictAttribute::Code(Code::Other(ACCEPT)) => Some(Verdict::Accept),
        VerdictAttribute::Code(Code::Return) => Some(Verdict::Return),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of a rule's expressions, in order, with the bytes that are compared.
    fn told(family: TableFamily, matches: Vec<Match>, verdict: Verdict) -> Vec<String> {
        let list = expressions(family, &Rule { matches, verdict });
        let tell = |item: ListAttribute<ExpressionAttribute>| match item {
            ListAttribute::Element(parts) => match &parts[..] {
                [ExpressionAttribute::Name(name), ExpressionAttribute::Data(Expressions::Cmp(cmp))] => {
                    format!("{name} {:?}", cmp.last().expect("data"))
                }
                [ExpressionAttribute::Name(name), ExpressionAttribute::Data(_)] => name.clone(),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        };
        list.into_iter().map(tell).collect()
    }

    #[test]
    fn whole_bytes_are_compared_without_a_mask() {
        let net = |text: &str| text.parse().expect("a network");
        assert_eq!(
            told(TableFamily::Inet, vec![Match::to(net("10.244.0.0/16"))], Verdict::Return),
            ["meta", "cmp Data(Value([2]))", "payload", "cmp Data(Value([10, 244]))", "counter", "immediate"]
        );
        assert_eq!(
            told(TableFamily::Netdev, vec![Match::not_from(net("10.0.16.0/20"))], Verdict::Masquerade),
            [
                "meta",
                "cmp Data(Value([8, 0]))",
                "payload",
                "bitwise",
                "cmp Data(Value([10, 0, 16, 0]))",
                "counter",
                "masq"
            ]
        );
    }

    #[test]
    fn what_is_written_can_be_read() {
        let net = |text: &str| text.parse::<IpNet>().expect("a network");
        for (family, matches, verdict) in [
            (TableFamily::Inet, vec![Match::to(net("10.244.0.0/16"))], Verdict::Return),
            (TableFamily::Inet, vec![Match::from(net("10.244.16.0/20"))], Verdict::Masquerade),
            (TableFamily::Inet, vec![Match::from(net("fd00:244::/56"))], Verdict::Accept),
            (TableFamily::Inet, vec![Match::to(net("fd00:244::/61"))], Verdict::Return),
            (TableFamily::Inet, vec![Match::to(net("0.0.0.0/0"))], Verdict::Return),
            (TableFamily::Netdev, vec![Match::not_from(net("::/0"))], Verdict::Drop),
            (
                TableFamily::Netdev,
                vec![Match::not_from(net("192.168.66.11/32")), Match::not_from(net("10.244.1.0/24"))],
                Verdict::Drop,
            ),
            (
                TableFamily::Inet,
                vec![Match::from(net("10.244.1.0/24"))],
                Verdict::SourceNat(net("192.168.66.11/32").addr()),
            ),
            (
                TableFamily::Inet,
                vec![Match::from(net("fd00:244:0:1::/64"))],
                Verdict::SourceNat(net("fd00:66::b/128").addr()),
            ),
        ] {
            let written = Rule { matches, verdict };
            assert_eq!(rule(&expressions(family, &written)), Some(written));
        }
        let other = |expression_type: &str, attributes| Expressions::Other {
            expression_type: expression_type.into(),
            attributes,
        };
        assert_eq!(rule(&[other("limit", Vec::new()).into()]), None);
        // `NFTA_MASQ_FLAGS`.
        let at_random = DefaultNla::new(1, vec![0, 0, 0, 4]);
        assert_eq!(rule(&[other("masq", vec![at_random]).into()]), None);
    }

    #[test]
    fn the_ip_family_is_asked_once() {
        let net: IpNet = "fd00::1/128".parse().expect("an address");
        let matches = vec![Match::not_from(net), Match::not_from(net)];
        let names = told(TableFamily::Netdev, matches, Verdict::Drop);
        assert_eq!(names.iter().filter(|name| *name == "meta").count(), 1);
        assert_eq!(names.len(), 2 + 2 + 2 + 2);
    }
}
