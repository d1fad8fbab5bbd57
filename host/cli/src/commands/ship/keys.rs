//! `prefab release keygen` and `prefab release sign`

use std::fs;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use prefab_model::{KeyId, PublicKey, Until};
use prefab_prepare::{read_release, signature_path};
use prefab_ship::SecretKey;
use semver::Version;
use serde::Serialize;
use time::OffsetDateTime;

use super::whole;
use crate::commands::registry::read;
use crate::exit::Exit;
use crate::session::Session;

/// The largest file of a key, in bytes.
const MAX_KEY: u64 = 8 << 10;
const PASSWORD: &str = "PREFAB_KEY_PASSWORD";

#[derive(Debug, Args)]
pub(crate) struct KeygenArgs {
    /// Where to write the key: NAME.key, which is the secret, and NAME.pub
    #[arg(long, short, value_name = "NAME", default_value = "prefab")]
    output: PathBuf,
    /// Do not protect the secret with a password: whoever can read the file can sign
    #[arg(long)]
    no_password: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    /// A release.toml, or its folder
    #[arg(value_name = "MANIFEST|FOLDER")]
    source: PathBuf,
    /// The secret key, which `keygen` or minisign made
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Until when the release may be taken in: a day, or a time [default: for good]
    #[arg(long, value_name = "TIME")]
    expires: Option<Until>,
}

#[derive(Serialize)]
struct Made {
    key: PublicKey,
    id: KeyId,
    secret: PathBuf,
    public: PathBuf,
}

pub(in crate::commands) fn keygen(session: &Session, arguments: &KeygenArgs) -> anyhow::Result<Exit> {
    let with = |extension| {
        let mut path = arguments.output.clone().into_os_string();
        path.push(extension);
        PathBuf::from(path)
    };
    let (secret, public) = (with(".key"), with(".pub"));
    for path in [&secret, &public] {
        if path.exists() {
            bail!(
                "{} is there already: a key is never written over another. Name one with --output",
                path.display()
            );
        }
    }
    let password = if arguments.no_password { None } else { Some(password(true)?) };
    let (secret_text, public_text, key) = prefab_ship::generate(password.as_deref())?;
    write_new(&secret, 0o600, &secret_text)?;
    write_new(&public, 0o644, &public_text)?;
    let made = Made { key, id: key.id(), secret, public };
    session.out.result(&made, |made| {
        format!(
            "Made the key {}.\n  secret: {}: keep it where nobody else gets at it\n  public: {}: {}\n\
             Whoever is to take in what it signs: prefab trust add NAME {}\n",
            made.id,
            made.secret.display(),
            made.public.display(),
            made.key,
            made.key
        )
    })?;
    Ok(Exit::Fine)
}

fn write_new(path: &Path, mode: u32, text: &str) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[derive(Serialize)]
struct Signed {
    version: Version,
    digest: prefab_model::ReleaseDigest,
    key: KeyId,
    signature: PathBuf,
    expires: Option<Until>,
}

pub(in crate::commands) fn sign(session: &Session, arguments: &SignArgs) -> anyhow::Result<Exit> {
    let source = &arguments.source;
    let manifest = if source.is_dir() { source.join("release.toml") } else { source.clone() };
    // With its compilers: what is signed is what can be installed.
    let (package, release) = read_release(&manifest)?;
    if fs::read(&manifest).ok().as_deref() != Some(package.manifest().as_bytes()) {
        bail!(
            "{} is a packed release: sign the folder that it was packed from, and pack it again",
            manifest.display()
        );
    }
    let now = OffsetDateTime::now_utc();
    if let Some(expires) = arguments.expires.filter(|expires| expires.is_over(now)) {
        bail!("{expires} is over: nobody could take the release in");
    }
    let text = String::from_utf8(read(&arguments.key, MAX_KEY)?)
        .with_context(|| format!("{} is not a key", arguments.key.display()))?;
    let key = SecretKey::open(&text, || password(false).map_err(Stopped))
        .map_err(|Stopped(error)| error)
        .with_context(|| format!("cannot sign with {}", arguments.key.display()))?;
    let id = key.public()?.id();
    let text = key.sign(package.manifest(), &release, now, arguments.expires)?;
    let signature = signature_path(&manifest);
    whole::file(&signature, 0o644, |file| Ok(file.write_all(text.as_bytes())?))?;
    let (version, digest, expires) = (release.version, release.digest, arguments.expires);
    let signed = Signed { version, digest, key: id, signature, expires };
    session.out.result(&signed, |signed| {
        let expires = signed.expires.map(|expires| format!(", for use before {expires}")).unwrap_or_default();
        format!(
            "Signed release {} with the key {}{expires}: {}\n",
            signed.version,
            signed.key,
            signed.signature.display()
        )
    })?;
    Ok(Exit::Fine)
}

/// Why a key was not opened.
struct Stopped(anyhow::Error);

impl From<prefab_ship::KeyError> for Stopped {
    fn from(error: prefab_ship::KeyError) -> Self {
        Self(error.into())
    }
}

/// The password of a key: from the environment, or asked for on a terminal; twice for a new one.
fn password(new: bool) -> anyhow::Result<String> {
    if let Ok(password) = std::env::var(PASSWORD) {
        if password.is_empty() {
            bail!("the variable {PASSWORD} is empty: a key without a password is made with --no-password");
        }
        return Ok(password);
    }
    if !std::io::stdin().is_terminal() {
        bail!(
            "there is nobody to ask for the key's password: put it in the variable {PASSWORD}{}",
            if new { ", or make one without with --no-password" } else { "" }
        );
    }
    let password = ask("Password of the key: ")?;
    if new && password != ask("The same once more: ")? {
        bail!("these are two different passwords");
    }
    if password.is_empty() {
        bail!("that is no password: a key without one is made with --no-password");
    }
    Ok(password)
}

/// Asks on the terminal without showing what is typed.
fn ask(question: &str) -> anyhow::Result<String> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    let stdin = std::io::stdin();
    eprint!("{question}");
    let shown = tcgetattr(&stdin).context("cannot ask for the password")?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &hidden).context("cannot ask for the password")?;
    let mut line = String::new();
    let read = stdin.read_line(&mut line);
    tcsetattr(&stdin, OptionalActions::Flush, &shown).context("cannot set the terminal back")?;
    eprintln!();
    read.context("cannot read the password")?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}
