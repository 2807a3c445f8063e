//! Whose Ethernet address something is.

use std::collections::{HashMap, HashSet};

use crate::model::{Addresses, Lab};
use crate::plan::{self, Mac};

/// The owner of every Ethernet address of a lab, named as [`crate::render::LabNames`] names those of IP addresses.
pub struct Owners<'a> {
    names: HashMap<Mac, String>,
    pods: HashSet<&'a str>,
}

impl<'a> Owners<'a> {
    /// The addresses that the lab gave out; what somebody changed since is not known here.
    pub fn new(lab: &'a Lab) -> Self {
        let pods = lab.pods().map(|(_, pod)| pod.name.as_str()).collect();
        let mut owners = Self { names: HashMap::new(), pods };
        for node in &lab.nodes {
            owners.planned(&node.address, &node.name, "eth0");
            owners.planned(&node.gateway, &node.name, "cbr0");
            if let Some(tunnel) = plan::tunnel_name(lab.data_path) {
                owners.planned(&plan::tunnel_addresses(node), &node.name, tunnel);
            }
            for pod in &node.pods {
                owners.planned(&pod.address, &pod.name, "eth0");
            }
        }
        for router in &lab.routers {
            for (place, port) in router.ports.iter().enumerate() {
                owners.planned(&port.address, &router.name, &format!("eth{place}"));
            }
        }
        for external in &lab.externals {
            owners.planned(&external.address, &external.name, "eth0");
        }
        owners
    }

    fn planned(&mut self, address: &Addresses, place: &str, interface: &str) {
        self.seen(Mac::of_ip(address), place, interface);
    }

    /// Adds an address that was seen on an interface: that is truer than any plan.
    pub fn seen(&mut self, mac: Mac, place: &str, interface: &str) {
        let is_the_pod = interface == "eth0" && self.pods.contains(place);
        let name = if is_the_pod { place.to_owned() } else { format!("{place} {interface}") };
        self.names.insert(mac, name);
    }

    /// Whose address it is.
    pub fn name(&self, mac: Mac) -> Option<String> {
        self.names.get(&mac).cloned()
    }
}
