//! What a command-line compiler is called with: the templates of its release, filled in.

use prefab_model::{Command, ModulePath, Options, Piece, Slot, Template};

use super::{DEPENDENCIES, OUTPUT, SOURCES, TEMPORARY, TOOLCHAIN};
use crate::guest::Called;

/// What the templates are filled in with.
pub(super) struct Values<'a> {
    pub(super) module: &'a str,
    pub(super) options: &'a Options,
    /// The files that it compiles, by path.
    pub(super) files: &'a [&'a ModulePath],
    /// The one of this run, if there is a run for each.
    pub(super) file: Option<&'a ModulePath>,
    /// The dependencies that have a folder, by name.
    pub(super) dependencies: &'a [&'a str],
}

/// The command line and the environment of one run.
pub(super) fn called(command: &Command, values: &Values<'_>) -> Called {
    let mut arguments = vec![command.program.clone()];
    for template in command.arguments(values.options) {
        if matches!(template.pieces(), [Piece::Slot(Slot::Files)]) {
            arguments.extend(values.files.iter().map(|file| format!("{SOURCES}/{file}")));
        } else if template.slots().any(|slot| *slot == Slot::Dependency) {
            arguments.extend(values.dependencies.iter().map(|name| filled(template, values, name)));
        } else {
            arguments.push(filled(template, values, ""));
        }
    }
    let variable = |(name, value): (&String, &String)| (name.clone(), value.clone());
    Called { arguments, environment: command.environment.iter().map(variable).collect() }
}

fn filled(template: &Template, values: &Values<'_>, dependency: &str) -> String {
    let path = values.file.map(ModulePath::as_str).unwrap_or_default();
    let mut text = String::new();
    for piece in template.pieces() {
        match piece {
            Piece::Text(plain) => text.push_str(plain),
            Piece::Slot(slot) => match slot {
                Slot::Sources => text.push_str(SOURCES),
                Slot::Output => text.push_str(OUTPUT),
                Slot::Toolchain => text.push_str(TOOLCHAIN),
                Slot::Dependencies => text.push_str(DEPENDENCIES),
                Slot::Temporary => text.push_str(TEMPORARY),
                Slot::Module => text.push_str(values.module),
                Slot::File => text.extend([SOURCES, "/", path]),
                Slot::Path => text.push_str(path),
                Slot::Stem => text.push_str(stem(path)),
                Slot::Name => text.push_str(stem(path.rsplit('/').next().unwrap_or(path))),
                Slot::Dependency => text.extend([DEPENDENCIES, "/", dependency]),
                Slot::Option(name) => {
                    text.push_str(values.options.get(name).map(String::as_str).unwrap_or_default());
                }
                // Never with anything beside it.
                Slot::Files => {}
            },
        }
    }
    text
}

/// A path without its ending.
fn stem(path: &str) -> &str {
    let name = path.rfind('/').map_or(0, |at| at + 1);
    match path.rfind('.') {
        Some(at) if at > name => &path[..at],
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(args: &str) -> Vec<String> {
        let command: Command = toml_like(args);
        let (one, two): (ModulePath, ModulePath) = ("a/b.min.css".parse().unwrap(), "c".parse().unwrap());
        let options = [("to".to_owned(), "es6".to_owned())].into();
        let values = Values {
            module: "m",
            options: &options,
            files: &[&one, &two],
            file: Some(&one),
            dependencies: &["money", "@a/b"],
        };
        called(&command, &values).arguments
    }

    fn toml_like(args: &str) -> Command {
        serde_json::from_str(&format!("{{\"program\":\"cc\",\"args\":{args}}}")).unwrap()
    }

    #[test]
    fn templates_are_filled_in() {
        assert_eq!(
            arguments(r#"["{file}", "-o{output}/{stem}.js"]"#),
            ["cc", "/src/a/b.min.css", "-o/out/a/b.min.js"]
        );
        assert_eq!(
            arguments(r#"["{path}", "{name}", "{module}", "--to={option:to}"]"#),
            ["cc", "a/b.min.css", "b.min", "m", "--to=es6"]
        );
        assert_eq!(arguments(r#"["-c", "{files}", ""]"#), ["cc", "-c", "/src/a/b.min.css", "/src/c", ""]);
        assert_eq!(
            arguments(r#"["-I{dependency}/h"]"#),
            ["cc", "-I/dependencies/money/h", "-I/dependencies/@a/b/h"]
        );
        assert_eq!(
            arguments(r#"["{sources}", "{toolchain}", "{dependencies}", "{tmp}"]"#),
            ["cc", "/src", "/toolchain", "/dependencies", "/tmp"]
        );
    }

    #[test]
    fn a_name_that_begins_with_a_dot_has_no_ending() {
        assert_eq!((stem("a.b/c"), stem("a/.b"), stem("x.y")), ("a.b/c", "a/.b", "x"));
    }
}
