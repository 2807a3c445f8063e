//! What came back from one probe, and from whom.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why a packet could not be delivered, by the ICMP or ICMPv6 message that said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnreachableKind {
    /// A router has no route (ICMP type 3 code 0).
    NetUnreachable,
    /// The last router got no ARP or ND answer (ICMP 3/1, ICMPv6 1/3).
    HostUnreachable,
    /// The host does not speak the protocol (ICMP 3/2, ICMPv6 4/1).
    ProtocolUnreachable,
    /// Nobody listens, or a firewall rejects (ICMP 3/3, ICMPv6 1/4).
    PortUnreachable,
    /// A filter or a prohibit route (ICMP 3/9, 3/10, 3/13, ICMPv6 1/1, 1/5, 1/6).
    Prohibited,
    /// A router has no route (ICMPv6 1/0).
    NoRoute,
    /// Anything else, by type and code.
    Other(u8, u8),
}

impl UnreachableKind {
    /// The two families share no type among their unreachables, so type and code are enough.
    fn from_icmp(icmp_type: u8, code: u8) -> Self {
        match (icmp_type, code) {
            (3, 0) => Self::NetUnreachable,
            (3, 1) | (1, 3) => Self::HostUnreachable,
            (3, 2) | (4, 1) => Self::ProtocolUnreachable,
            (3, 3) | (1, 4) => Self::PortUnreachable,
            (3, 9 | 10 | 13) | (1, 1 | 5 | 6) => Self::Prohibited,
            (1, 0) => Self::NoRoute,
            _ => Self::Other(icmp_type, code),
        }
    }
}

impl fmt::Display for UnreachableKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NetUnreachable => "net-unreachable",
            Self::HostUnreachable => "host-unreachable",
            Self::ProtocolUnreachable => "protocol-unreachable",
            Self::PortUnreachable => "port-unreachable",
            Self::Prohibited => "prohibited",
            Self::NoRoute => "no-route",
            Self::Other(icmp_type, code) => return write!(f, "other({icmp_type},{code})"),
        })
    }
}

/// The end of one probe. [`fmt::Display`] gives the fixed word that tests, snapshots and JSON use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// The target answered.
    Reply {
        /// Who answered.
        from: IpAddr,
        /// TTL or hop limit left in the answer; none where the kernel does not tell, as of a TCP connection.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ttl: Option<u8>,
        /// Round-trip time.
        #[serde(rename = "rtt_ms", with = "as_millis")]
        rtt: Duration,
    },
    /// A router found the TTL used up.
    TtlExceeded {
        /// Which router.
        from: IpAddr,
        /// Round-trip time.
        #[serde(rename = "rtt_ms", with = "as_millis")]
        rtt: Duration,
    },
    /// The target is there and refused (a TCP reset).
    Refused {
        /// Who refused.
        from: IpAddr,
        /// Round-trip time.
        #[serde(rename = "rtt_ms", with = "as_millis")]
        rtt: Duration,
    },
    /// Someone said that it cannot be delivered.
    Unreachable {
        /// Why.
        kind: UnreachableKind,
        /// Who said so.
        from: IpAddr,
        /// Round-trip time.
        #[serde(rename = "rtt_ms", with = "as_millis")]
        rtt: Duration,
    },
    /// Too big for the next link, and not to be cut (ICMP 3/4, ICMPv6 packet too big).
    FragNeeded {
        /// The next link's MTU in bytes, where the router said it.
        mtu: Option<u32>,
        /// Who said so.
        from: IpAddr,
        /// Round-trip time.
        #[serde(rename = "rtt_ms", with = "as_millis")]
        rtt: Duration,
    },
    /// The source's own kernel would not send it.
    LocalError {
        /// Symbolic name, such as `ENETUNREACH`.
        errno: String,
        /// The C library's text for it.
        text: String,
        /// The path's MTU in bytes as the source knows it, where the packet was too big.
        mtu: Option<u32>,
    },
    /// The source asked itself: it has the address that it asked.
    OwnAddress {
        /// The address.
        address: IpAddr,
        /// Round-trip time.
        #[serde(rename = "rtt_ms", with = "as_millis")]
        rtt: Duration,
    },
    /// Nothing came back in time.
    Timeout,
}

impl Outcome {
    /// What an ICMP error that is not "time exceeded" means. `mtu` is in bytes.
    #[must_use]
    pub fn from_icmp_error(icmp_type: u8, code: u8, mtu: Option<u32>, from: IpAddr, rtt: Duration) -> Self {
        match (icmp_type, code) {
            (3, 4) | (2, _) => Self::FragNeeded { mtu, from, rtt },
            _ => Self::Unreachable { kind: UnreachableKind::from_icmp(icmp_type, code), from, rtt },
        }
    }

    /// Whose word it is; none for what the source found out by itself, and for silence.
    #[must_use]
    pub fn from(&self) -> Option<IpAddr> {
        match self {
            Self::Reply { from, .. }
            | Self::TtlExceeded { from, .. }
            | Self::Refused { from, .. }
            | Self::Unreachable { from, .. }
            | Self::FragNeeded { from, .. } => Some(*from),
            Self::LocalError { .. } | Self::OwnAddress { .. } | Self::Timeout => None,
        }
    }

