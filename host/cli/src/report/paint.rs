//! Colours, or none.

use std::io::IsTerminal;

use owo_colors::{OwoColorize as _, Style};

use crate::args::ColorChoice;

/// Whether texts are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    /// Without colours.
    pub(crate) const PLAIN: Self = Self { on: false };

    /// What the flag, the environment and the stream ask for.
    pub(crate) fn choose(choice: ColorChoice, stream: &impl IsTerminal) -> Self {
        let on = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                stream.is_terminal()
                    && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                    && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
            }
        };
        Self { on }
    }

    pub(crate) const fn is_on(self) -> bool {
        self.on
    }

    pub(crate) fn bad(self, text: &str) -> String {
        self.with(text, Style::new().red().bold())
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.with(text, Style::new().green().bold())
    }

    pub(crate) fn strong(self, text: &str) -> String {
        self.with(text, Style::new().bold())
    }

    pub(crate) fn faint(self, text: &str) -> String {
        self.with(text, Style::new().dimmed())
    }

    pub(crate) fn added(self, text: &str) -> String {
        self.with(text, Style::new().green())
    }

    pub(crate) fn removed(self, text: &str) -> String {
        self.with(text, Style::new().red())
    }

    pub(crate) fn hint(self, text: &str) -> String {
        self.with(text, Style::new().cyan().bold())
    }

    fn with(self, text: &str, style: Style) -> String {
        if self.on { text.style(style).to_string() } else { text.to_owned() }
    }
}
