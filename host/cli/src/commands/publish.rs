//! `prefab publish`

use prefab_prepare::{Event, PublishSummary, Published, PublishedHow};
use serde::Serialize;

use crate::args::Which;
use crate::exit::Exit;
use crate::report::escape;
use crate::session::Session;

/// What `--json` prints.
#[derive(Serialize)]
struct Publication<'a> {
    #[serde(flatten)]
    summary: &'a PublishSummary,
    modules: &'a [Published],
}

pub(super) fn run(session: &Session, which: Which) -> anyhow::Result<Exit> {
    let env = session.environment()?;
    let selection = which.selection();
    let mut progress = session.progress();
    let stop = env.interruptible(progress.voice())?;
    let mut published = Vec::new();
    let mut printed = Ok(());
    let mut reporter = |module: &Published| {
        let line = session.out.human(&told(module));
        if printed.is_ok() {
            printed = line;
        }
        if session.out.is_json() {
            published.push(module.clone());
        }
    };
    let mut watch = |event: &Event| progress.event(event);
    let summary = env.publish(&selection, &stop, &mut watch, &mut reporter)?;
    progress.clear();
    printed?;
    session.out.result(&Publication { summary: &summary, modules: &published }, |publication| {
        let PublishSummary { published, unchanged, refused, not_yet } = publication.summary;
        let not_yet = if *not_yet > 0 { format!(", {not_yet} not prepared yet") } else { String::new() };
        format!("{published} published, {unchanged} unchanged, {refused} refused{not_yet}\n")
    })?;
    Ok(match summary {
        _ if stop.is_asked() => Exit::Trouble,
        PublishSummary { not_yet: 1.., .. } => Exit::Held,
        PublishSummary { refused: 1.., .. } => Exit::ModulesWithErrors,
        _ => Exit::Fine,
    })
}

fn told(module: &Published) -> String {
    let Published { module: name, platform, .. } = module;
    match &module.how {
        PublishedHow::Switched => format!("{name}: published for {platform}"),
        PublishedHow::Compiled => {
            format!("{name}: compiled, as it had changed, and published for {platform}")
        }
        PublishedHow::Repaired => {
            format!("{name}: compiled again, as its artifacts were damaged, and published for {platform}")
        }
        PublishedHow::NotYet { preparation } => format!(
            "{name}: not prepared yet: preparation {preparation} is still running; watch it with `prefab status --watch`"
        ),
        PublishedHow::Unchanged => format!("{name}: published already"),
        PublishedHow::Refused { reason } => format!("{name}: refused: {}", escape::line(reason)),
    }
}