    /// Round-trip time, if anything came back.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        match self {
            Self::Reply { rtt, .. }
            | Self::TtlExceeded { rtt, .. }
            | Self::Refused { rtt, .. }
            | Self::Unreachable { rtt, .. }
            | Self::FragNeeded { rtt, .. }
            | Self::OwnAddress { rtt, .. } => Some(*rtt),
            Self::LocalError { .. } | Self::Timeout => None,
        }
    }

    /// TTL left in a reply.
    #[must_use]
    pub fn ttl(&self) -> Option<u8> {
        match self {
            Self::Reply { ttl, .. } => *ttl,
            _ => None,
        }
    }

    /// The MTU in bytes that whoever stopped the packet named.
    #[must_use]
    pub fn mtu(&self) -> Option<u32> {
        match self {
            Self::FragNeeded { mtu, .. } | Self::LocalError { mtu, .. } => *mtu,
            _ => None,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply { .. } => f.write_str("reply"),
            Self::TtlExceeded { .. } => f.write_str("ttl-exceeded"),
            Self::Refused { .. } => f.write_str("refused"),
            Self::Unreachable { kind, .. } => kind.fmt(f),
            Self::FragNeeded { mtu, .. } => frag_needed(f, *mtu),
            Self::LocalError { errno, mtu, .. } => match errno.as_str() {
                "ENETUNREACH" => f.write_str("no-route"),
                "EHOSTUNREACH" => f.write_str("host-unreachable"),
                "EMSGSIZE" => frag_needed(f, *mtu),
                "EACCES" | "EPERM" => f.write_str("prohibited"),
                other => write!(f, "local-error {other}"),
            },
            Self::OwnAddress { .. } => f.write_str("own-address"),
            Self::Timeout => f.write_str("timeout"),
        }
    }
}

fn frag_needed(f: &mut fmt::Formatter<'_>, mtu: Option<u32>) -> fmt::Result {
    match mtu {
        Some(mtu) => write!(f, "frag-needed {mtu}"),
        None => f.write_str("frag-needed"),
    }
}

/// Durations as milliseconds in JSON, exact to the nanosecond.
mod as_millis {
    use std::time::Duration;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        crate::probe::millis(*duration).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let millis = f64::deserialize(deserializer)?;
        Duration::try_from_secs_f64(millis / 1e3).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 244, 1, 1));
    const RTT: Duration = Duration::from_nanos(61_234);

    fn icmp(icmp_type: u8, code: u8, mtu: Option<u32>) -> String {
        Outcome::from_icmp_error(icmp_type, code, mtu, FROM, RTT).to_string()
    }

    fn local(errno: &str, mtu: Option<u32>) -> String {
        Outcome::LocalError { errno: errno.to_owned(), text: String::new(), mtu }.to_string()
    }

    #[test]
    fn icmp_errors_have_fixed_words() {
        let words = [0, 1, 2, 3, 5, 9, 10, 13].map(|code| icmp(3, code, None));
        let expected = ["net-unreachable", "host-unreachable", "protocol-unreachable", "port-unreachable"];
        assert_eq!(words[..4], expected);
        assert_eq!(words[4..], ["other(3,5)", "prohibited", "prohibited", "prohibited"]);
        assert_eq!(icmp(3, 4, Some(1450)), "frag-needed 1450");
        assert_eq!(icmp(3, 4, None), "frag-needed");
        assert_eq!(icmp(12, 0, None), "other(12,0)");
    }

    #[test]
    fn icmpv6_errors_have_the_same_words() {
        let words = [0, 1, 2, 3, 4].map(|code| icmp(1, code, None));
        assert_eq!(words, ["no-route", "prohibited", "other(1,2)", "host-unreachable", "port-unreachable"]);
        assert_eq!(icmp(2, 0, Some(1400)), "frag-needed 1400");
        assert_eq!(icmp(4, 1, None), "protocol-unreachable");
    }

    #[test]
    fn local_errors_have_words_by_errno() {
        assert_eq!(local("ENETUNREACH", None), "no-route");
        assert_eq!(local("EHOSTUNREACH", None), "host-unreachable");
        assert_eq!(local("EMSGSIZE", Some(1500)), "frag-needed 1500");
        assert_eq!(local("EPERM", None), "prohibited");
        assert_eq!(local("EINVAL", None), "local-error EINVAL");
    }

    #[test]
    fn outcomes_survive_json() {
        let reply = Outcome::Reply { from: FROM, ttl: Some(62), rtt: RTT };
        let json = serde_json::to_string(&reply).expect("serializes");
        assert_eq!(json, r#"{"outcome":"reply","from":"10.244.1.1","ttl":62,"rtt_ms":0.061234}"#);
        let accepted = Outcome::Reply { from: FROM, ttl: None, rtt: RTT };
        assert_eq!(serde_json::to_string(&accepted).expect("serializes"), json.replace("\"ttl\":62,", ""));
        let other = Outcome::from_icmp_error(3, 5, None, FROM, RTT);
        let own = Outcome::OwnAddress { address: FROM, rtt: RTT };
        for outcome in [reply, accepted, other, own, Outcome::Timeout] {
            let json = serde_json::to_string(&outcome).expect("serializes");
            assert_eq!(serde_json::from_str::<Outcome>(&json).expect("deserializes"), outcome);
        }
        assert!(serde_json::from_str::<Outcome>(&json.replace("0.06", "-0.06")).is_err());
    }
}
