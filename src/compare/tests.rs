use super::*;

fn wire(payload_bytes: usize, wire_bytes: usize) -> OnWire {
    OnWire { payload_bytes, wire_bytes, layers: Vec::new() }
}

fn row(end: RowEnd) -> Row {
    Row { data_path: DataPath::HostGw, end }
}

fn measured(change: impl FnOnce(&mut Measured)) -> Row {
    let mut measured = Measured {
        path: Ok(Vec::new()),
        ttl: Ok(62),
        ping: Ok(wire(64, 98)),
        segment: Ok(wire(1448, 1514)),
        largest: Ok(1472),
        rtt_ms: Ok(0.03),
        bits_per_second: Ok(7e9),
        entries: Ok(Vec::new()),
    };
    change(&mut measured);
    row(RowEnd::Measured(Box::new(measured)))
}

fn comparison(rows: Vec<Row>) -> Comparison {
    let end = |name: &str, node: &str| End { name: name.into(), node: node.into() };
    let pair = Pair { from: end("pod1", "node1"), to: end("pod3", "node2") };
    Comparison {
        lab: "lab".into(),
        file: "lab.toml".into(),
        pair,
        family: Family::V4,
        seconds: 0.5,
        interrupted: false,
        rows,
    }
}

#[test]
fn what_could_not_be_measured_decides_the_verdict() {
    let lacks = || row(RowEnd::Lacks("no such thing".into()));
    let error = || row(RowEnd::Error("it broke".into()));
    let failed = || measured(|all| all.largest = Err("nothing passes".into()));
    let cases = [
        (vec![measured(|_| ()), lacks()], Verdict::Fine),
        (vec![lacks(), row(RowEnd::NotAllowed("no".into()))], Verdict::NothingHere),
        (vec![measured(|_| ()), failed(), error()], Verdict::Failed),
        (vec![measured(|_| ()), error()], Verdict::Error),
    ];
    for (rows, verdict) in cases {
        assert_eq!(comparison(rows.clone()).verdict(), verdict, "{rows:?}");
    }
    assert_eq!(failed().measured().expect("a lab").failures(), [("largest ping", "nothing passes")]);
    assert_eq!(Measured::nothing("no answer").failures().len(), 8);
}

#[test]
fn overhead_is_in_percent_of_the_payload() {
    assert!((wire(64, 98).overhead_percent() - 53.125).abs() < 1e-9);
    assert!((wire(1000, 1000).overhead_percent()).abs() < 1e-9);
}

#[test]
fn the_most_entries_are_those_of_nodes() {
    let entries = |place: &str, routes, fdb, is_node| Entries {
        place: place.into(),
        routes,
        fdb,
        is_node,
        ..Entries::default()
    };
    let row = measured(|all| {
        all.entries = Ok(vec![
            entries("fabric", 9, 9, false),
            entries("node1", 2, 0, true),
            entries("node2", 1, 3, true),
        ]);
    });
    let most = row.measured().and_then(Measured::most_entries).expect("nodes");
    assert_eq!((most.routes, most.fdb, most.neighbours), (2, 3, 0));
}

#[test]
fn a_frame_is_known_by_its_data_or_by_being_the_only_one_that_is_encrypted() {
    let data: Vec<u8> = (0..56).map(|byte| byte ^ 0x5a).collect();
    let other = vec![1; 60];
    let plain = [vec![0; 42], data.clone()].concat();
    let found = find(&[other.clone(), plain.clone()], &data, 64).expect("the frame");
    assert_eq!((found.payload_bytes, found.wire_bytes), (64, 98));
    let piece = plain[..60].to_vec();
    assert_eq!(
        find(&[other.clone(), piece], &data, 64),
        Err("it left in pieces; the first frame has 60 bytes".into())
    );
    let error = "it is in no frame that left the node meanwhile, of 1";
    assert_eq!(find(&[other], &data, 64), Err(error.into()));

    let encrypted = |inside: usize| {
        let mut frame = vec![0; 14 + 20 + 8 + 16 + inside + 16];
        (frame[12], frame[13], frame[14], frame[23]) = (8, 0, 0x45, 17);
        frame[36..38].copy_from_slice(&51_820u16.to_be_bytes());
        frame[42] = 4;
        frame
    };
    // One that keeps the tunnel alive has nothing inside.
    let found = find(&[encrypted(0), encrypted(96)], &data, 64).expect("the frame");
    assert_eq!(found.wire_bytes, 170);
    let again = find(&[encrypted(96), encrypted(0), encrypted(96)], &data, 64).expect("sent twice");
    assert_eq!(again.wire_bytes, 170);
    let error = "2 encrypted frames of several sizes left the node meanwhile";
    assert_eq!(find(&[encrypted(96), encrypted(112)], &data, 64), Err(error.into()));
}

#[test]
fn the_pair_is_the_first_pods_of_two_nodes_or_those_that_are_named() {
    let text = "[[node]]\nname = \"empty\"\n[[node]]\nname = \"node1\"\npods = [\"pod1\", \"pod2\"]\n\
                [[node]]\nname = \"node2\"\npods = [\"pod3\"]\n";
    let lab = crate::parse(text, "lab").expect("a lab");
    let names = |from, to| Pair::of(&lab, from, to).map(|pair| (pair.from.name, pair.to.name));
    let pair = |from: &str, to: &str| Ok((from.to_owned(), to.to_owned()));
    assert_eq!(names(None, None), pair("pod1", "pod3"));
    assert_eq!(names(Some("pod3"), None), pair("pod3", "pod1"));
    assert_eq!(names(None, Some("pod2")), pair("pod3", "pod2"));
    assert_eq!(names(Some("empty"), Some("pod2")), pair("empty", "pod2"));
    assert_eq!(names(Some("pod1"), Some("node1")), Err(NoPair::SameNode("node1".into())));
    assert_eq!(names(Some("pod9"), None), Err(NoPair::Unknown("pod9".into())));
    let racks = "[[segment]]\nname = \"a\"\n[[segment]]\nname = \"b\"\n[[router]]\nname = \"r\"\nsegments = [\"a\", \"b\"]\n\
                 [[node]]\nname = \"n1\"\nsegment = \"a\"\npods = [\"pod1\"]\n[[node]]\nname = \"n2\"\nsegment = \"a\"\n\
                 pods = [\"pod2\"]\n[[node]]\nname = \"n3\"\nsegment = \"b\"\npods = [\"pod3\"]\n[cluster]\ndata_path = \"vxlan\"\n";
    let racks = crate::parse(racks, "racks").expect("a lab");
    let found = Pair::of(&racks, None, None).map(|pair| (pair.from.name, pair.to.name));
    assert_eq!(found, pair("pod1", "pod3"), "what is between segments is what differs");
    let alone = crate::parse("[[node]]\nname = \"n\"\npods = 2\n", "lab").expect("a lab");
    assert_eq!(Pair::of(&alone, None, None), Err(NoPair::NoPods));
    assert_eq!(Pair::of(&lab, Some("empty"), None).map(|pair| pair.to.addresses(&lab).is_some()), Ok(true));
}
