//! What takes which features.

use std::collections::BTreeSet;

use super::Takes;
use crate::model::{DataPath, Family, Lab};
use crate::plan::{Feature, Op, Plan};

/// Something that labs can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// A data path.
    DataPath(DataPath),
    /// IPv6 beside IPv4.
    DualStack,
    /// `ping`, `traceroute`, `matrix`, `test`.
    Probes,
    /// `[[external]]`: the way out of the cluster.
    External,
    /// `source_dest_check` of the cloud.
    SourceDestCheck,
    /// `impair` with a delay, loss, duplicates, ….
    Delay,
    /// `impair` with a rate.
    Rate,
}

impl Use {
    /// All of them, in the order in which they are shown.
    pub fn all() -> impl Iterator<Item = Self> {
        let others =
            [Self::DualStack, Self::Probes, Self::External, Self::SourceDestCheck, Self::Delay, Self::Rate];
        DataPath::ALL.into_iter().map(Self::DataPath).chain(others)
    }

    /// The words of topology files and of the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::DataPath(data_path) => data_path.word(),
            Self::DualStack => "dual stack",
            Self::Probes => "ping, test",
            Self::External => "[[external]]",
            Self::SourceDestCheck => "source_dest_check",
            Self::Delay => "impair delay, loss",
            Self::Rate => "impair rate",
        }
    }

    /// What it takes.
    pub fn features(self) -> &'static [Feature] {
        use Feature::{
            Bridge, Geneve, Gre, Ipip, Ipv6, Netem, NftablesNat, NftablesNetdev, RawIcmp, RouteEncap, Tbf,
            Veth, Vxlan, Wireguard,
        };
        match self {
            Self::DataPath(DataPath::L2 | DataPath::HostGw | DataPath::Cloud) => &[Veth, Bridge],
            Self::DataPath(DataPath::Vxlan) => &[Veth, Bridge, Vxlan],
            Self::DataPath(DataPath::Geneve) => &[Veth, Bridge, Geneve, RouteEncap],
            Self::DataPath(DataPath::Ipip) => &[Veth, Bridge, Ipip],
            Self::DataPath(DataPath::Gre) => &[Veth, Bridge, Gre, RouteEncap],
            Self::DataPath(DataPath::Wireguard) => &[Veth, Bridge, Wireguard],
            Self::DualStack => &[Ipv6],
            Self::Probes => &[RawIcmp],
            Self::External => &[NftablesNat],
            Self::SourceDestCheck => &[NftablesNetdev],
            Self::Delay => &[Netem],
            Self::Rate => &[Tbf],
        }
    }
}

/// What a lab takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wants {
    /// How much of each limit.
    pub takes: Takes,
    /// The features of the kernel, those that every lab needs too.
    pub features: BTreeSet<Feature>,
}

impl Wants {
    /// What this lab takes: what its data path does, and what each operation of its plan does.
    pub fn of(lab: &Lab, plan: &Plan) -> Self {
        let mut features: BTreeSet<Feature> =
            Use::DataPath(lab.data_path).features().iter().copied().collect();
        if lab.families().any(|family| family == Family::V6) {
            features.extend(Use::DualStack.features());
        }
        let steps = plan.namespaces.iter().flat_map(|namespace| &namespace.steps).chain(&plan.last);
        features
            .extend(steps.flat_map(|step| &step.ops).filter(|op| !is_optional(op)).filter_map(Op::feature));
        Self { takes: Takes::of(lab), features }
    }
}

/// Whether the lab is built without it where the kernel lacks it.
fn is_optional(op: &Op) -> bool {
    matches!(op, Op::Sysctl { absent: crate::plan::Absent::IsFine, .. })
}
