//! `prefab verify`

use std::fmt::Write as _;
use std::num::NonZeroUsize;

use prefab_prepare::{
    Agreement, Discrepancy, FileDifference, Priority, Verified, VerifyOptions, VerifySummary, Verifying,
};
use serde::Serialize;

use crate::args::Which;
use crate::exit::Exit;
use crate::report::escape;
use crate::session::Session;

/// What `--json` prints.
#[derive(Serialize)]
struct Verification<'a> {
    what: Verifying,
    #[serde(flatten)]
    summary: &'a VerifySummary,
    modules: &'a [Verified],
}

pub(super) fn run(
    session: &Session,
    which: Which,
    what: Verifying,
    jobs: Option<NonZeroUsize>,
    priority: Priority,
) -> anyhow::Result<Exit> {
    let env = session.environment()?;
    let stop = env.interruptible(session.progress().voice())?;
    let options = VerifyOptions { selection: which.selection(), what, jobs, priority };
    let counter = session.counter_of("modules");
    let mut modules = Vec::new();
    let mut printed = Ok(());
    let mut done = 0;
    let mut reporter = |total: u64, verified: Option<&Verified>| {
        counter.total(total);
        let Some(verified) = verified else { return };
        done += 1;
        counter.set(done);
        let line = session.out.human(&told(verified));
        if printed.is_ok() {
            printed = line;
        }
        if session.out.is_json() {
            modules.push(verified.clone());
        }
    };
    let summary = env.verify(&options, &stop, &mut reporter)?;
    counter.clear();
    printed?;
    modules.sort_by(|a, b| a.module.cmp(&b.module));
    session.out.result(&Verification { what, summary: &summary, modules: &modules }, |verification| {
        let VerifySummary { same, differ, cannot } = verification.summary;
        format!("{same} same, {differ} differ, {cannot} cannot be verified\n")
    })?;
    let fine = summary.differ == 0 && summary.cannot == 0 && !stop.is_asked();
    Ok(if fine { Exit::Fine } else { Exit::Trouble })
}

fn told(verified: &Verified) -> String {
    let Verified { module, platform, agreement, compilations, fuel, discrepancies, cannot } = verified;
    let on = platform.as_ref().map(|platform| format!(" on {platform}")).unwrap_or_default();
    let mut text = format!("{module}{on}: {agreement}");
    if *agreement == Agreement::Same {
        let times = if *compilations == 1 { "compilation" } else { "compilations" };
        let _ = write!(text, " ({compilations} {times}, {fuel} fuel)");
    }
    for difference in discrepancies {
        let _ = write!(text, "\n  {}", escape::line(&discrepancy_told(difference)));
    }
    for reason in cannot {
        let _ = write!(text, "\n  {}", escape::line(reason));
    }
    text
}

fn discrepancy_told(difference: &Discrepancy) -> String {
    match difference {
        Discrepancy::Outcome { compiler, now } => format!("{compiler}: compiled again, {now}"),
        Discrepancy::Fuel { compiler, then, now } => {
            let now = now.map_or("an unknown amount".to_owned(), |now| now.0.to_string());
            format!("{compiler}: compiling took {} fuel and takes {now} now", then.0)
        }
        Discrepancy::Artifact { compiler, path, how } => {
            format!("{compiler}: compiled again, {path} {}", file_told(how))
        }
        Discrepancy::Deployed { path, how } => format!("the deployed file {path} {}", file_told(how)),
        Discrepancy::Link { to: Some(to) } => {
            format!("what is deployed is {}, which is not what was published", to.display())
        }
        Discrepancy::Link { to: None } => "nothing is deployed, although the ledger says so".to_owned(),
    }
}

fn file_told(how: &FileDifference) -> String {
    match how {
        FileDifference::Missing => "is missing".to_owned(),
        FileDifference::Unexpected => "should not be there".to_owned(),
        FileDifference::Changed { expected, found, first } => {
            format!("has {found} bytes instead of {expected}, and differs from byte {first} on")
        }
        FileDifference::MediaType { expected, found } => format!("is {found} instead of {expected}"),
    }
}

#[cfg(test)]
mod tests {
    use prefab_model::Fuel;

    use super::*;

    #[test]
    fn each_difference_is_told_with_where_and_how_much() {
        let changed = FileDifference::Changed { expected: 12, found: 14, first: 3 };
        let (compiler, path) = ("sass".parse().unwrap(), "a.css".parse().unwrap());
        let verified = Verified {
            module: "cart".parse().unwrap(),
            platform: Some("11.9.0".parse().unwrap()),
            agreement: Agreement::Differs,
            compilations: 1,
            fuel: Fuel(7),
            discrepancies: vec![
                Discrepancy::Fuel { compiler, then: Fuel(1200), now: Some(Fuel(1201)) },
                Discrepancy::Artifact { compiler: "sass".parse().unwrap(), path, how: changed.clone() },
                Discrepancy::Deployed { path: "a\u{1b}.css".into(), how: FileDifference::Missing },
                Discrepancy::Link { to: None },
                Discrepancy::Outcome { compiler: "sass".parse().unwrap(), now: "it ran out of fuel".into() },
            ],
            cannot: vec!["sass: its sources were not kept".into()],
        };
        insta::assert_snapshot!(told(&verified));
    }
}
