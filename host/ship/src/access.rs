//! The name and password for a registry: as given, or as `docker login` has put them down.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// The largest file of credentials that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// A name and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name.
    pub username: String,
    /// The password, or a token in its place.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({:?})", self.username)
    }
}

impl Credentials {
    /// What the header says for them.
    pub(crate) fn basic(&self) -> String {
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.username, self.password)))
    }
}

/// Why what `docker login` left cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// It could not be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is not what docker writes.
    #[error("{} cannot be used: {reason}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

#[derive(Deserialize)]
struct DockerConfig {
    #[serde(default)]
    auths: HashMap<String, Auth>,
}

#[derive(Deserialize)]
struct Auth {
    auth: Option<String>,
}

/// What the file at `config` (`~/.docker/config.json`) has for a registry, if there is such a file and it has any. Programs that
/// keep passwords for docker are not started.
pub fn stored_credentials(config: &Path, registry: &str) -> Result<Option<Credentials>, CredentialsError> {
    let io = |source| CredentialsError::Io { path: config.to_owned(), source };
    let form = |reason: String| CredentialsError::Form { path: config.to_owned(), reason };
    let file = match File::open(config) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let mut text = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut text).map_err(io)?;
    if text.len() as u64 > MAX_FILE {
        return Err(form(format!("it has more than {MAX_FILE} bytes")));
    }
    let file: DockerConfig = serde_json::from_slice(&text)
        // The message would show what is in it.
        .map_err(|error| {
            form(format!("line {}, column {}: it is not what docker writes", error.line(), error.column()))
        })?;
    let names = [registry.to_owned(), format!("https://{registry}"), format!("https://{registry}/v1/")];
    let Some(auth) = names.iter().find_map(|name| file.auths.get(name)?.auth.as_deref()) else {
        return Ok(None);
    };
    let text = STANDARD.decode(auth).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    match text.as_deref().and_then(|text| text.split_once(':')) {
        Some((username, password)) => {
            Ok(Some(Credentials { username: username.to_owned(), password: password.to_owned() }))
        }
        None => Err(form(format!("what it has for {registry} is not a name and a password"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let credentials = Credentials { username: "ann".to_owned(), password: "secret".to_owned() };
        assert!(!format!("{credentials:?}").contains("secret"));
        assert_eq!(credentials.basic(), "Basic YW5uOnNlY3JldA==");
    }
}
