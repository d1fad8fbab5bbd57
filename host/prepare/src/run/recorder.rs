//! The one owner of a running preparation's state: counts, the batch that is being filled, and what watchers are told.

use std::time::{Duration, Instant};

use prefab_model::{Counts, Fuel, ModuleState, PreparationId, PreparationKind, PreparationState};
use prefab_store::{Batch, ModuleResult, ModuleRow, Snapshot, StoreError};

use super::committer::{Committer, Filled};
use super::shared::Fresh;
use super::stop::Stop;
use crate::event::Event;
use crate::folded::Request;

/// A batch is committed when it is this old or has this much in it: the flush to disk, some milliseconds, is shared by many modules, and
/// little is done again after a crash.
const BATCH_AGE: Duration = Duration::from_millis(250);
const BATCH_ITEMS: usize = 4096;
const BATCH_BYTES: usize = 16 << 20;
/// Watchers are told how far it is this often.
const PROGRESS: Duration = Duration::from_millis(100);

pub(super) struct Recorder<'a> {
    committer: Committer<'a>,
    preparation: PreparationId,
    kind: PreparationKind,
    stop: &'a Stop,
    /// Since when it waits.
    paused: Option<Instant>,
    /// Since when it is given no slots, for want of a quota.
    held_back: Option<Instant>,
    reporter: &'a mut dyn FnMut(&Event),
    pub(super) counts: Counts,
    pub(super) compiled: u64,
    pub(super) fuel: Fuel,
    batch: Batch,
    described: Vec<ModuleRow>,
    /// Whose results are in the batch.
    folded: Vec<Request>,
    bytes: usize,
    committed: Instant,
    told: Option<Instant>,
    work: Work,
}

/// How much there is to do in the present pass, and since when: for the ETA.
struct Work {
    began: Instant,
    done: u64,
    total: u64,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(
        committer: Committer<'a>,
        preparation: PreparationId,
        kind: PreparationKind,
        stop: &'a Stop,
        modules: u64,
        reporter: &'a mut dyn FnMut(&Event),
    ) -> Self {
        let now = Instant::now();
        Self {
            committer,
            preparation,
            kind,
            stop,
            paused: None,
            held_back: None,
            reporter,
            counts: Counts { modules, ..Counts::default() },
            compiled: 0,
            fuel: Fuel(0),
            batch: Batch::default(),
            described: Vec::new(),
            folded: Vec::new(),
            bytes: 0,
            committed: now,
            told: None,
            work: Work { began: now, done: 0, total: 0 },
        }
    }

    pub(super) fn tell(&mut self, event: &Event) {
        (self.reporter)(event);
    }

    /// A pass begins, with this much to do in units of the caller's choice.
    pub(super) fn begin(&mut self, total: u64) {
        self.work = Work { began: Instant::now(), done: 0, total };
    }

    /// So much of it is done.
    pub(super) fn advance(&mut self, done: u64) {
        self.work.done += done;
    }

    pub(super) fn signed(&mut self, counted: bool) {
        self.counts.signed += u64::from(counted);
    }

    /// Takes in what the first pass saw of a module.
    pub(super) fn saw(
        &mut self,
        snapshot: Option<Snapshot>,
        described: Option<ModuleRow>,
        module: &prefab_model::ModuleName,
    ) {
        if let Some(snapshot) = snapshot {
            self.bytes += snapshot.files.len() * 128;
            self.batch.snapshots.push((module.clone(), snapshot));
        }
        self.described.extend(described);
    }

    /// Takes in outcomes that are new.
    pub(super) fn take(&mut self, fresh: Fresh) {
        self.compiled += fresh.ran;
        self.fuel.0 = self.fuel.0.saturating_add(fresh.fuel.0);
        self.bytes += fresh.signatures.iter().map(|(_, _, bytes)| bytes.len()).sum::<usize>();
        self.bytes +=
            fresh.outcomes.iter().map(|row| 512 * (1 + row.outcome.diagnostics.len())).sum::<usize>();
        self.batch.signatures.extend(fresh.signatures);
        self.batch.outcomes.extend(fresh.outcomes);
    }

    /// Takes in how a module ended.
    pub(super) fn ended(&mut self, result: ModuleResult) {
        match result.state {
            ModuleState::Pending => return,
            ModuleState::Prepared => self.counts.prepared += 1,
            ModuleState::Failed => self.counts.failed += 1,
            ModuleState::Skipped(_) => self.counts.skipped += 1,
        }
        self.counts.reused += u64::from(result.reused);
        self.counts.host_errors += u64::from(result.host_error.is_some());
        self.tell(&Event::ModuleEnded {
            module: result.module.clone(),
            state: result.state.clone(),
            reused: result.reused,
        });
        self.again(result);
    }

