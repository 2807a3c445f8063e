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
