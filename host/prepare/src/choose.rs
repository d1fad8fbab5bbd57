//! Which modules a command is about: some by name, those of an application, or all.

use prefab_model::ModuleName;

use crate::environment::Environment;
use crate::modules::ModulesError;

/// Which modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModuleSelection {
    /// These.
    Modules(Vec<ModuleName>),
    /// All that belong to this application.
    Application(String),
    /// All.
    All,
}

/// The modules that are meant, each of which is there.
pub(crate) fn choose(
    env: &Environment,
    selection: &ModuleSelection,
) -> Result<Vec<ModuleName>, Box<ModulesError>> {
    let store = env.store();
    match selection {
        ModuleSelection::Modules(modules) => {
            for module in modules {
                if store.module(module).map_err(ModulesError::from)?.is_none() {
                    return Err(Box::new(ModulesError::unknown(env, module)));
                }
            }
            Ok(modules.clone())
        }
        ModuleSelection::Application(application) => {
            let modules = store.modules_of_application(application).map_err(ModulesError::from)?;
            if modules.is_empty() {
                return Err(Box::new(ModulesError::NoApplication { application: application.clone() }));
            }
            Ok(modules)
        }
        ModuleSelection::All => {
            let rows = store.modules().map_err(ModulesError::from)?;
            Ok(rows.into_iter().map(|row| row.manifest.name).collect())
        }
    }
}
