//! The status and code of every error that a caller can do something about. All others are the server's own.

use std::error::Error;
use std::io;

use axum::http::StatusCode;
use prefab_model::{InvalidConfigKey, InvalidModuleName};
use prefab_prepare::{
    ArtifactsError, AttestError, ControlError, EnvironmentError, ErrorsError, ModulesError, ObjectsError,
    PrepareError, PublishError, ReleasesError, ReportError, RollbackError, SettingsError, UndoError,
    VerifyError,
};

use super::{chain, held};
use crate::names::InvalidName;
use crate::unpack::UnpackError;

type Class = (StatusCode, &'static str);

const INTERNAL: Class = (StatusCode::INTERNAL_SERVER_ERROR, "internal");

/// What an error is answered with.
pub(super) fn classify(error: &(dyn Error + 'static)) -> Class {
    if held(error).is_some() {
        return (StatusCode::CONFLICT, "held");
    }
    if chain(error).any(<dyn Error>::is::<ObjectsError>) {
        return (StatusCode::SERVICE_UNAVAILABLE, "artifacts-away");
    }
    let full = chain(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded));
    if full {
        return (StatusCode::INSUFFICIENT_STORAGE, "no-room");
    }
    // An error that is shown as another one is not in the chain: so each type is asked for those it may stand for.
    macro_rules! ask {
        ($($class:path),* $(,)?) => { $(if let Some(error) = error.downcast_ref() { return $class(error); })* };
    }
    ask!(
        modules,
        prepare,
        publish,
        releases,
        settings,
        control,
        artifacts,
        report,
        undo,
        rollback,
        errors,
        verify,
        attest,
        environment,
        unpack,
    );
    if let Some(error) = error.downcast_ref::<Box<ModulesError>>() {
        return modules(error);
    }
    if error.is::<InvalidModuleName>() || error.is::<InvalidName>() {
        return (StatusCode::UNPROCESSABLE_ENTITY, "invalid-name");
    }
    if error.is::<InvalidConfigKey>() {
        return (StatusCode::UNPROCESSABLE_ENTITY, "invalid-setting");
    }
    INTERNAL
}

fn modules(error: &ModulesError) -> Class {
    match error {
        ModulesError::Unknown { .. } => (StatusCode::NOT_FOUND, "no-such-module"),
        ModulesError::NoApplication { .. } => (StatusCode::NOT_FOUND, "no-such-application"),
        ModulesError::NotAModule { .. } | ModulesError::Unreadable { .. } => {
            (StatusCode::UNPROCESSABLE_ENTITY, "not-a-module")
        }
        ModulesError::OtherName { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "other-module"),
        ModulesError::Duplicate { .. } => (StatusCode::CONFLICT, "duplicate-module"),
        ModulesError::NoPackages { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "no-packages"),
        _ => INTERNAL,
    }
}

fn prepare(error: &PrepareError) -> Class {
    match error {
        PrepareError::NoPlatform => (StatusCode::CONFLICT, "no-platform"),
        PrepareError::NoModules => (StatusCode::CONFLICT, "no-modules"),
        PrepareError::NotFrom { .. } => (StatusCode::CONFLICT, "not-upgradable"),
        PrepareError::Release(error) => releases(error),
        PrepareError::Module(error) => modules(error),
        _ => INTERNAL,
    }
}

fn publish(error: &PublishError) -> Class {
    match error {
        PublishError::Module(error) => modules(error),
        PublishError::Prepare(error) => prepare(error),
        _ => INTERNAL,
    }
}

fn rollback(error: &RollbackError) -> Class {
    match error {
        RollbackError::Module(error) => modules(error),
        _ => INTERNAL,
    }
}

fn errors(error: &ErrorsError) -> Class {
    match error {
        ErrorsError::Module(error) => modules(error),
        ErrorsError::Store(_) => INTERNAL,
    }
}

fn releases(error: &ReleasesError) -> Class {
    match error {
        ReleasesError::Manifest { .. } | ReleasesError::Packed { .. } => {
            (StatusCode::UNPROCESSABLE_ENTITY, "invalid-release")
        }
        ReleasesError::Digest { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "wrong-digest"),
        ReleasesError::Refused { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "refused-release"),
        ReleasesError::Load { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "unusable-compiler"),
        ReleasesError::Different { .. } => (StatusCode::CONFLICT, "different-release"),
        ReleasesError::NotInstalled { .. } => (StatusCode::NOT_FOUND, "no-such-release"),
        ReleasesError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            (StatusCode::UNPROCESSABLE_ENTITY, "incomplete-release")
        }
        ReleasesError::Io { source, .. }
            if matches!(source.kind(), io::ErrorKind::FileTooLarge | io::ErrorKind::InvalidData) =>
        {
            (StatusCode::UNPROCESSABLE_ENTITY, "invalid-release")
        }
        _ => INTERNAL,
    }
}

