//! A pseudo-terminal with a program in its foreground, as a terminal window has it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::libc;
use nix::pty::Winsize;
use nix::sys::termios::{Termios, tcgetattr};
use nix::unistd::Pid;

use super::{World, wait_until};

pub struct Terminal {
    pub master: File,
    pub child: Child,
    /// Everything that was printed.
    pub seen: String,
    /// How the terminal was set before the program began.
    pub before: Termios,
    /// Kept open, or the terminal's settings would be gone with the program.
    _slave: OwnedFd,
}

impl Terminal {
    pub fn start(world: &World, args: &[&str]) -> Self {
        Self::run(world.command(args))
    }

    pub fn run(mut command: Command) -> Self {
        // Where the tests run, there may be no terminal, or one that cannot be drawn on.
        if !command.get_envs().any(|(name, _)| name == "TERM") {
            command.env("TERM", "xterm");
        }
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = nix::pty::openpty(Some(&size), None).expect("a pseudo-terminal");
        let slave = || Stdio::from(pty.slave.try_clone().expect("the terminal"));
        command.stdin(slave()).stdout(slave()).stderr(slave());
        #[allow(unsafe_code)] // between fork and exec
        // SAFETY: setsid and an ioctl are async-signal-safe.
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setsid().map_err(std::io::Error::from)?;
                if libc::ioctl(0, libc::TIOCSCTTY, 0) < 0 {
                    Err(std::io::Error::last_os_error())
                } else {
                    Ok(())
                }
            });
        }
        let before = tcgetattr(&pty.slave).expect("the terminal's settings");
        let child = command.spawn().expect("a program on a terminal");
        nix::fcntl::fcntl(pty.master.as_fd(), nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK))
            .expect("fcntl");
        Self { master: File::from(pty.master), child, seen: String::new(), before, _slave: pty.slave }
    }

    pub fn type_in(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).expect("typing");
    }

    /// Waits until that is printed, if it was not before.
    pub fn wait_for(&mut self, text: &str) {
        let Self { master, seen, .. } = self;
        let mut buffer = [0; 4096];
        wait_until(&format!("`{text}` on the terminal"), || {
            if let Ok(read) = master.read(&mut buffer) {
                seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
            seen.contains(text)
        });
    }

    /// Types a key, and waits until that is printed after it.
    pub fn key(&mut self, key: &str, text: &str) {
        self.seen.clear();
        self.type_in(key);
        self.wait_for(text);
    }

    /// Makes the window larger or smaller.
    pub fn resize(&self, columns: u16, rows: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        #[allow(unsafe_code)] // nix has no safe form
        // SAFETY: the structure lives as long as the call.
        let done = unsafe { libc::ioctl(self.master.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
        assert_eq!(done, 0, "the terminal's size");
    }

    /// Waits until the terminal's foreground process group is a program of that name.
    pub fn wait_until_foreground_is(&mut self, name: &str) {
        let master = &self.master;
        wait_until(&format!("{name} in the foreground"), || {
            let group = nix::unistd::tcgetpgrp(master).map_or(0, Pid::as_raw);
            std::fs::read_to_string(format!("/proc/{group}/comm")).is_ok_and(|comm| comm.trim() == name)
        });
    }

    /// How the terminal is set now.
    pub fn settings(&self) -> Termios {
        tcgetattr(&self.master).expect("the terminal's settings")
    }

    /// Waits until the program ends, reading what it prints.
    pub fn end(&mut self) -> ExitStatus {
        let Self { master, child, seen, .. } = self;
        let mut buffer = [0; 4096];
        let mut status = None;
        wait_until("the program ends", || {
            let ended = status.is_some();
            status = status.or(child.try_wait().expect("waiting"));
            // What it printed last is read once more when it has ended.
            while let Ok(read @ 1..) = master.read(&mut buffer) {
                seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
            ended
        });
        status.expect("it has ended")
    }
}
