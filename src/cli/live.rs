//! A view that is drawn anew on the terminal while something goes on, and the keys that are pressed meanwhile. Whoever has one says
//! what stands in its lines; the terminal is as it was before on every way out: at the end, on an error, on a panic, on a signal that
//! [`Interrupt`](crate::sys::interrupt::Interrupt) catches, and while the program is stopped by ^Z.

use std::io::{self, IsTerminal, Stdin, Stdout, stdin, stdout};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use ratatui_core::backend::Backend;
use ratatui_core::style::{Modifier, Style};
use ratatui_core::terminal::Terminal;
use ratatui_core::text::{Line as Drawn, Text};
use ratatui_crossterm::CrosstermBackend;
use ratatui_crossterm::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui_crossterm::crossterm::{cursor, execute, terminal};

use crate::sys::process;

/// A line of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) tone: Tone,
}

/// How a line is to stand out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// It is one of many.
    Plain,
    /// It is a title.
    Title,
    /// It has the names of columns.
    Columns,
    /// It says what somebody should know.
    Warning,
}

/// A key that was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// A character.
    Character(char),
    /// ^C, or whatever else says that it is enough.
    Quit,
}

/// The view.
pub(super) struct Live {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    keyboard: Stdin,
    _mode: Mode,
}

impl Live {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// When there is none to draw on and to read keys from.
    pub(super) fn open() -> io::Result<Self> {
        if !stdin().is_terminal() || !stdout().is_terminal() {
            return Err(io::Error::other("a live view needs a terminal for its output and its keys"));
        }
        let mode = Mode::enter()?;
        let terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
        Ok(Self { terminal, keyboard: stdin(), _mode: mode })
    }

    /// Draws the lines, as many as there is room for.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn draw(&mut self, lines: &[Line]) -> io::Result<()> {
        let drawn = lines.iter().map(|line| Drawn::styled(line.text.as_str(), style(line.tone)));
        let text = Text::from(drawn.collect::<Vec<_>>());
        self.terminal.draw(|frame| frame.render_widget(&text, frame.area()))?;
        Ok(())
    }

    /// The keys that were pressed since the last call.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn keys(&mut self) -> io::Result<Vec<Key>> {
        let mut keys = Vec::new();
        while event::poll(Duration::ZERO)? {
            let Event::Key(key) = event::read()? else { continue };
            if key.kind == KeyEventKind::Release {
                continue;
            }
            let has_control = key.modifiers.contains(KeyModifiers::CONTROL);
            match key.code {
                KeyCode::Char('c' | 'd') if has_control => keys.push(Key::Quit),
                KeyCode::Char('z') if has_control => self.suspend()?,
                KeyCode::Char(character) => keys.push(Key::Character(character)),
                KeyCode::Esc => keys.push(Key::Quit),
                _ => {}
            }
        }
        Ok(keys)
    }

    /// Gives the terminal back while the program is stopped.
    fn suspend(&mut self) -> io::Result<()> {
        Mode::leave();
        let stopped = process::stop();
        Mode::set()?;
        stopped?;
        // Of the screen nothing is known any more, and all is drawn anew. `Terminal::clear` would ask for the place of the cursor first
        // (DSR in ECMA-48), and fail after two seconds where the terminal does not say it.
        self.terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
        self.terminal.backend_mut().clear()
    }
}

impl AsFd for Live {
    /// Readable when keys were pressed.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.keyboard.as_fd()
    }
}

fn style(tone: Tone) -> Style {
    match tone {
        Tone::Plain => Style::new(),
        Tone::Title => Style::new().add_modifier(Modifier::BOLD),
        Tone::Columns => Style::new().add_modifier(Modifier::REVERSED),
        Tone::Warning => Style::new().add_modifier(Modifier::BOLD),
    }
}

/// The terminal's state, which is put back when this goes.
struct Mode;

impl Mode {
    fn enter() -> io::Result<Self> {
        let mode = Self;
        Self::set()?;
        Ok(mode)
    }

    fn set() -> io::Result<()> {
        terminal::enable_raw_mode()?;
        execute!(stdout(), terminal::EnterAlternateScreen, cursor::Hide)
    }

    fn leave() {
        // A terminal that hung up takes no orders, and needs none.
        let _ = execute!(stdout(), cursor::Show, terminal::LeaveAlternateScreen);
        let _ = terminal::disable_raw_mode();
    }
}

impl Drop for Mode {
    fn drop(&mut self) {
        Self::leave();
    }
}
