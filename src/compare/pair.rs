//! Between whom data paths are compared: two places on two nodes.

use serde::{Deserialize, Serialize};

use crate::model::{Addresses, Lab, Node};

/// A pod or node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Its name.
    pub name: String,
    /// Its node's name.
    pub node: String,
}

/// Who sends to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// The one that pings, and sends by TCP.
    pub from: End,
    /// The one that answers, and takes.
    pub to: End,
}

/// Why there is no pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoPair {
    /// There is no pod or node of that name.
    Unknown(String),
    /// Both are on that node.
    SameNode(String),
    /// Nobody was named, and there are no pods on two nodes.
    NoPods,
}

impl Pair {
    /// Those that are named; for the others the first pod of the first node that has one, each on a node of its own, and on
    /// a segment of its own where there are several: that is what data paths do differently.
    ///
    /// # Errors
    /// If these two cannot be compared.
    pub fn of(lab: &Lab, from: Option<&str>, to: Option<&str>) -> Result<Self, NoPair> {
        let named = |name: Option<&str>| name.map(|name| end(lab, name)).transpose();
        let (from, to) = (named(from)?, named(to)?);
        let first = |but: Option<&End>| {
            let segment = but
                .and_then(|but| lab.nodes.iter().find(|node| node.name == but.node))
                .map(|node| node.segment);
            let nodes = || {
                let others = lab.nodes.iter().filter(|node| but.is_none_or(|but| but.node != node.name));
                others.filter(|node| !node.pods.is_empty())
            };
            let far = nodes().find(|node| Some(node.segment) != segment);
            let node = far.or_else(|| nodes().next()).ok_or(NoPair::NoPods)?;
            Ok(on(node, &node.pods[0].name))
        };
        let from = from.map_or_else(|| first(to.as_ref()), Ok)?;
        let to = to.map_or_else(|| first(Some(&from)), Ok)?;
        if from.node == to.node { Err(NoPair::SameNode(from.node)) } else { Ok(Self { from, to }) }
    }
}

fn on(node: &Node, name: &str) -> End {
    End { name: name.to_owned(), node: node.name.clone() }
}

fn end(lab: &Lab, name: &str) -> Result<End, NoPair> {
    let is = |node: &&Node| node.name == name || node.pods.iter().any(|pod| pod.name == name);
    let node = lab.nodes.iter().find(is).ok_or_else(|| NoPair::Unknown(name.to_owned()))?;
    Ok(on(node, name))
}

impl End {
    /// Its addresses in a lab.
    pub fn addresses(&self, lab: &Lab) -> Option<Addresses> {
        let node = lab.nodes.iter().find(|node| node.name == self.node)?;
        if node.name == self.name {
            return Some(node.address);
        }
        node.pods.iter().find(|pod| pod.name == self.name).map(|pod| pod.address)
    }
}
