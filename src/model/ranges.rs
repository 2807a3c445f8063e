//! Networks and addresses as the file writes them.

use std::net::IpAddr;

use ipnet::IpNet;

use super::address::Family;
use super::build::Context;
use crate::diag::{Code, Diagnostic, Span, quoted};
use crate::spec::{Field, Names};

/// Ranges that no interface of a lab can have addresses of (RFC 6890), and what they are.
const RESERVED: &[(&str, &str)] = &[
    ("0.0.0.0/8", "\"this network\""),
    ("127.0.0.0/8", "loopback"),
    ("224.0.0.0/4", "multicast"),
    ("255.255.255.255/32", "broadcast"),
    ("::/127", "unspecified and loopback"),
    ("::ffff:0:0/96", "IPv4 in IPv6 notation"),
    ("fe80::/10", "link-local"),
    ("ff00::/8", "multicast"),
];

/// A network as it was written; an empty span stands for a default.
#[derive(Clone)]
pub(super) struct Written {
    pub(super) net: IpNet,
    pub(super) span: Span,
}

/// What a `cidr`-like key says.
#[derive(Default)]
pub(super) struct Networks {
    /// Those that are right: at most one of each family.
    pub(super) list: Vec<Written>,
    /// Whether something else stood there and was refused: what follows from the list is then a guess.
    pub(super) guessed: bool,
}

impl Networks {
    /// The one of a family.
    pub(super) fn get(&self, family: Family) -> Option<&Written> {
        self.list.iter().find(|written| Family::of(&written.net) == family)
    }
}

/// The networks of a `cidr`-like key.
pub(super) fn networks(field: Option<&Field<Names>>, key: &str, context: &mut Context) -> Networks {
    let Some(field) = field else { return Networks::default() };
    let mut networks = Networks::default();
    let mut items = 0;
    for (text, span) in field.items() {
        items += 1;
        let result = network(text, &span).and_then(|net| match networks.get(Family::of(&net)) {
            None => Ok(net),
            Some(first) => {
                let message = format!("`{key}` has two {} networks", Family::of(&net).name());
                let diagnostic = Diagnostic::new(Code::FamilyMismatch, message, span.clone(), "the second");
                Err(diagnostic
                    .also(first.span.clone(), "the first")
                    .help("dual stack is one IPv4 and one IPv6 network"))
            }
        });
        match result {
            Ok(net) => networks.list.push(Written { net, span }),
            Err(diagnostic) => context.push(diagnostic),
        }
    }
    if items == 0 && field.get().is_some_and(|names| names.0.is_empty()) {
        let message = format!("`{key}` is an empty list");
        let diagnostic = Diagnostic::new(Code::InvalidAddress, message, field.span.clone(), "no network");
        context.push(diagnostic.help("write one network, or one of IPv4 and one of IPv6, or leave it out"));
    }
    networks.guessed = items != networks.list.len() || items == 0;
    networks
}

/// The networks of a list that may have any number of any.
pub(super) fn any_networks(field: Option<&Field<Names>>, context: &mut Context) -> Vec<Written> {
    let mut all = Vec::new();
    for (text, span) in field.iter().flat_map(|field| field.items()) {
        match any_network(text, &span) {
            Ok(net) => all.push(Written { net, span }),
            Err(diagnostic) => context.push(diagnostic),
        }
    }
    all
}

/// A network for interfaces.
fn network(text: &str, span: &Span) -> Result<IpNet, Diagnostic> {
    let net = any_network(text, span)?;
    match reserved(&net) {
        None => Ok(net),
        Some((range, what)) => {
            let message = format!("{net} is not for interfaces: {range} is {what}");
            let help = "use a private range: of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, or of fd00::/8";
            Err(Diagnostic::new(Code::InvalidAddress, message, span.clone(), what).help(help))
        }
    }
}

fn any_network(text: &str, span: &Span) -> Result<IpNet, Diagnostic> {
    let invalid = |message: String, label: &str, help: String| {
        Diagnostic::new(Code::InvalidAddress, message, span.clone(), label).help(help)
    };
    let Ok(net) = text.parse::<IpNet>() else {
        let message = format!("{} is not a network", quoted(text));
        let help = match text.parse::<IpAddr>() {
            Ok(address) => format!("write the prefix length too, such as {}", guess(address)),
            Err(_) => "a network is an address and a prefix length, such as 10.244.0.0/16".into(),
        };
        return Err(invalid(message, "not a CIDR", help));
    };
    if net.trunc() != net {
        let message = format!("`{net}` is an address in a network, not a network");
        return Err(invalid(message, "host bits are set", format!("the network is {}", net.trunc())));
    }
    Ok(net)
}

/// The network that a person may have meant by an address alone.
fn guess(address: IpAddr) -> IpNet {
    let prefix_len = match address {
        IpAddr::V4(address) if address.octets()[2..] == [0, 0] => 16,
        IpAddr::V4(_) => 24,
        IpAddr::V6(_) => 56,
    };
    IpNet::new(address, prefix_len).map_or_else(|_| address.into(), |net| net.trunc())
}

/// The reserved range that a network has addresses of, and what that is.
pub(super) fn reserved(net: &IpNet) -> Option<(IpNet, &'static str)> {
    RESERVED.iter().find_map(|(range, what)| {
        let range = range.parse().ok()?;
        overlap(&range, net).then_some((range, *what))
    })
}

/// Whether two networks have an address in common.
pub(super) fn overlap(one: &IpNet, other: &IpNet) -> bool {
    one.contains(other) || other.contains(one)
}

/// The addresses of an `ip`-like key: at most one of each family.
pub(super) fn addresses(field: Option<&Field<Names>>, context: &mut Context) -> Vec<(IpAddr, Span)> {
    let mut all: Vec<(IpAddr, Span)> = Vec::new();
    for (text, span) in field.iter().flat_map(|field| field.items()) {
        let Ok(address) = text.parse::<IpAddr>() else {
            let message = format!("{} is not an address", quoted(text));
            let help = match text.parse::<IpNet>() {
                Ok(net) => format!("the prefix length is known already: write \"{}\"", net.addr()),
                Err(_) => "an address is for example 10.244.1.7 or fd00:244:0:1::7".into(),
            };
            context.push(Diagnostic::new(Code::InvalidAddress, message, span, "not an address").help(help));
            continue;
        };
        let family = Family::of_address(&address);
        if let Some((_, first)) = all.iter().find(|(other, _)| Family::of_address(other) == family) {
            let message = format!("two {} addresses where one can be", family.name());
            let diagnostic = Diagnostic::new(Code::FamilyMismatch, message, span, "the second");
            let diagnostic = diagnostic.also(first.clone(), "the first");
            context.push(diagnostic.help("dual stack is one IPv4 and one IPv6 address"));
            continue;
        }
        all.push((address, span));
    }
    all
}
