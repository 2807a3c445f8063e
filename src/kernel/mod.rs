//! I/O. The only code that touches the system: namespaces, netlink, sockets, processes, `/proc`.
//!
//! Nothing here decides what a lab looks like; it makes what a [`crate::plan`] says, and reads back what is there.

mod build;
pub mod capture;
mod container;
mod enter;
mod error;
mod ethtool;
mod examine;
mod foundation;
mod generic;
mod holder;
pub mod icmp;
pub mod inspect;
mod interrupt;
mod keeper;
mod listening;
mod live;
mod message;
mod namespace;
mod netlink;
mod nftables;
mod pause;
mod privilege;
pub mod probe;
mod prober;
mod process;
mod procfs;
mod qdisc;
mod sandbox;
mod single;
mod sockopt;
mod stream;
mod tap;
mod tunnel;
mod wireguard;
pub mod worker;

pub use build::Built;
pub use container::{Phase, Plan as ContainerPlan, Restart, State as ContainerState};
pub use enter::{Entered, Place, Room, enter_network, run};
pub use error::{Error, Result};
pub use examine::examine;
pub use foundation::Privilege;
pub use holder::{Job, Standing, silent_death};
pub use interrupt::{Interrupts, stop_flag};
pub use keeper::{Claim, Heard, Launched, launch};
pub use listening::listening;
pub use live::{LinkState, Live};
pub use prober::{Prober, Seen};
pub use process::{descriptor, is_ending, reap, signal, start_time, wait_for_end};
pub use single::{Datagram, Identity, Single};
pub use stream::Stream;
pub use tap::Tap;
