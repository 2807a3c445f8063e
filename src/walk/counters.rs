//! What kernels count, by name; and what it means to a packet when a number has risen.

use std::collections::BTreeMap;

/// The numbers of one namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters(BTreeMap<(Option<String>, String), u64>);

/// A number that has risen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Risen {
    /// The interface that it is of; none of the IP stack's.
    pub link: Option<String>,
    /// Its name, as `nstat` has it: `IpInAddrErrors`; of an interface, what `/proc/net/dev` calls it.
    pub name: String,
    /// By how much.
    pub by: u64,
    /// What that says about a packet.
    pub means: &'static str,
    /// Whether it says that a packet was dropped.
    pub weight: Weight,
}

/// What a number that has risen says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Packets were dropped.
    Dropped,
    /// Something was done, as it is with many packets.
    Done,
}

/// The number of what a queueing discipline dropped begins so, and its kind follows.
const QUEUE: &str = "queue ";

/// Which numbers of the IP stack have a meaning for one packet. Those of IPv6 begin with `Ip6`, `Icmp6` and so on.
const MEANINGS: [(&str, Weight, &str); 26] = [
    ("IpInHdrErrors", Weight::Dropped, "a header that is not valid, or a TTL that is used up"),
    (
        "IpInAddrErrors",
        Weight::Dropped,
        "for an address that is not its own, and that it does not forward for",
    ),
    ("IpInNoRoutes", Weight::Dropped, "no route for what came in"),
    ("IpOutNoRoutes", Weight::Dropped, "no route for what it would send"),
    ("IpInDiscards", Weight::Dropped, "dropped on the way in"),
    ("IpOutDiscards", Weight::Dropped, "dropped on the way out"),
    ("IpFragFails", Weight::Dropped, "too large for the next link, and not to be taken apart"),
    ("IpInTooBigErrors", Weight::Dropped, "too large for the next link"),
    ("IpReasmFails", Weight::Dropped, "pieces that do not make a whole"),
    ("IpInTruncatedPkts", Weight::Dropped, "a packet that is not all there"),
    ("IpInUnknownProtos", Weight::Dropped, "a protocol that it does not speak"),
    ("IPReversePathFilter", Weight::Dropped, "a source that it would not answer by the same interface"),
    ("IcmpInErrors", Weight::Dropped, "an ICMP message that is not valid, or not believed"),
    ("IcmpInCsumErrors", Weight::Dropped, "an ICMP message with a wrong checksum"),
    ("IcmpOutRateLimitHost", Weight::Dropped, "an ICMP error kept back: too many to the same host"),
    ("IcmpOutRateLimitGlobal", Weight::Dropped, "an ICMP error kept back: too many"),
    ("TcpInErrs", Weight::Dropped, "a TCP segment that is not valid"),
    ("ListenDrops", Weight::Dropped, "a TCP connection that its listener did not take"),
    ("UdpInErrors", Weight::Dropped, "a datagram that its socket did not take"),
    ("UdpInDatagrams", Weight::Done, "a datagram that its socket took"),
    ("UdpNoPorts", Weight::Done, "a datagram for a port where nobody listens"),
    ("IpForwDatagrams", Weight::Done, "routed onward"),
    ("IcmpOutDestUnreachs", Weight::Done, "said by ICMP that it cannot be delivered"),
    ("IcmpInDestUnreachs", Weight::Done, "heard by ICMP that it cannot be delivered"),
    ("IcmpOutPktTooBigs", Weight::Done, "said by ICMP that it is too large"),
    ("IcmpInPktTooBigs", Weight::Done, "heard by ICMP that it is too large"),
];

/// What interfaces count: where that stands in `/proc/net/dev`, behind the interface's name.
const OF_LINKS: [(usize, &str, &str); 4] = [
    (2, "rx_errors", "a frame that could not be received"),
    (3, "rx_dropped", "a frame that was received, and dropped"),
    (10, "tx_errors", "a frame that could not be sent"),
    (11, "tx_dropped", "a frame that was to be sent, and dropped"),
];

