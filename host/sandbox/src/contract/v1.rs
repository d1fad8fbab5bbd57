//! `prefab:compiler@1`: the resources that a compiler is handed, and the exports that it is called by.
//!
//! One file serves all of 1.x: a minor version only adds functions to the resources, and types for them, by the rule in
//! docs/contract-versions.md, which a test holds against the WIT. So what is generated here from the newest minor version
//! is what an older compiler imports, and more; a version that changes anything else has a file of its own beside this
//! one.
//!
//! Both resources stand for the one module and the one output of the store, so that a handle needs no table: whatever
//! handle a guest holds, it is to these.

use prefab_model::{Descriptor, Diagnostic, Label, ModulePath, OptionDescriptor, Position, Severity, Span};
use wasmtime::component::{
    ComponentExportIndex, ComponentNamedList, HasSelf, Instance, InstancePre, Lift, Linker, Lower, Resource,
    types::ComponentItem,
};
use wasmtime::{Result, Store};

use self::bindings::prefab::compiler::types::{self as wit, EmitError, ReadError};
use crate::end::Stop;
use crate::findings;
use crate::guest::Guest;
use crate::output::Declined;

#[allow(clippy::pedantic, reason = "generated from the WIT")]
mod bindings {
    wasmtime::component::bindgen!({
        inline: "
            package prefab:host;
            world host { import prefab:compiler/types@1.1.0; }
        ",
        path: "../../wit/prefab-compiler-1.1",
        imports: { default: trappable },
        with: {
            "prefab:compiler/types.module": super::Module,
            "prefab:compiler/types.output": super::Output,
        },
    });
}

pub(crate) use self::bindings::prefab::compiler::types::Failure;

/// The interface that every compiler imports.
pub(crate) const TYPES: &str = "prefab:compiler/types";
/// The minor versions that are known here, oldest first.
pub(crate) const VERSIONS: [&str; 2] = ["1.0.0", "1.1.0"];

/// The host's end of a `module` handle.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Module;
/// The host's end of an `output` handle.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Output;

type Describe = ((), (wit::Descriptor,));
type Compile = ((Resource<Module>, Resource<Output>), (Result<(), Failure>,));
type Signature = ((Resource<Module>,), (Result<Vec<u8>, Failure>,));

/// Where a compiler's exports are.
#[derive(Clone, Copy)]
pub(crate) struct Exports {
    describe: ComponentExportIndex,
    compile: ComponentExportIndex,
    signature: Option<ComponentExportIndex>,
}

impl Exports {
    /// Finds the exports and checks their types.
    ///
    /// # Errors
    /// What is missing or of another type, one sentence each.
    pub(crate) fn find(compiler: &InstancePre<Guest>) -> Result<Self, Vec<String>> {
        let mut wrong = Vec::new();
        let mut keep = |found: Result<Option<ComponentExportIndex>, String>| {
            found.unwrap_or_else(|complaint| {
                wrong.push(complaint);
                None
            })
        };
        let describe = keep(find::<Describe>(compiler, "describe").and_then(required("describe")));
        let compile = keep(find::<Compile>(compiler, "compile").and_then(required("compile")));
        let signature = keep(find::<Signature>(compiler, "signature"));
        match (describe, compile) {
            (Some(describe), Some(compile)) if wrong.is_empty() => Ok(Self { describe, compile, signature }),
            _ => Err(wrong),
        }
    }

    /// Whether the compiler is of the world `modular-compiler`.
    pub(crate) const fn has_signature(&self) -> bool {
        self.signature.is_some()
    }

    pub(crate) fn describe(&self, store: &mut Store<Guest>, instance: Instance) -> Result<Descriptor> {
        let (descriptor,) = call::<Describe>(store, instance, self.describe, ())?;
        Ok(descriptor.into())
    }

    pub(crate) fn compile(
        &self,
        store: &mut Store<Guest>,
        instance: Instance,
    ) -> Result<Result<(), Failure>> {
        let (result,) = call::<Compile>(store, instance, self.compile, (module(), Resource::new_borrow(0)))?;
        Ok(result)
    }

