//! A walk on the terminal, a step at a time.

use std::io::{IsTerminal as _, stdin, stdout};

use crate::cmd::usage;
use crate::kernel::{Happened, Key, Screen};
use crate::render::walk::{Book, Detail, Size, Story, Text, Turn, verdict};
use crate::ui;

/// Refuses what cannot work, before anything is sent.
pub(super) fn check() -> anyhow::Result<()> {
    let instead = "leave --step out, or use --format mermaid or --html FILE";
    let without = match (stdin().is_terminal(), stdout().is_terminal()) {
        (true, true) => None,
        (false, true) => Some("standard input is none"),
        (true, false) => Some("standard output is none"),
        (false, false) => Some("standard input and output are none"),
    };
    if let Some(without) = without {
        return Err(usage(format!(
            "--step needs a terminal to read keys from and to draw on, and {without}: {instead}"
        )));
    }
    if !ui::is_screen(&stdout()) {
        return Err(usage(format!(
            "--step needs a terminal that can be drawn on, and TERM is dumb: {instead}"
        )));
    }
    Ok(())
}

/// Shows it until somebody leaves, and says again what came of it where it stays.
pub(super) fn show(story: &Story) -> anyhow::Result<()> {
    turn_pages(story)?;
    let how =
        Text { width: ui::output_width().unwrap_or(80), style: ui::output_style(), detail: Detail::All };
    ui::print(&verdict(story, how))?;
    Ok(())
}

fn turn_pages(story: &Story) -> anyhow::Result<()> {
    let style = ui::output_style();
    let mut screen = Screen::open()?;
    let mut book = Book::new(story);
    loop {
        let (columns, rows) = screen.size();
        screen.draw(&book.screen(Size { columns, rows, style }))?;
        match screen.wait()? {
            Happened::Redraw => {}
            Happened::End => return Ok(()),
            Happened::Key(key) => match turns(key, rows) {
                Some((turn, times)) => (0..times).for_each(|_| book.turn(turn)),
                None if leaves(key) => return Ok(()),
                None => {}
            },
        }
    }
}

fn leaves(key: Key) -> bool {
    matches!(key, Key::Char('q' | 'Q') | Key::Escape | Key::Interrupt)
}

/// What a key turns, and how often.
fn turns(key: Key, rows: usize) -> Option<(Turn, usize)> {
    Some(match key {
        Key::Right | Key::Enter | Key::Char(' ' | 'n' | 'l') => (Turn::Next, 1),
        Key::Left | Key::Char('b' | 'p' | 'h') => (Turn::Back, 1),
        Key::Home | Key::Char('g') => (Turn::First, 1),
        Key::End | Key::Char('G') => (Turn::Last, 1),
        Key::Down | Key::Char('j') => (Turn::Down, 1),
        Key::Up | Key::Char('k') => (Turn::Up, 1),
        Key::PageDown => (Turn::Down, rows / 2),
        Key::PageUp => (Turn::Up, rows / 2),
        _ => return None,
    })
}
