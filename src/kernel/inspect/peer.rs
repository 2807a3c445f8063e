//! Which interface of which namespace is at the other end of each cable.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::AsRawFd as _;

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::nsid::{NsidAttribute, NsidMessage};

use super::reader::Reader;
use super::{Link, Peer, link};
use crate::kernel::error::Result;
use crate::plan::Mac;

/// Fills in the peers of all veths. `others` are namespaces of the lab by name.
pub(super) fn join(
    reader: &mut Reader,
    here: &str,
    links: &mut [Link],
    others: &[(&str, File)],
) -> Result<()> {
    let own: HashMap<u32, Far> =
        links.iter().map(|link| (link.index, Far::of(link, name_of(links, link.master)))).collect();
    let names = names(reader, others)?;
    let mut bridges = HashMap::new();
    for link in links.iter_mut().filter(|link| link.kind == "veth") {
        let Some((index, number)) = link.far else { continue };
        let (namespace, far) = match number {
            None => (Some(here), own.get(&index).cloned()),
            Some(number) => match names.get(&number) {
                Some(name) => (Some(*name), far(reader, index, number, &mut bridges)?),
                None => (None, None),
            },
        };
        let Far { name, mac, bridge } = far.unwrap_or_default();
        link.peer = Some(Peer { index, namespace: namespace.map(str::to_owned), name, mac, bridge });
    }
    Ok(())
}

/// What is told of an interface elsewhere.
#[derive(Clone, Default)]
struct Far {
    name: Option<String>,
    mac: Option<Mac>,
    bridge: Option<String>,
}

impl Far {
    fn of(link: &Link, bridge: Option<String>) -> Self {
        Self { name: Some(link.name.clone()), mac: link.mac, bridge }
    }
}

fn name_of(links: &[Link], index: Option<u32>) -> Option<String> {
    links.iter().find(|link| Some(link.index) == index).map(|link| link.name.clone())
}

/// The lab's names of the numbers that the reader's namespace has for others. It numbers those that a cable leads to.
fn names<'a>(reader: &mut Reader, others: &'a [(&str, File)]) -> Result<HashMap<i32, &'a str>> {
    let mut names = HashMap::new();
    for (name, file) in others {
        let mut request = NsidMessage::default();
        let descriptor = u32::try_from(file.as_raw_fd()).unwrap_or(u32::MAX);
        request.attributes.push(NsidAttribute::Fd(descriptor));
        let answer = reader.get(&format!("the number of {name}"), &RouteNetlinkMessage::GetNsId(request))?;
        let Some(RouteNetlinkMessage::NewNsId(message)) = answer else { continue };
        // -1: no cable leads there.
        let number = message.attributes.iter().find_map(|attribute| match attribute {
            NsidAttribute::Id(number) => u32::try_from(*number).ok().map(|_| *number),
            _ => None,
        });
        names.extend(number.map(|number| (number, *name)));
    }
    Ok(names)
}

/// An interface of another namespace, and the bridge there that it is a port of.
fn far(
    reader: &mut Reader,
    index: u32,
    namespace: i32,
    bridges: &mut HashMap<(i32, u32), Option<String>>,
) -> Result<Option<Far>> {
    let Some(link) = ask(reader, index, namespace)? else { return Ok(None) };
    let bridge = match link.master {
        None => None,
        Some(master) => match bridges.get(&(namespace, master)) {
            Some(known) => known.clone(),
            None => {
                let name = ask(reader, master, namespace)?.map(|bridge| bridge.name);
                bridges.insert((namespace, master), name.clone());
                name
            }
        },
    };
    Ok(Some(Far::of(&link, bridge)))
}

fn ask(reader: &mut Reader, index: u32, namespace: i32) -> Result<Option<Link>> {
    let request = RouteNetlinkMessage::GetLink(link::request(index, Some(namespace)));
    Ok(reader.get("the other end of a cable", &request)?.and_then(link::link))
}
