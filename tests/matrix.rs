//! `netlab matrix`: who reaches whom in a running lab, in every format.

mod support;

use serde_json::Value;
use support::{in_each_mode, wait_until};

#[test]
fn every_pair_is_told_in_every_format() {
    in_each_mode("every_pair_is_told_in_every_format", |world| {
        world.ok(&["up", &world.lab("two-node.toml")]);
        let text = world.ok(&["matrix"]);
        let rows = [
            "       node1  pod1  pod2  node2  pod3  pod4",
            "node1      -    64    64     64    63    63",
            "pod4      63    62    62     64    64     -",
            "all 30 pairs of two-node reach each other",
        ];
        for row in rows {
            assert!(text.lines().any(|line| line == row), "{row}\n{text}");
        }
        let csv = world.ok(&["matrix", "pod1", "pod4", "node2", "--format", "csv"]);
        assert_eq!(
            csv,
            "family,from,pod1,node2,pod4\nIPv4,pod1,-,63,62\nIPv4,node2,63,-,64\nIPv4,pod4,62,64,-\n"
        );
        let markdown = world.ok(&["matrix", "pod1", "pod4", "--format", "markdown"]);
        assert!(markdown.ends_with("| pod1 | - | 62 |\n| pod4 | 62 | - |\n"), "{markdown}");
        let json: Value = serde_json::from_str(&world.ok(&["matrix", "--format", "json"])).expect("JSON");
        assert_eq!(json["schema"], "netlab.matrix/1");
        assert_eq!((&json["reached"], &json["total"]), (&30.into(), &30.into()));
        let pairs = json["pairs"].as_array().expect("pairs");
        let pair = pairs.iter().find(|pair| pair["from"]["name"] == "pod1" && pair["to"]["name"] == "pod4");
        let pair = pair.expect("pod1 to pod4");
        assert_eq!((&pair["answer"], &pair["ttl"]), (&"reply".into(), &62.into()));
        assert_eq!(pair["by"]["address"], "10.244.2.3");
    });
}

#[test]
fn both_families_are_told_or_the_one_that_is_asked_for() {
    in_each_mode("both_families_are_told", |world| {
        world.ok(&["up", &world.lab("dual-stack.toml")]);
        let both = world.ok(&["matrix"]);
        assert!(both.contains("ping, IPv4:") && both.contains("ping, IPv6:"), "{both}");
        assert!(both.ends_with("all 60 pairs of dual-stack reach each other\n"), "{both}");
        let six = world.ok(&["matrix", "-6", "pod1", "pod4", "--format", "csv"]);
        assert_eq!(six, "family,from,pod1,pod4\nIPv6,pod1,-,62\nIPv6,pod4,62,-\n");
    });
}

#[test]
fn ports_are_asked_by_tcp() {
    in_each_mode("ports_are_asked_by_tcp", |world| {
        world.ok(&["up", &world.lab("sidecar.toml")]);
        wait_until("the server listens", || {
            world.netlab(&["exec", "client", "--", "netlab", "fetch", "tcp://web-pod:80"]).code == 0
        });
        let ran = world.netlab(&["matrix", "--tcp", "80"]);
        assert_eq!(ran.code, 1, "{ran:#?}");
        for line in [
            "TCP connections to port 80: who accepts; a row asks, a column answers",
            "client       x       ok      x       -",
            "  client → node2: refused from there",
            "3 of 12 pairs of sidecar reach each other",
        ] {
            assert!(ran.stdout.lines().any(|shown| shown == line), "{line}\n{}", ran.stdout);
        }
        let csv = world.netlab(&["matrix", "--tcp", "80", "client", "web-pod", "--format", "csv"]);
        assert_eq!(csv.stdout, "family,from,web-pod,client\nIPv4,web-pod,-,refused\nIPv4,client,reply,-\n");
    });
}

#[test]
fn what_cannot_be_a_matrix_is_refused() {
    in_each_mode("what_cannot_be_a_matrix_is_refused", |world| {
        assert!(world.fails(2, &["matrix"]).contains("no lab is running"));
        world.ok(&["up", &world.lab("three-node.toml")]);
        let cases: [(&[&str], &str); 4] = [
            (&["matrix", "pod1"], "takes two pods or nodes at least"),
            (&["matrix", "pod1", "podd4"], "did you mean `pod4`?"),
            (&["matrix", "pod1", "spine"], "`spine` is neither a pod nor a node"),
            (&["matrix", "-6", "pod1", "pod2"], "no two of these have IPv6 addresses"),
        ];
        for (args, words) in cases {
            let error = world.fails(2, args);
            assert!(error.contains(words), "{args:?}: {error}");
        }
    });
}
