//! `--color`: whether the output is coloured.

use std::io;

use anstream::{AutoStream, ColorChoice};

use crate::show::palette::Palette;

/// When to colour.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
pub(super) enum When {
    /// On terminals, unless the environment has NO_COLOR.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl When {
    /// Makes it the choice of the whole process, which all of anstream's streams follow.
    pub(super) fn apply(self) {
        let choice = match self {
            Self::Auto => ColorChoice::Auto,
            Self::Always => ColorChoice::Always,
            Self::Never => ColorChoice::Never,
        };
        choice.write_global();
    }
}

/// The colours for stdout.
pub(super) fn palette() -> Palette {
    match AutoStream::choice(&io::stdout()) {
        ColorChoice::Never => Palette::PLAIN,
        _ => Palette::COLOURED,
    }
}
