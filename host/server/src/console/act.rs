//! What a form asks for: asked of the API, whose answer the next page tells. So it is done, refused and recorded as for any program.

use axum::Form;
use axum::body::to_bytes;
use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use prefab_model::{ModuleName, PreparationId};
use semver::Version;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::Api;
use super::links::Links;
use super::session::{Said, Visitor};
use super::words::modules;
use crate::access::{Place, Read};
use crate::problem::Problem;
use crate::server::App;

/// So many modules that were refused are told with the reason.
const TOLD: usize = 8;
/// The most of an answer that is read: a line for each of some million modules.
const ANSWER: usize = 512 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Action {
    Upgrade,
    Rehearse,
    Prepare,
    RetryFailed,
    Retry,
    Pause,
    Resume,
    Cancel,
    First,
    Publish,
    PublishAll,
    Rollback,
    RollbackAll,
}

/// A form as it is sent.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    action: Action,
    version: Option<Version>,
    module: Option<ModuleName>,
    preparation: Option<PreparationId>,
}

pub(super) async fn act(
    State(app): State<App>,
    Extension(api): Extension<Api>,
    at: Place<Read>,
    visitor: Visitor,
    form: Result<Form<Asked>, FormRejection>,
) -> Result<Response, Problem> {
    let Form(asked) = form.map_err(|error| Problem::invalid(error.body_text()))?;
    let links = Links::of(&at);
    let (path, body) = request(&asked)?;
    let answer = api.post(&visitor.caller, &links.api(&path), &body).await?;
    if let Some(problem) = answer.extensions().get::<Problem>()
        && problem.status() == StatusCode::NOT_FOUND
    {
        return Err(problem.clone());
    }
    let said = told(&asked, answer).await?;
    let said = serde_json::to_string(&said)?;
    app.blocking(move |server| Ok(server.data().db().say(visitor.session, Some(&said))?)).await?;
    let back = match (asked.action, &asked.module) {
        (Action::Retry | Action::First | Action::Publish | Action::Rollback, Some(module)) => {
            links.module(module)
        }
        _ => links.to(""),
    };
    Ok(Redirect::to(&back).into_response())
}

/// What is asked of the API: where below the environment, and with which body.
fn request(asked: &Asked) -> Result<(String, Value), Problem> {
    let missing = |what| move || Problem::invalid(format!("the form has no {what}"));
    let version = || asked.version.as_ref().ok_or_else(missing("version"));
    let module = || asked.module.as_ref().ok_or_else(missing("module"));
    let preparation = || asked.preparation.ok_or_else(missing("preparation"));
    let all = json!({"all": true});
    Ok(match asked.action {
        Action::Upgrade => ("/upgrade".to_owned(), json!({"version": version()?})),
        Action::Rehearse => ("/rehearse".to_owned(), json!({"version": version()?})),
        Action::Prepare => ("/preparations".to_owned(), json!({})),
        Action::RetryFailed => ("/preparations".to_owned(), json!({"failed": true})),
        Action::Retry => ("/preparations".to_owned(), json!({"modules": [module()?]})),
        Action::Pause => (format!("/preparations/{}/pause", preparation()?), Value::Null),
        Action::Resume => (format!("/preparations/{}/resume", preparation()?), Value::Null),
        Action::Cancel => (format!("/preparations/{}/cancel", preparation()?), Value::Null),
        Action::First => {
            (format!("/preparations/{}/prioritise", preparation()?), json!({"modules": [module()?]}))
        }
        Action::Publish => ("/publish".to_owned(), json!({"modules": [module()?]})),
        Action::PublishAll => ("/publish".to_owned(), all),
        Action::Rollback => ("/rollback".to_owned(), json!({"modules": [module()?]})),
        Action::RollbackAll => ("/rollback".to_owned(), all),
    })
}

