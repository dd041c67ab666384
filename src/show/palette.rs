//! Colours, which are there only when somebody asked for them.

use anstyle::{AnsiColor, Style};

/// The style of each kind of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Palette {
    /// Names of layers and protocols.
    pub heading: Style,
    /// Offsets and names of fields: what explains the rest.
    pub aside: Style,
    /// What is wrong.
    pub finding: Style,
}

impl Palette {
    /// No colours: not one escape sequence is written.
    pub const PLAIN: Self = Self { heading: Style::new(), aside: Style::new(), finding: Style::new() };

    /// Colours for a terminal.
    pub const COLOURED: Self = Self {
        heading: Style::new().bold(),
        aside: Style::new().dimmed(),
        finding: AnsiColor::Red.on_default().bold(),
    };
}
