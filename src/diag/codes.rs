//! The diagnostic codes: stable numbers, never reused.

/// The kind of an error in a topology file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The file is not TOML.
    Syntax,
    /// A key that no table of that kind has.
    UnknownKey,
    /// A value of the wrong type.
    WrongType,
    /// A key that must be there is not.
    MissingKey,
    /// The file has no nodes.
    NoNodes,
    /// A name that is not a DNS label.
    InvalidName,
    /// Two things of one lab with one name.
    DuplicateName,
    /// A reference to something that is not in the file.
    UnknownName,
    /// Text that is no address or CIDR.
    InvalidAddress,
    /// Two address ranges that overlap.
    OverlappingRanges,
    /// The cluster's pod range has fewer slices than there are nodes.
    PodRangeTooSmall,
    /// A node's slice has fewer addresses than the node has pods.
    SliceTooSmall,
    /// A segment has fewer addresses than nodes and routers on it.
    SegmentTooSmall,
    /// An address outside the range that it must come from.
    OutsideRange,
    /// An address that something else has.
    AddressTaken,
    /// A word that is not one of those allowed there.
    UnknownWord,
    /// Part of the language that this version does not build yet.
    NotYet,
    /// `host-gw` between nodes that do not share a segment.
    HostGwAcrossSegments,
    /// A number outside the range that makes sense.
    OutOfRange,
    /// Address families that do not fit together.
    FamilyMismatch,
    /// A test that contradicts itself or lacks something.
    BadTest,
    /// A container that cannot run.
    BadContainer,
    /// A pod that is placed on two nodes.
    PlacedTwice,
    /// A router that joins nothing.
    BadRouter,
    /// More than the kernel can hold in one place.
    TooLarge,
    /// An MTU that cannot carry what must pass.
    MtuTooSmall,
    /// An external whose address is one of the cluster's ranges.
    ExternalInside,
    /// An MTU of pods that the underlay, or the overlay on it, cannot carry.
    MtuBeyondUnderlay,
    /// `direct` on a data path that has no such mode.
    DirectWithoutTunnel,
    /// A value of an impairment that cannot be.
    BadImpairment,
    /// Values of impairments that do not go together.
    ImpairmentClash,
    /// `l2` between nodes that do not share a segment.
    L2AcrossSegments,
    /// `source_dest_check` where no cloud checks.
    SourceDestCheck,
    /// A segment that nothing is plugged into.
    UnusedSegment,
}

impl Code {
    /// Every code, in the order of their numbers.
    pub const ALL: [Self; 34] = [
        Self::Syntax,
        Self::UnknownKey,
        Self::WrongType,
        Self::MissingKey,
        Self::NoNodes,
        Self::InvalidName,
        Self::DuplicateName,
        Self::UnknownName,
        Self::InvalidAddress,
        Self::OverlappingRanges,
        Self::PodRangeTooSmall,
        Self::SliceTooSmall,
        Self::SegmentTooSmall,
        Self::OutsideRange,
        Self::AddressTaken,
        Self::UnknownWord,
        Self::NotYet,
        Self::HostGwAcrossSegments,
        Self::OutOfRange,
        Self::FamilyMismatch,
        Self::BadTest,
        Self::BadContainer,
        Self::PlacedTwice,
        Self::BadRouter,
        Self::TooLarge,
        Self::MtuTooSmall,
        Self::MtuBeyondUnderlay,
        Self::ExternalInside,
        Self::DirectWithoutTunnel,
        Self::BadImpairment,
        Self::ImpairmentClash,
        Self::L2AcrossSegments,
        Self::SourceDestCheck,
        Self::UnusedSegment,
    ];

    /// The number as people write it, such as `NL012`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Syntax => "NL001",
            Self::UnknownKey => "NL002",
            Self::WrongType => "NL003",
            Self::MissingKey => "NL004",
            Self::NoNodes => "NL005",
            Self::InvalidName => "NL006",
            Self::DuplicateName => "NL007",
            Self::UnknownName => "NL008",
            Self::InvalidAddress => "NL009",
            Self::OverlappingRanges => "NL010",
            Self::PodRangeTooSmall => "NL011",
            Self::SliceTooSmall => "NL012",
            Self::SegmentTooSmall => "NL013",
            Self::OutsideRange => "NL014",
            Self::AddressTaken => "NL015",
            Self::UnknownWord => "NL016",
            Self::NotYet => "NL017",
            Self::HostGwAcrossSegments => "NL018",
            Self::OutOfRange => "NL019",
            Self::FamilyMismatch => "NL020",
            Self::BadTest => "NL021",
            Self::BadContainer => "NL022",
            Self::PlacedTwice => "NL023",
            Self::BadRouter => "NL024",
            Self::TooLarge => "NL025",
            Self::MtuTooSmall => "NL026",
            Self::MtuBeyondUnderlay => "NL027",
            Self::ExternalInside => "NL028",
            Self::DirectWithoutTunnel => "NL029",
            Self::BadImpairment => "NL030",
            Self::ImpairmentClash => "NL031",
            Self::L2AcrossSegments => "NL033",
            Self::SourceDestCheck => "NL034",
            Self::UnusedSegment => "NL035",
        }
    }

    /// The code with that number, in either case, if there is one.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.id().eq_ignore_ascii_case(id))
    }
}