/// The API's answer in a sentence.
async fn told(asked: &Asked, answer: Response) -> Result<Said, Problem> {
    if let Some(problem) = answer.extensions().get::<Problem>() {
        return Ok(Said { good: false, text: problem.detail().to_owned(), details: Vec::new() });
    }
    let good = answer.status().is_success();
    let body = to_bytes(answer.into_body(), ANSWER).await?;
    let body: Value = serde_json::from_slice(&body)?;
    let version = || asked.version.as_ref().map(ToString::to_string).unwrap_or_default();
    let said = |text: String| Said { good, text, details: Vec::new() };
    Ok(match asked.action {
        // The page says how far it is.
        Action::Upgrade => said(format!("The upgrade to {} has begun.", version())),
        Action::Rehearse => said(format!("The rehearsal with {} has begun.", version())),
        Action::Prepare | Action::RetryFailed | Action::Retry => {
            said("The preparation has begun.".to_owned())
        }
        Action::Pause => said("It is paused.".to_owned()),
        Action::Resume => said("It goes on.".to_owned()),
        Action::Cancel if body["ended"] == false => {
            said("It was called off, and ends as soon as the busy machine lets it notice.".to_owned())
        }
        Action::Cancel => said("It was called off.".to_owned()),
        Action::First => said("It goes next, with what it needs.".to_owned()),
        Action::Publish | Action::PublishAll => published(&body),
        Action::Rollback | Action::RollbackAll => rolled_back(&body),
    })
}

fn published(body: &Value) -> Said {
    let count = |name: &str| body[name].as_u64().unwrap_or_default();
    let (published, unchanged) = (count("published"), count("unchanged"));
    let (refused, not_yet) = (count("refused"), count("not_yet"));
    let mut text = match published {
        0 => "Nothing was published.".to_owned(),
        some => format!("Published: {}.", modules(some)),
    };
    if unchanged > 0 {
        text = format!("{text} {} up to date.", are(unchanged));
    }
    if refused > 0 {
        text = format!("{text} {} not prepared, and what is deployed of it stays.", are(refused));
    }
    if not_yet > 0 {
        text = format!("{text} {} not prepared yet by the preparation that runs.", are(not_yet));
    }
    Said { good: refused == 0 && not_yet == 0, text, details: reasons(body) }
}

fn rolled_back(body: &Value) -> Said {
    let count = |name: &str| body[name].as_u64().unwrap_or_default();
    let (done, refused) = (count("rolled_back"), count("refused"));
    let mut text = match done {
        0 => "Nothing was rolled back.".to_owned(),
        some => format!("Rolled back: {}.", modules(some)),
    };
    if refused > 0 {
        text = format!("{text} {} left as before.", are(refused));
    }
    Said { good: done > 0, text, details: reasons(body) }
}

fn are(count: u64) -> String {
    format!("{} {}", modules(count), if count == 1 { "is" } else { "are" })
}

/// Why single modules were refused.
fn reasons(body: &Value) -> Vec<String> {
    let all = body["modules"].as_array().into_iter().flatten();
    let refused = all.filter(|module| module["how"] == "refused");
    refused
        .take(TOLD)
        .map(|module| {
            let text = |name: &str| module[name].as_str().unwrap_or_default();
            format!("{}: {}", text("module"), text("reason"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_published_is_told_with_what_was_not() {
        let body = json!({
            "published": 2, "unchanged": 1, "refused": 1, "not_yet": 0,
            "modules": [{"module": "a", "how": "switched"}, {"module": "b", "how": "refused", "reason": "it failed"}],
        });
        let said = published(&body);
        assert_eq!(
            (said.good, said.text.as_str(), said.details),
            (
                false,
                "Published: 2 modules. 1 module is up to date. 1 module is not prepared, and what is deployed of it stays.",
                vec!["b: it failed".to_owned()]
            )
        );
        let body = json!({"rolled_back": 3, "refused": 0, "modules": []});
        assert_eq!(rolled_back(&body).text, "Rolled back: 3 modules.");
    }

    #[test]
    fn an_action_without_what_it_is_about_is_refused() {
        let asked = |action| Asked { action, version: None, module: None, preparation: None };
        for action in [Action::Upgrade, Action::Retry, Action::Pause, Action::Publish, Action::Rollback] {
            assert_eq!(request(&asked(action)).unwrap_err().code(), "invalid", "{action:?}");
        }
        assert!(request(&asked(Action::PublishAll)).is_ok());
    }
}
