//! What interfaces are, in words, for whoever reads a capture without knowing the lab.

use std::collections::HashMap;

use crate::model::Lab;
use crate::plan::{Plan, tunnel_name};

/// The interfaces of a lab as it was planned.
pub(in crate::cmd) struct Descriptions {
    by_name: HashMap<(String, String), String>,
    tunnel: Option<&'static str>,
    data_path: &'static str,
}

impl Descriptions {
    pub(in crate::cmd) fn new(lab: &Lab, plan: &Plan) -> Self {
        let mut by_name = HashMap::new();
        for cable in plan.cables() {
            let (near, far) = (&plan.namespaces[cable.near].name, &plan.namespaces[cable.far].name);
            let bridge = cable.bridge.as_ref().map(|bridge| bridge.name.as_ref());
            let (port, interface) = (cable.port.name.as_ref(), cable.interface.name.as_ref());
            let at = bridge.map(|bridge| format!(", port of {bridge}")).unwrap_or_default();
            let to = bridge.map(|bridge| format!("{near} {bridge}")).unwrap_or_else(|| near.clone());
            by_name.insert((near.clone(), port.to_owned()), format!("cable to {far} {interface}{at}"));
            by_name.insert((far.clone(), interface.to_owned()), format!("cable to {to}"));
            if let Some(bridge) = bridge {
                let what = match cable.near {
                    0 => format!("the switch {bridge}"),
                    _ => format!("the bridge of {near}'s pods"),
                };
                by_name.insert((near.clone(), bridge.to_owned()), what);
            }
        }
        Self { by_name, tunnel: tunnel_name(lab.data_path), data_path: lab.data_path.word() }
    }

    /// Empty where there is nothing to say.
    pub(in crate::cmd) fn of(&self, place: &str, interface: &str) -> String {
        let known = self.by_name.get(&(place.to_owned(), interface.to_owned())).cloned();
        known.unwrap_or_else(|| match interface {
            "lo" => "loopback".to_owned(),
            name if self.tunnel == Some(name) => format!("the {} tunnel to other nodes", self.data_path),
            _ => String::new(),
        })
    }
}
