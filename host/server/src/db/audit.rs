//! Who asked for what, and when. Rows are only ever added: triggers refuse anything else.

use serde::Serialize;
use time::OffsetDateTime;

use super::{Db, DbError, from_millis, millis};
use crate::names::TenantName;
use crate::token::TokenId;

/// One request that changed something, or was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AuditEntry {
    /// Its number.
    pub id: i64,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The token it was made with; none for what was done on the machine itself.
    pub token: Option<TokenId>,
    /// The token's name, or the user of the operating system.
    pub who: String,
    /// The tenant it was about.
    pub tenant: Option<String>,
    /// The method: `POST`, `PUT`, …
    pub method: String,
    /// The path.
    pub path: String,
    /// The status it was answered with.
    pub status: u16,
}

/// What is to be recorded.
#[derive(Debug)]
pub(crate) struct NewAuditEntry<'a> {
    pub(crate) token: Option<TokenId>,
    pub(crate) who: &'a str,
    pub(crate) tenant: Option<&'a TenantName>,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) status: u16,
}

impl Db {
    pub(crate) fn audit(&self, entry: &NewAuditEntry<'_>, now: OffsetDateTime) -> Result<(), DbError> {
        self.write("write the audit log", |db| {
            db.execute(
                "INSERT INTO audit (at, token, who, tenant, method, path, status) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                (
                    millis(now),
                    entry.token.map(|token| token.0),
                    entry.who,
                    entry.tenant.map(TenantName::as_str),
                    entry.method,
                    entry.path,
                    entry.status,
                ),
            )
            .map(drop)
        })
    }

    /// Up to `limit` entries before this number, the newest first; of a tenant, or (without one) all.
    pub fn audit_log(
        &self,
        tenant: Option<&TenantName>,
        before: i64,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, DbError> {
        self.read("read the audit log", |db| {
            db.prepare_cached(
                "SELECT id, at, token, who, tenant, method, path, status FROM audit
                 WHERE id < ?1 AND (?2 IS NULL OR tenant = ?2) ORDER BY id DESC LIMIT ?3",
            )?
            .query_map((before, tenant.map(TenantName::as_str), limit), |row| {
                Ok(AuditEntry {
                    id: row.get(0)?,
                    at: from_millis(row.get(1)?),
                    token: row.get::<_, Option<i64>>(2)?.map(TokenId),
                    who: row.get(3)?,
                    tenant: row.get(4)?,
                    method: row.get(5)?,
                    path: row.get(6)?,
                    status: row.get(7)?,
                })
            })?
            .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_log_can_only_be_added_to() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("server.db")).unwrap();
        let entry = NewAuditEntry {
            token: None,
            who: "root",
            tenant: None,
            method: "POST",
            path: "/api/v1/tenants",
            status: 201,
        };
        db.audit(&entry, OffsetDateTime::UNIX_EPOCH).unwrap();
        for statement in ["DELETE FROM audit", "UPDATE audit SET who = 'nobody'"] {
            let error = db.write("tamper", |db| db.execute(statement, ())).unwrap_err();
            let told = std::error::Error::source(&error).unwrap().to_string();
            assert_eq!(told, "the audit log is append-only");
        }
        assert_eq!(db.audit_log(None, i64::MAX, 10).unwrap().len(), 1);
    }
}
