//! The engines: wasmtime with its settings, and what guests may import.
//!
//! A setting that can change what a compilation results in belongs to [`REVISION`]; a test holds the settings, so that
//! neither an edit nor an upgrade of wasmtime changes them unseen (ATTACKS C9).

use std::hash::{Hash, Hasher};

use prefab_model::EngineRevision;
use wasmparser::{Parser, Payload};
use wasmtime::component::Linker;
use wasmtime::{Collector, Config, Engine, OperatorCost, OptLevel, Strategy, WasmFeatures};

use crate::guest::Guest;
use crate::pool::{self, Places};
use crate::stack::{GUEST_STACK, THREAD_STACK};
use crate::{contract, wasi};

/// The version of wasmtime that the root manifest pins; wasmtime does not tell it at run time. A test compares.
const WASMTIME: &str = "48.0.8";

/// Counted up with each change of the settings, of the hermetic WASI or of the way in which guests are run that can change
/// an outcome.
const REVISION: u32 = 1;

/// All that guests run in. Made once and only read; whoever has it keeps it on time with a `Ticker`.
pub(crate) struct Engines {
    /// For every guest, and for generating code.
    pub(crate) plain: Home,
    /// For those that fit into the pool; none on a machine that has no room for it.
    pub(crate) pooled: Option<Pooled>,
    /// For command-line programs that use exceptions.
    pub(crate) exceptions: Home,
}

/// What a component may use of WebAssembly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// What compilers of the contract may.
    Plain,
    /// Exceptions besides.
    Exceptions,
}

impl Dialect {
    /// That of a command-line program, by a cheap look at it: it has exceptions if it names a kind of them.
    pub(crate) fn of_program(bytes: &[u8]) -> Self {
        let tags = Parser::new(0).parse_all(bytes).map_while(Result::ok).any(|payload| match payload {
            Payload::TagSection(_) => true,
            Payload::ImportSection(imports) => imports
                .into_imports()
                .map_while(Result::ok)
                .any(|import| matches!(import.ty, wasmparser::TypeRef::Tag(_))),
            _ => false,
        });
        if tags { Self::Exceptions } else { Self::Plain }
    }
}

/// An engine, and what guests may import in it.
pub(crate) struct Home {
    pub(crate) engine: Engine,
    pub(crate) linker: Linker<Guest>,
}

/// An engine with a pool of memory, and the places that there are in it.
pub(crate) struct Pooled {
    home: Home,
    pub(crate) places: Places,
}

impl Engines {
    /// Without a pool: where no guest runs, and for a process that runs one at a time, in which a limit on memory is to mean something. A pool counts with all its
    /// places from the beginning, and maps a guest's memory before it asks whether there may be so much.
    pub(crate) fn plain() -> wasmtime::Result<Self> {
        Self::of(&config(), &config_for(Dialect::Exceptions))
    }

    /// Without a pool, with these settings for each dialect.
    pub(crate) fn of(plain: &Config, exceptions: &Config) -> wasmtime::Result<Self> {
        Ok(Self { plain: Home::new(plain)?, pooled: None, exceptions: Home::new(exceptions)? })
    }

    /// With a pool.
    pub(crate) fn pooled() -> wasmtime::Result<Self> {
        let Self { plain, exceptions, .. } = Self::plain()?;
        let pooled = Pooled::new()
            .inspect_err(
                |error| tracing::warn!(%error, "guests run without a pool of memory, which is slower"),
            )
            .ok();
        Ok(Self { plain, pooled, exceptions })
    }

    /// All there are.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Engine> {
        self.pooled
            .iter()
            .map(|pooled| &pooled.home.engine)
            .chain([&self.plain.engine, &self.exceptions.engine])
    }

    /// The engines that a component may be loaded in; the first that takes it is the best.
    pub(crate) fn for_component(&self, component: &[u8], dialect: Dialect) -> Vec<&Engine> {
        if dialect == Dialect::Exceptions {
            return vec![&self.exceptions.engine];
        }
        let pooled = self.pooled.as_ref().filter(|_| pool::tables_fit(component));
        pooled.map(|pooled| &pooled.home.engine).into_iter().chain([&self.plain.engine]).collect()
    }

    /// The pool, if this engine is the one that has it.
    pub(crate) fn pool_of(&self, engine: &Engine) -> Option<&Pooled> {
        self.pooled.as_ref().filter(|pooled| Engine::same(&pooled.home.engine, engine))
    }

    /// The engine with its linker.
    pub(crate) fn home_of(&self, engine: &Engine) -> &Home {
        if Engine::same(&self.exceptions.engine, engine) {
            return &self.exceptions;
        }
        self.pool_of(engine).map_or(&self.plain, |pooled| &pooled.home)
    }

    /// The engine without a pool that native code for a dialect is made by.
    pub(crate) const fn plain_for(&self, dialect: Dialect) -> &Engine {
        match dialect {
            Dialect::Plain => &self.plain.engine,
            Dialect::Exceptions => &self.exceptions.engine,
        }
    }
}