impl Counters {
    /// From what a kernel writes: tables of names and numbers, lists of both, lines for interfaces, and what queueing
    /// disciplines dropped: interface, kind, number.
    pub fn read<'a>(
        tables: &str,
        list: &str,
        links: &str,
        queues: impl IntoIterator<Item = (&'a str, &'a str, u64)>,
    ) -> Self {
        let mut counters = Self::default();
        counters.tables(tables);
        for line in list.lines() {
            let mut words = line.split_whitespace();
            if let (Some(name), Some(value)) = (words.next(), words.next()) {
                counters.note(None, name, value);
            }
        }
        for line in links.lines() {
            let Some((link, numbers)) = line.split_once(':') else { continue };
            let numbers: Vec<&str> = numbers.split_whitespace().collect();
            for (at, name, _) in OF_LINKS {
                if let Some(value) = numbers.get(at) {
                    counters.note(Some(link.trim()), name, value);
                }
            }
        }
        for (link, kind, dropped) in queues {
            *counters.0.entry((Some(link.to_owned()), format!("{QUEUE}{kind}"))).or_default() += dropped;
        }
        counters
    }

    /// A line of names and one of numbers, both beginning with what they are about.
    fn tables(&mut self, text: &str) {
        let mut lines = text.lines();
        while let (Some(names), Some(numbers)) = (lines.next(), lines.next()) {
            let Some(((about, names), (_, numbers))) = names.split_once(':').zip(numbers.split_once(':'))
            else {
                continue;
            };
            // The extensions of IP's table are IP's, and those of TCP's have names of their own.
            let about = match about {
                "IpExt" => "Ip",
                "TcpExt" => "",
                about => about,
            };
            for (name, number) in names.split_whitespace().zip(numbers.split_whitespace()) {
                self.note(None, &format!("{about}{name}"), number);
            }
        }
    }

    fn note(&mut self, link: Option<&str>, name: &str, value: &str) {
        // Some are no counters and may be negative, such as TCP's largest number of connections.
        if let Ok(value) = value.parse() {
            self.0.insert((link.map(str::to_owned), name.to_owned()), value);
        }
    }

    /// A number of the IP stack, by its name.
    pub fn value(&self, name: &str) -> Option<u64> {
        self.0.get(&(None, name.to_owned())).copied()
    }

    /// What has risen since, of all that has a meaning.
    pub fn risen(&self, since: &Self) -> Vec<Risen> {
        let risen = self.0.iter().filter_map(|(key @ (link, name), now)| {
            let before = since.0.get(key).copied().unwrap_or(0);
            let by = now.checked_sub(before).filter(|by| *by > 0)?;
            let (means, weight) = meaning(link.is_some(), name)?;
            Some(Risen { link: link.clone(), name: name.clone(), by, means, weight })
        });
        risen.collect()
    }
}

impl Risen {
    /// The kind of the queueing discipline that dropped something, if it is that which has risen.
    pub fn queue(&self) -> Option<&str> {
        self.name.strip_prefix(QUEUE)
    }

    /// Whether it is about packets of IPv6 alone.
    pub fn is_ipv6(&self) -> bool {
        ["Ip6", "Icmp6", "Udp6", "Tcp6"].iter().any(|start| self.name.starts_with(start))
    }

    /// `IpInAddrErrors +1: for an address that is not its own, …`
    pub fn text(&self) -> String {
        let Self { name, by, means, .. } = self;
        match (&self.link, self.queue()) {
            (Some(link), Some(kind)) => format!("{link}'s queue ({kind}) dropped +{by}"),
            (Some(link), None) => format!("{link} {name} +{by}: {means}"),
            (None, _) => format!("{name} +{by}: {means}"),
        }
    }
}

