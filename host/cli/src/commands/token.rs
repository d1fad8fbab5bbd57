//! `prefab token`: for whoever has the server's machine, and so needs no token to make one.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use prefab_server::{Data, NewToken, Scope, TenantName, Token, TokenId, create_token};
use serde::Serialize;
use time::{Duration, OffsetDateTime};

use crate::exit::Exit;
use crate::report::{escape, table};
use crate::session::Session;

#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make a token, and show it once
    #[command(
        after_help = "Examples:\n  prefab token create --data /var/lib/prefab ci --tenant acme --scope operate --days 90"
    )]
    Create {
        /// What it is for, for people
        name: String,
        /// The tenant it is for [default: the whole server]
        #[arg(long)]
        tenant: Option<TenantName>,
        /// read, operate or administer
        #[arg(long, default_value = "read")]
        scope: Scope,
        /// After so many days it ends by itself
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
        days: Option<u16>,
        #[command(flatten)]
        place: Place,
    },
    /// List the tokens, with those that have ended
    #[command(after_help = "Examples:\n  prefab token list --data /var/lib/prefab")]
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Revoke a token: from now on, also where a server is running
    #[command(after_help = "Examples:\n  prefab token revoke --data /var/lib/prefab 3")]
    Revoke {
        /// Its number
        id: i64,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Args)]
struct Place {
    /// The server's data directory
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

#[derive(Serialize)]
struct Made<'a> {
    id: TokenId,
    token: &'a str,
}

pub(super) fn run(session: &Session, arguments: TokenArgs) -> anyhow::Result<Exit> {
    let now = OffsetDateTime::now_utc();
    match arguments.command {
        TokenCommand::Create { name, tenant, scope, days, place } => {
            let data = Data::open(&place.data)?;
            if let Some(tenant) = &tenant
                && data.db().tenant(tenant)?.is_none()
            {
                anyhow::bail!("there is no tenant {tenant} on this server: make it first");
            }
            let expires_at = days.map(|days| now + Duration::days(days.into()));
            let (id, secret) = create_token(&data, &NewToken { name, tenant, scope, expires_at })?;
            session.out.result(&Made { id, token: secret.reveal() }, |made| {
                format!("Token {}, shown only now: {}\n", made.id, made.token)
            })?;
        }
        TokenCommand::List { place } => {
            let data = Data::open(&place.data)?;
            let tokens = data.db().tokens(None, TokenId(0), u32::MAX)?;
            session.out.result(&tokens, |tokens| list(tokens, now))?;
        }
        TokenCommand::Revoke { id, place } => {
            let data = Data::open(&place.data)?;
            if !data.db().revoke_token(None, TokenId(id), now)? {
                anyhow::bail!("there is no token {id}: `prefab token list` shows them");
            }
            session.out.result(&TokenId(id), |id| format!("Token {id} is revoked\n"))?;
        }
    }
    Ok(Exit::Fine)
}

fn list(tokens: &[Token], now: OffsetDateTime) -> String {
    let rows: Vec<_> = tokens
        .iter()
        .map(|token| {
            [
                token.id.to_string(),
                escape::line(&token.name),
                token.tenant.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
                token.scope.as_str().to_owned(),
                if token.is_good(now) { "good" } else { "ended" }.to_owned(),
            ]
        })
        .collect();
    table::table(["ID", "NAME", "TENANT", "SCOPE", ""], &rows)
}
