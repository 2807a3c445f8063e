//! docs/conventions.md says what is made; this holds its values against the plans.

use netlab::plan::{Op, Plan, TunnelKind, plan};

const DOCUMENT: &str = include_str!("../docs/conventions.md");

fn planned(data_path: &str) -> Plan {
    let file = format!(
        "[cluster]\ndata_path = \"{data_path}\"\n[[external]]\nname = \"net\"\n[[node]]\nname = \"node1\"\npods = 1\n[[node]]\nname = \"node2\"\npods = 1\n"
    );
    plan(&netlab::parse(&file, "lab").expect("a lab"))
}

/// The operations of node1.
fn ops(data_path: &str) -> Vec<Op> {
    let plan = planned(data_path);
    let here = plan.namespaces.iter().position(|namespace| namespace.name == "node1").expect("node1");
    let steps = plan.namespaces.into_iter().flat_map(|namespace| namespace.steps);
    steps.filter(|step| step.run_in == here).flat_map(|step| step.ops).collect()
}

/// The second column of the line of a section's table that begins with `what`.
fn said(section: &str, what: &str) -> String {
    let (_, rest) = DOCUMENT.split_once(&format!("\n## {section}")).expect(section);
    let rest = rest.split_once("\n## ").map_or(rest, |(rest, _)| rest);
    let line = rest.lines().find(|line| line.starts_with(&format!("| {what} |"))).expect(what);
    line.split('|').nth(2).expect("a column").trim().to_owned()
}

fn device(data_path: &str) -> netlab::plan::Tunnel {
    let tunnel = ops(data_path).into_iter().find_map(|op| match op {
        Op::Tunnel(tunnel) => Some(tunnel),
        _ => None,
    });
    tunnel.expect("a tunnel")
}

#[test]
fn vxlan_is_as_the_document_says() {
    let tunnel = device("vxlan");
    let TunnelKind::Vxlan { id, port, local, dev } = tunnel.kind else { panic!("{tunnel:?}") };
    assert_eq!(id.to_string(), said("`vxlan`", "VNI"));
    assert_eq!(port.to_string(), said("`vxlan`", "UDP port"));
    assert_eq!(format!("`{}`", tunnel.link.name), said("`vxlan`", "device"));
    assert_eq!(said("`vxlan`", "bound to"), "`dev eth0 local NODE`");
    assert_eq!((local.to_string().as_str(), dev.name.as_ref()), ("192.168.66.11", "eth0"));
    assert_eq!(said("`vxlan`", "MTU"), format!("the underlay's − {}", 1500 - tunnel.mtu));
    let address = ops("vxlan").into_iter().find_map(|op| match op {
        Op::Address { link, address } if link.name == "flannel.1" => Some(address.to_string()),
        _ => None,
    });
    assert_eq!(address.as_deref(), Some("10.244.1.0/32"));
    assert!(said("`vxlan`", "device's address").ends_with("10.244.1.0/32"));
}

#[test]
fn the_order_is_neighbour_then_fdb_then_route() {
    assert_eq!(said("`vxlan`", "order"), "neighbour, FDB, route last");
    let ops = ops("vxlan");
    let place = |which: fn(&Op) -> bool| ops.iter().position(which).expect("an operation");
    let neighbour = place(|op| matches!(op, Op::Neighbour { .. }));
    let forward = place(|op| matches!(op, Op::Fdb { .. }));
    let route = place(|op| matches!(op, Op::Route(route) if route.link.name == "flannel.1"));
    assert!(neighbour < forward && forward < route);
}

#[test]
fn the_other_tunnels_are_as_the_document_says() {
    let ipip = device("ipip");
    assert_eq!(format!("`{}`", ipip.link.name), said("`ipip`", "device"));
    assert_eq!(said("`ipip`", "MTU"), format!("the underlay's − {}", 1500 - ipip.mtu));
    let TunnelKind::Geneve { port } = device("geneve").kind else { panic!("geneve") };
    assert_eq!(port.to_string(), said("`geneve` and `gre`", "Geneve's UDP port"));
    let names = said("`geneve` and `gre`", "devices");
    assert!(
        names.contains(device("geneve").link.name.as_ref())
            && names.contains(device("gre").link.name.as_ref())
    );
    let mtus = format!("− {}, − {};", 1500 - device("geneve").mtu, 1500 - device("gre").mtu);
    assert!(said("`geneve` and `gre`", "MTU").contains(&mtus), "{mtus}");
    let port = ops("wireguard").into_iter().find_map(|op| match op {
        Op::Wireguard(setup) => Some(setup.port),
        _ => None,
    });
    assert_eq!(port.expect("a port").to_string(), said("`wireguard`", "UDP port"));
    assert_eq!(device("wireguard").mtu, 1440);
}

#[test]
fn the_way_out_is_as_the_document_says() {
    let chain = |data_path: &str| {
        let tables = ops(data_path).into_iter().find_map(|op| match op {
            Op::Nftables { tables } => Some(tables),
            _ => None,
        });
        let [table] = <[_; 1]>::try_from(tables.expect("rules")).expect("one table");
        let [chain] = <[_; 1]>::try_from(table.chains).expect("one chain");
        chain
    };
    let section = "The way out";
    let routed = chain("host-gw");
    assert_eq!(said(section, "where"), format!("one chain, `{}`", routed.to_string().trim_end_matches(';')));
    let rules: Vec<String> = routed.rules.iter().map(ToString::to_string).collect();
    assert_eq!(
        rules,
        [
            "ip daddr 10.244.0.0/16 counter return",
            "ip daddr 192.168.66.0/24 counter return",
            "ip saddr 10.244.1.0/24 counter masquerade",
        ]
    );
    assert!(said(section, "between pods").starts_with("`return`"));
    assert!(
        said(section, "elsewhere").starts_with("`masquerade` of what has an address of the node's slice")
    );
    assert!(said(section, "ranges that are left alone").ends_with("by default the segments"));
    let flat = chain("l2").rules.pop().expect("a rule").to_string();
    assert_eq!(flat, "ip saddr 10.244.1.0/24 counter snat ip to 192.168.66.11");
    assert!(DOCUMENT.contains("**In `l2` the rule is `snat to` the node's address.**"));
}
