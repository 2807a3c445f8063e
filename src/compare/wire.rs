//! Which of the frames that left a node is the one that is meant.

use super::OnWire;
use crate::packet::frame::{ENCRYPTED, Layer, holds, layers};

/// So many bytes at the start of the data are enough to know a frame by that has only a part of it.
const START: usize = 8;

/// Finds the one frame that all of the data left in, by that itself, or where it is encrypted by there being only one that
/// is large enough for it. `payload_bytes` is what of it counts as payload.
///
/// # Errors
/// In words, if it is not there, or cannot be told from others.
pub fn find(frames: &[Vec<u8>], data: &[u8], payload_bytes: usize) -> Result<OnWire, String> {
    let found = |frame: &Vec<u8>| OnWire { payload_bytes, wire_bytes: frame.len(), layers: layers(frame) };
    if let Some(frame) = frames.iter().find(|frame| holds(frame, data)) {
        return Ok(found(frame));
    }
    let start = data.get(..START).unwrap_or(data);
    if let Some(part) = frames.iter().find(|frame| holds(frame, start)) {
        return Err(format!("it left in pieces; the first frame has {} bytes", part.len()));
    }
    let is_room = |layer: &Layer| layer.name == ENCRYPTED && layer.bytes >= data.len();
    let encrypted: Vec<&Vec<u8>> = frames.iter().filter(|frame| layers(frame).iter().any(is_room)).collect();
    match encrypted.as_slice() {
        [frame] => Ok(found(frame)),
        [] => Err(format!("it is in none of the {} frames that left the node meanwhile", frames.len())),
        several => Err(format!("{} encrypted frames left the node meanwhile", several.len())),
    }
}
