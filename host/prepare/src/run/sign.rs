//! The first pass, for one module: read it, and make its signatures.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use cap_std::fs::Dir;
use crossbeam_channel::Sender;
use prefab_model::{Diagnostic, ModulePath, OutcomeKind, Stored};
use prefab_sandbox::{Inputs, SourceFile};
use prefab_store::{ModuleKind, ModuleRow, Snapshot, Standing};

use super::PrepareError;
use super::pool::Message;
use super::roster::{Index, SignatureState, Signed, Source};
use super::shared::{Ended, Fresh, Shared};
use crate::import::description;
use crate::module_folder;
use crate::snapshot::{SourceProblem, Taken, host_diagnostic, read_again, snapshot, source_digest};

/// What came of the first pass for a module.
pub(super) struct SignReport {
    pub(super) index: Index,
    pub(super) signed: Signed,
    /// An estimate of what compiling it costs, in fuel.
    pub(super) weight: u64,
    /// What was seen of its files, if that is not as before.
    pub(super) snapshot: Option<Snapshot>,
    /// Its description, if that is not as before.
    pub(super) described: Option<ModuleRow>,
    pub(super) fresh: Fresh,
    /// What the host or the disk was the reason of, so that it is worth another try.
    pub(super) trouble: Option<String>,
}

/// Fuel that compiling takes for a byte of source, for modules that were never compiled: measured over npm packages.
const FUEL_PER_BYTE: u64 = 100;

/// `standing` has what was seen of the module's files before.
pub(super) fn sign<T>(
    shared: &Shared<'_>,
    index: Index,
    standing: &Standing,
    tell: &Sender<Message<T>>,
) -> Result<Option<SignReport>, PrepareError> {
    let name = shared.roster.name(index);
    let mut report = SignReport {
        index,
        signed: Signed::Read(Box::new([])),
        weight: 0,
        snapshot: None,
        described: None,
        fresh: Fresh::default(),
        trouble: None,
    };
    let Some(row) = standing.row.clone() else {
        report.signed = unreadable(host_diagnostic(
            "prefab/removed",
            "the module was removed while it was prepared".to_owned(),
            None,
            "add it again with `prefab module add`",
        ));
        return Ok(Some(report));
    };
    let (row, dir) = match open(row) {
        Ok(opened) => opened,
        Err(problem) => {
            report.signed = unreadable(*problem);
            return Ok(Some(report));
        }
    };
    let (row, described) = row;
    let earlier = standing.snapshot.as_ref();
    let Taken { snapshot, mut bytes } = match snapshot(&dir, &|path| shared.takes(path), earlier, now_ns()) {
        Ok(taken) => taken,
        Err(problem) => return Ok(Some(report.unreadable(&problem))),
    };
    let mut sources = Vec::new();
    for (number, entry) in (0..).zip(&shared.toolchain.release.compilers) {
        let Some(digest) = source_digest(&snapshot, &|path| entry.takes(path)) else { continue };
        let compilation = shared
            .planner
            .signature(entry, &row.manifest, digest, |dependency| shared.roster.find(dependency).is_some());
        let inputs = || inputs(&dir, &snapshot, &mut bytes, &|path| entry.takes(path));
        let signature = match shared.ended(number, &compilation, standing, inputs, &mut report.fresh, tell)? {
            Ended::Known { kind: OutcomeKind::Compiled(Stored::Signature(digest)) } => {
                SignatureState::Made { key: compilation.key, digest }
            }
            Ended::Known { .. } => SignatureState::Failed { key: Some(compilation.key), host_error: None },
            Ended::NoSignature => SignatureState::None,
            Ended::HostTrouble(text) => {
                report.trouble = Some(text.clone());
                SignatureState::Failed { key: None, host_error: Some(text) }
            }
            Ended::Unreadable(problem) => return Ok(Some(report.unreadable(&problem))),
            Ended::Cancelled => return Ok(None),
        };
        // What was signed before most likely was compiled before, too: then the order does not matter, and asking would cost.
        let past = if report.fresh.ran > 0 { shared.past_fuel(name, &entry.name)? } else { None };
        report.weight += past.unwrap_or_else(|| {
            let taken = snapshot.files.iter().filter(|file| entry.takes(&file.path));
            taken.map(|file| file.size * FUEL_PER_BYTE).sum()
        });
        sources.push(Source { compiler: number, digest, signature });
    }
    report.signed = Signed::Read(sources.into());
    report.snapshot = (earlier != Some(&snapshot)).then_some(snapshot);
    report.described = described;
    Ok(Some(report))
}

impl SignReport {
    fn unreadable(mut self, problem: &SourceProblem) -> Self {
        self.trouble = problem.may_pass().then(|| problem.to_string());
        self.signed = unreadable(problem.diagnostic());
        self
    }
}

fn unreadable(problem: Diagnostic) -> Signed {
    Signed::Unreadable(Box::new(problem))
}

/// Opens the module's folder, and reads its description again where that is its author's own: a `module.toml`.
#[expect(clippy::type_complexity, reason = "the row, the row again if it changed, and the folder")]
fn open(row: ModuleRow) -> Result<((ModuleRow, Option<ModuleRow>), Dir), Box<Diagnostic>> {
    let dir = module_folder::open(&row.root).map_err(|error| {
        host_diagnostic(
            "prefab/unreadable",
            format!("cannot open its folder {}: {error}", row.root.display()),
            None,
            "put the folder back, or remove the module with `prefab module remove`",
        )
    })?;
    if row.kind != ModuleKind::Native {
        return Ok(((row, None), dir));
    }
    let (kind, manifest) = description::read(&dir).map_err(|error| {
        host_diagnostic(
            "prefab/manifest",
            error.to_string(),
            Some(description::MODULE_TOML.to_owned()),
            "mend the description",
        )
    })?;
    if manifest.name != row.manifest.name {
        return Err(Box::new(host_diagnostic(
            "prefab/manifest",
            format!("the module calls itself {} now", manifest.name),
            Some(description::MODULE_TOML.to_owned()),
            "remove the module under its old name and add it again",
        )));
    }
    if kind == row.kind && manifest == row.manifest {
        return Ok(((row, None), dir));
    }
    let new = ModuleRow { kind, manifest, ..row };
    Ok(((new.clone(), Some(new)), dir))
}

/// The files that a compiler takes, with their bytes: those that are at hand, the others read again.
pub(super) fn inputs(
    dir: &Dir,
    snapshot: &Snapshot,
    at_hand: &mut [Option<Vec<u8>>],
    takes: &dyn Fn(&ModulePath) -> bool,
) -> Result<Inputs, SourceProblem> {
    let mut files = Vec::new();
    for (at, file) in snapshot.files.iter().enumerate().filter(|(_, file)| takes(&file.path)) {
        let bytes = match at_hand.get_mut(at).and_then(Option::take) {
            Some(bytes) => bytes,
            None => read_again(dir, file)?,
        };
        files.push(SourceFile { path: file.path.clone(), bytes: bytes.into() });
    }
    Ok(Inputs { files, signatures: BTreeMap::new() })
}

fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}
