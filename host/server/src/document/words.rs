//! The words that other crates own, as the description has them: which texts are names, versions and keys.
//!
//! They say no more and no less than what is parsed, so that a request that the description allows is one that is understood.

use std::borrow::Cow;

use utoipa::openapi::schema::{ObjectBuilder, Schema};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $pattern:expr, $most:expr) => {
        $(#[$doc])*
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new().schema_type(Type::String).pattern(Some($pattern)).max_length(Some($most)).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    };
}

text! {
    /// A module's name.
    ModuleName,
    "^(@[A-Za-z0-9_~+@#-]([A-Za-z0-9._~+@#-]*[A-Za-z0-9_~+@#-])?/[A-Za-z0-9_~+@#-]([A-Za-z0-9._~+@#-]*[A-Za-z0-9_~+@#-])?|[A-Za-z0-9_~+#-]([A-Za-z0-9._~+@#-]*[A-Za-z0-9_~+@#-])?)$",
    214
}

text! {
    /// A folder's path below another: no empty part, no `.` and no `..`.
    FolderPath,
    "^[A-Za-z0-9_@-][A-Za-z0-9._@-]{0,99}(/[A-Za-z0-9_@-][A-Za-z0-9._@-]{0,99}){0,7}$",
    800
}

text! {
    /// A platform version: a semantic version, whose numbers are not absurd.
    Version,
    "^(0|[1-9][0-9]{0,8})\\.(0|[1-9][0-9]{0,8})\\.(0|[1-9][0-9]{0,8})(-((0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(\\.(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*))?(\\+([0-9A-Za-z-]+(\\.[0-9A-Za-z-]+)*))?$",
    100
}

text! {
    /// The key of a setting, such as `limits.fuel`.
    SettingKey,
    format!("^(jobs|limits\\.({})|options\\.[a-z][a-z0-9-]{{0,63}}\\.[A-Za-z0-9_-]+)$", prefab_model::Limit::ALL.map(prefab_model::Limit::name).join("|")),
    200
}

const SPAN: &str = "(daily|(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?(,(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?){0,6}) ([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)";

text! {
    /// When something may be done, in UTC: `sat,sun 01:00-05:00`.
    Window,
    format!("^{SPAN}( *; *{SPAN}){{0,15}}$"),
    2000
}

/// The number of a preparation, or of a token: from 1.
pub(crate) struct Number;

impl PartialSchema for Number {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(i64::MAX));
        number.format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64))).into()
    }
}

impl ToSchema for Number {
    fn name() -> Cow<'static, str> {
        "Number".into()
    }
}

/// An amount of something: what the database can hold.
pub(crate) struct Amount;

impl PartialSchema for Amount {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).maximum(Some(i64::MAX));
        number.format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64))).into()
    }
}

impl ToSchema for Amount {
    fn name() -> Cow<'static, str> {
        "Amount".into()
    }
}

fn one_of(values: &[&str]) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(values.iter().copied())).into()
}

/// Who is refused publishing meanwhile.
pub(crate) fn lock() -> RefOr<Schema> {
    one_of(&["environment", "module"])
}

/// What is verified or attested.
pub(crate) fn verifying() -> RefOr<Schema> {
    one_of(&["deployed", "prepared"])
}

/// `true`, and nothing else.
pub(crate) fn yes() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([true])).into()
}

/// A part of a path, by its name.
pub(crate) fn part(name: &str) -> RefOr<Schema> {
    match name {
        "tenant" => crate::names::TenantName::schema(),
        "environment" => crate::names::EnvironmentName::schema(),
        "module" => ModuleName::schema(),
        "version" => Version::schema(),
        "preparation" | "token" => Number::schema(),
        "request" => one_of(&["pause", "resume", "cancel"]),
        _ => ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).into(),
    }
}
