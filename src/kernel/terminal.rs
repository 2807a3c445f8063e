//! A terminal that a program has to itself for a while: keys come one by one, what is drawn is on a screen of its own, and
//! afterwards everything is as it was before.

use std::io;
use std::os::fd::AsFd as _;
use std::panic;
use std::sync::{Mutex, PoisonError};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use nix::unistd::{Pid, getpid, read, write};

use super::error::{Error, Result};
use super::interrupt::Interrupts;
use super::keys::{Key, Typed};

/// The alternate screen, and no cursor (xterm's control sequences, which every terminal of today has).
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l";
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";
/// The cursor's way home, what is left of a line, and what is below.
const HOME: &str = "\u{1b}[H";
const LINE_END: &str = "\u{1b}[K";
const BELOW: &str = "\u{1b}[J";

/// Where a terminal does not say how large it is: what terminals have been since the VT100.
const USUAL: (usize, usize) = (80, 24);

/// How long the rest of a key may be on its way, in milliseconds. Nobody types Escape and another key as fast.
const KEY: u16 = 50;

/// What the terminal was like. Whoever takes it out puts it back, once.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// Somebody typed.
    Key(Key),
    /// The screen has another size, or was used by others: it is to be drawn again.
    Redraw,
    /// A signal asks for the end, or the terminal is gone.
    End,
}

/// The terminal of standard input and output, while this is there.
pub struct Screen {
    signals: Interrupts,
    typed: Typed,
}

impl Screen {
    /// Takes it.
    ///
    /// # Errors
    /// If standard input is no terminal.
    pub fn open() -> Result<Self> {
        let also = [Signal::SIGQUIT, Signal::SIGWINCH, Signal::SIGTSTP, Signal::SIGCONT];
        let screen = Self { signals: Interrupts::hold_also(&also)?, typed: Typed::default() };
        // A panic may end the process without any clean-up, and its message is to be seen.
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            restore();
            others(panic);
        }));
        enter()?;
        Ok(screen)
    }

    /// How many columns and rows there are now.
    pub fn size(&self) -> (usize, usize) {
        let size = terminal_size::terminal_size_of(io::stdout());
        size.map_or(USUAL, |(columns, rows)| (usize::from(columns.0), usize::from(rows.0)))
    }

    /// Draws these rows, none of which may be too wide, over whatever was there. All at once, so that nothing flickers.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub fn draw(&self, rows: &[String]) -> Result<()> {
        let lines: Vec<String> = rows.iter().map(|row| format!("{row}{LINE_END}")).collect();
        put(&format!("{HOME}{}{BELOW}", lines.join("\r\n"))).map_err(Error::call("drawing on the terminal"))
    }

    /// Waits until something happens.
    ///
    /// # Errors
    /// If the kernel cannot wait, or the terminal cannot be taken again after it was given back.
    pub fn wait(&mut self) -> Result<Happened> {
        loop {
            if let Some(key) = self.typed.next() {
                return self.key(key);
            }
            let timeout = if self.typed.is_open() { PollTimeout::from(KEY) } else { PollTimeout::NONE };
            let stdin = io::stdin();
            let mut descriptors = [
                PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
                PollFd::new(stdin.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut descriptors, timeout) {
                Ok(0) => match self.typed.close() {
                    Some(key) => return self.key(key),
                    None => continue,
                },
                Ok(_) => {}
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(Error::call("waiting for a key")(errno)),
            }
            let is_typed = descriptors[1].any().unwrap_or(false);
            match self.signals.take() {
                Some(Signal::SIGWINCH) => return Ok(Happened::Redraw),
                Some(Signal::SIGTSTP) => return stop(getpid()),
                Some(Signal::SIGCONT) => return enter().map(|()| Happened::Redraw),
                Some(_) => return Ok(Happened::End),
                None => {}
            }
            let mut bytes = [0; 64];
            match is_typed.then(|| read(&stdin, &mut bytes)) {
                None | Some(Err(Errno::EINTR | Errno::EAGAIN)) => {}
                Some(Ok(0) | Err(_)) => return Ok(Happened::End),
                Some(Ok(length)) => self.typed.add(&bytes[..length]),
            }
        }
    }

    fn key(&self, key: Key) -> Result<Happened> {
        match key {
            // As the terminal would have done: everybody in the foreground stops.
            Key::Suspend => stop(Pid::from_raw(0)),
            key => Ok(Happened::Key(key)),
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Takes the terminal: as it was before, it is when it is given back.
fn enter() -> Result<()> {
    let stdin = io::stdin();
    let found = tcgetattr(&stdin).map_err(Error::call("looking at the terminal"))?;
    let mut raw = found.clone();
    cfmakeraw(&mut raw);
    BEFORE.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(found);
    let taken = tcsetattr(&stdin, SetArg::TCSANOW, &raw).and_then(|()| put(ENTER));
    taken.map_err(Error::call("taking the terminal"))
}

/// Gives the terminal back. If it is gone, there is nothing to give.
fn restore() {
    let before = BEFORE.try_lock().ok().and_then(|mut before| before.take());
    if let Some(before) = before {
        let _ = put(LEAVE);
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &before);
    }
}

/// Stops as Ctrl-Z does, and takes the terminal again when it goes on.
fn stop(whom: Pid) -> Result<Happened> {
    restore();
    let stop = SigSet::from(Signal::SIGTSTP);
    let stopped = kill(whom, Signal::SIGTSTP).and_then(|()| stop.thread_unblock());
    stopped.and_then(|()| stop.thread_block()).map_err(Error::call("stopping"))?;
    enter()?;
    Ok(Happened::Redraw)
}

/// Writes all of it to the terminal, by as few calls as it takes.
fn put(text: &str) -> nix::Result<()> {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        match write(io::stdout(), rest) {
            Ok(length) => rest = &rest[length..],
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
