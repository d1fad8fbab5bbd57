//! `prefab config`

use prefab_prepare::SettingSource;
use serde::Serialize;

use crate::args::ConfigCommand;
use crate::exit::Exit;
use crate::report::{escape, table};
use crate::session::Session;

#[derive(Serialize)]
struct Set {
    key: String,
    value: String,
}

pub(super) fn run(session: &Session, command: ConfigCommand) -> anyhow::Result<Exit> {
    let mut env = session.environment()?;
    match command {
        ConfigCommand::List => session.out.result(&env.settings()?, |settings| {
            let rows: Vec<_> = settings
                .iter()
                .map(|setting| {
                    let source = match setting.source {
                        SettingSource::Default => "default",
                        SettingSource::Release => "release",
                        SettingSource::Environment => "prefab.toml",
                    };
                    [escape::line(&setting.key), escape::line(&setting.value), source.to_owned()]
                })
                .collect();
            table::table(["KEY", "VALUE", "FROM"], &rows)
        })?,
        ConfigCommand::Set { key, value } => {
            env.set(&key, &value)?;
            session.out.result(&Set { key: key.to_string(), value }, |set| {
                format!(
                    "{} is now {}; it applies from the next preparation on\n",
                    set.key,
                    escape::line(&set.value)
                )
            })?;
        }
    }
    Ok(Exit::Fine)
}
