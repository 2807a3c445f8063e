//! Pause processes: they hold a pod's namespaces and do nothing, for ever.
//!
//! A pause shares its parent's memory and descriptors (`CLONE_VM`, `CLONE_FILES`), so it costs a kernel stack and a few
//! kilobytes instead of a copy of the page tables. It runs two raw system calls and touches no variable of the parent.

use std::ffi::c_void;
use std::os::fd::{FromRawFd, OwnedFd};

use nix::errno::Errno;

use super::error::{Error, Result};

/// Stack of one pause: a page is enough for two system calls and for a signal that kills.
const STACK: usize = 4096;
/// Stacks come in slabs, one mapping for many.
const SLAB: usize = 256;

/// Makes pauses in the namespaces that its caller is in.
#[derive(Default)]
pub(super) struct Pauses {
    /// The rest of the slab: next free byte and how many stacks are left. Slabs live as long as the process.
    next: usize,
    left: usize,
}

/// A new pause.
pub(super) struct Pause {
    /// Its pid in the caller's PID namespace.
    pub(super) pid: i32,
    /// A descriptor of it.
    pub(super) descriptor: OwnedFd,
}

impl Pauses {
    #[allow(unsafe_code)] // clone with shared memory has no safe form
    pub(super) fn start(&mut self) -> Result<Pause> {
        let top = self.stack()? as *mut c_void;
        let flags = libc::CLONE_VM | libc::CLONE_FS | libc::CLONE_FILES | libc::CLONE_PIDFD | libc::SIGCHLD;
        let mut descriptor: libc::c_int = -1;
        // SAFETY: `top` is the aligned end of a stack that nothing else uses and that is never unmapped; `pause` neither
        // returns nor writes to shared memory; `descriptor` outlives the call, which is when the kernel writes it.
        let pid = unsafe { libc::clone(pause, top, flags, std::ptr::null_mut(), &raw mut descriptor) };
        let pid = Errno::result(pid).map_err(Error::call("starting a pause process"))?;
        // SAFETY: the kernel has just made this descriptor for us.
        let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
        Ok(Pause { pid, descriptor })
    }

    /// The end of an unused stack.
    #[allow(unsafe_code)] // an anonymous mapping, given away for good
    fn stack(&mut self) -> Result<usize> {
        if self.left == 0 {
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
            // SAFETY: asks for new memory at no particular place.
            let slab = unsafe { libc::mmap(std::ptr::null_mut(), STACK * SLAB, protection, kind, -1, 0) };
            if slab == libc::MAP_FAILED {
                return Err(Error::call("memory for pause processes")(Errno::last()));
            }
            self.next = slab as usize;
            self.left = SLAB;
        }
        self.left -= 1;
        self.next += STACK;
        Ok(self.next)
    }
}

const NAME: &std::ffi::CStr = c"pause";

/// The life of a pause. Only raw system calls: libc's would write `errno`, which the parent shares.
extern "C" fn pause(_: *mut c_void) -> libc::c_int {
    raw(libc::SYS_prctl, [libc::PR_SET_NAME as usize, NAME.as_ptr() as usize, 0, 0]);
    loop {
        // ppoll of nothing without a time limit: `pause` itself does not exist on every architecture.
        raw(libc::SYS_ppoll, [0, 0, 0, 0]);
    }
}

/// A system call without libc.
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)] // a system call
fn raw(number: libc::c_long, arguments: [usize; 4]) {
    // SAFETY: the calls made with this neither read nor write memory of this program, but for a static name.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") number => _,
            in("rdi") arguments[0], in("rsi") arguments[1], in("rdx") arguments[2], in("r10") arguments[3],
            in("r8") 0usize,
            lateout("rcx") _, lateout("r11") _,
            options(nostack)
        );
    }
}

/// A system call without libc.
#[cfg(target_arch = "aarch64")]
#[allow(unsafe_code)] // a system call
fn raw(number: libc::c_long, arguments: [usize; 4]) {
    // SAFETY: the calls made with this neither read nor write memory of this program, but for a static name.
    unsafe {
        std::arch::asm!(
            "svc 0",
            in("x8") number,
            inlateout("x0") arguments[0] => _,
            in("x1") arguments[1], in("x2") arguments[2], in("x3") arguments[3], in("x4") 0usize,
            options(nostack)
        );
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("netlab's pause process is written for x86_64 and aarch64");
