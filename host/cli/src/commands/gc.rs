//! `prefab gc`

use prefab_model::Bytes;
use prefab_prepare::{CollectOptions, CollectedRows, Collection};
use serde::Serialize;

use crate::args::Garbage;
use crate::exit::Exit;
use crate::session::Session;

/// What `--json` prints.
#[derive(Serialize)]
struct Collected<'a> {
    #[serde(flatten)]
    collection: &'a Collection,
    bytes: u64,
}

pub(super) fn run(session: &Session, garbage: &Garbage) -> anyhow::Result<Exit> {
    let env = session.environment()?;
    let options =
        CollectOptions { deployments: garbage.keep, days: garbage.keep_days, dry_run: garbage.dry_run };
    let counter = session.counter("blobs looked at");
    let collection = env.collect(options, &mut |count| counter.set(count))?;
    counter.clear();
    let collected = Collected { collection: &collection, bytes: collection.bytes() };
    session.out.result(&collected, |collected| told(collected.collection))?;
    Ok(Exit::Fine)
}

fn told(collection: &Collection) -> String {
    let Collection { dry_run, rows, blobs, folders, images, ledger_bytes } = collection;
    let CollectedRows { results, deployments, outcomes, signatures, sources } = rows;
    let freed = if *dry_run { "would be freed" } else { "freed" };
    format!(
        "{} {freed}\n  {} blobs, {}\n  {} published folders, {}\n  {} native images, {}\n  rows of the ledger: {results} results, \
         {deployments} deployments, {outcomes} outcomes, {signatures} signatures, {sources} sources; the file is {} shorter\n",
        Bytes(collection.bytes()),
        blobs.count,
        Bytes(blobs.bytes),
        folders.count,
        Bytes(folders.bytes),
        images.count,
        Bytes(images.bytes),
        Bytes(*ledger_bytes),
    )
}