fn settings(error: &SettingsError) -> Class {
    match error {
        SettingsError::Value { .. } | SettingsError::Limit(_) => {
            (StatusCode::UNPROCESSABLE_ENTITY, "invalid-setting")
        }
        _ => INTERNAL,
    }
}

fn control(error: &ControlError) -> Class {
    match error {
        ControlError::Module(error) => modules(error),
        ControlError::NotRunning => (StatusCode::CONFLICT, "not-running"),
        ControlError::NoAnswer { .. } | ControlError::Busy => (StatusCode::SERVICE_UNAVAILABLE, "no-answer"),
        _ => INTERNAL,
    }
}

fn artifacts(error: &ArtifactsError) -> Class {
    match error {
        ArtifactsError::Module(error) => modules(error),
        ArtifactsError::NotPrepared { .. } => (StatusCode::NOT_FOUND, "not-prepared"),
        ArtifactsError::Store(_) => INTERNAL,
    }
}

fn report(error: &ReportError) -> Class {
    match error {
        ReportError::NoBase | ReportError::NoRehearsal => (StatusCode::CONFLICT, "nothing-to-compare"),
        ReportError::UnknownPreparation { .. } => (StatusCode::NOT_FOUND, "no-such-preparation"),
        ReportError::NotPrepared { .. } => (StatusCode::NOT_FOUND, "not-prepared"),
        ReportError::Module(error) => modules(error),
        ReportError::Store(_) => INTERNAL,
    }
}

fn undo(error: &UndoError) -> Class {
    match error {
        UndoError::Nothing => (StatusCode::CONFLICT, "nothing-to-undo"),
        UndoError::Published { .. } => (StatusCode::CONFLICT, "published"),
        UndoError::Release(error) => releases(error),
        UndoError::Prepare(error) => prepare(error),
        _ => INTERNAL,
    }
}

fn verify(error: &VerifyError) -> Class {
    match error {
        VerifyError::Module(error) => modules(error),
        VerifyError::Prepare(error) => prepare(error),
        _ => INTERNAL,
    }
}

fn attest(error: &AttestError) -> Class {
    match error {
        AttestError::Module(error) => modules(error),
        AttestError::Nothing { .. } => (StatusCode::NOT_FOUND, "nothing-to-attest"),
        AttestError::Unknown { .. } => (StatusCode::CONFLICT, "not-known-well-enough"),
        AttestError::Store(_) => INTERNAL,
    }
}

fn environment(error: &EnvironmentError) -> Class {
    match error {
        EnvironmentError::NotFound(_) => (StatusCode::NOT_FOUND, "not-found"),
        EnvironmentError::Exists(_) => (StatusCode::CONFLICT, "exists"),
        _ => INTERNAL,
    }
}

fn unpack(error: &UnpackError) -> Class {
    match error {
        UnpackError::Bytes { .. } | UnpackError::Files { .. } => {
            (StatusCode::PAYLOAD_TOO_LARGE, error.code())
        }
        UnpackError::Io { .. } => INTERNAL,
        _ => (StatusCode::UNPROCESSABLE_ENTITY, error.code()),
    }
}
