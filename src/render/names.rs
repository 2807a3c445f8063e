//! What a lab calls its addresses.

use std::collections::HashMap;
use std::net::IpAddr;

use super::Names;
use crate::model::{Addresses, Lab};
use crate::plan::{self, uplink};

/// The name of every address of a lab: `pod4`, `node1 cbr0`, `node1 eth0`, `spine eth1`.
pub struct LabNames(HashMap<IpAddr, String>);

impl LabNames {
    /// All names of a lab.
    pub fn new(lab: &Lab) -> Self {
        let mut names = HashMap::new();
        for node in &lab.nodes {
            let uplink = uplink(lab).name;
            names.extend(node.address.ips().map(|ip| (ip, format!("{} {uplink}", node.name))));
            names.extend(node.gateway.ips().map(|ip| (ip, format!("{} cbr0", node.name))));
            if let Some(tunnel) = plan::tunnel_name(lab.data_path) {
                let own = plan::tunnel_addresses(node);
                names.extend(own.ips().map(|ip| (ip, format!("{} {tunnel}", node.name))));
            }
            for pod in &node.pods {
                names.extend(pod.address.ips().map(|ip| (ip, pod.name.clone())));
            }
        }
        for router in &lab.routers {
            for (place, port) in router.ports.iter().enumerate() {
                names.extend(port.address.ips().map(|ip| (ip, format!("{} eth{place}", router.name))));
            }
        }
        for external in &lab.externals {
            names.extend(external.address.ips().map(|ip| (ip, external.name.clone())));
        }
        names.extend(lab.fabric.iter().flat_map(Addresses::ips).map(|ip| (ip, "fabric".to_owned())));
        Self(names)
    }

    /// All of them, in the order of addresses.
    pub fn all(&self) -> Vec<(IpAddr, String)> {
        let mut all: Vec<_> = self.0.iter().map(|(address, name)| (*address, name.clone())).collect();
        all.sort();
        all
    }
}

impl Names for LabNames {
    fn name(&self, address: IpAddr) -> Option<String> {
        self.0.get(&address).cloned()
    }
}
