//! Makes what a plan says, in one pass: each namespace is unshared by this thread, gets its netlink connection while the
//! thread is inside, and its pause process; connections are kept for as long as later steps need them.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::error::{Error, Result, is_lack};
use super::message::message;
use super::namespace::{self, Home};
use super::netlink::{Awaited, BATCH, Connection, Refusal};
use super::pause::Pauses;
use super::procfs::Settings;
use super::stopwatch::Stopwatch;
use super::{ethtool, nftables, privilege, process, wireguard};
use crate::event::Phase;
use crate::plan::{Absent, Kind, Namespace, Op, Plan, Sandbox, Step};

/// A built lab, as its holder knows it.
pub struct Built {
    /// One for each namespace of the plan; the fabric's is the holder itself.
    pub sandboxes: Vec<Sandbox>,
}

/// Builds a plan in the calling process, which is PID 1 of the lab and in the fabric's namespaces. `outer` is the
/// directory `/proc/self/fdinfo` as seen by the one who ran `netlab up`; `done` is told how many namespaces are ready; `watch`
/// learns where the time goes.
pub(super) fn build(
    plan: &Plan,
    outer: &OwnedFd,
    watch: &mut Stopwatch,
    done: &mut dyn FnMut(usize),
) -> Result<Built> {
    let home = Home::remember()?;
    let result = Builder::new(outer, watch)?.run(plan, done);
    home.go_back()?;
    result
}

struct Builder<'a> {
    outer: &'a OwnedFd,
    watch: &'a mut Stopwatch,
    settings: Settings,
    pauses: Pauses,
    connections: Vec<Option<Connection>>,
    /// Connections to the packet filters of the namespaces that get rules.
    filters: BTreeMap<usize, nftables::Connection>,
    sandboxes: Vec<Sandbox>,
    /// Namespaces with interfaces that could not send when they were made.
    unsettled: Vec<(usize, Vec<(u32, Awaited)>)>,
    /// `WireGuard` devices that have not agreed on keys with their peers.
    strangers: Vec<wireguard::Device>,
}

impl<'a> Builder<'a> {
    fn new(outer: &'a OwnedFd, watch: &'a mut Stopwatch) -> Result<Self> {
        let settings = Settings::open()?;
        Ok(Self {
            outer,
            watch,
            settings,
            pauses: Pauses::default(),
            connections: Vec::new(),
            filters: BTreeMap::new(),
            sandboxes: Vec::new(),
            unsettled: Vec::new(),
            strangers: Vec::new(),
        })
    }

    fn run(mut self, plan: &Plan, done: &mut dyn FnMut(usize)) -> Result<Built> {
        let filtering = plan.filtering();
        self.watch.lap(Phase::Entering, 1);
        for (here, namespace) in plan.namespaces.iter().enumerate() {
            self.make(namespace)?;
            if filtering.contains(&here) {
                self.filters.insert(here, nftables::Connection::open()?);
            }
            self.fill(plan, here, &namespace.steps)?;
            self.settle(plan, here)?;
            let settled = self.unsettled.iter().all(|(unsettled, _)| *unsettled != here);
            let is_finished = !plan.last.iter().any(|step| step.run_in == here);
            if namespace.kind == Kind::Pod && settled && is_finished {
                self.connections[here] = None;
            }
            self.watch.lap(Phase::LinkState, 1);
            done(here + 1);
            self.watch.lap(Phase::Telling, 1);
        }
        self.wait_until_settled(plan)?;
        self.watch.lap(Phase::LinkState, 0);
        if !self.strangers.is_empty() {
            self.introduce()?;
            self.watch.lap(Phase::Rules, 0);
        }
        self.fill(plan, plan.namespaces.len(), &plan.last)?;
        Ok(Built { sandboxes: self.sandboxes })
    }

    /// Makes the namespace itself, with its connection and its pause.
    fn make(&mut self, namespace: &Namespace) -> Result<()> {
        let name = &namespace.name;
        let mut sandbox =
            Sandbox { name: name.clone(), kind: namespace.kind, pid: 0, inner_pid: 1, inode: 0 };
        if namespace.kind != Kind::Fabric {
            namespace::enter_new(name)?;
            self.watch.lap(Phase::Namespaces, 1);
            let pause = self.pauses.start()?;
            sandbox.pid = process::outer_pid(self.outer, &pause.descriptor)
                .map_err(Error::call(format!("{name}: finding its pause process's pid in /proc")))?;
            sandbox.inner_pid = pause.pid;
            self.watch.lap(Phase::Pauses, 1);
        }
        sandbox.inode = namespace::network_inode()?;
        self.settings.next_namespace();
        self.connections.push(Some(Connection::open()?));
        self.sandboxes.push(sandbox);
        self.watch.lap(Phase::Namespaces, 0);
        Ok(())
    }

