//! `prefab healthcheck`

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::exit::Exit;

/// How long the server may take.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(crate) struct HealthcheckArgs {
    /// The server's address
    #[arg(default_value = "http://127.0.0.1:7420", value_name = "URL")]
    address: String,
    /// The root of its certificate, in PEM, if it is one of your own
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

pub(super) fn run(arguments: &HealthcheckArgs) -> anyhow::Result<Exit> {
    let mut config = Agent::config_builder().timeout_global(Some(PATIENCE)).max_redirects(0);
    if let Some(path) = &arguments.ca {
        let root = root(path).with_context(|| format!("cannot read a certificate in {}", path.display()))?;
        config =
            config.tls_config(TlsConfig::builder().root_certs(RootCerts::new_with_certs(&[root])).build());
    }
    let address = format!("{}/healthz", arguments.address.trim_end_matches('/'));
    let agent: Agent = config.build().into();
    agent.get(&address).call().with_context(|| format!("{address} does not say that it lives"))?;
    Ok(Exit::Fine)
}

fn root(path: &Path) -> anyhow::Result<Certificate<'static>> {
    Ok(Certificate::from_pem(&fs::read(path)?)?)
}
