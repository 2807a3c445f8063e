//! What a frame is made of, in names and bytes: its headers, down to the data that somebody sent.

use serde::{Deserialize, Serialize};

use super::decode::{Kind, WIREGUARD_TAG, decode};

/// The name of the part that no header comes after.
pub const DATA: &str = "data";
/// The name of the part that only the tunnel's far end can read.
pub const ENCRYPTED: &str = "encrypted";

/// One part of a frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// What it is called: `Ethernet`, `IPv4`, `VXLAN`, …
    pub name: String,
    /// How many bytes it has.
    pub bytes: usize,
}

/// The parts of an Ethernet frame, outermost first; their bytes add up to its length. What is not understood is data.
pub fn layers(frame: &[u8]) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    for header in decode(frame) {
        let name = match header.kind {
            _ if header.quoted => DATA,
            Kind::Data | Kind::Padding | Kind::Cut(_) => DATA,
            Kind::Encrypted => ENCRYPTED,
            kind => kind.name(),
        };
        match layers.last_mut() {
            Some(last) if last.name == DATA && name == DATA => last.bytes += header.bytes,
            // The tag is at the end, where nobody would look for it.
            Some(last) if name == ENCRYPTED => {
                last.bytes += WIREGUARD_TAG;
                layers.push(layer(name, header.bytes - WIREGUARD_TAG));
            }
            _ => layers.push(layer(name, header.bytes)),
        }
    }
    layers
}

fn layer(name: &str, bytes: usize) -> Layer {
    Layer { name: name.to_owned(), bytes }
}

/// Whether these bytes stand in the frame, one after the other.
pub fn holds(frame: &[u8], bytes: &[u8]) -> bool {
    !bytes.is_empty() && frame.windows(bytes.len()).any(|some| some == bytes)
}

#[cfg(test)]
mod tests;