/// Names all that can change what a compilation results in.
pub(crate) fn revision() -> EngineRevision {
    EngineRevision(format!("wasmtime {WASMTIME}; prefab-sandbox {REVISION}"))
}

impl Home {
    fn new(config: &Config) -> wasmtime::Result<Self> {
        let engine = Engine::new(config)?;
        let mut linker = Linker::new(&engine);
        wasi::add_to_linker(&mut linker)?;
        contract::v1::add_to_linker(&mut linker)?;
        Ok(Self { engine, linker })
    }
}

impl Pooled {
    fn new() -> wasmtime::Result<Self> {
        let places = pool::places();
        let mut config = config();
        // Only where memory comes from: native code is the same, and made by the engine without a pool.
        config.allocation_strategy(pool::settings(places));
        Ok(Self { home: Home::new(&config)?, places: Places::new(places) })
    }
}

/// The settings for a dialect.
pub(crate) fn config_for(dialect: Dialect) -> Config {
    let mut config = config();
    if dialect == Dialect::Exceptions {
        // An exception lives on a heap that the store's limiter counts like a memory. It is never collected: a program that throws ten
        // million of them runs out of memory, and there is no collector to attack.
        config
            .wasm_features(WasmFeatures::EXCEPTIONS | WasmFeatures::GC_TYPES, true)
            .collector(Collector::Null);
    }
    config
}

/// What all engines have in common, that of a child which makes native code included: everything that decides on an outcome.
fn config() -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        // Fuel is the cap that decides; epochs are behind it, for the deadline and for cancelling.
        .consume_fuel(true)
        .operator_cost(costs())
        .epoch_interruption(true)
        .max_wasm_stack(GUEST_STACK)
        // There are no fibers here; wasmtime only insists that they would be large enough.
        .async_stack_size(THREAD_STACK)
        // The same bits on every CPU.
        .cranelift_nan_canonicalization(true)
        .wasm_features(WasmFeatures::all().difference(FEATURES), false);
    config
}

/// The features of WebAssembly that guests may use: what compilers of languages use today. All others are switched off by
/// name, so that none comes in with an upgrade of wasmtime. Not here on purpose: threads and relaxed SIMD (results that
/// differ from run to run), 64-bit memories (they need bounds checks), garbage collection (host memory that no cap counts).
///
/// Several memories must stay: without them, a composed component makes wasmtime panic (ATTACKS C14).
const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::COMPONENT_MODEL);

/// One unit an instruction, and more where one instruction does much.
fn costs() -> OperatorCost {
    let mut costs = OperatorCost::new();
    // A grow calls into the host and into the kernel; by default it is as cheap as an addition (ATTACKS G3).
    costs.MemoryGrow = u8::MAX;
    costs.TableGrow = u8::MAX;
    costs.variable.memory_grow_per_page = u8::MAX;
    costs
}

/// Names what a native image must have been made for: wasmtime, settings, CPU.
pub(crate) fn compatibility(engine: &Engine) -> [u8; 32] {
    struct Blake3(blake3::Hasher);

    impl Hasher for Blake3 {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }

        fn finish(&self) -> u64 {
            // Nothing that is hashed here asks for it.
            u64::from_le_bytes(*self.0.finalize().as_bytes().first_chunk().unwrap_or(&[0; 8]))
        }
    }

    let mut hasher = Blake3(blake3::Hasher::new());
    WASMTIME.hash(&mut hasher);
    engine.precompile_compatibility_hash().hash(&mut hasher);
    *hasher.0.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use wasmtime::component::Component;

    use super::*;

    #[test]
    fn the_version_in_the_revision_is_the_one_that_is_built() {
        let lock = include_str!("../../../Cargo.lock");
        assert!(lock.contains(&format!("name = \"wasmtime\"\nversion = \"{WASMTIME}\"")));
    }

    #[test]
    fn a_guest_has_its_place_in_the_pool_unless_it_could_outgrow_it() {
        let engines = Engines::pooled().unwrap();
        let takers = |items: &str| {
            let text = format!("(component (core module $m {items}) (core instance (instantiate $m)))");
            let bytes = wat::parse_str(text).unwrap();
            let offered = engines.for_component(&bytes, Dialect::Plain);
            let takes = |engine: &&&Engine| Component::new(engine, &bytes).is_ok();
            offered.iter().filter(takes).map(|engine| engines.pool_of(engine).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(takers("(memory 1) (table 9 9 funcref)"), [true, false]);
        assert_eq!(takers("(memory 1) (table 9 funcref)"), [false]);
        assert_eq!(takers(&"(memory 1)".repeat(5)), [false]);
    }

    #[test]
    fn guests_may_use_no_other_features() {
        let features = |dialect| Engine::new(&config_for(dialect)).unwrap().get_wasm_features();
        assert_eq!(features(Dialect::Plain), FEATURES);
        let more = WasmFeatures::EXCEPTIONS | WasmFeatures::GC_TYPES;
        assert_eq!(features(Dialect::Exceptions), FEATURES | more);
    }
}
