//! Sources: what prefab's own compilers make of broken ones, as components in the sandbox.

use std::fs;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use prefab_model::{
    Bytes, Compilation, CompilerName, ContractVersion, Dependency, Fuel, Limits, ModuleFacts, Options,
    OutcomeKind, SourceDigest, Task,
};
use prefab_sandbox::{Compiler, Control, Inputs, Run, Sandbox, SourceFile, Success};

use super::components::contained;

/// Both compilers, of the newest release.
struct Compilers {
    sandbox: Sandbox,
    typescript: Compiler,
    sass: Compiler,
}

static COMPILERS: LazyLock<Compilers> = LazyLock::new(|| {
    let releases = prefab_artifacts::releases().expect("the releases can be built").into_std_path_buf();
    let images = releases.with_file_name("tmp").join("native");
    let sandbox = Sandbox::new(Some(&images)).expect("a sandbox");
    let load = |file: &str| {
        let component = fs::read(releases.join("11.9.0").join(file)).expect("a component");
        sandbox.load(&component).expect("a compiler of ours")
    };
    let (typescript, sass) = (load("typescript.wasm"), load("sass.wasm"));
    Compilers { sandbox, typescript, sass }
});

/// Uses all that the signature of a dependency may say.
const IMPORTS: &str =
    "import d, { total, type Money } from 'dep'; import * as all from 'dep'; export * from 'dep';
export { total as sum } from 'dep'; export const x: Money = all.y(total, d);";
const USES: &str =
    "@use 'dep' as *; @use 'dep' as d with ($gap: 2px); a { color: $color; @include d.m(1); width: f(2); }";

/// The first byte says what the rest is: a source, or the signature of a dependency.
pub(crate) fn take(input: &[u8]) {
    let Some((kind, text)) = input.split_first() else { return };
    let (typescript, sass) = (&COMPILERS.typescript, &COMPILERS.sass);
    let (compiler, file, source) = match kind {
        b's' => (sass, "a.scss", text),
        b'i' => (sass, "a.sass", text),
        b'c' => (sass, "a.css", text),
        b'x' => (typescript, "a.tsx", text),
        b'j' => (typescript, "a.js", text),
        b'd' => (typescript, "a.d.ts", text),
        b'T' => (typescript, "a.ts", IMPORTS.as_bytes()),
        b'S' => (sass, "a.scss", USES.as_bytes()),
        _ => (typescript, "a.ts", text),
    };
    for task in [Task::Signature, Task::Compile] {
        let once = || run(compiler, task, file, source, text);
        assert_eq!(once(), once(), "the same source ends otherwise");
    }
}

fn run(compiler: &Compiler, task: Task, file: &str, source: &[u8], signature: &[u8]) -> Run {
    let files = vec![SourceFile { path: file.parse().expect("a path"), bytes: Arc::from(source) }];
    let inputs = Inputs { files, signatures: [("dep".to_owned(), Arc::from(signature))].into() };
    let compilation = compilation(compiler, task, source);
    contained(COMPILERS.sandbox.run(compiler, &compilation, &inputs, &Control::default()))
}

fn compilation(compiler: &Compiler, task: Task, source: &[u8]) -> Compilation {
    let limits = Limits {
        fuel: Fuel(300_000_000),
        memory: Bytes(128 << 20),
        output: Bytes(16 << 20),
        // Never reached: it would end it elsewhere each time.
        deadline: Duration::from_secs(50),
        ..Limits::default()
    };
    let facts = ModuleFacts {
        name: "m".parse().expect("a name"),
        version: None,
        entry_points: vec![],
        dependencies: vec![Dependency { name: "dep".into(), module: None, signature: None }],
    };
    let name = "c".parse::<CompilerName>().expect("a name");
    Compilation::new(
        task,
        name,
        compiler.digest(),
        ContractVersion::V1,
        facts,
        SourceDigest::of(source),
        Options::new(),
        limits,
        COMPILERS.sandbox.revision(),
    )
}

/// What the samples have little of.
const RICH: [(u8, &str); 6] = [
    (b't', "enum E { A = 1 << 2, B = `x`.length } declare module 'm' { export type T<K extends keyof any> = { readonly [P in K]?: P } }
@dec() class C<T> extends B implements I { #p = 1n; static { this.#p; } get a(): asserts this is T { return super.a!; } constructor(private x?: T) {} }
namespace N { export import a = N.b; } type U = A extends infer X ? `${X & string}` : never; let v = <T,>(x: T) => x satisfies T as const;
label: for await (const [a = 1, ...b] of c) { continue label } abstract class D { abstract m(): void } export = N; function f(this: T, x: number): x is 1;"),
    (b'x', "export const A = <T,>(p: T) => <><B.C {...p} a={`x${1}`} b-c='&lt;'>{/* c */}{p?.x ?? [...p]}&nbsp;</B.C></>;"),
    (b'j', "async function* g() { yield* await import('x'); } var r = /(?<n>a)\\k<n>[\\p{L}--[a]]/v, t = tag`\\u{1F600}${1}`; a ??= b ** -1; with (o) {} export default class {}"),
    (b's', "@use 'sass:map'; @use 'sass:math'; $m: (a: 1px, 'b': (c: #fff)); @function f($x...) { @return math.div(map.get($m, a), 2) }
@mixin m($a, $b: 1) { @content; } %p { color: red } @each $k, $v in $m { .#{$k} { @extend %p; &:hover > & { width: calc(1px + #{f(1)}) } } }
@while $i > 0 { a { b: $i } $i: $i - 1 } @for $i from 1 through 3 { @if $i == 2 { @media (min-width: #{$i}px) { a { b: c !important } } } @else { @debug $i } }"),
    (b'i', "$a: 1px\n=m($x)\n  width: $x\n.a\n  +m($a)\n  &:hover\n    color: rgba(red, .5)\n@import 'x'\n"),
    (b'c', "@layer a, b; @container (width > 1px) { .a:is(b, c) { color: oklch(50% 0.1 20); &>d { inset: 0 } } } @font-face { src: url(x) } @supports not (a: b) { :root { --x: {a} } }"),
];

/// The sources of the sample modules, and some of their signatures.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> =
        RICH.iter().map(|(kind, text)| [&[*kind], text.as_bytes()].concat()).collect();
    let mut folders = vec![std::path::PathBuf::from("../sample/modules")];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<_> =
            fs::read_dir(folder).expect("the samples").flatten().map(|entry| entry.path()).collect();
        entries.sort_unstable();
        for path in entries {
            let kind = match path.extension().and_then(|extension| extension.to_str()) {
                None if path.is_dir() => {
                    folders.push(path);
                    continue;
                }
                Some("ts") => b't',
                Some("tsx") => b'x',
                Some("scss") => b's',
                _ => continue,
            };
            seeds.push([&[kind], &fs::read(&path).expect("a sample")[..]].concat());
        }
    }
    let signatures: Vec<_> = seeds.iter().step_by(5).filter_map(|seed| signature(seed)).collect();
    seeds.extend(signatures);
    seeds
}

/// The signature of a source, as an input.
fn signature(seed: &[u8]) -> Option<Vec<u8>> {
    let (kind, source) = seed.split_first()?;
    let (compiler, file, kind) = match kind {
        b's' => (&COMPILERS.sass, "a.scss", b'S'),
        b't' => (&COMPILERS.typescript, "index.ts", b'T'),
        _ => return None,
    };
    match run(compiler, Task::Signature, file, source, b"").kind {
        OutcomeKind::Compiled(Success::Signature(bytes)) => Some([&[kind], &bytes[..]].concat()),
        _ => None,
    }
}
