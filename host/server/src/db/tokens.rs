//! Tokens by their hashes.

use rusqlite::{OptionalExtension as _, Row};
use time::OffsetDateTime;

use super::{Db, DbError, from_millis, millis};
use crate::names::TenantName;
use crate::token::{Scope, Token, TokenHash, TokenId};

/// A token that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// What it is for, for people.
    pub name: String,
    /// The tenant it is for; none for the whole server.
    pub tenant: Option<TenantName>,
    /// What it lets its holder do.
    pub scope: Scope,
    /// When it ends by itself.
    pub expires_at: Option<OffsetDateTime>,
}

const SELECT: &str = "SELECT id, name, tenant, scope, created_at, expires_at, revoked_at FROM tokens";

const fn code(scope: Scope) -> i64 {
    match scope {
        Scope::Read => 0,
        Scope::Operate => 1,
        Scope::Administer => 2,
    }
}

fn token(row: &Row<'_>) -> rusqlite::Result<Token> {
    let tenant: Option<String> = row.get(2)?;
    let tenant = tenant.map(|_| super::parsed(row, 2)).transpose()?;
    let scope = match row.get(3)? {
        0_i64 => Scope::Read,
        1 => Scope::Operate,
        2 => Scope::Administer,
        other => return Err(rusqlite::Error::IntegralValueOutOfRange(3, other)),
    };
    let time = |column| row.get::<_, Option<i64>>(column).map(|time| time.map(from_millis));
    Ok(Token {
        id: TokenId(row.get(0)?),
        name: row.get(1)?,
        tenant,
        scope,
        created_at: from_millis(row.get(4)?),
        expires_at: time(5)?,
        revoked_at: time(6)?,
    })
}

impl Db {
    /// Keeps a token under its hash.
    pub fn add_token(
        &self,
        new: &NewToken,
        hash: TokenHash,
        now: OffsetDateTime,
    ) -> Result<TokenId, DbError> {
        self.write("add a token", |db| {
            db.execute(
                "INSERT INTO tokens (hash, name, tenant, scope, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (
                    &hash.0[..],
                    &new.name,
                    new.tenant.as_ref().map(TenantName::as_str),
                    code(new.scope),
                    millis(now),
                    new.expires_at.map(millis),
                ),
            )?;
            Ok(TokenId(db.last_insert_rowid()))
        })
    }

    /// The token with this hash, good or not.
    pub fn token_by_hash(&self, hash: &TokenHash) -> Result<Option<Token>, DbError> {
        self.read("look up a token", |db| {
            db.prepare_cached(&format!("{SELECT} WHERE hash = ?1"))?
                .query_row([&hash.0[..]], token)
                .optional()
        })
    }

    /// The token of this number, good or not.
    pub(crate) fn token(&self, id: TokenId) -> Result<Option<Token>, DbError> {
        self.read("look up a token", |db| {
            db.prepare_cached(&format!("{SELECT} WHERE id = ?1"))?.query_row([id.0], token).optional()
        })
    }

    /// Up to `limit` tokens after this number, of a tenant or (without one) of all and of the whole server.
    pub fn tokens(
        &self,
        tenant: Option<&TenantName>,
        after: TokenId,
        limit: u32,
    ) -> Result<Vec<Token>, DbError> {
        self.read("list the tokens", |db| {
            db.prepare_cached(&format!(
                "{SELECT} WHERE id > ?1 AND (?2 IS NULL OR tenant = ?2) ORDER BY id LIMIT ?3"
            ))?
            .query_map((after.0, tenant.map(TenantName::as_str), limit), token)?
            .collect()
        })
    }

    /// Revokes a token, of this tenant if one is named, from now on. Says whether there is one.
    pub fn revoke_token(
        &self,
        tenant: Option<&TenantName>,
        id: TokenId,
        now: OffsetDateTime,
    ) -> Result<bool, DbError> {
        self.write("revoke a token", |db| {
            let changed = db.execute(
                "UPDATE tokens SET revoked_at = coalesce(revoked_at, ?3) WHERE id = ?1 AND (?2 IS NULL OR tenant = ?2)",
                (id.0, tenant.map(TenantName::as_str), millis(now)),
            )?;
            Ok(changed == 1)
        })
    }

    /// Whether nobody was ever given a token.
    pub fn is_without_tokens(&self) -> Result<bool, DbError> {
        self.read("look for tokens", |db| {
            db.query_row("SELECT NOT EXISTS (SELECT 1 FROM tokens)", (), |row| row.get(0))
        })
    }
}