    /// Does steps in order, each where it runs.
    fn fill(&mut self, plan: &Plan, here: usize, steps: &[Step]) -> Result<()> {
        for step in steps {
            let place = &plan.namespaces[step.run_in].name;
            let mut waiting: Vec<&Op> = Vec::with_capacity(step.ops.len().min(BATCH));
            if self.watch.is_running() {
                // One phase at a time, or the kernel's work on a batch could not be told apart.
                for ops in step.ops.chunk_by(|one, next| phase(one) == phase(next)) {
                    self.carry_out(here, step.run_in, place, ops, &mut waiting)?;
                    self.watch.lap(phase(&ops[0]), ops.len());
                }
            } else {
                self.carry_out(here, step.run_in, place, &step.ops, &mut waiting)?;
            }
        }
        Ok(())
    }

    /// Does operations in order, in the namespace `run_in`, while `here` is being made.
    fn carry_out<'b>(
        &mut self,
        here: usize,
        run_in: usize,
        place: &str,
        ops: &'b [Op],
        waiting: &mut Vec<&'b Op>,
    ) -> Result<()> {
        for op in ops {
            match op {
                Op::Sysctl { path, value, absent } => self.sysctl(place, op, path, value, *absent)?,
                Op::Offload { link, .. } => {
                    self.flush(run_in, place, waiting)?;
                    let socket = self.connection(run_in)?;
                    ethtool::offload_off(socket, &link.name)
                        .map_err(|errno| refused(place, op, errno, String::new()))?;
                }
                Op::Nftables { tables } => {
                    self.flush(run_in, place, waiting)?;
                    let filter = self.filters.get_mut(&run_in).ok_or_else(finished)?;
                    nftables::add(filter, place, op, tables)?;
                }
                Op::Wireguard(setup) => {
                    self.flush(run_in, place, waiting)?;
                    // The socket belongs to the namespace that this thread is in, which is the one being made.
                    if run_in != here {
                        return Err(Error::Unexpected(format!("{place}: {op}: in another's turn")));
                    }
                    let device = wireguard::Device::configure(setup, place)
                        .map_err(|errno| refused(place, op, errno, String::new()))?;
                    self.strangers.push(device);
                }
                op => {
                    let sandboxes = &self.sandboxes;
                    let pid = |far: usize| u32::try_from(sandboxes[far].inner_pid).unwrap_or(0);
                    let (message, flags) = message(op, pid)?;
                    let connection = self.connection(run_in)?;
                    connection.queue(message, flags);
                    waiting.push(op);
                    if connection.queued() == BATCH {
                        self.flush(run_in, place, waiting)?;
                    }
                }
            }
        }
        self.flush(run_in, place, waiting)
    }

    fn sysctl(&mut self, place: &str, op: &Op, path: &str, value: &str, absent: Absent) -> Result<()> {
        match self.settings.write(path, value) {
            Ok(true) => Ok(()),
            Ok(false) if absent == Absent::IsFine => Ok(()),
            Ok(false) => match op.feature() {
                Some(feature) => Err(Error::Lacks(feature)),
                None => Err(refused(place, op, Errno::ENOENT, "this kernel has no such setting".into())),
            },
            Err(Errno::EROFS) => Err(privilege::read_only(&format!("{place}: {op}"))),
            Err(errno) => Err(refused(place, op, errno, String::new())),
        }
    }

    fn connection(&mut self, of: usize) -> Result<&mut Connection> {
        let connection = self.connections.get_mut(of).and_then(Option::as_mut);
        connection.ok_or_else(finished)
    }

    fn flush(&mut self, of: usize, place: &str, ops: &mut Vec<&Op>) -> Result<()> {
        let refusal = self.connection(of)?.flush()?;
        let Some(Refusal { place: number, errno, said }) = refusal else {
            ops.clear();
            return Ok(());
        };
        match ops.get(number) {
            Some(op) => match op.feature().filter(|_| is_lack(errno)) {
                Some(feature) => Err(Error::Lacks(feature)),
                None => Err(refused(place, op, errno, said)),
            },
            None => Err(Error::Call { what: format!("{place}: an operation of netlink"), errno }),
        }
    }

    /// Notes which interfaces of a namespace's cables cannot send yet: right after a cable was made the kernel still has to
    /// work its link state off, and drops what is sent on it.
    fn settle(&mut self, plan: &Plan, here: usize) -> Result<()> {
        let mut links: BTreeMap<usize, Vec<(u32, Awaited)>> = BTreeMap::new();
        for step in &plan.namespaces[here].steps {
            for op in &step.ops {
                let near_links = match op {
                    Op::Bridge { link, .. } => vec![(link.index, Awaited::Known)],
                    Op::Veth { near, bridge, far_namespace, far, .. } => {
                        links.entry(*far_namespace).or_default().push((far.link.index, Awaited::Up));
                        let near_links = [Some(&near.link), bridge.as_ref()];
                        near_links.into_iter().flatten().map(|link| (link.index, Awaited::Up)).collect()
                    }
                    Op::Enslave { link, bridge } => {
                        [link, bridge].map(|link| (link.index, Awaited::Up)).to_vec()
                    }
                    _ => continue,
                };
                links.entry(step.run_in).or_default().extend(near_links);
            }
        }
        for (namespace, links) in links {
            if !self.are_settled(plan, namespace, &links)? {
                self.unsettled.push((namespace, links));
            }
        }
        Ok(())
    }

    fn are_settled(&mut self, plan: &Plan, namespace: usize, links: &[(u32, Awaited)]) -> Result<bool> {
        let settled = self.connection(namespace)?.are_settled(links);
        settled.map_err(|error| Error::Unexpected(format!("{}: {error}", plan.namespaces[namespace].name)))
    }

    /// Waits until everything can send. Kernels before 6.8 may take a second over that.
    fn wait_until_settled(&mut self, plan: &Plan) -> Result<()> {
        let began = Instant::now();
        while let Some((namespace, links)) = self.unsettled.pop() {
            while !self.are_settled(plan, namespace, &links)? {
                if began.elapsed() > PATIENCE {
                    let place = &plan.namespaces[namespace].name;
                    return Err(Error::Unexpected(format!(
                        "{place}: its cables are up, but their link state was not so within {} s",
                        PATIENCE.as_secs()
                    )));
                }
                sleep(Duration::from_millis(1));
            }
        }
        Ok(())
    }

    /// Has nodes that encrypt agree on keys, once their cables can send.
    fn introduce(&mut self) -> Result<()> {
        let began = Instant::now();
        let wrong = |place: &str| Error::call(format!("{place}: agreeing on keys with the other nodes"));
        for device in &mut self.strangers {
            device.greet().map_err(wrong(device.place()))?;
        }
        for mut device in self.strangers.drain(..) {
            while !device.has_met_all().map_err(wrong(device.place()))? {
                if began.elapsed() > PATIENCE {
                    return Err(wrong(device.place())(Errno::ETIMEDOUT));
                }
                sleep(Duration::from_millis(1));
            }
        }
        Ok(())
    }
}

/// The phase that an operation belongs to.
fn phase(op: &Op) -> Phase {
    match op {
        Op::Sysctl { .. } => Phase::Sysctls,
        Op::Address { .. } => Phase::Addresses,
        Op::Route(_) => Phase::Routes,
        Op::Neighbour { .. } | Op::Fdb { .. } => Phase::Neighbours,
        Op::Nftables { .. } | Op::Wireguard(_) | Op::Impair { .. } => Phase::Rules,
        Op::Bridge { .. }
        | Op::Veth { .. }
        | Op::Hairpin { .. }
        | Op::Enslave { .. }
        | Op::Up { .. }
        | Op::Offload { .. }
        | Op::Tunnel(_)
        | Op::NoLinkLocal { .. } => Phase::Links,
    }
}

/// How long link state may take. The kernel works most of it off at once, the rest once a second.
const PATIENCE: Duration = Duration::from_secs(30);

fn finished() -> Error {
    Error::Unexpected("the plan goes back to a namespace that is finished".into())
}

fn refused(place: &str, op: &Op, errno: Errno, said: String) -> Error {
    Error::Refused { place: place.to_owned(), what: op.to_string(), errno, said }
}
