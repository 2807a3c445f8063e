//! A lab's `/etc/hosts`: every node, router and pod by name.

use std::fmt::Write as _;

use crate::model::{Addresses, Lab};

/// The file, with `localhost` first.
pub fn hosts(lab: &Lab) -> String {
    let mut out =
        format!("# lab {}\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n", lab.name);
    let mut add = |name: &str, address: &Addresses| {
        for ip in address.ips() {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{ip}\t{name}");
        }
    };
    if let Some(address) = lab.fabric.first() {
        add("fabric", address);
    }
    for router in &lab.routers {
        if let Some(port) = router.ports.first() {
            add(&router.name, &port.address);
        }
    }
    for external in &lab.externals {
        add(&external.name, &external.address);
    }
    for node in &lab.nodes {
        add(&node.name, &node.address);
        for pod in &node.pods {
            add(&pod.name, &pod.address);
        }
    }
    out
}