fn meaning(of_link: bool, name: &str) -> Option<(&'static str, Weight)> {
    if of_link {
        let known = OF_LINKS.iter().find(|(_, known, _)| *known == name).map(|(_, _, means)| *means);
        let means = known.or(name.starts_with(QUEUE).then_some("a frame that had no place in the queue"))?;
        return Some((means, Weight::Dropped));
    }
    let of_v4 = ["Ip6", "Icmp6", "Udp6"].iter().find_map(|start| {
        let rest = name.strip_prefix(start)?;
        Some(format!("{}{rest}", start.trim_end_matches('6')))
    });
    let name = match of_v4.as_deref() {
        Some("IpOutForwDatagrams") => "IpForwDatagrams",
        Some(name) => name,
        None => name,
    };
    MEANINGS.iter().find(|(known, _, _)| *known == name).map(|(_, weight, means)| (*means, *weight))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLES: &str = "\
Ip: Forwarding DefaultTTL InReceives InAddrErrors ForwDatagrams\n\
Ip: 1 64 10 2 3\n\
Tcp: RtoAlgorithm MaxConn InErrs\n\
Tcp: 1 -1 0\n\
TcpExt: SyncookiesSent IPReversePathFilter\n\
TcpExt: 0 0\n\
IpExt: InNoRoutes\n\
IpExt: 0\n";
    const LIST: &str = "Ip6InReceives                   \t8\nIp6InNoRoutes 0\nIp6OutForwDatagrams 1\n";
    const LINKS: &str = "\
Inter-|   Receive                                                |  Transmit\n \
face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n    \
lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0\n  \
eth0:    1192      15    0    2    0     0          0         0     1226      16    0    0    0     0       0          0\n";

    fn read(tables: &str, list: &str, links: &str, queued: u64) -> Counters {
        Counters::read(tables, list, links, [("eth0", "tbf", queued)])
    }

    #[test]
    fn what_has_risen_is_told_with_what_it_means() {
        let before = read(TABLES, LIST, LINKS, 4);
        assert_eq!(before.risen(&before), []);
        let tables = TABLES.replace("10 2 3", "11 3 4").replace("TcpExt: 0 0", "TcpExt: 0 1");
        let list = LIST
            .replace("InNoRoutes 0", "InNoRoutes 2")
            .replace("InReceives                   \t8", "InReceives 9");
        let links = LINKS.replace("15    0    2", "15    0    3");
        let risen = read(&tables, &list, &links, 5).risen(&before);
        let texts: Vec<String> = risen.iter().map(Risen::text).collect();
        assert_eq!(
            texts,
            [
                "IPReversePathFilter +1: a source that it would not answer by the same interface",
                "Ip6InNoRoutes +2: no route for what came in",
                "IpForwDatagrams +1: routed onward",
                "IpInAddrErrors +1: for an address that is not its own, and that it does not forward for",
                "eth0's queue (tbf) dropped +1",
                "eth0 rx_dropped +1: a frame that was received, and dropped",
            ]
        );
        let dropped = risen.iter().filter(|risen| risen.weight == Weight::Dropped).count();
        assert_eq!(dropped, 5, "what was passed on is none");
        assert_eq!(risen.iter().filter(|risen| risen.is_ipv6()).count(), 1);
        assert_eq!(risen.iter().find_map(Risen::queue), Some("tbf"));
    }

    #[test]
    fn a_queue_that_is_new_to_dropping_is_told() {
        let before = Counters::read(TABLES, LIST, LINKS, []);
        let risen = read(TABLES, LIST, LINKS, 1).risen(&before);
        assert_eq!(risen.iter().map(|risen| risen.by).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn what_is_cut_off_or_no_number_is_left_out() {
        for end in 0..TABLES.len() {
            let _ = Counters::read(
                &TABLES[..end],
                &LIST[..end.min(LIST.len())],
                &LINKS[..end.min(LINKS.len())],
                [],
            );
        }
        assert_eq!(Counters::read("Ip:\nIp: 1\nX 2\n", "a\n\n", "eth0:\n", []), Counters::default());
    }
}
