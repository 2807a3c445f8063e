//! Frames that are no steps of a walk, and belong to it nevertheless.

use super::*;

/// `7 Copy(Request)`: frames that are no steps.
pub(super) fn asides(walk: &Walk) -> Vec<String> {
    let what = |aside: &Aside| match &aside.what {
        Beside::Question(place, asked) => format!("{place} asks for {}", asked.whom),
        Beside::Answer(place, asked) => format!("{place} hears of {}", asked.whom),
        other => format!("{other:?}"),
    };
    walk.asides.iter().map(|aside| format!("{} {}", aside.frame, what(aside))).collect()
}

#[test]
fn every_frame_of_the_packet_is_a_step_or_an_aside() {
    let there = || echo([1, 2], POD1, POD2, 64);
    let walk = fold(
        ping(POD2),
        &sightings(vec![
            ("pod1", "eth0", Out, there()),
            ("node1", "veth1", InForOther, there()),
            ("node1", "veth3", Out, there()),
            ("node1", "veth2", Out, there()),
            ("pod2", "eth0", In, there()),
            ("pod3", "eth0", InForOther, there()),
        ]),
        &TwoNodes,
    );
    let steps: Vec<_> = walk.request.iter().filter_map(|step| step.frame).collect();
    assert_eq!(steps, [0, 1, 3, 4]);
    assert_eq!(asides(&walk), ["2 Copy(Request)", "5 Copy(Request)"]);
}

#[test]
fn the_pieces_of_a_packet_are_told_from_copies_of_it() {
    let piece = |offset: u16, more: bool| {
        let mut header =
            etherparse::Ipv4Header::new(16, 64, etherparse::IpNumber::ICMP, POD1, POD2).expect("short");
        header.identification = 7;
        header.more_fragments = more;
        header.fragment_offset = etherparse::IpFragOffset::try_new(offset / 8).expect("small");
        let mut bytes = [&mac(2)[..], &mac(1), &[8, 0]].concat();
        header.write(&mut bytes).expect("a header");
        let whole = [&[8, 0, 0, 0, 0, 7, 0, 1][..], &NONCE.to_be_bytes(), &[0; 16]].concat();
        bytes.extend(&whole[usize::from(offset)..usize::from(offset) + 16]);
        bytes
    };
    let walk = fold(
        ping(POD2),
        &sightings(vec![
            ("pod1", "eth0", Out, piece(0, true)),
            ("pod2", "eth0", In, piece(0, true)),
            ("pod1", "eth0", Out, piece(16, false)),
            ("pod2", "eth0", In, piece(16, false)),
        ]),
        &TwoNodes,
    );
    let all: Vec<usize> = walk.request.iter().filter_map(|step| step.frame).collect();
    assert_eq!(all.len() + walk.asides.len(), 4, "{all:?} {:?}", walk.asides);
    assert!(walk.asides.iter().all(|aside| aside.what == Beside::Piece(Part::Request)), "{:?}", walk.asides);
}
