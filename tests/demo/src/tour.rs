//! The commands of the tour, with a word on each.

use std::io::{self, IsTerminal as _};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use camino::Utf8PathBuf;
use owo_colors::{OwoColorize as _, Style};

/// Exit code of `prefab`: everything went well.
const FINE: i32 = 0;
/// Exit code of `prefab`: some modules have errors.
const MODULES_WITH_ERRORS: i32 = 3;

pub(crate) struct Tour {
    pub(crate) prefab: Utf8PathBuf,
    pub(crate) releases: Utf8PathBuf,
    pub(crate) environment: Utf8PathBuf,
    pub(crate) cache: Utf8PathBuf,
}

impl Tour {
    pub(crate) fn give(&self) -> Result<()> {
        say("An environment with the sample's modules, on platform version 11.8.0:");
        self.run(&["init", "--name", "sample"], FINE)?;
        let mut add = vec!["module", "add"];
        let modules = self.modules()?;
        add.extend(modules.iter().map(String::as_str));
        self.run_as(&add, "prefab module add modules/*", FINE)?;
        let old = self.releases.join("11.8.0/release.toml");
        self.run(&["upgrade", old.as_str()], FINE)?;
        self.run(&["--quiet", "publish", "--all"], FINE)?;
        self.run(&["status"], FINE)?;

        say(
            "The upgrade to 11.9.0. What is deployed stays as it is; modules are prepared in the background:",
        );
        let new = self.releases.join("11.9.0/release.toml");
        self.run(&["upgrade", new.as_str()], MODULES_WITH_ERRORS)?;

        say("What 11.9.0 does not take, and why:");
        self.run(&["errors"], FINE)?;

        say("An application whose modules are fine goes live when its owner wants:");
        self.run(&["publish", "--application", "shop"], FINE)?;
        self.run(&["status"], FINE)?;
        self.next();
        Ok(())
    }

    fn modules(&self) -> Result<Vec<String>> {
        let folder = self.environment.join("modules");
        let entries = folder.read_dir_utf8().with_context(|| format!("cannot read {folder}"))?;
        let mut modules: Vec<String> =
            entries.map(|entry| Ok(format!("modules/{}", entry?.file_name()))).collect::<Result<_>>()?;
        modules.sort_unstable();
        Ok(modules)
    }

    fn run(&self, arguments: &[&str], expected: i32) -> Result<()> {
        self.run_as(arguments, &format!("prefab {}", arguments.join(" ")), expected)
    }

    fn run_as(&self, arguments: &[&str], shown: &str, expected: i32) -> Result<()> {
        let prompt = format!("$ {shown}");
        println!("{}", prompt.style(on_terminal(Style::new().dimmed())));
        let status = Command::new(&self.prefab)
            .args(arguments)
            .current_dir(&self.environment)
            .env("PREFAB_CACHE", &self.cache)
            .env_remove("PREFAB_ENV")
            .status()
            .with_context(|| format!("cannot start {}", self.prefab))?;
        println!();
        ensure!(
            status.code() == Some(expected),
            "`{shown}` ended with {status}, not with {expected} as it should"
        );
        Ok(())
    }

    fn next(&self) {
        say("What to try next:");
        println!("  export PREFAB_ENV={} PREFAB_CACHE={}", self.environment, self.cache);
        println!("  alias prefab={}", self.prefab);
        println!();
        println!("  prefab errors i18n                 # one module, with all there is to say about it");
        println!("  sed -i 's/ assert {{/ with {{/' $PREFAB_ENV/modules/i18n/src/messages.ts");
        println!("  prefab publish i18n                # its source has changed: compiled, then deployed");
        println!("  prefab artifacts cart              # what was made of a module");
        println!("  prefab prepare                     # again: nothing has changed, nothing is compiled");
        println!("  prefab release inspect 11.9.0      # the compilers, what they take, their limits");
        println!("  prefab --help                      # the rest");
    }
}

fn say(text: &str) {
    println!("{}\n", text.style(on_terminal(Style::new().bold())));
}

/// The style where there are eyes to see it, and none in a file.
fn on_terminal(style: Style) -> Style {
    if io::stdout().is_terminal() { style } else { Style::new() }
}
