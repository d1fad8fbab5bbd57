//! The core module of a compiler: what it imports and exports, as the contract has it, and modules of this shape with any bodies.

use std::sync::LazyLock;

use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, EntityType, ExportKind, ExportSection, Function, FunctionSection,
    GlobalSection, GlobalType, ImportSection, Instruction, MemorySection, MemoryType, Module, TypeSection,
    ValType,
};
use wasmparser::{Parser, Payload, TypeRef};
use wit_parser::{LiftLowerAbi, ManglingAndAbi};

use crate::support;

/// Pages of memory in the beginning.
const PAGES: u64 = 2;
/// Where the guest puts what the host hands it; its first global says where next.
const HEAP: i32 = 1 << 16;

/// What the core module of a compiler imports and exports.
#[derive(Default)]
pub(super) struct Shape {
    /// The module, the name and the type of each function.
    pub(super) imports: Vec<(String, String, Type)>,
    pub(super) exports: Vec<(String, Type)>,
}

/// The type of a function.
#[derive(Clone)]
pub(super) struct Type {
    pub(super) params: Vec<ValType>,
    pub(super) results: Vec<ValType>,
}

/// A module of this shape that does nothing.
pub(super) fn idle(world: &str) -> Vec<u8> {
    encoded(shape_of(world), &[], |_, _| vec![Instruction::Unreachable])
}

/// A module of this shape. A body that leaves nothing where something is promised traps.
pub(super) fn encoded<'a>(
    shape: &Shape,
    data: &[u8],
    mut body: impl FnMut(&Type, &str) -> Vec<Instruction<'a>>,
) -> Vec<u8> {
    let (mut types, mut imports, mut functions) =
        (TypeSection::new(), ImportSection::new(), FunctionSection::new());
    let (mut exports, mut code) = (ExportSection::new(), CodeSection::new());
    let mut index = 0;
    let mut declare = |ty: &Type| {
        types.ty().function(ty.params.iter().copied(), ty.results.iter().copied());
        index += 1;
        index - 1
    };
    for (module, name, ty) in &shape.imports {
        imports.import(module, name, EntityType::Function(declare(ty)));
    }
    for (name, ty) in &shape.exports {
        let at = declare(ty);
        functions.function(at);
        // There is a type for each function, so both count alike.
        exports.export(name, ExportKind::Func, at);
        let mut function = Function::new([]);
        let body = body(ty, name);
        let ends = body.is_empty() && !ty.results.is_empty();
        for instruction in &body {
            function.instruction(instruction);
        }
        if ends {
            function.instruction(&Instruction::Unreachable);
        }
        function.instruction(&Instruction::End);
        code.function(&function);
    }
    let memory =
        MemoryType { minimum: PAGES, maximum: None, memory64: false, shared: false, page_size_log2: None };
    let top = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
    exports.export("memory", ExportKind::Memory, 0);
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions);
    module.section(MemorySection::new().memory(memory));
    module.section(GlobalSection::new().global(top, &ConstExpr::i32_const(HEAP)));
    module.section(&exports).section(&code);
    module.section(DataSection::new().active(0, &ConstExpr::i32_const(0), data.iter().copied()));
    module.finish()
}

/// The shape of a module that implements this world.
pub(super) fn shape_of(world: &str) -> &'static Shape {
    static SHAPES: LazyLock<[Shape; 2]> = LazyLock::new(|| ["compiler", "modular-compiler"].map(read));
    &SHAPES[usize::from(world != "compiler")]
}

/// The shape of a module that implements a world.
fn read(world: &str) -> Shape {
    let (resolve, world) = support::world(world);
    let module = wit_component::dummy_module(resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    let mut shape = Shape::default();
    let (mut types, mut functions) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(&module) {
        match payload.expect("a module of ours") {
            Payload::TypeSection(section) => {
                let read = section.into_iter_err_on_gc_types().map(|ty| {
                    let ty = ty.expect("a module of ours");
                    let val = |ty: &wasmparser::ValType| match ty {
                        wasmparser::ValType::I64 => ValType::I64,
                        wasmparser::ValType::F32 => ValType::F32,
                        wasmparser::ValType::F64 => ValType::F64,
                        _ => ValType::I32,
                    };
                    Type {
                        params: ty.params().iter().map(val).collect(),
                        results: ty.results().iter().map(val).collect(),
                    }
                });
                types.extend(read);
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.expect("a module of ours");
                    if let TypeRef::Func(ty) = import.ty {
                        let ty: &Type = &types[ty as usize];
                        shape.imports.push((import.module.to_owned(), import.name.to_owned(), ty.clone()));
                        functions.push(ty.clone());
                    }
                }
            }
            Payload::FunctionSection(section) => {
                functions.extend(
                    section.into_iter().map(|ty| types[ty.expect("a module of ours") as usize].clone()),
                );
            }
            Payload::ExportSection(section) => {
                let exports = section.into_iter().map(|export| export.expect("a module of ours"));
                let exports = exports.filter(|export| export.kind == wasmparser::ExternalKind::Func);
                shape
                    .exports
                    .extend(exports.map(|it| (it.name.to_owned(), functions[it.index as usize].clone())));
            }
            _ => {}
        }
    }
    shape
}
