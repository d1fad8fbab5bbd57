//! The options of a module, understood.

use oxc::transformer::{EngineTargets, JsxRuntime, RewriteExtensionsMode, TransformOptions};
use prefab_sdk::{Failure, Module, Options};

use crate::release;

/// What a module asks for.
pub(crate) struct CompileOptions {
    /// How sources are transformed; holds the target and the kind of JSX.
    pub transform: TransformOptions,
    /// The target once more, as the minifier wants to know it.
    pub engines: EngineTargets,
    /// Whether the JavaScript is minified.
    pub minify: bool,
    /// Whether source maps are written.
    pub sourcemap: bool,
    /// Whether declarations are written.
    pub declarations: Declarations,
}

/// Whether declarations are written, and how bad an export without a written type is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Declarations {
    /// They are not written.
    None,
    /// They are written; what is missing in them is a warning.
    Lenient,
    /// They are written; what is missing in them is an error.
    Strict,
}

impl CompileOptions {
    /// Reads the options of a module.
    pub(crate) fn of(module: &dyn Module) -> Result<Self, Failure> {
        let options = Options::of(module);
        let target = options.get("target").unwrap_or(release::DEFAULT_TARGET);
        let unknown = |why| Failure::Unsupported(format!("the option `target` is `{target}`: {why}"));
        let mut transform = TransformOptions::from_target(target).map_err(unknown)?;
        transform.jsx.runtime = jsx_runtime(options.get("jsx").unwrap_or("automatic"))?;
        transform.typescript.rewrite_import_extensions = Some(RewriteExtensionsMode::Rewrite);
        // Where fields have to be lowered they become plain assignments, as TypeScript does for such targets.
        transform.assumptions.set_public_class_fields = true;
        Ok(Self {
            transform,
            engines: EngineTargets::from_target(target).map_err(unknown)?,
            minify: options.flag("minify", false)?,
            sourcemap: options.flag("sourcemap", true)?,
            declarations: match options.get("declarations") {
                None | Some("true") => Declarations::Lenient,
                Some("false") => Declarations::None,
                Some("strict") => Declarations::Strict,
                Some(other) => {
                    return Err(Failure::Unsupported(format!(
                        "the option `declarations` is `{other}`; it can be `true`, `false` or `strict`"
                    )));
                }
            },
        })
    }
}

fn jsx_runtime(jsx: &str) -> Result<JsxRuntime, Failure> {
    match jsx {
        "automatic" => Ok(JsxRuntime::Automatic),
        "classic" => Ok(JsxRuntime::Classic),
        other => Err(Failure::Unsupported(format!(
            "the option `jsx` is `{other}`; it can be `automatic` or `classic`"
        ))),
    }
}
