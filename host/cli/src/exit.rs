//! The exit codes: what scripts may rely on. `prefab --help` prints this table.

use std::fmt::Write as _;
use std::process::ExitCode;

/// How a run of `prefab` ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// What was asked for is done.
    Fine,
    /// It is not done; standard error says why.
    Trouble,
    /// The command line is not one that `prefab` understands.
    Usage,
    /// It is done, and there are modules with errors.
    ModulesWithErrors,
    /// Another process holds the environment.
    Held,
}

impl Exit {
    const ALL: [Self; 5] = [Self::Fine, Self::Trouble, Self::Usage, Self::ModulesWithErrors, Self::Held];

    /// The code as the operating system sees it.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Trouble => 1,
            Self::Usage => 2,
            Self::ModulesWithErrors => 3,
            Self::Held => 4,
        }
    }

    const fn meaning(self) -> &'static str {
        match self {
            Self::Fine => "fine; also for questions (status, errors, …) whatever the answer is",
            Self::Trouble => {
                "trouble, a preparation that was stopped before its end, a difference (verify) or a check that fails (compiler check); the output says why"
            }
            Self::Usage => "the command line is wrong",
            Self::ModulesWithErrors => {
                "upgrade, prepare, status --watch: there are modules with errors; publish, rollback: some were refused; report: some got worse"
            }
            Self::Held => "the environment is held, as by a preparation that is running: try again later",
        }
    }

    /// The table for `prefab --help`.
    pub(crate) fn help() -> String {
        Self::ALL.into_iter().fold("Exit codes:".to_owned(), |mut text, exit| {
            let _ = write!(text, "\n  {}  {}", exit.code(), exit.meaning());
            text
        })
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_that_scripts_know() {
        assert_eq!(Exit::ALL.map(Exit::code), [0, 1, 2, 3, 4]);
        insta::assert_snapshot!(Exit::help());
    }
}
