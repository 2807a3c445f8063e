//! What a capture shows that was never on a wire: sums that the kernel leaves to the network card to fill in, and frames
//! that the card would have cut into many.
//!
//! On virtual cables there is no card, so nobody fills in or cuts anything, and every viewer takes the frames for damaged.

use etherparse::checksum::Sum16BitWords;

use super::decode::{Header, Ip, Kind};
use std::net::IpAddr;

/// What there is to say about a sum that the kernel had not filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfinished {
    /// It has been filled in, in headers of that name.
    Filled(&'static str),
    /// It is still not right: some of the frame is missing.
    Open,
}

/// IANA's protocol numbers.
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// A header with a sum over itself, what it carries, and addresses.
struct Summed {
    name: &'static str,
    protocol: u8,
    from: IpAddr,
    to: IpAddr,
    /// Where the header begins, where the sum is, and where what is summed ends.
    at: usize,
    sum: usize,
    end: usize,
}

/// Fills in the sums that are not right yet, from the inside out, and says whether it could. To be asked only about frames
/// of which the kernel says so: anywhere else a wrong sum is a finding.
pub fn fill_in(frame: &mut [u8], headers: &[Header]) -> Option<Unfinished> {
    let mut found = None;
    for summed in summed(headers).iter().rev() {
        let Some(part) = frame.get(summed.at..summed.end) else {
            found = found.or(Some(Unfinished::Open));
            continue;
        };
        let Some(&[high, low]) = frame.get(summed.sum..summed.sum + 2) else { continue };
        // Over IPv4, UDP may do without.
        if summed.protocol == UDP && [high, low] == [0, 0] {
            continue;
        }
        let right = summed.sum_of(part);
        if right != [high, low] {
            frame[summed.sum..summed.sum + 2].copy_from_slice(&right);
            found.get_or_insert(Unfinished::Filled(summed.name));
        }
    }
    found
}

/// The headers of a frame that have such a sum, outermost first.
fn summed(headers: &[Header]) -> Vec<Summed> {
    let mut around: Option<(&Ip, usize)> = None;
    let mut found = Vec::new();
    for header in headers.iter().take_while(|header| !header.quoted) {
        let (protocol, sum) = match &header.kind {
            Kind::Ip(ip) => {
                let is_part = ip.fragment.is_some_and(|fragment| fragment.is_part());
                around = Some((ip, header.at)).filter(|_| !is_part);
                continue;
            }
            // What a part of a packet begins with is summed over all parts.
            Kind::Ipv6Fragment(fragment) if fragment.is_part() => {
                around = None;
                continue;
            }
            Kind::Tcp(_) => (TCP, 16),
            Kind::Udp(_) => (UDP, 6),
            Kind::Icmp(icmp) if !icmp.is_v4() => (ICMPV6, 2),
            _ => continue,
        };
        if let Some((ip, start)) = around
            && ip.length > 0
        {
            let (from, to, end) = (ip.from, ip.to, start + ip.length);
            let sum = header.at + sum;
            found.push(Summed { name: header.kind.name(), protocol, from, to, at: header.at, sum, end });
        }
    }
    found
}

impl Summed {
    /// The sum of that part of the frame, as it stands there.
    fn sum_of(&self, part: &[u8]) -> [u8; 2] {
        let length = u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes();
        let field = self.sum - self.at;
        let mut sum = Sum16BitWords::new();
        sum = match (self.from, self.to) {
            (IpAddr::V4(from), IpAddr::V4(to)) => sum.add_4bytes(from.octets()).add_4bytes(to.octets()),
            (IpAddr::V6(from), IpAddr::V6(to)) => sum.add_16bytes(from.octets()).add_16bytes(to.octets()),
            _ => sum,
        };
        sum = sum.add_4bytes(length).add_2bytes([0, self.protocol]);
        sum = sum.add_slice(&part[..field]).add_slice(&part[field + 2..]);
        match sum.ones_complement().to_ne_bytes() {
            // Nothing but zero would mean that there is no sum.
            [0, 0] if self.protocol == UDP => [0xff, 0xff],
            right => right,
        }
    }
}

/// How many frames of an interface with that MTU one that is longer stands for. `None` if it is not longer, or carries
/// nothing that could be cut.
///
/// `length` is the whole frame's, of which `headers` may have the beginning only.
pub fn stands_for(headers: &[Header], length: usize, mtu: usize) -> Option<usize> {
    let starts = headers.iter().find(|header| matches!(header.kind, Kind::Ip(_)))?.at;
    let is_data = |kind: &Kind| matches!(kind, Kind::Data | Kind::Padding | Kind::Cut(_) | Kind::Encrypted);
    let carried = headers.iter().take_while(|header| !is_data(&header.kind)).last()?.end();
    // Each of the many has all headers.
    let room = mtu.checked_sub(carried - starts).filter(|room| *room > 0)?;
    (length > starts + mtu).then(|| length.saturating_sub(carried).div_ceil(room)).filter(|count| *count > 1)
}

/// What to say about such a frame.
pub fn offload_words(length: usize, count: usize) -> String {
    const WORDS: [&str; 11] =
        ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    let count = match count.checked_sub(2).and_then(|place| WORDS.get(place)) {
        Some(word) => (*word).to_owned(),
        None => count.to_string(),
    };
    format!("segmentation offload: one frame of {} bytes stands for {count}", thousands(length))
}

/// `14,480`
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let (head, rest) = digits.split_at(first);
    let groups = rest.as_bytes().chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    let groups: Vec<String> =
        Some(head.to_owned()).filter(|head| !head.is_empty()).into_iter().chain(groups).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests;
