//! `prefab trust`

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand};
use prefab_model::{InvalidTrust, KeyId, KeyName, PublicKey, Revocation, Revoked, Trust, TrustedKey, Until};
use prefab_prepare::{
    Environment, TrustChange, TrustChanged, TrustPlace, change_trust, environment_trust, read_trust,
};
use prefab_server::{Data, TenantName};
use serde::Serialize;
use time::OffsetDateTime;

use crate::commands::registry::read;
use crate::exit::Exit;
use crate::report::{escape, table};
use crate::session::Session;

/// The largest file of a public key, in bytes.
const MAX_KEY: u64 = 4 << 10;

#[derive(Debug, Args)]
pub(crate) struct TrustArgs {
    #[command(subcommand)]
    command: TrustCommand,
}

#[derive(Debug, Subcommand)]
enum TrustCommand {
    /// Take in the releases that a key has signed
    ///
    /// Once a key is trusted, releases that none has signed are refused.
    #[command(
        after_help = "Examples:\n  prefab trust add acme RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\n  prefab trust add acme acme.pub --not-after 2027-12-31"
    )]
    Add {
        /// What to call it
        name: KeyName,
        /// The public key, or its file
        #[arg(value_name = "KEY|FILE")]
        key: String,
        /// Until when: a day, or a time
        #[arg(long, value_name = "TIME")]
        not_after: Option<Until>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// List the keys that are trusted, and what was revoked
    #[command(after_help = "Examples:\n  prefab trust list\n  prefab trust list --json")]
    List {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Take in no more releases that a key has signed; those that are installed stay in use
    #[command(after_help = "Examples:\n  prefab trust remove acme")]
    Remove {
        /// Its name or its id
        #[arg(value_name = "NAME|ID")]
        which: String,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Use no more what a key has signed, or a release, or a compiler: from the next compilation on
    ///
    /// A preparation that runs with it ends. What was compiled before stays as it is, deployed or not.
    #[command(
        after_help = "Examples:\n  prefab trust revoke E7620F1842B4E81F --why \"the laptop was stolen\"\n  prefab trust revoke blake3:…"
    )]
    Revoke {
        /// The id of a key, or the digest of a release or a compiler
        #[arg(value_name = "ID|DIGEST")]
        what: Revoked,
        /// The reason, which whoever is refused is told
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// Whose trust is meant.
#[derive(Debug, Args)]
struct ServerArgs {
    /// Of the server with this data directory, instead of an environment
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Of this tenant alone
    #[arg(long, requires = "data")]
    tenant: Option<TenantName>,
}

/// What `prefab trust list --json` prints.
#[derive(Serialize)]
struct Listed<'a> {
    keys: Vec<ListedKey<'a>>,
    revoked: &'a [Revocation],
}

#[derive(Serialize)]
struct ListedKey<'a> {
    id: KeyId,
    #[serde(flatten)]
    key: &'a TrustedKey,
}

/// A place that is open.
enum Opened {
    Environment(Box<Environment>),
    File(PathBuf),
}

impl ServerArgs {
    fn open(&self, session: &Session) -> anyhow::Result<Opened> {
        let Some(data) = &self.data else {
            return Ok(Opened::Environment(Box::new(session.environment_here()?)));
        };
        if !data.is_dir() {
            bail!("there is no data directory {}", data.display());
        }
        let data = Data::open(data)?;
        if let Some(tenant) = &self.tenant
            && data.db().tenant(tenant)?.is_none()
        {
            bail!("there is no tenant {tenant} on this server: make it first");
        }
        Ok(Opened::File(data.trust(self.tenant.as_ref())))
    }
}

impl Opened {
    fn place(&self) -> TrustPlace<'_> {
        match self {
            Self::Environment(env) => TrustPlace::Environment(env),
            Self::File(path) => TrustPlace::File(path),
        }
    }

    fn trust(&self) -> anyhow::Result<Trust> {
        Ok(match self {
            Self::Environment(env) => environment_trust(env)?,
            Self::File(path) => read_trust(path)?,
        })
    }
}

