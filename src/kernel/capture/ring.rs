//! One packet socket with a ring of blocks that it shares with the kernel (`TPACKET_V3`, packet(7)).

use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use libc::{PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION, SOL_PACKET, TP_STATUS_KERNEL, TP_STATUS_USER};
use socket2::{Domain, Protocol, Socket, Type};

use super::block::{Raw, STATUS, frames, number};
use super::program::program;
use super::{Counts, KeptAway};
use crate::kernel::sockopt::set_int;
use crate::kernel::tap::address_of;

/// How much memory a ring has, and how it is used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    /// Bytes of a block: a multiple of the page size.
    pub(super) block: usize,
    /// How many blocks.
    pub(super) blocks: usize,
    /// How many bytes of a frame are kept.
    pub(super) snap: usize,
    /// How long a frame may wait in a block that is not full.
    pub(super) retire: Duration,
    /// What is not to be heard.
    pub(super) kept_away: KeptAway,
}

/// The longest program that the kernel takes (`BPF_MAXINSNS`).
const LONGEST_PROGRAM: usize = 4096;

pub(super) struct Ring {
    socket: Socket,
    memory: NonNull<libc::c_void>,
    size: Size,
    /// The block that the kernel hands over next.
    next: usize,
    counts: Counts,
    /// How many frames were taken.
    taken: u64,
}

#[allow(unsafe_code)] // a pointer is not sent by itself
// SAFETY: the memory is the ring's own, mapped for the whole process, and only whoever has the ring uses it.
unsafe impl Send for Ring {}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Ring {
    /// Makes a socket in the namespace that the calling thread is in. It hears nothing before [`Ring::start`].
    pub(super) fn open(size: &Size) -> io::Result<Self> {
        // With no protocol it hears nothing until it is bound.
        let socket = Socket::new(Domain::PACKET, Type::RAW.nonblocking(), None::<Protocol>)?;
        set_int(&socket, SOL_PACKET, PACKET_VERSION, libc::tpacket_versions::TPACKET_V3 as i32)?;
        ask_for_ring(&socket, size)?;
        let memory = map(&socket, size.block * size.blocks)?;
        Ok(Self { socket, memory, size: *size, next: 0, counts: Counts::default(), taken: 0 })
    }

    /// Which frames are to be heard: those that pass these interfaces, or any. Where there are too many for the kernel, it
    /// hands over all.
    pub(super) fn only(&self, indices: Option<&[u32]>) -> io::Result<()> {
        let mut program = program(indices, &self.size);
        if program.len() > LONGEST_PROGRAM {
            program = self::program(None, &self.size);
        }
        self.socket.attach_filter(&program)
    }

    /// Hears every frame of the namespace from now on.
    pub(super) fn start(&self) -> io::Result<()> {
        // Index 0 is no interface: all of them.
        self.socket.bind(&address_of(0))
    }

    pub(super) fn blocks(&self) -> usize {
        self.size.blocks
    }

    /// The frames of the next block, if the kernel has handed it over. It is given back.
    pub(super) fn take(&mut self) -> Option<Vec<Raw>> {
        let status = self.status();
        // Once this is read, so is all that the kernel wrote before.
        if status.load(Ordering::Acquire) & TP_STATUS_USER == 0 {
            return None;
        }
        let frames = frames(self.block());
        let number = number(self.block());
        status.store(TP_STATUS_KERNEL, Ordering::Release);
        self.taken += number;
        self.next = (self.next + 1) % self.size.blocks;
        Some(frames)
    }

    /// Who has the next block: the kernel or this process.
    #[allow(unsafe_code)] // memory that the kernel writes to
    fn status(&self) -> &'static AtomicU32 {
        let at = self.next * self.size.block + STATUS;
        // SAFETY: `at` is within the mapping, aligned as blocks and the field are, and the mapping lives as long as this
        // ring, which is borrowed while the result is used (`take` is the only one to use it). The kernel writes the word
        // as a whole.
        unsafe { AtomicU32::from_ptr(self.memory.as_ptr().byte_add(at).cast()) }
    }

    /// The next block, which must have been handed over.
    #[allow(unsafe_code)] // memory that the kernel writes to
    fn block(&self) -> &[u8] {
        let at = self.next * self.size.block;
        // SAFETY: the block is within the mapping, and the kernel does not write to it before it is given back.
        unsafe { std::slice::from_raw_parts(self.memory.as_ptr().byte_add(at).cast::<u8>(), self.size.block) }
    }

    /// How many frames were taken since the ring was made.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// What passed since the ring was made.
    pub(super) fn counts(&mut self) -> io::Result<Counts> {
        let (passed, dropped) = statistics(&self.socket)?;
        // The kernel begins anew after each answer.
        self.counts.passed += u64::from(passed);
        self.counts.dropped += u64::from(dropped);
        Ok(self.counts)
    }
}

impl Drop for Ring {
    #[allow(unsafe_code)] // mapping memory
    fn drop(&mut self) {
        // SAFETY: it was mapped by `open` with this length, and nothing borrowed from it is left.
        let _ = unsafe { libc::munmap(self.memory.as_ptr(), self.size.block * self.size.blocks) };
    }
}

/// The memory of a socket's ring.
#[allow(unsafe_code)] // mapping memory
fn map(socket: &Socket, length: usize) -> io::Result<NonNull<libc::c_void>> {
    let rights = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping at a place of the kernel's choice touches nothing that is there.
    let memory =
        unsafe { libc::mmap(std::ptr::null_mut(), length, rights, libc::MAP_SHARED, socket.as_raw_fd(), 0) };
    if memory == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(memory).ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))
}

#[allow(unsafe_code)] // PACKET_RX_RING has no safe wrapper
fn ask_for_ring(socket: &Socket, size: &Size) -> io::Result<()> {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    // The kernel wants a frame size that blocks are a multiple of, and does not use it: frames are as long as they are.
    const FRAME: usize = 2048;
    let request = libc::tpacket_req3 {
        tp_block_size: number(size.block),
        tp_block_nr: number(size.blocks),
        tp_frame_size: number(FRAME),
        tp_frame_nr: number(size.block / FRAME * size.blocks),
        tp_retire_blk_tov: number(size.retire.as_millis() as usize),
        tp_sizeof_priv: 0,
        tp_feature_req_word: 0,
    };
    let length = size_of_val(&request) as libc::socklen_t;
    let value = (&raw const request).cast();
    // SAFETY: `value` points to `length` bytes that live through the call, and the descriptor is borrowed.
    let done = unsafe { libc::setsockopt(socket.as_raw_fd(), SOL_PACKET, PACKET_RX_RING, value, length) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// How many frames passed since the last time, and how many of them found no room.
#[allow(unsafe_code)] // PACKET_STATISTICS has no safe wrapper
fn statistics(socket: &Socket) -> io::Result<(u32, u32)> {
    let mut found = libc::tpacket_stats_v3 { tp_packets: 0, tp_drops: 0, tp_freeze_q_cnt: 0 };
    let mut length = size_of_val(&found) as libc::socklen_t;
    let value = (&raw mut found).cast();
    // SAFETY: `value` points to `length` writable bytes that live through the call.
    let done = unsafe {
        libc::getsockopt(socket.as_raw_fd(), SOL_PACKET, PACKET_STATISTICS, value, &raw mut length)
    };
    if done == 0 { Ok((found.tp_packets, found.tp_drops)) } else { Err(io::Error::last_os_error()) }
}
