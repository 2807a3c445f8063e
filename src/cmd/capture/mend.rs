//! What a captured frame is not as on a wire: mended where it can be, and said.

use crate::kernel::capture::Interface;
use crate::packet::checksum::{Unfinished, fill_in, offload_words, stands_for};
use crate::packet::decode::Header;
use crate::packet::heard::{Heard, Sum};

/// What was found about a frame.
#[derive(Clone, Copy)]
pub(in crate::cmd) struct Mended {
    /// What became of a sum that was not filled in.
    sum: Option<Unfinished>,
    /// How many frames of a wire it stands for.
    stands_for: Option<usize>,
}

/// Whether readers get the frame itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::cmd) enum Shown {
    /// They do.
    Whole,
    /// What they get says what it is.
    InWords,
}

/// Fills in what the kernel has left to a network card.
pub(in crate::cmd) fn mend(frame: &mut Heard, headers: &[Header], interface: &Interface) -> Mended {
    let sum = if frame.sum == Sum::Open { fill_in(&mut frame.bytes, headers) } else { None };
    Mended { sum, stands_for: interface.mtu.and_then(|mtu| stands_for(headers, frame.original, mtu)) }
}

impl Mended {
    /// What there is to say about a frame of that length, besides what it is.
    pub(in crate::cmd) fn notes(self, length: usize, shown: Shown) -> Vec<String> {
        let sum = self.sum.map(|sum| match (sum, shown) {
            // What is only shown is not filled in.
            (Unfinished::Filled(name), Shown::Whole) => {
                format!("{name} checksum filled in, which the kernel leaves to the network card")
            }
            _ => "checksum left to the network card".to_owned(),
        });
        let offload = self.stands_for.map(|count| offload_words(length, count));
        sum.into_iter().chain(offload).collect()
    }
}
