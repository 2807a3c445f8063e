//! Compiles the floor program, for the benchmark and for the test that holds its end state against netlab's.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

/// Compiles the floor program to that file; `Ok(false)` where there is no `cc`.
pub(crate) fn compile(to: &Path) -> Result<bool, String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/floor");
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-Wall", "-Wextra", "-Werror", "-o"]).arg(to);
    cc.args(["floor.c", "lab.c", "netlink.c"].map(|source| sources.join(source)));
    match cc.output() {
        Ok(output) if output.status.success() => Ok(true),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(format!("cc: {error}")),
    }
}
