//! How large a lab is.

use anyhow::Context as _;

/// Nodes, and pods on each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) nodes: usize,
    pub(crate) pods: usize,
}

impl Size {
    pub(crate) const fn of(nodes: usize, pods: usize) -> Self {
        Self { nodes, pods }
    }

    /// From a word like `10x100`.
    pub(crate) fn read(word: &str) -> anyhow::Result<Self> {
        let (nodes, pods) = word.split_once('x').with_context(|| format!("{word}: not like 10x100"))?;
        Ok(Self { nodes: nodes.parse()?, pods: pods.parse()? })
    }

    pub(crate) fn all_pods(self) -> usize {
        self.nodes * self.pods
    }

    /// As tables name it.
    pub(crate) fn word(self) -> String {
        format!("{} × {}", self.nodes, self.pods)
    }

    /// The topology that everybody makes, with more lines for `[cluster]`.
    pub(crate) fn topology(self, cluster: &str) -> String {
        let Self { nodes, pods } = self;
        format!("[cluster]\n{cluster}\n[[node]]\nname = \"n\"\ncount = {nodes}\npods = {pods}\n")
    }
}
