//! Answers to requests that carried an `Idempotency-Key`, so that the same request asked again is answered the same.

use rusqlite::OptionalExtension as _;
use time::OffsetDateTime;

use super::{Db, DbError, millis};
use crate::token::TokenId;

/// How long an answer is kept, in milliseconds: a day.
const KEPT: i64 = 24 * 60 * 60 * 1000;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// The content type of the body.
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

/// What became of a request that was asked before under the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Earlier {
    /// There was none: the key is taken now.
    None,
    /// It was another request.
    Other,
    /// It is still being worked on.
    Running,
    /// It was answered.
    Answered(Reply),
}

impl Db {
    /// Takes a key for a request, or says what became of the one that has it.
    pub(crate) fn claim_key(
        &self,
        token: TokenId,
        key: &str,
        request: &[u8],
        now: OffsetDateTime,
    ) -> Result<Earlier, DbError> {
        self.write("look up an idempotency key", |db| {
            db.execute("DELETE FROM replies WHERE at < ?1", [millis(now) - KEPT])?;
            let earlier = db
                .query_row(
                    "SELECT request, status, content_type, body FROM replies WHERE token = ?1 AND key = ?2",
                    (token.0, key),
                    |row| {
                        if row.get::<_, Vec<u8>>(0)? != request {
                            return Ok(Earlier::Other);
                        }
                        Ok(match row.get(1)? {
                            None => Earlier::Running,
                            Some(status) => Earlier::Answered(Reply {
                                status,
                                content_type: row.get(2)?,
                                body: row.get(3)?,
                            }),
                        })
                    },
                )
                .optional()?;
            if let Some(earlier) = earlier {
                return Ok(earlier);
            }
            db.execute(
                "INSERT INTO replies (token, key, request, at) VALUES (?1, ?2, ?3, ?4)",
                (token.0, key, request, millis(now)),
            )?;
            Ok(Earlier::None)
        })
    }

    /// Keeps the answer under its key.
    pub(crate) fn keep_reply(&self, token: TokenId, key: &str, reply: &Reply) -> Result<(), DbError> {
        self.write("keep an answer", |db| {
            db.execute(
                "UPDATE replies SET status = ?3, content_type = ?4, body = ?5 WHERE token = ?1 AND key = ?2",
                (token.0, key, reply.status, &reply.content_type, &reply.body),
            )
            .map(drop)
        })
    }

    /// Gives a key back: nothing came of the request.
    pub(crate) fn free_key(&self, token: TokenId, key: &str) -> Result<(), DbError> {
        self.write("free an idempotency key", |db| {
            db.execute("DELETE FROM replies WHERE token = ?1 AND key = ?2", (token.0, key)).map(drop)
        })
    }

    /// Gives all keys back whose requests were being worked on when the server ended.
    pub(crate) fn free_running_keys(&self) -> Result<(), DbError> {
        self.write("free idempotency keys", |db| {
            db.execute("DELETE FROM replies WHERE status IS NULL", ()).map(drop)
        })
    }
}