    /// Takes in how a module ended that had ended before, and was taken in once more.
    pub(super) fn replaced(&mut self, result: ModuleResult, request: Request) -> Result<(), StoreError> {
        if let Some(before) = self.committer.store.result(self.preparation, &result.module)? {
            let count = |counts: &mut Counts, result: &ModuleResult, by: fn(u64, u64) -> u64| {
                let figure = match result.state {
                    ModuleState::Pending => return,
                    ModuleState::Prepared => &mut counts.prepared,
                    ModuleState::Failed => &mut counts.failed,
                    ModuleState::Skipped(_) => &mut counts.skipped,
                };
                *figure = by(*figure, 1);
                counts.reused = by(counts.reused, result.reused.into());
                counts.host_errors = by(counts.host_errors, result.host_error.is_some().into());
            };
            count(&mut self.counts, &before, u64::saturating_sub);
            count(&mut self.counts, &result, u64::saturating_add);
            self.again(result);
        }
        self.folded.push(request);
        // Somebody waits for it.
        self.commit()
    }

    /// Records a module's result anew, with more to say than before.
    pub(super) fn again(&mut self, result: ModuleResult) {
        self.batch.results.push((self.preparation, result));
    }

    /// Has the batch committed and tells how far it is, each if it is time; and tells of a pause.
    pub(super) fn tick(&mut self) -> Result<(), StoreError> {
        self.heed_pause()?;
        self.heed_quotas();
        let items = self.batch.outcomes.len() + self.batch.results.len() + self.batch.snapshots.len();
        let waiting = items > 0 || !self.described.is_empty();
        let full = items >= BATCH_ITEMS || self.bytes >= BATCH_BYTES;
        // While the one before is under way, more may be put in; when there is too much, that has to be waited for.
        let idle = self.committer.is_idle()?;
        if full || (waiting && idle && self.committed.elapsed() >= BATCH_AGE) {
            self.begin_commit()?;
        }
        if self.told.is_none_or(|told| told.elapsed() >= PROGRESS) {
            self.told = Some(Instant::now());
            self.tell_progress();
        }
        Ok(())
    }

    fn heed_pause(&mut self) -> Result<(), StoreError> {
        match (self.stop.is_paused(), self.paused) {
            (true, None) => {
                self.paused = Some(Instant::now());
                self.committer.store.set_preparation_state(self.preparation, PreparationState::Paused)?;
                self.tell(&Event::Paused);
            }
            (false, Some(since)) => {
                self.paused = None;
                // It is not the work's time.
                self.work.began += since.elapsed();
                self.committer.store.set_preparation_state(self.preparation, PreparationState::Running)?;
                self.tell(&Event::Resumed);
            }
            _ => {}
        }
        Ok(())
    }

    fn heed_quotas(&mut self) {
        let Some(share) = self.stop.share() else { return };
        match (share.held_back(), self.held_back) {
            (Some(reason), None) => {
                self.held_back = Some(Instant::now());
                self.tell(&Event::HeldBack(reason));
            }
            (None, Some(since)) => {
                self.held_back = None;
                self.work.began += since.elapsed();
                self.tell(&Event::LetGo);
            }
            _ => {}
        }
    }

    pub(super) fn tell_progress(&mut self) {
        let event = Event::Progress { counts: self.counts, eta: self.eta() };
        self.tell(&event);
    }

    fn eta(&self) -> Option<Duration> {
        let Work { began, done, total } = self.work;
        let elapsed = began.elapsed();
        // The first moments tell more about loading than about compiling.
        if done == 0 || elapsed < Duration::from_secs(1) {
            return None;
        }
        Duration::try_from_secs_f64(elapsed.as_secs_f64() * (total.saturating_sub(done)) as f64 / done as f64)
            .ok()
    }

    /// Commits what there is; it is durable when this returns.
    pub(super) fn commit(&mut self) -> Result<(), StoreError> {
        self.begin_commit()?;
        self.committer.finish()?;
        self.folded.drain(..).for_each(|request| request.done());
        Ok(())
    }

    fn begin_commit(&mut self) -> Result<(), StoreError> {
        let mut batch = std::mem::take(&mut self.batch);
        batch.rehearsed = self.kind == PreparationKind::Rehearsal;
        if !batch.is_empty() {
            batch.counts = Some((self.preparation, self.counts));
        }
        let filled = Filled { described: std::mem::take(&mut self.described), batch };
        self.bytes = 0;
        self.committed = Instant::now();
        self.committer.begin(filled)
    }
}
