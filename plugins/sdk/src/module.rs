//! What a compiler sees of the module that it compiles.

/// The module that is compiled. Every answer is the same however often and in whatever order it is asked for.
pub trait Module {
    /// The module's name, unique in the environment.
    fn name(&self) -> String;

    /// The module's own version, where it has one.
    fn version(&self) -> Option<String>;

    /// The options for this compiler, sorted by name: those of the release, overridden by the environment's, overridden
    /// by the module's. [`Options`] reads them.
    fn options(&self) -> Vec<(String, String)>;

    /// The files of the module that this compiler takes, sorted by path.
    fn list_files(&self) -> Vec<SourceFile>;

    /// The bytes of one of these files.
    ///
    /// # Errors
    ///
    /// When there is no such file, or the path is not a relative, normalised one.
    fn read_file(&self, path: &str) -> Result<Vec<u8>, ReadError>;

    /// What the module offers to others, sorted by name.
    fn entry_points(&self) -> Vec<EntryPoint>;

    /// The modules that this one depends on, sorted by name.
    fn dependencies(&self) -> Vec<Dependency>;

    /// The signature that this release's compiler of the same name made for a dependency; none when the dependency has
    /// none. The bytes come from a compiler and may be anything: read them with care.
    ///
    /// # Errors
    ///
    /// When the module has no dependency of this name.
    fn read_signature(&self, dependency: &str) -> Result<Option<Vec<u8>>, ReadError>;
}

/// A file of the module that this compiler takes, by the patterns in the release manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path within the module: relative, normalised, with `/` between the segments.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
}

/// A file that the module offers to those who depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryPoint {
    /// The name it is asked for by: `.` for the module itself, `./name` for a part of it.
    pub name: String,
    /// The file's path within the module. It need not be one that this compiler takes, nor exist.
    pub path: String,
}

/// Another module that this one says it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The name that the sources use for it, as in `import "name"` or `@use "name"`.
    pub name: String,
    /// The module it stands for in this environment; none when the environment does not have it.
    pub module: Option<String>,
}

/// Why a file or a signature could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// There is no such file or dependency, or it is not one that this compiler takes.
    NotFound,
    /// The path is not a relative, normalised one; the text says what is wrong with it.
    InvalidPath(String),
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotFound => f.write_str("there is no such file or dependency"),
            Self::InvalidPath(why) => write!(f, "not a path within the module: {why}"),
        }
    }
}

impl std::error::Error for ReadError {}

/// The options of a module, with the checks that every compiler makes.
#[derive(Debug, Clone)]
pub struct Options(Vec<(String, String)>);

impl Options {
    /// Takes the options of a module.
    pub fn of(module: &dyn Module) -> Self {
        Self(module.options())
    }

    /// The value of an option, if it is given.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of an option that is `true` or `false`.
    ///
    /// # Errors
    ///
    /// [`Failure::Unsupported`](crate::Failure::Unsupported) when it is something else.
    pub fn flag(&self, name: &str, default: bool) -> Result<bool, crate::Failure> {
        match self.get(name) {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(crate::Failure::Unsupported(format!(
                "the option `{name}` is `{other}`; it can be `true` or `false`"
            ))),
        }
    }
}
