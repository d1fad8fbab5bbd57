//! The two passes over the modules, and the second try of what the machine was in the way of.

use std::collections::{BTreeSet, HashMap};

use prefab_store::Note;

use super::ahead::Ahead;
use super::pool::{Job, Message, Pool};
use super::recorder::Recorder;
use super::roster::{FirstPass, Index};
use super::shared::Shared;
use super::{PrepareError, compile, select, sign};
use crate::event::Event;
use crate::folded::Requests;

pub(super) struct Passes<'a> {
    pub(super) shared: &'a Shared<'a>,
    pub(super) pool: Pool<'a>,
    /// The modules that take part.
    pub(super) selected: &'a [Index],
    /// Those that go first.
    pub(super) first: &'a BTreeSet<Index>,
    /// Those that are taken in once more.
    pub(super) folded: &'a Requests,
}

/// What the first pass left: by place in the roster, and for which modules it took a second try, and why.
struct Signed {
    all: Vec<Option<FirstPass>>,
    spurious: HashMap<Index, String>,
}

impl Passes<'_> {
    /// Brings every selected module to its end, unless somebody asks to stop.
    pub(super) fn run(&self, recorder: &mut Recorder<'_>) -> Result<(), PrepareError> {
        let signed = self.sign_all(recorder)?;
        self.compile_all(&signed, recorder)
    }

    /// A pool for one compilation at a time, with nothing beside it.
    fn alone(&self) -> Pool<'_> {
        Pool { jobs: 1, ..self.pool }
    }

    /// The places of the modules that somebody wants first, each time that somebody does.
    fn jumps<'b>(&'b self, order: &'b [Index]) -> impl FnMut() -> Result<Vec<usize>, PrepareError> + 'b {
        let mut seen = 0;
        move || {
            let Some(wanted) = self.pool.stop.urgent().since(&mut seen) else { return Ok(Vec::new()) };
            let roster = self.shared.roster;
            let wanted = wanted.iter().filter_map(|module| roster.find(module)).collect();
            let wanted = select::needed(self.shared.store, roster, wanted)?;
            Ok(order
                .iter()
                .enumerate()
                .filter(|(_, at)| wanted.contains(at))
                .map(|(place, _)| place)
                .collect())
        }
    }

    /// The first pass: over the selected modules and those that they depend on.
    fn sign_all(&self, recorder: &mut Recorder<'_>) -> Result<Signed, PrepareError> {
        let modules = self.shared.roster.names.len();
        let mut counted = vec![false; modules];
        for index in self.selected {
            counted[*index as usize] = true;
        }
        let mut order = select::with_dependencies(self.shared, self.selected, &counted)?;
        order.sort_by_key(|index| !self.first.contains(index));
        let mut signed = Signed { all: Vec::new(), spurious: HashMap::new() };
        signed.all.resize_with(modules, || None);
        recorder.begin(order.len() as u64);
        let mut again = Vec::new();
        self.sign(&order, self.pool, &counted, &mut signed, Some(&mut again), recorder)?;
        if !again.is_empty() {
            recorder.tell(&Event::TryingAgain { modules: again.len() as u64 });
            self.sign(&again, self.alone(), &counted, &mut signed, None, recorder)?;
        }
        recorder.commit()?;
        Ok(signed)
    }

    /// One round of the first pass. `again` takes what is worth another try, if there is to be one.
    fn sign(
        &self,
        order: &[Index],
        pool: Pool<'_>,
        counted: &[bool],
        signed: &mut Signed,
        mut again: Option<&mut Vec<Index>>,
        recorder: &mut Recorder<'_>,
    ) -> Result<(), PrepareError> {
        let ahead = Ahead::new(self.shared.store, self.shared.roster, order, true);
        let work = |job, tell: &_| match job {
            Job::Planned { place, index } => sign::sign(self.shared, index, &ahead.take(place)?, tell),
            // Not asked for in this pass.
            Job::Folded(_) => Ok(None),
        };
        pool.each(order, None, self.jumps(order), work, |message| -> Result<(), PrepareError> {
            if let Some(report) = watch(message, recorder)? {
                let at = report.index as usize;
                let ran = report.fresh.ran > 0;
                recorder.take(report.fresh);
                match (report.trouble, again.as_deref_mut()) {
                    (Some(trouble), Some(again)) => {
                        again.push(report.index);
                        signed.spurious.insert(report.index, trouble);
                        return Ok(recorder.tick()?);
                    }
                    (Some(_), None) => drop(signed.spurious.remove(&report.index)),
                    (None, _) => {}
                }
                recorder.saw(report.snapshot, report.described, self.shared.roster.name(report.index));
                recorder.advance(1);
                recorder.signed(counted[at]);
                signed.all[at] = Some(FirstPass { signed: report.signed, weight: report.weight, ran });
            }
            Ok(recorder.tick()?)
        })
    }

    /// The second pass: the longest first, so that the last core does not sit on the one big module.
    fn compile_all(&self, signed: &Signed, recorder: &mut Recorder<'_>) -> Result<(), PrepareError> {
        let there = |index: &Index| signed.all[*index as usize].is_some();
        let mut order: Vec<Index> = self.selected.iter().copied().filter(there).collect();
        order.sort_by_key(|index| (!self.first.contains(index), std::cmp::Reverse(signed.weight(*index))));
        recorder.begin(order.iter().map(|index| signed.weight(*index)).sum());
        let mut again = HashMap::new();
        self.compile(&order, self.pool, Try::First, signed, &mut again, recorder)?;
        if !again.is_empty() {
            recorder.tell(&Event::TryingAgain { modules: again.len() as u64 });
            let mut order: Vec<Index> = again.keys().copied().collect();
            order.sort_unstable();
            self.compile(&order, self.alone(), Try::Last, signed, &mut again, recorder)?;
        }
        recorder.commit()?;
        Ok(())
    }

    /// One round of the second pass. `again` has the modules that are worth another try, and why.
    fn compile(
        &self,
        order: &[Index],
        pool: Pool<'_>,
        attempt: Try,
        signed: &Signed,
        again: &mut HashMap<Index, String>,
        recorder: &mut Recorder<'_>,
    ) -> Result<(), PrepareError> {
        let ahead = Ahead::new(self.shared.store, self.shared.roster, order, false);
        let work = |job, tell: &_| match job {
            Job::Planned { place, index } => {
                compile::compile(self.shared, &signed.all, index, &ahead.take(place)?, tell)
            }
            Job::Folded(request) => compile::fold(self.shared, &signed.all, request, tell),
        };
        pool.each(order, Some(self.folded), self.jumps(order), work, |message| -> Result<(), PrepareError> {
            if let Some(mut report) = watch(message, recorder)? {
                recorder.take(report.fresh);
                if let Some(again) = report.folded {
                    recorder.saw(again.snapshot, again.described, &report.result.module);
                    recorder.replaced(report.result, again.request)?;
                    return Ok(recorder.tick()?);
                }
                let earlier = match (attempt, report.trouble) {
                    (Try::First, Some(trouble)) => {
                        again.insert(report.index, trouble);
                        return Ok(recorder.tick()?);
                    }
                    (Try::Last, None) => again.remove(&report.index),
                    (Try::First, None) | (Try::Last, Some(_)) => None,
                };
                let spurious = signed.spurious.get(&report.index).cloned().into_iter().chain(earlier);
                report.result.notes.extend(spurious.map(Note::Spurious));
                report.result.reused &= !signed.ran(report.index);
                recorder.advance(signed.weight(report.index));
                recorder.ended(report.result);
            }
            Ok(recorder.tick()?)
        })
    }
}

/// Whether what the machine is in the way of is tried again.
#[derive(Clone, Copy)]
enum Try {
    First,
    Last,
}

impl Signed {
    /// One more than the estimate, so that a module without anything to compile counts as well.
    fn weight(&self, index: Index) -> u64 {
        self.all[index as usize].as_ref().map_or(0, |first| first.weight + 1)
    }

    fn ran(&self, index: Index) -> bool {
        self.all[index as usize].as_ref().is_some_and(|first| first.ran)
    }
}

/// Passes on what a worker tells, and gives what came of a module.
fn watch<T>(message: Option<Message<T>>, recorder: &mut Recorder<'_>) -> Result<Option<T>, PrepareError> {
    match message {
        Some(Message::Through(report)) => return Ok(Some(report)),
        Some(Message::Broken(error)) => return Err(error),
        Some(Message::Compiling(module, compiler, task)) => {
            recorder.tell(&Event::Compiling { module, compiler, task });
        }
        Some(Message::Compiled(module, compiler, task)) => {
            recorder.tell(&Event::Compiled { module, compiler, task });
        }
        None => {}
    }
    Ok(None)
}
