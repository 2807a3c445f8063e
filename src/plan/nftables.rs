//! Packet filter rules as data: tables, their base chains, and rules of a few matches and a verdict. Every form that is
//! here can be written to the kernel, printed as `nft` lines, and read by a person.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

/// A table with what is in it. A table or chain that is there already is added to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Which packets it sees.
    pub family: TableFamily,
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its chains, in order.
    pub chains: Vec<Chain>,
}

/// Which packets a table sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TableFamily {
    /// IPv4 and IPv6 on their way through the stack.
    Inet,
    /// Everything that passes one interface, before and after the stack.
    Netdev,
}

/// A base chain: rules that the kernel asks at a hook. What no rule decides passes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// Its name, unique in its table.
    pub name: Cow<'static, str>,
    /// Where the kernel asks it.
    pub hook: Hook,
    /// Its place among the chains of the hook: lower ones are asked first.
    pub priority: i32,
    /// Its rules, in order.
    pub rules: Vec<Rule>,
}

/// Where, and for what, the kernel asks a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hook {
    /// Addresses are translated as packets leave, once for each connection (`type nat hook postrouting`).
    NatPostrouting,
    /// Packets that come in by an interface, before anything else sees them (family netdev).
    Ingress {
        /// The interface.
        device: Cow<'static, str>,
    },
    /// Packets that go out by an interface, after everything else (family netdev).
    Egress {
        /// The interface.
        device: Cow<'static, str>,
    },
}

/// A rule: a packet that matches everything is counted and gets the verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// What must hold, all of it; nothing: always.
    pub matches: Vec<Match>,
    /// What becomes of the packet.
    pub verdict: Verdict,
}

/// Something that holds of a packet or not. Packets of the other IP family never match, whatever the relation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Match {
    /// The address that is looked at.
    pub field: Field,
    /// How it has to stand to the network.
    pub relation: Relation,
    /// The network; an address alone is one of full length.
    pub net: IpNet,
}

/// An address of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    /// Who sent it.
    Source,
    /// Whom it is for.
    Destination,
}

/// How an address stands to a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Relation {
    /// It is in it.
    In,
    /// It is of that IP family, and not in it.
    NotIn,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It passes this chain.
    Accept,
    /// It goes no further.
    Drop,
    /// The chain has nothing to do with it.
    Return,
    /// Its source becomes the address of the interface by which it leaves, and its answers are translated back.
    Masquerade,
    /// The same with this address, where the interface has several.
    #[serde(rename = "snat")]
    SourceNat(IpAddr),
}

impl Verdict {
    /// Whether the packet gets another source.
    pub fn translates(self) -> bool {
        matches!(self, Self::Masquerade | Self::SourceNat(_))
    }
}

/// The priority that source translation has by convention (`NF_IP_PRI_NAT_SRC`).
pub const SOURCE_NAT: i32 = 100;

impl Match {
    /// The source is in a network.
    pub fn from(net: IpNet) -> Self {
        Self { field: Field::Source, relation: Relation::In, net }
    }

    /// The source is not in a network.
    pub fn not_from(net: IpNet) -> Self {
        Self { field: Field::Source, relation: Relation::NotIn, net }
    }

    /// The destination is not in a network.
    pub fn not_to(net: IpNet) -> Self {
        Self { field: Field::Destination, relation: Relation::NotIn, net }
    }

    /// The destination is in a network.
    pub fn to(net: IpNet) -> Self {
        Self { field: Field::Destination, relation: Relation::In, net }
    }
}

impl Match {
    /// Whether it holds of a packet from one address to another.
    fn holds(&self, from: IpAddr, to: IpAddr) -> bool {
        let address = match self.field {
            Field::Source => from,
            Field::Destination => to,
        };
        let inside = self.net.contains(&address);
        address.is_ipv4() == self.net.addr().is_ipv4() && inside == (self.relation == Relation::In)
    }
}

impl Rule {
    /// Whether it decides about a packet from one address to another, if no rule before it does.
    pub fn is_about(&self, from: IpAddr, to: IpAddr) -> bool {
        self.matches.iter().all(|one| one.holds(from, to))
    }
}

impl Chain {
    /// The rule that decides about a packet from one address to another, if one does.
    pub fn decides(&self, from: IpAddr, to: IpAddr) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.is_about(from, to))
    }
}

/// The verdict by which rules, asked in order, give a packet another source, if they do.
pub fn translation(rules: &[Rule], from: IpAddr, to: IpAddr) -> Option<Verdict> {
    translating(rules, from, to).map(|rule| rule.verdict)
}

/// The rule that does so.
pub fn translating(rules: &[Rule], from: IpAddr, to: IpAddr) -> Option<&Rule> {
    rules.iter().find(|rule| rule.is_about(from, to)).filter(|rule| rule.verdict.translates())
}

impl fmt::Display for TableFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inet => "inet",
            Self::Netdev => "netdev",
        })
    }
}

impl fmt::Display for Table {
    /// `inet netlab`, as `nft` names a table.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.family, self.name)
    }
}

impl fmt::Display for Chain {
    /// What `nft` has between a base chain's braces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hook {
            Hook::NatPostrouting => f.write_str("type nat hook postrouting")?,
            Hook::Ingress { device } => write!(f, "type filter hook ingress device {device}")?,
            Hook::Egress { device } => write!(f, "type filter hook egress device {device}")?,
        }
        match (&self.hook, self.priority) {
            (Hook::NatPostrouting, SOURCE_NAT) => f.write_str(" priority srcnat;"),
            (_, priority) => write!(f, " priority {priority};"),
        }
    }
}

impl fmt::Display for Rule {
    /// The rule in `nft`'s words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Match { field, relation, net } in &self.matches {
            let family = if net.addr().is_ipv6() { "ip6" } else { "ip" };
            let field = match field {
                Field::Source => "saddr",
                Field::Destination => "daddr",
            };
            let relation = match relation {
                Relation::In => "",
                Relation::NotIn => "!= ",
            };
            write!(f, "{family} {field} {relation}")?;
            if net.prefix_len() == net.max_prefix_len() {
                write!(f, "{} ", net.addr())?;
            } else {
                write!(f, "{net} ")?;
            }
        }
        f.write_str("counter ")?;
        match self.verdict {
            Verdict::Accept => f.write_str("accept"),
            Verdict::Drop => f.write_str("drop"),
            Verdict::Return => f.write_str("return"),
            Verdict::Masquerade => f.write_str("masquerade"),
            // A table of both families has to be told which one is meant.
            Verdict::SourceNat(IpAddr::V4(own)) => write!(f, "snat ip to {own}"),
            Verdict::SourceNat(IpAddr::V6(own)) => write!(f, "snat ip6 to {own}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_read_as_nft_has_them() {
        let net = |text: &str| text.parse().expect("a network");
        let rule = Rule { matches: vec![Match::to(net("10.244.0.0/16"))], verdict: Verdict::Return };
        assert_eq!(rule.to_string(), "ip daddr 10.244.0.0/16 counter return");
        let matches = vec![Match::not_from(net("fd00::1/128")), Match::not_from(net("fd00:1::/64"))];
        let rule = Rule { matches, verdict: Verdict::Drop };
        assert_eq!(rule.to_string(), "ip6 saddr != fd00::1 ip6 saddr != fd00:1::/64 counter drop");
        let own = "fd00:66::b".parse().expect("an address");
        let rule = Rule { matches: vec![Match::from(net("fd00:1::/64"))], verdict: Verdict::SourceNat(own) };
        assert_eq!(rule.to_string(), "ip6 saddr fd00:1::/64 counter snat ip6 to fd00:66::b");
    }
}
