//! `netlab inspect` against the kernel, and against what `ip`, `bridge` and `brctl` say of the same lab.

mod support;

use std::collections::BTreeSet;

use serde_json::Value;
use support::{World, in_each_mode, skip, wait_until};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in: {text}"))
}

fn inspect(world: &World, lab: &str, target: &str) -> Value {
    json(&world.ok(&["inspect", "--lab", lab, target, "--format", "json"]))
}

fn up(world: &World, lab: &str) {
    world.ok(&["up", &world.lab(&format!("{lab}.toml"))]);
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("no list `{key}` in {value:#}"))
}

fn with<'a>(values: &'a [Value], key: &str, is: &str) -> &'a Value {
    values.iter().find(|value| value[key] == is).unwrap_or_else(|| panic!("no {key} {is} in {values:#?}"))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[test]
fn a_node_is_told_with_the_names_of_its_pods() {
    in_each_mode("a_node_is_told_with_the_names_of_its_pods", |world| {
        up(world, "two-node");
        world.ok(&["ping", "pod1", "pod4", "--count", "1"]);
        let node = inspect(world, "two-node", "node1");
        assert_eq!(node["schema"], "netlab.inspect/1");
        assert_eq!((&node["name"], &node["kind"]), (&"node1".into(), &"node".into()));

        let cbr0 = with(list(&node, "bridges"), "name", "cbr0");
        let ports = list(cbr0, "ports");
        let behind: Vec<&Value> = ports.iter().map(|port| &port["peer"]["place"]).collect();
        assert_eq!(behind, ["pod1", "pod2"]);
        for port in ports {
            assert_eq!((&port["state"], &port["hairpin"]), (&"forwarding".into(), &true.into()), "{port:#}");
            assert_eq!(port["peer"]["interface"], "eth0");
        }
        let eth0 = with(list(&node, "interfaces"), "name", "eth0");
        assert_eq!(eth0["addresses"], json(r#"["192.168.66.11/24"]"#));
        assert_eq!((&eth0["state"], &eth0["mtu"]), (&"up".into(), &1500.into()));
        let socket = &eth0["peer"];
        assert_eq!(
            (&socket["place"], &socket["interface"], &socket["bridge"]),
            (&"fabric".into(), &"node1".into(), &"underlay".into())
        );

        let route = with(list(&node, "routes"), "to", "10.244.2.0/24");
        let hop = &list(route, "hops")[0];
        assert_eq!((&hop["via"], &hop["interface"]), (&"192.168.66.12".into(), &"eth0".into()));
        assert_eq!(hop["owner"], "node2 eth0");
        assert_eq!(node["forwarding"]["ipv4"], true);
        assert_eq!(node["forwarding"]["rp_filter"], json("[]"));

        let neighbour = with(list(&node, "neighbours"), "address", "10.244.1.2");
        assert_eq!((&neighbour["owner"], &neighbour["interface"]), (&"pod1".into(), &"cbr0".into()));
        assert_eq!(neighbour["mac"], "0a:58:0a:f4:01:02");
        let learned = with(list(&node, "fdb"), "mac", "0a:58:0a:f4:01:02");
        assert_eq!((&learned["owner"], &learned["origin"]), (&"pod1".into(), &"learned".into()));
        assert_eq!(learned["interface"], ports[0]["interface"]);
        let own = with(list(&node, "fdb"), "mac", "0a:58:0a:f4:01:01");
        assert_eq!((&own["owner"], &own["origin"]), (&"node1 cbr0".into(), &"permanent".into()));

        let fabric = inspect(world, "two-node", "fabric");
        let ports = list(with(list(&fabric, "bridges"), "name", "underlay"), "ports");
        let behind: Vec<&Value> = ports.iter().map(|port| &port["peer"]["place"]).collect();
        assert_eq!(behind, ["node1", "node2"]);
        assert_eq!(with(list(&fabric, "fdb"), "mac", "0a:58:c0:a8:42:0c")["owner"], "node2 eth0");

        let pod = inspect(world, "two-node", "pod1");
        let peer = &with(list(&pod, "interfaces"), "name", "eth0")["peer"];
        assert_eq!((&peer["place"], &peer["bridge"]), (&"node1".into(), &"cbr0".into()));
        let default = with(list(&pod, "routes"), "to", "0.0.0.0/0");
        assert_eq!(list(default, "hops")[0]["owner"], "node1 cbr0");
    });
}

#[test]
fn the_page_of_each_place_is_reviewed_and_narrow() {
    in_each_mode("the_page_of_each_place_is_reviewed_and_narrow", |world| {
        up(world, "two-node");
        world.ok(&["ping", "pod1", "pod4", "--count", "1"]);
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../snapshots/inspect");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        // How long ago the kernel last heard of a neighbour.
        settings.add_filter(r"(reachable|delay|stale|probe) +", "[heard of]  ");
        settings.add_filter(r"STATE +WHOSE", "STATE       WHOSE");
        for place in ["node1", "pod1", "fabric"] {
            let page = world.ok(&["inspect", place]);
            let wide: Vec<&str> = page.lines().filter(|line| line.chars().count() > 80).collect();
            assert!(wide.is_empty(), "more than 80 columns: {wide:#?}");
            let mut settings = settings.clone();
            if place == "pod1" {
                // Nothing sets these in a pod: it has what the host has.
                settings.add_filter(r"ip_forward = .*", "ip_forward = [as on the host]");
                settings.add_filter(r"  rp_filter = .*\n.*\n", "");
            }
            settings.bind(|| insta::assert_snapshot!(place, page));
        }
    });
}

#[test]
fn what_somebody_broke_is_what_is_told() {
    in_each_mode("what_somebody_broke_is_what_is_told", |world| {
        up(world, "two-node");
        if !has(world, "pod2", &["ip", "-V"]) {
            return skip("what_somebody_broke_is_what_is_told", "no ip");
        }
        world.ok(&["exec", "pod2", "--", "ip", "link", "set", "eth0", "down"]);
        world.ok(&["exec", "node1", "--", "ip", "route", "replace", "blackhole", "10.244.2.0/24"]);
        // The kernel works a change of carrier off a moment later.
        wait_until("pod2's port is disabled", || {
            let node = inspect(world, "two-node", "node1");
            list(&node["bridges"][0], "ports")[1]["state"] == "disabled"
        });
        let node = inspect(world, "two-node", "node1");
        let port = list(&node["bridges"][0], "ports")[1]["interface"].clone();
        assert_eq!(with(list(&node, "interfaces"), "name", &text(&port))["state"], "no-carrier");
        let route = with(list(&node, "routes"), "to", "10.244.2.0/24");
        assert_eq!((&route["kind"], &route["hops"]), (&"blackhole".into(), &json("[]")));
        let pod = inspect(world, "two-node", "pod2");
        assert_eq!(with(list(&pod, "interfaces"), "name", "eth0")["state"], "down");
    });
}

#[test]
fn a_place_that_is_not_there_is_a_usage_error() {
    in_each_mode("a_place_that_is_not_there_is_a_usage_error", |world| {
        up(world, "two-node");
        let complaint = world.fails(2, &["inspect", "nod1"]);
        assert!(complaint.contains("did you mean `node1`"), "{complaint}");
    });
}

#[test]
fn the_same_as_ip_bridge_and_brctl_say() {
    let test = "the_same_as_ip_bridge_and_brctl_say";
    in_each_mode(test, |world| {
        for (lab, places) in [
            ("two-node", &["node1", "pod1", "fabric"][..]),
            ("dual-stack", &["node1", "pod4"]),
            ("three-node", &["node3", "spine", "fabric"]),
        ] {
            up(world, lab);
            world.ok(&["ping", "--lab", lab, "pod1", "pod4", "--count", "1"]);
            for place in places {
                let here = Here { world, lab, place, found: inspect(world, lab, place) };
                if has(world, place, &["ip", "-V"]) {
                    here.links_and_addresses();
                    here.routes();
                    here.neighbours();
                } else {
                    skip(test, "no ip");
                }
                if has(world, place, &["bridge", "-V"]) {
                    here.ports();
                    here.fdb();
                } else {
                    skip(test, "no bridge");
                }
                if has(world, place, &["brctl", "--version"]) {
                    here.brctl();
                } else {
                    skip(test, "no brctl");
                }
            }
            world.ok(&["down", lab]);
        }
    });
}

/// Whether a program is there to compare with; one lab runs.
fn has(world: &World, place: &str, command: &[&str]) -> bool {
    let args: Vec<&str> = ["exec", place, "--"].iter().chain(command).copied().collect();
    world.netlab(&args).code == 0
}

/// A place of a lab, and what `inspect` says of it.
struct Here<'a> {
    world: &'a World,
    lab: &'a str,
    place: &'a str,
    found: Value,
}

type Rows = BTreeSet<Vec<String>>;

impl Here<'_> {
    fn run(&self, command: &str) -> String {
        let mut args = vec!["exec", "--lab", self.lab, self.place, "--"];
        args.extend(command.split(' '));
        self.world.ok(&args)
    }

    fn rows(&self, command: &str, row: impl Fn(&Value) -> Option<Vec<String>>) -> Rows {
        let output = self.run(command);
        let output = if output.trim().is_empty() { json("[]") } else { json(&output) };
        output.as_array().expect("a list").iter().filter_map(row).collect()
    }

    #[track_caller]
    fn same(&self, what: &str, ours: &Rows, theirs: &Rows) {
        assert_eq!(ours, theirs, "{what} of {} in {}", self.place, self.lab);
    }

    fn links_and_addresses(&self) {
        let mut ours = Rows::new();
        for link in list(&self.found, "interfaces") {
            let mac = link["mac"].as_str().unwrap_or("00:00:00:00:00:00").to_owned();
            let mut row = vec![text(&link["index"]), text(&link["name"]), text(&link["mtu"]), mac];
            row.extend(list(link, "addresses").iter().map(text));
            ours.insert(row);
        }
        let theirs = self.rows("ip -j addr", |link| {
            let mut row = ["ifindex", "ifname", "mtu", "address"].map(|key| text(&link[key])).to_vec();
            let nets = link["addr_info"].as_array().expect("addresses");
            row.extend(nets.iter().map(|net| format!("{}/{}", text(&net["local"]), net["prefixlen"])));
            Some(row)
        });
        self.same("interfaces", &ours, &theirs);
    }

    fn routes(&self) {
        let default = |to: &str| if to.ends_with("/0") { "default".to_owned() } else { to.to_owned() };
        let mut ours = Rows::new();
        for route in list(&self.found, "routes") {
            for hop in list(route, "hops") {
                let to = default(&text(&route["to"]));
                ours.insert(vec![to, text(&hop["via"]), text(&hop["interface"]), text(&route["protocol"])]);
            }
        }
        let row = |route: &Value| {
            let keys = ["dst", "gateway", "dev", "protocol"];
            Some(keys.map(|key| text(&route[key])).to_vec())
        };
        let mut theirs = self.rows("ip -4 -j route", row);
        theirs.extend(self.rows("ip -6 -j route", row));
        self.same("routes", &ours, &theirs);
    }

    /// What the kernel may learn or forget at any moment: the same as soon as nothing changes between two looks.
    fn soon_the_same(&self, what: &str, ours: impl Fn(&Value) -> Rows, theirs: impl Fn() -> Rows) {
        wait_until(&format!("{what} of {} in {} is the same", self.place, self.lab), || {
            ours(&inspect(self.world, self.lab, self.place)) == theirs()
        });
    }

    fn neighbours(&self) {
        let row = |entry: &Value, keys: [&str; 3]| keys.map(|key| text(&entry[key])).to_vec();
        let ours = |found: &Value| {
            let all = list(found, "neighbours").iter();
            all.map(|entry| row(entry, ["address", "interface", "mac"])).collect()
        };
        self.soon_the_same("the neighbour table", ours, || {
            self.rows("ip -j neigh", |entry| Some(row(entry, ["dst", "dev", "lladdr"])))
        });
    }

    fn ports(&self) {
        let mut ours = Rows::new();
        for bridge in list(&self.found, "bridges") {
            for port in list(bridge, "ports") {
                let keys = ["interface", "state", "hairpin"];
                ours.insert(
                    [&bridge["name"]].into_iter().chain(keys.map(|key| &port[key])).map(text).collect(),
                );
            }
        }
        let theirs = self.rows("bridge -d -j link", |port| {
            // A bridge itself is listed as its own port.
            let is_port = port["master"].is_string() && port["master"] != port["ifname"];
            is_port.then(|| ["master", "ifname", "state", "hairpin"].map(|key| text(&port[key])).to_vec())
        });
        self.same("ports", &ours, &theirs);
    }

    fn fdb(&self) {
        let ours = |found: &Value| {
            let row = |entry: &Value| {
                let permanent = (entry["origin"] == "permanent").to_string();
                vec![text(&entry["mac"]), text(&entry["interface"]), permanent]
            };
            list(found, "fdb").iter().map(row).collect()
        };
        self.soon_the_same("the FDB", ours, || {
            self.rows("bridge -j fdb", |entry| {
                let permanent = (entry["state"] == "permanent").to_string();
                let row = vec![text(&entry["mac"]), text(&entry["ifname"]), permanent];
                entry["master"].is_string().then_some(row)
            })
        });
    }

    fn brctl(&self) {
        for bridge in list(&self.found, "bridges") {
            let name = text(&bridge["name"]);
            let output = self.run(&format!("brctl show {name}"));
            // A line for the bridge, which ends in its first port if it has one, and a line for each further port.
            let last = output.lines().skip(1).filter_map(|line| line.split_whitespace().last());
            let theirs: BTreeSet<String> =
                last.filter(|word| !["yes", "no"].contains(word)).map(str::to_owned).collect();
            let ours: BTreeSet<String> =
                list(bridge, "ports").iter().map(|port| text(&port["interface"])).collect();
            assert_eq!(ours, theirs, "brctl show {name} of {} in {}:\n{output}", self.place, self.lab);
        }
    }
}
