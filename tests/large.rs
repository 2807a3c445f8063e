//! Large topologies are read whole, and their errors are counted, not drawn by the thousand. How fast is a matter of
//! `make bench`; what grows with the square of the pods would be noticed here all the same.

use std::fmt::Write as _;

use netlab::diag::{Style, render};

/// Fifty nodes, then what `pod` writes for each of 5,000 pods.
fn explicit(pod: impl Fn(&mut String, usize)) -> String {
    let mut toml = String::from("[[node]]\nname = \"node\"\ncount = 50\n");
    (0..5000).for_each(|place| pod(&mut toml, place));
    toml
}

#[test]
fn five_thousand_pods_by_count() {
    let toml = "[[node]]\nname = \"node\"\ncount = 50\npods = 100\n";
    let lab = netlab::parse(toml, "large").expect("a lab");
    assert_eq!(lab.pods().count(), 5000);
}

#[test]
fn five_thousand_pods_by_table_with_containers_and_tests() {
    let toml = explicit(|out, place| {
        writeln!(out, "[[pod]]\nname = \"p{place}\"\nnode = \"node{}\"", place % 50 + 1).expect("a string");
    });
    let lab = netlab::parse(&toml, "large").expect("a lab");
    assert_eq!(lab.pods().count(), 5000);
    let toml = explicit(|out, place| {
        writeln!(
            out,
            "[[pod]]\nname = \"p{place}\"\nnode = \"node{}\"\n[[pod.container]]\nname = \"c\"\ncommand = [\"true\"]\n\
             [[test]]\nname = \"t{place}\"\nfrom = \"p{place}\"\nto = \"node1\"",
            place % 50 + 1
        )
        .expect("a string");
    });
    let lab = netlab::parse(&toml, "large").expect("a lab");
    assert_eq!(lab.tests.len(), 5000);
}

#[test]
fn five_thousand_errors() {
    let on_no_node = explicit(|out, place| writeln!(out, "[[pod]]\nname = \"p{place}\"").expect("a string"));
    let mistyped = explicit(|out, place| {
        writeln!(out, "[[pod]]\nname = \"p{place}\"\nnode = \"nod{place}\"\nimage = 1\nip = 5")
            .expect("a string");
    });
    for toml in [on_no_node, mistyped] {
        let said = netlab::parse(&toml, "large").expect_err("errors");
        assert!(said.len() >= 5000);
        let drawn = render("large.toml", &toml, &said, Style::Plain);
        assert!(drawn.lines().count() < 1000, "nobody reads {} lines", drawn.lines().count());
    }
}

#[test]
fn huge_numbers_end_in_a_clear_error() {
    for toml in [
        "[[node]]\nname = \"n\"\ncount = 10000\npods = 1023\n",
        "[[node]]\nname = \"n\"\ncount = 10000\n",
        "[[node]]\nname = \"n\"\ncount = 9223372036854775807\npods = 9223372036854775807\n",
        "[cluster]\npod_cidr = \"10.0.0.0/8\"\nnode_mask = 30\n[[node]]\nname = \"n\"\ncount = 10000\npods = 10\n",
        "[cluster]\npod_cidr = \"10.0.0.0/8\"\nnode_mask = 30\n[[node]]\nname = \"a\"\npod_cidr = \"10.0.0.0/8\"\n[[node]]\nname = \"b\"\n",
    ] {
        let said = netlab::parse(toml, "large").expect_err("an error");
        assert!(said.len() < 20, "{} errors for one cause", said.len());
    }
}

#[test]
fn many_segments() {
    let mut toml = String::from("[[node]]\nname = \"node1\"\n");
    for place in 0..1000 {
        writeln!(toml, "[[segment]]\nname = \"s{place}\"").expect("a string");
    }
    let names: Vec<String> = (0..1000).map(|place| format!("s{place}")).collect();
    writeln!(toml, "[[router]]\nname = \"hub\"\nsegments = {names:?}").expect("a string");
    let lab = netlab::parse(&toml, "large").expect("a lab");
    assert_eq!(lab.segments.len(), 1000);
}

