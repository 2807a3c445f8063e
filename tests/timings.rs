//! `netlab up --timings`: where the time went, down to the last operation, and the lab is the same.

mod support;

use std::collections::BTreeMap;

use serde_json::Value;
use support::in_each_mode;

/// The phase that an operation of a plan is counted in.
fn phase(op: &str) -> &'static str {
    match op {
        "sysctl" => "sysctls",
        "address" => "addresses",
        "route" => "routes",
        "neighbour" | "fdb" => "neighbours",
        "nftables" | "wireguard" | "impair" => "rules",
        _ => "links",
    }
}

/// How many operations of each phase a plan in JSON has.
fn planned(plan: &Value) -> BTreeMap<&'static str, u64> {
    let steps = |of: &Value| of["steps"].as_array().expect("steps").clone();
    let namespaces = plan["namespaces"].as_array().expect("namespaces");
    let ops = namespaces.iter().flat_map(steps).flat_map(|step| step["ops"].as_array().expect("ops").clone());
    let mut counts = BTreeMap::new();
    for op in ops {
        *counts.entry(phase(op["op"].as_str().expect("a word"))).or_default() += 1;
    }
    counts
}

#[test]
fn every_operation_is_in_the_table_once() {
    in_each_mode("every_operation_is_in_the_table_once", |world| {
        // Static neighbours and an external, so that most phases are there.
        let file = world.file(
            "timed.toml",
            "[cluster]\ndata_path = \"vxlan\"\nneighbours = \"static\"\n[[node]]\nname = \"n\"\ncount = 3\npods = 2\n\
             [[external]]\nname = \"web\"\n",
        );
        let up: Value =
            serde_json::from_str(&world.ok(&["up", "--timings", "--format", "json", &file])).expect("JSON");
        let plan: Value =
            serde_json::from_str(&world.ok(&["plan", "--format", "json", &file])).expect("JSON");
        let phases = up["timings"]["phases"].as_array().expect("phases");
        let count = |name: &str| {
            phases
                .iter()
                .find(|phase| phase["phase"] == name)
                .map_or(0, |phase| phase["count"].as_u64().unwrap_or(0))
        };
        for (phase, wanted) in planned(&plan) {
            assert_eq!(count(phase), wanted, "{phase}: {phases:#?}");
        }
        // Three nodes, six pods, the external; the fabric is the holder itself.
        assert_eq!((count("namespaces"), count("pauses"), count("containers")), (10, 10, 1));
        let sum: f64 = phases.iter().map(|phase| phase["milliseconds"].as_f64().expect("a number")).sum();
        let total = up["timings"]["total_ms"].as_f64().expect("a number");
        assert!((sum - total).abs() < 1e-6, "{sum} of {total} ms");
        assert_eq!(up["took_ms"].as_f64(), Some(total));
        assert!(world.ok(&["ping", "-c", "1", "n1-pod1", "n3-pod2"]).contains("from n3-pod2"));
        world.ok(&["down"]);
        world.expect_no_files();
    });
}

#[test]
fn the_table_is_there_only_when_it_is_asked_for() {
    in_each_mode("the_table_is_there_only_when_it_is_asked_for", |world| {
        let file = world.lab("two-node.toml");
        let up = world.ok(&["up", "--timings", &file]);
        let (_, table) = up.split_once("\nphase ").expect("a table");
        let words: Vec<&str> = table.lines().skip(1).filter_map(|line| line.split("  ").next()).collect();
        let known = ["parse", "plan", "starting", "entering", "namespaces", "pauses", "sysctls", "links"];
        assert_eq!(words[..known.len()], known, "{up}");
        assert!(table.contains("\ntotal ") && up.contains("\ntry:\n"), "{up}");
        let again: Value =
            serde_json::from_str(&world.ok(&["up", "--timings", "--format", "json", &file])).expect("JSON");
        assert_eq!(again["timings"], Value::Null, "it was up already");
        world.ok(&["down"]);
        assert!(!world.ok(&["up", &file]).contains("\nphase "));
        world.ok(&["down"]);
    });
}