    pub(crate) fn signature(
        &self,
        store: &mut Store<Guest>,
        instance: Instance,
    ) -> Result<Result<Vec<u8>, Failure>> {
        let (result,) = call::<Signature>(store, instance, self.for_signatures()?, (module(),))?;
        Ok(result)
    }

    /// The same where the guest can yield.
    pub(crate) async fn compile_async(
        &self,
        store: &mut Store<Guest>,
        instance: Instance,
    ) -> Result<Result<(), Failure>> {
        let params = (module(), Resource::new_borrow(0));
        let (result,) = call_async::<Compile>(store, instance, self.compile, params).await?;
        Ok(result)
    }

    /// The same where the guest can yield.
    pub(crate) async fn signature_async(
        &self,
        store: &mut Store<Guest>,
        instance: Instance,
    ) -> Result<Result<Vec<u8>, Failure>> {
        let export = self.for_signatures()?;
        let (result,) = call_async::<Signature>(store, instance, export, (module(),)).await?;
        Ok(result)
    }

    fn for_signatures(&self) -> Result<ComponentExportIndex> {
        let none = || Stop::Refused("it makes no signatures: it does not export `signature`".to_owned());
        Ok(self.signature.ok_or_else(none)?)
    }
}

fn module() -> Resource<Module> {
    Resource::new_borrow(0)
}

/// A function's parameters and results.
trait Function {
    type Params: ComponentNamedList + Lower + Send + Sync;
    type Results: ComponentNamedList + Lift + Lower + Send + Sync + 'static;
}

impl<P, R> Function for (P, R)
where
    P: ComponentNamedList + Lower + Send + Sync,
    R: ComponentNamedList + Lift + Lower + Send + Sync + 'static,
{
    type Params = P;
    type Results = R;
}

fn call<F: Function>(
    store: &mut Store<Guest>,
    instance: Instance,
    export: ComponentExportIndex,
    params: F::Params,
) -> Result<F::Results> {
    instance.get_typed_func::<F::Params, F::Results>(&mut *store, export)?.call(store, params)
}

async fn call_async<F: Function>(
    store: &mut Store<Guest>,
    instance: Instance,
    export: ComponentExportIndex,
    params: F::Params,
) -> Result<F::Results> {
    let function = instance.get_typed_func::<F::Params, F::Results>(&mut *store, export)?;
    function.call_async(store, params).await
}

fn find<F: Function>(
    compiler: &InstancePre<Guest>,
    name: &str,
) -> Result<Option<ComponentExportIndex>, String> {
    match compiler.component().get_export(None, name) {
        None => Ok(None),
        Some((ComponentItem::ComponentFunc(function), export)) => {
            match function.typecheck::<F::Params, F::Results>(&compiler.instance_type()) {
                Ok(()) => Ok(Some(export)),
                Err(error) => {
                    Err(format!("its export `{name}` has another type than in the contract ({error:#})"))
                }
            }
        }
        Some(_) => Err(format!("its export `{name}` is not a function")),
    }
}

fn required(
    name: &str,
) -> impl FnOnce(Option<ComponentExportIndex>) -> Result<Option<ComponentExportIndex>, String> {
    move |found| match found {
        Some(export) => Ok(Some(export)),
        None => Err(format!("it does not export the function `{name}`")),
    }
}

/// Gives guests the resources of this contract.
pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    wit::add_to_linker::<Guest, HasSelf<Guest>>(linker, |guest| guest)
}

impl wit::Host for Guest {}

impl wit::HostModule for Guest {
    fn name(&mut self, _: Resource<Module>) -> Result<String> {
        Ok(self.shown.name.clone())
    }

    fn version(&mut self, _: Resource<Module>) -> Result<Option<String>> {
        Ok(self.shown.version.clone())
    }

    fn options(&mut self, _: Resource<Module>) -> Result<Vec<(String, String)>> {
        Ok(self.shown.options.clone())
    }

