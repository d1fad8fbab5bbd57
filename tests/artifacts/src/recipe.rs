//! Which package becomes which component of which release.

/// A release and its components.
pub(crate) struct Release {
    /// The platform version; `plugins/releases/<version>/release.toml` is its manifest.
    pub version: &'static str,
    /// The packages and the file names of the components that they become.
    pub components: [Component; 2],
}

/// A component of a release.
pub(crate) struct Component {
    /// The cargo package.
    pub package: &'static str,
    /// The library that it builds, which is the name of the file that cargo writes.
    pub library: &'static str,
    /// The file beside the manifest.
    pub file: &'static str,
    /// What it is built for.
    pub built_for: BuiltFor,
}

/// What a component is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BuiltFor {
    /// Running fast: a compiler of the many.
    Speed,
    /// Being small, so that its native code is made fast: a compiler of the few.
    Size,
}

/// All releases.
pub(crate) const RELEASES: [Release; 2] = [
    Release {
        version: "11.8.0",
        components: [
            Component {
                package: "prefab-typescript-11-8",
                library: "prefab_typescript_11_8",
                file: "typescript.wasm",
                built_for: BuiltFor::Speed,
            },
            Component {
                package: "prefab-sass-11-8",
                library: "prefab_sass_11_8",
                file: "sass.wasm",
                built_for: BuiltFor::Size,
            },
        ],
    },
    Release {
        version: "11.9.0",
        components: [
            Component {
                package: "prefab-typescript",
                library: "prefab_typescript",
                file: "typescript.wasm",
                built_for: BuiltFor::Speed,
            },
            Component {
                package: "prefab-sass",
                library: "prefab_sass",
                file: "sass.wasm",
                built_for: BuiltFor::Size,
            },
        ],
    },
];