/// A Linux bridge has 1,023 ports: as many as fit are fine, and one more is an error, whichever way it comes.
#[test]
fn every_way_to_fill_a_bridge() {
    use netlab::model::DataPath;

    let cluster =
        "cluster = { pod_cidr = \"10.0.0.0/8\", node_mask = 20 }\nunderlay = { cidr = \"172.16.0.0/16\" }\n";
    let by_number = |pods: usize| format!("{cluster}[[node]]\nname = \"n\"\npods = {pods}\n");
    let by_table = |pods: usize| {
        let mut toml = format!("{cluster}[[node]]\nname = \"n\"\npods = [\"a\"]\n");
        (1..pods).for_each(|place| {
            writeln!(toml, "[[pod]]\nname = \"p{place}\"\nnode = \"n\"").expect("a string");
        });
        toml
    };
    let racks = |names: &[&str]| {
        let rack = |(place, name): (usize, &&str)| {
            format!("[[segment]]\nname = \"{name}\"\ncidr = \"172.{}.0.0/16\"\n", 16 + place)
        };
        names.iter().enumerate().map(rack).collect::<String>()
    };
    let routers = |count: usize, segments: &str| {
        let router = |place| format!("[[router]]\nname = \"r{place}\"\nsegments = [{segments}]\n");
        (0..count).map(router).collect::<String>()
    };
    let nodes = |plugs: usize| format!("{cluster}[[node]]\nname = \"n\"\ncount = {plugs}\n");
    // Nodes and a router on one segment, another node behind the router.
    let nodes_and_a_router = |plugs: usize| {
        let cluster = "cluster = { pod_cidr = \"10.0.0.0/8\", node_mask = 24, data_path = \"vxlan\" }\n";
        let nodes = format!("[[node]]\nname = \"n\"\nsegment = \"a\"\ncount = {}\n", plugs - 1);
        let other = "[[node]]\nname = \"m\"\nsegment = \"b\"\n";
        format!("{cluster}{}{nodes}{other}{}", racks(&["a", "b"]), routers(1, "\"a\", \"b\""))
    };
    // Nodes are on the first segment only; the others are full of routers.
    let routers_alone = |plugs: usize| {
        let home = "[[router]]\nname = \"home\"\nsegments = [\"a\", \"b\"]\n";
        let node = "[[node]]\nname = \"n\"\nsegment = \"a\"\n";
        format!("{}{node}{home}{}", racks(&["a", "b", "c"]), routers(plugs - 1, "\"b\", \"c\""))
    };
    /// Its name, the topology with so many plugs, `--data-path`, and how many fit.
    type Way<'a> = (&'a str, &'a dyn Fn(usize) -> String, Option<DataPath>, usize);
    let ways: [Way<'_>; 7] = [
        ("pods by number", &by_number, None, 1023),
        ("pods by table", &by_table, None, 1023),
        ("pods of a flat network, whose eth0 is a port too", &by_number, Some(DataPath::L2), 1022),
        ("pods of a flat network, by table", &by_table, Some(DataPath::L2), 1022),
        ("nodes", &nodes, None, 1023),
        ("nodes and a router", &nodes_and_a_router, None, 1023),
        ("routers alone", &routers_alone, None, 1023),
    ];
    for (way, write, data_path, most) in ways {
        let parse = |plugs| netlab::parse_with(&write(plugs), "large", data_path);
        if let Err(said) = parse(most) {
            panic!("{way}: {most}: {said:?}");
        }
        let said = parse(most + 1).expect_err(way);
        assert!(
            said.iter()
                .all(|one| ["NL019", "NL025"].contains(&one.code.id()) && !one.labels[0].span.is_empty()),
            "{way}: {said:?}"
        );
    }
}
