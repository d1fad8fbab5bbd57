//! `prefab module`

use anyhow::Context as _;
use prefab_model::{ModuleName, ModuleState};
use prefab_prepare::ModuleSummary;

use crate::args::ModuleCommand;
use crate::exit::Exit;
use crate::report::{escape, table};
use crate::session::Session;

pub(super) fn run(session: &Session, command: ModuleCommand) -> anyhow::Result<Exit> {
    let env = session.environment()?;
    match command {
        ModuleCommand::List => {
            session.out.result(&env.modules()?, |modules| list(modules))?;
        }
        ModuleCommand::Add { dirs } => {
            let mut added = Vec::with_capacity(dirs.len());
            for dir in dirs {
                let module = env.add_module(&dir).with_context(|| {
                    format!("cannot add {} as a module", escape::line(&dir.to_string_lossy()))
                })?;
                session.out.human(&told(&module))?;
                added.push(module);
            }
            if session.out.is_json() {
                session.out.json(&added)?;
            }
        }
        ModuleCommand::Remove { modules } => {
            for module in &modules {
                env.remove_module(module)?;
                session
                    .out
                    .human(&format!("Removed {module}; its files and what is deployed are untouched"))?;
            }
            if session.out.is_json() {
                session.out.json(&modules)?;
            }
        }
    }
    Ok(Exit::Fine)
}

fn told(module: &ModuleSummary) -> String {
    let version = module.version.as_deref().map(|version| format!(" {}", escape::line(version)));
    let missing = match &module.missing[..] {
        [] => String::new(),
        missing => format!(
            "; not in this environment: {}",
            missing.iter().map(ModuleName::as_str).collect::<Vec<_>>().join(", ")
        ),
    };
    format!("Added {}{}{missing}", module.name, version.unwrap_or_default())
}

fn list(modules: &[ModuleSummary]) -> String {
    if modules.is_empty() {
        return "There are no modules yet: add some with `prefab module add DIR` or `prefab import npm DIR`\n".to_owned();
    }
    let rows: Vec<_> = modules
        .iter()
        .map(|module| {
            let optional = |text: Option<&str>| text.map_or_else(|| "-".to_owned(), escape::line);
            [
                module.name.to_string(),
                optional(module.version.as_deref()),
                optional(module.application.as_deref()),
                state(&module.state),
                optional(module.published.as_ref().map(ToString::to_string).as_deref()),
                module.dependencies.len().to_string(),
                escape::line(&module.path.to_string_lossy()),
            ]
        })
        .collect();
    table::table(["MODULE", "VERSION", "APPLICATION", "STATE", "PUBLISHED", "DEPENDENCIES", "PATH"], &rows)
}

fn state(state: &ModuleState) -> String {
    match state {
        ModuleState::Pending => "pending".to_owned(),
        ModuleState::Prepared => "prepared".to_owned(),
        ModuleState::Failed => "failed".to_owned(),
        ModuleState::Skipped(reason) => format!("skipped ({} failed)", reason.root),
    }
}