pub(super) fn run(session: &Session, arguments: TrustArgs) -> anyhow::Result<Exit> {
    match arguments.command {
        TrustCommand::Add { name, key, not_after, server } => {
            let key = public_key(&key)?;
            if let Some(until) = not_after.filter(|until| until.is_over(OffsetDateTime::now_utc())) {
                bail!("{until} is over: the key would not be trusted at all");
            }
            let opened = server.open(session)?;
            let trusted = TrustedKey { name, key, not_after };
            change_trust(opened.place(), &TrustChange::Add(trusted.clone()))?;
            session.out.result(&trusted, |trusted| {
                format!(
                    "The key {} ({}) is trusted now: releases that no trusted key has signed are refused\n",
                    escape::line(trusted.name.as_str()),
                    trusted.key.id()
                )
            })?;
        }
        TrustCommand::List { server } => {
            let trust = server.open(session)?.trust()?;
            let keys = trust.keys.iter().map(|key| ListedKey { id: key.key.id(), key }).collect();
            let listed = Listed { keys, revoked: &trust.revoked };
            session.out.result(&listed, |_| list(&trust, OffsetDateTime::now_utc()))?;
        }
        TrustCommand::Remove { which, server } => {
            let opened = server.open(session)?;
            let changed = change_trust(opened.place(), &TrustChange::Remove(which.clone()))?;
            session.out.result(&changed, |_| {
                format!(
                    "The key {} is not trusted any more. What it signed and is installed stays in use: `prefab trust revoke` ends that\n",
                    escape::line(&which)
                )
            })?;
        }
        TrustCommand::Revoke { what, why, server } => {
            let opened = server.open(session)?;
            let changed = change_trust(opened.place(), &TrustChange::Revoke(Revocation { what, why }))?;
            session.out.result(&changed, |changed| revoked(what, changed))?;
        }
    }
    Ok(Exit::Fine)
}

/// A key as it is written, or in the file that `keygen` or minisign made.
fn public_key(text: &str) -> anyhow::Result<PublicKey> {
    let wrong: InvalidTrust = match text.parse() {
        Ok(key) => return Ok(key),
        Err(error) => error,
    };
    let path = PathBuf::from(text);
    if !path.is_file() {
        return Err(wrong.into());
    }
    let file = String::from_utf8_lossy(&read(&path, MAX_KEY)?).into_owned();
    // A comment, then the key.
    Ok(file.lines().nth(1).or(file.lines().next()).unwrap_or_default().trim().parse()?)
}

fn revoked(what: Revoked, changed: &TrustChanged) -> String {
    let releases: Vec<String> = changed.revoked_releases.iter().map(ToString::to_string).collect();
    let meant = match releases.as_slice() {
        [] => String::new(),
        [one] => format!(" Nothing is compiled with release {one} any more"),
        more => format!(" Nothing is compiled with the releases {} any more", more.join(", ")),
    };
    format!("{what} is revoked.{meant}\n")
}

fn list(trust: &Trust, now: OffsetDateTime) -> String {
    let mut text = String::new();
    if trust.keys.is_empty() {
        text += "No key is trusted: releases from files and folders are taken in whoever made them, none from registries.\n\
                 `prefab trust add NAME KEY` changes that\n";
    } else {
        let rows: Vec<_> = trust
            .keys
            .iter()
            .map(|key| {
                let until = key.not_after.map_or_else(
                    || "-".to_owned(),
                    |until| format!("{until}{}", if until.is_over(now) { " (over)" } else { "" }),
                );
                [key.key.id().to_string(), escape::line(key.name.as_str()), until, key.key.to_string()]
            })
            .collect();
        text += &table::table(["ID", "NAME", "NOT AFTER", "KEY"], &rows);
    }
    if !trust.revoked.is_empty() {
        let rows: Vec<_> = trust
            .revoked
            .iter()
            .map(|revoked| [revoked.what.to_string(), escape::line(revoked.why.as_deref().unwrap_or("-"))])
            .collect();
        text += "\n";
        text += &table::table(["REVOKED", "WHY"], &rows);
    }
    text
}
