//! `netlab exec` and `netlab sh`: commands and shells inside the lab.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use super::running;
use crate::cli::{Exec, Sh};
use crate::kernel::{self, Room};
use crate::plan::Sandbox;
use crate::state::Record;

pub(super) fn exec(args: &Exec) -> anyhow::Result<u8> {
    let record = running::find(args.lab.lab.as_deref())?;
    inside(&record, &args.target, &[], &args.command)
}

pub(super) fn sh(args: &Sh) -> anyhow::Result<u8> {
    let record = running::find(args.lab.lab.as_deref())?;
    let (target, named) = match &args.target {
        Some(target) => (target.as_str(), &[][..]),
        None => ("fabric", &record.sandboxes[..]),
    };
    running::sandbox(&record, target)?;
    let prompt = match &args.target {
        Some(target) => format!("[{}/{target}] ", record.lab.name),
        None => format!("[{}] ", record.lab.name),
    };
    let shell = Shell::new(&prompt)?;
    inside(&record, target, named, &shell.command)
}

fn inside(record: &Record, target: &str, named: &[Sandbox], command: &[String]) -> anyhow::Result<u8> {
    let hosts = running::directory(record).join("hosts");
    let place = running::place(record, target)?;
    let env =
        [("NETLAB_LAB".to_owned(), record.lab.name.clone()), ("NETLAB_TARGET".to_owned(), target.to_owned())];
    let code = kernel::run(&place, &Room { hosts: &hosts, named }, command, &env)?;
    Ok(u8::try_from(code).unwrap_or(super::OTHER))
}

/// A shell whose prompt says where it is, or one that reads a script where nobody types.
struct Shell {
    command: Vec<String>,
    /// Keeps the start-up file for as long as the shell may read it.
    _startup: Option<tempfile::NamedTempFile>,
}

impl Shell {
    fn new(prompt: &str) -> anyhow::Result<Self> {
        let bash = ["/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash"]
            .into_iter()
            .find(|path| Path::new(path).exists());
        if !io::stdin().is_terminal() {
            let command = vec![bash.unwrap_or("/bin/sh").to_owned()];
            return Ok(Self { command, _startup: None });
        }
        let mut startup = tempfile::NamedTempFile::with_prefix("netlab-sh-")?;
        let path = startup.path().to_string_lossy().into_owned();
        let command = match bash {
            Some(bash) => {
                write!(startup, "[ -f ~/.bashrc ] && . ~/.bashrc\nPROMPT_COMMAND=\nPS1='{prompt}\\w\\$ '\n")?;
                vec![bash.to_owned(), "--rcfile".to_owned(), path, "-i".to_owned()]
            }
            None => {
                // A POSIX shell reads the file that ENV names.
                writeln!(startup, "PS1='{prompt}$ '")?;
                vec!["/usr/bin/env".to_owned(), format!("ENV={path}"), "sh".to_owned(), "-i".to_owned()]
            }
        };
        startup.flush()?;
        Ok(Self { command, _startup: Some(startup) })
    }
}
