//! `prefab serve`

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use clap::Args;
use prefab_model::{BlobsUrl, Limit};
use prefab_server::{Ceilings, Listening, OidcOptions, Secret, ServeOptions, TlsFiles, serve};
use serde::Serialize;

use crate::args::IsolationChoice;
use crate::exit::Exit;
use crate::session::Session;

const UNPROTECTED: &str = "
this server speaks plain HTTP to other machines: whoever is on the way can read tokens and sources and change them.
         Use --tls-cert and --tls-key, or listen on 127.0.0.1 behind something that speaks TLS.";

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The data directory: one folder with everything that the server keeps
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where to listen; port 0 for any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7420")]
    listen: SocketAddr,
    /// How many compilations run at a time, of all tenants together [default: one a core]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// The most fuel that tenants' settings and releases may allow one compilation, such as 100G
    #[arg(long, value_name = "FUEL", value_parser = |text: &str| Limit::Fuel.parse_value(text))]
    max_fuel: Option<u64>,
    /// The most memory that they may allow it, such as 2GiB
    #[arg(long, value_name = "BYTES", value_parser = |text: &str| Limit::Memory.parse_value(text))]
    max_memory: Option<u64>,
    /// The most time that they may allow it, such as 10m
    #[arg(long, value_name = "TIME", value_parser = |text: &str| Limit::Deadline.parse_value(text))]
    max_deadline: Option<u64>,
    /// A folder in which releases are looked for, each in a folder of its own
    #[arg(long, value_name = "DIR")]
    watch_releases: Option<PathBuf>,
    /// A folder with one for each tenant: its environments may have modules that stay there, below DIR/TENANT. Nobody else is to be able
    /// to write there
    #[arg(long, value_name = "DIR")]
    sources: Option<PathBuf>,
    /// Keep the artifacts of environments that are made from now on in an S3-compatible store: s3://BUCKET/PREFIX, with credentials,
    /// region and endpoint from the AWS_* variables
    #[arg(long, value_name = "URL")]
    blobs: Option<BlobsUrl>,
    #[command(flatten)]
    oidc: OidcArgs,
    /// The certificate to speak TLS with, in PEM: the server's own, then those that lead to the root. It is read again when it changes
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's key, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

// Tokens of an OpenID Connect issuer. (A doc comment would take the place of the command's own help.)
#[derive(Debug, Args)]
struct OidcArgs {
    /// Also take signed tokens (JWT) of this OpenID Connect issuer
    #[arg(long = "oidc-issuer", value_name = "URL", requires = "audience")]
    issuer: Option<String>,
    /// Whom the issuer's tokens must be for
    #[arg(long = "oidc-audience", value_name = "NAME", requires = "issuer")]
    audience: Option<String>,
    /// The root of the issuer's certificate, in PEM, if it is one of your own
    #[arg(long = "oidc-ca", value_name = "FILE", requires = "issuer")]
    ca: Option<PathBuf>,
    /// The claim with the tenant's name: a name, or a JSON pointer
    #[arg(
        long = "oidc-tenant-claim",
        value_name = "CLAIM",
        default_value = "/prefab/tenant",
        requires = "issuer"
    )]
    tenant_claim: String,
    /// The claim with the scope (read, operate, administer): a name, or a JSON pointer
    #[arg(
        long = "oidc-scope-claim",
        value_name = "CLAIM",
        default_value = "/prefab/scope",
        requires = "issuer"
    )]
    scope_claim: String,
}

impl OidcArgs {
    fn options(&self) -> Option<OidcOptions> {
        Some(OidcOptions {
            issuer: self.issuer.clone()?,
            audience: self.audience.clone()?,
            root: self.ca.clone(),
            tenant_claim: self.tenant_claim.as_str().into(),
            scope_claim: self.scope_claim.as_str().into(),
        })
    }
}

#[derive(Serialize)]
struct Listens<'a> {
    listen: String,
    token: Option<&'a str>,
}

pub(super) fn run(session: &Session, arguments: &ServeArgs) -> anyhow::Result<Exit> {
    // Tenants come and go while it serves, and none is to trust another's compilers: so walls between them are there from the start.
    let isolation = session.isolation_or(IsolationChoice::Process);
    let tls = arguments.tls_cert.clone().zip(arguments.tls_key.clone());
    let tls = tls.map(|(certificate, key)| TlsFiles { certificate, key });
    let jobs = arguments.jobs.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    let ceilings =
        Ceilings { fuel: arguments.max_fuel, memory: arguments.max_memory, deadline: arguments.max_deadline };
    if let Some(folder) = arguments.watch_releases.as_ref().filter(|folder| !folder.is_dir()) {
        anyhow::bail!("cannot look for releases in {}: it is not a folder", folder.display());
    }
    if let Some(folder) = arguments.sources.as_ref().filter(|folder| !folder.is_dir()) {
        anyhow::bail!("cannot read modules from {}: it is not a folder", folder.display());
    }
    let options = ServeOptions {
        data: arguments.data.clone(),
        listen: arguments.listen,
        isolation,
        blobs: arguments.blobs.clone(),
        oidc: arguments.oidc.options(),
        tls,
        jobs,
        ceilings,
        watch: arguments.watch_releases.clone(),
        sources: arguments.sources.clone(),
    };
    let mut printed = Ok(());
    serve(&options, |Listening { address, tls, first_token }| {
        let listen = format!("{}://{address}", if *tls { "https" } else { "http" });
        if !tls && !address.ip().is_loopback() {
            // Also where the log is quiet. If nobody reads it, there is nobody to tell.
            let _ = writeln!(io::stderr(), "warning: {}", UNPROTECTED.trim());
        }
        let token = first_token.as_ref().map(Secret::reveal);
        printed = if session.out.is_json() {
            session.out.json_line(&Listens { listen, token })
        } else {
            let token =
                token.map(|token| format!("The first administrator's token, shown only now: {token}\n"));
            session.out.text(&format!("prefab listens on {listen}\n{}", token.unwrap_or_default()))
        };
    })?;
    printed?;
    Ok(Exit::Fine)
}
