//! Sessions of the console by their hashes.

use rusqlite::OptionalExtension as _;
use time::OffsetDateTime;

use super::{Db, DbError, millis};
use crate::token::{TokenHash, TokenId};

/// So many sessions a token has at a time: with one more, its oldest ends.
const OF_TOKEN: u32 = 100;

/// Someone who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionRow {
    pub(crate) token: TokenId,
    /// What the next page is to say.
    pub(crate) said: Option<String>,
}

impl Db {
    /// Signs in with a token until `end`. Sessions that have ended are cleared away.
    pub(crate) fn add_session(
        &self,
        hash: TokenHash,
        token: TokenId,
        now: OffsetDateTime,
        end: OffsetDateTime,
    ) -> Result<(), DbError> {
        self.write("sign in", |db| {
            db.execute("DELETE FROM sessions WHERE expires_at <= ?1", [millis(now)])?;
            db.execute(
                "DELETE FROM sessions WHERE hash IN
                     (SELECT hash FROM sessions WHERE token = ?1 ORDER BY created_at DESC LIMIT -1 OFFSET ?2)",
                (token.0, OF_TOKEN - 1),
            )?;
            db.execute(
                "INSERT INTO sessions (hash, token, created_at, expires_at) VALUES (?1, ?2, ?3, ?4)",
                (&hash.0[..], token.0, millis(now), millis(end)),
            )
            .map(drop)
        })
    }

    /// The session with this hash, unless it has ended. Whether its token is good is another question.
    pub(crate) fn session(
        &self,
        hash: TokenHash,
        now: OffsetDateTime,
    ) -> Result<Option<SessionRow>, DbError> {
        self.read("look up a session", |db| {
            db.prepare_cached("SELECT token, said FROM sessions WHERE hash = ?1 AND expires_at > ?2")?
                .query_row((&hash.0[..], millis(now)), |row| {
                    Ok(SessionRow { token: TokenId(row.get(0)?), said: row.get(1)? })
                })
                .optional()
        })
    }

    /// Keeps what the session's next page is to say; nothing any more without a text.
    pub(crate) fn say(&self, hash: TokenHash, said: Option<&str>) -> Result<(), DbError> {
        self.write("keep what is to be said", |db| {
            db.execute("UPDATE sessions SET said = ?2 WHERE hash = ?1", (&hash.0[..], said)).map(drop)
        })
    }

    /// Signs out.
    pub(crate) fn end_session(&self, hash: TokenHash) -> Result<(), DbError> {
        self.write("sign out", |db| {
            db.execute("DELETE FROM sessions WHERE hash = ?1", [&hash.0[..]]).map(drop)
        })
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    fn hash(number: u32) -> TokenHash {
        TokenHash(*blake3::hash(&number.to_le_bytes()).as_bytes())
    }

    fn db() -> (tempfile::TempDir, Db) {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("server.db")).unwrap();
        (folder, db)
    }

    #[test]
    fn a_session_ends_by_itself_and_by_signing_out() {
        let (_folder, db) = db();
        let (now, token) = (OffsetDateTime::UNIX_EPOCH, TokenId(7));
        for number in [1, 2] {
            db.add_session(hash(number), token, now, now + Duration::hours(1)).unwrap();
        }
        let good = |number, at| db.session(hash(number), at).unwrap().map(|session| session.token);
        assert_eq!(good(1, now + Duration::minutes(59)), Some(token));
        assert_eq!(good(1, now + Duration::hours(1)), None);
        assert_eq!(good(3, now), None);
        db.end_session(hash(1)).unwrap();
        assert_eq!((good(1, now), good(2, now)), (None, Some(token)));
    }

    #[test]
    fn one_session_too_many_ends_the_oldest_of_the_same_token() {
        let (_folder, db) = db();
        let now = OffsetDateTime::UNIX_EPOCH;
        db.add_session(hash(9999), TokenId(8), now, now + Duration::hours(9)).unwrap();
        for number in 0..=OF_TOKEN {
            let at = now + Duration::seconds(number.into());
            db.add_session(hash(number), TokenId(7), at, now + Duration::hours(9)).unwrap();
        }
        let there = |number| db.session(hash(number), now).unwrap().is_some();
        assert_eq!((there(0), there(1), there(OF_TOKEN), there(9999)), (false, true, true, true));
    }

    #[test]
    fn what_is_to_be_said_is_kept_until_it_is_taken() {
        let (_folder, db) = db();
        let now = OffsetDateTime::UNIX_EPOCH;
        db.add_session(hash(1), TokenId(7), now, now + Duration::hours(1)).unwrap();
        let said = || db.session(hash(1), now).unwrap().unwrap().said;
        db.say(hash(1), Some("done")).unwrap();
        assert_eq!(said().as_deref(), Some("done"));
        db.say(hash(1), None).unwrap();
        assert_eq!(said(), None);
    }
}
