//! Documents with sessions in them: commands, and what each printed.

use std::process::Command;

use super::{Ran, World};

/// A document whose `console` blocks show what their commands print now. Lines that begin with `$ ` are commands.
pub fn retold(world: &World, document: &str) -> String {
    let mut told = String::new();
    let mut in_session = false;
    for line in document.lines() {
        if line.starts_with("```") {
            in_session = line == "```console";
        }
        match line.strip_prefix("$ ") {
            _ if !in_session => {}
            None if line == "```console" => {}
            // What was printed some other time.
            None => continue,
            Some(command) => {
                told.push_str(&format!("{line}\n{}", printed(world, command)));
                continue;
            }
        }
        told.push_str(line);
        told.push('\n');
    }
    told
}

fn printed(world: &World, command: &str) -> String {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]);
    world.prepare(&mut shell);
    let ran = Ran::from(shell.output().expect("a shell"));
    let lines = ran.stdout.lines().map(|line| format!("{}\n", line.trim_end()));
    let text: String = lines.collect();
    assert!(!text.contains("```"), "$ {command}\n{text}");
    text
}
