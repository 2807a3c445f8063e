//! I/O. How netlab talks: results on standard output, everything else on standard error; colour and bars only on a
//! terminal.

use std::cell::Cell;
use std::io::{self, IsTerminal, Write as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::diag::Style;

/// Writes a result. A reader that has gone away (`| head`) is told apart by [`io::ErrorKind::BrokenPipe`].
pub fn print(text: &str) -> io::Result<()> {
    write(text.as_bytes())
}

/// Writes a result that is no text, as [`print()`] does.
pub fn write(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(|error| not_written(&error))
}

/// Writes a result that may be longer than anybody should have to keep in memory, as it comes.
pub fn stream(
    result: impl FnOnce(&mut io::BufWriter<io::StdoutLock<'static>>) -> io::Result<()>,
) -> io::Result<()> {
    let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    result(&mut out).and_then(|()| out.flush()).map_err(|error| not_written(&error))
}

fn not_written(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("writing to standard output: {error}"))
}

/// Writes a remark. If nobody reads it, nothing is lost.
pub fn remark(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whether standard error takes colours: a terminal, and `NO_COLOR` is not set.
pub fn error_style() -> Style {
    style(&io::stderr())
}

/// Whether standard output takes colours.
pub fn output_style() -> Style {
    style(&io::stdout())
}

/// How wide standard output is, if it is a terminal.
pub fn output_width() -> Option<usize> {
    let stdout = io::stdout();
    let size = if stdout.is_terminal() { terminal_size::terminal_size_of(stdout) } else { None };
    size.map(|(width, _)| usize::from(width.0)).filter(|width| *width > 0)
}

fn style(to: &impl IsTerminal) -> Style {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted && is_screen(to) { Style::Coloured } else { Style::Plain }
}

/// Whether it is a terminal that understands more than lines.
pub fn is_screen(to: &impl IsTerminal) -> bool {
    to.is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Between two lines about one build, where they are lines.
const QUIET: Duration = Duration::from_secs(2);

/// How far a build has come: a bar on a terminal, plain lines elsewhere.
pub struct Progress {
    bar: Option<ProgressBar>,
    lab: String,
    total: usize,
    spoke: Cell<Instant>,
}

impl Progress {
    /// Begins with nothing done.
    pub fn start(lab: &str, total: usize) -> Self {
        let bar = is_screen(&io::stderr()).then(|| {
            let bar = ProgressBar::with_draw_target(u64::try_from(total).ok(), ProgressDrawTarget::stderr());
            let style =
                ProgressStyle::with_template("building {msg} {bar:30} {pos}/{len} namespaces {elapsed}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸ "));
            bar.set_message(lab.to_owned());
            bar.tick();
            bar
        });
        if bar.is_none() {
            remark(&format!("building {lab}: {total} namespaces"));
        }
        Self { bar, lab: lab.to_owned(), total, spoke: Cell::new(Instant::now()) }
    }

    /// So many are done.
    pub fn done(&self, count: usize) {
        match &self.bar {
            Some(bar) => bar.set_position(u64::try_from(count).unwrap_or(u64::MAX)),
            // In a log, only what takes long has to show that it goes on.
            None if self.spoke.get().elapsed() > QUIET => {
                self.spoke.set(Instant::now());
                remark(&format!("building {}: {count} of {} namespaces", self.lab, self.total));
            }
            None => {}
        }
    }

    /// Writes a remark without disturbing the bar.
    pub fn remark(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| remark(text)),
            None => remark(text),
        }
    }
}

/// The bar goes away with the work that it showed, however that ended.
impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// How many of several things are done, on a terminal; elsewhere their results are enough.
pub struct Bar(ProgressBar);

impl Bar {
    /// Begins with nothing done.
    pub fn new(doing: &str, total: usize) -> Option<Self> {
        is_screen(&io::stderr()).then(|| {
            let bar = ProgressBar::with_draw_target(u64::try_from(total).ok(), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{prefix} {pos}/{len} {bar:20} {wide_msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸ "));
            bar.set_prefix(doing.to_owned());
            Self(bar)
        })
    }

    /// So many are done, and these are being worked on.
    pub fn show(&self, done: usize, now: &str) {
        self.0.set_message(now.to_owned());
        self.0.set_position(u64::try_from(done).unwrap_or(u64::MAX));
        self.0.tick();
    }

    /// Does something without disturbing the bar.
    pub fn aside<T>(&self, act: impl FnOnce() -> T) -> T {
        self.0.suspend(act)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A duration as people say it: `23 ms`, `1.4 s`.
pub fn duration(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1000.0;
    if millis < 10.0 {
        format!("{millis:.1} ms")
    } else if millis < 1000.0 {
        format!("{millis:.0} ms")
    } else {
        format!("{:.1} s", millis / 1000.0)
    }
}