    fn list_files(&mut self, _: Resource<Module>) -> Result<Vec<wit::SourceFile>> {
        let file = |(path, bytes): &(ModulePath, std::sync::Arc<[u8]>)| wit::SourceFile {
            path: path.to_string(),
            size: bytes.len() as u64,
        };
        Ok(self.shown.files.iter().map(file).collect())
    }

    fn read_file(&mut self, _: Resource<Module>, path: String) -> Result<Result<Vec<u8>, ReadError>> {
        Ok(match ModulePath::try_from(path) {
            Ok(path) => self.shown.file(&path).map(|bytes| bytes.to_vec()).ok_or(ReadError::NotFound),
            Err(error) => Err(ReadError::InvalidPath(error.to_string())),
        })
    }

    fn entry_points(&mut self, _: Resource<Module>) -> Result<Vec<wit::EntryPoint>> {
        let entry =
            |(name, path): &(String, String)| wit::EntryPoint { name: name.clone(), path: path.clone() };
        Ok(self.shown.entry_points.iter().map(entry).collect())
    }

    fn dependencies(&mut self, _: Resource<Module>) -> Result<Vec<wit::Dependency>> {
        let dependency = |it: &crate::guest::ShownDependency| wit::Dependency {
            name: it.name.clone(),
            module: it.module.clone(),
        };
        Ok(self.shown.dependencies.iter().map(dependency).collect())
    }

    fn read_signature(
        &mut self,
        _: Resource<Module>,
        dependency: String,
    ) -> Result<Result<Option<Vec<u8>>, ReadError>> {
        let found = self.shown.dependencies.iter().find(|it| it.name == dependency);
        Ok(found.map(|it| it.signature.as_deref().map(<[u8]>::to_vec)).ok_or(ReadError::NotFound))
    }

    fn build_id(&mut self, _: Resource<Module>) -> Result<String> {
        Ok(self.shown.build_id.clone())
    }

    fn drop(&mut self, _: Resource<Module>) -> Result<()> {
        Ok(())
    }
}

impl wit::HostOutput for Guest {
    fn emit(
        &mut self,
        _: Resource<Output>,
        path: String,
        media_type: String,
        bytes: Vec<u8>,
    ) -> Result<Result<(), EmitError>> {
        Ok(self.output.emit(path, media_type, bytes)?.map_err(|declined| match declined {
            Declined::Path(error) => EmitError::InvalidPath(error.to_string()),
            Declined::Collision(error) => EmitError::DuplicatePath(error.path.to_string()),
        }))
    }

    fn report(&mut self, _: Resource<Output>, diagnostic: wit::Diagnostic) -> Result<()> {
        Ok(self.output.report(findings::in_order(diagnostic.into()))?)
    }

    fn progress(&mut self, _: Resource<Output>, _done: u64, _total: u64) -> Result<()> {
        Ok(())
    }

    fn drop(&mut self, _: Resource<Output>) -> Result<()> {
        Ok(())
    }
}

impl From<wit::Descriptor> for Descriptor {
    fn from(it: wit::Descriptor) -> Self {
        let option = |option: wit::OptionDescriptor| OptionDescriptor {
            name: option.name,
            description: option.description,
            default: option.default_value,
        };
        Self {
            name: it.name,
            version: it.version,
            languages: it.languages,
            options: it.options.into_iter().map(option).collect(),
        }
    }
}

impl From<wit::Diagnostic> for Diagnostic {
    fn from(it: wit::Diagnostic) -> Self {
        let label =
            |label: wit::Label| Label { file: label.file, span: label.span.into(), message: label.message };
        Self {
            severity: match it.severity {
                wit::Severity::Error => Severity::Error,
                wit::Severity::Warning => Severity::Warning,
                wit::Severity::Note => Severity::Note,
            },
            code: it.code,
            message: it.message,
            file: it.file,
            span: it.span.map(Into::into),
            labels: it.labels.into_iter().map(label).collect(),
            help: it.help,
            excerpt: None,
        }
    }
}

impl From<wit::Span> for Span {
    fn from(it: wit::Span) -> Self {
        let position = |at: wit::Position| Position { line: at.line, column: at.column };
        Self { start: position(it.start), end: position(it.end) }
    }
}
