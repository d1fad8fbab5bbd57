-- Who is signed in to the console, by the hash of what their browser keeps. A session is good as long as its token is.
CREATE TABLE sessions (
    hash BLOB PRIMARY KEY,
    token INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    said TEXT                      -- what the next page is to say, once: JSON
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_of_token ON sessions (token, created_at);
