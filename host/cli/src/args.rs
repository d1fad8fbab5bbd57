//! The command line: every command and flag with its help and examples, in one place.
//!
//! What the commands do is in `commands/`, one file each.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use prefab_client::ServerUrl;
use prefab_model::{BlobsUrl, CompilerName, ConfigKey, ModuleName};
use prefab_prepare::{CollectOptions, ModuleSelection};

use crate::commands::compiler::{CheckArgs, CompilerTarget};
use crate::commands::diff::DiffArgs;
use crate::commands::healthcheck::HealthcheckArgs;
use crate::commands::registry::{Allowing, RegistryArgs, Target};
use crate::commands::report::ReportArgs;
use crate::commands::serve::ServeArgs;
use crate::commands::ship::{KeygenArgs, PackArgs, PullArgs, PushArgs, SignArgs};
use crate::commands::token::TokenArgs;
use crate::commands::trust::TrustArgs;
use crate::exit::Exit;

/// Prepares every module of an environment with a new platform version's compilers, in the background, each compilation
/// in its own sandbox. Nothing is deployed until you publish it.
#[derive(Debug, Parser)]
#[command(name = "prefab", version, max_term_width = 110, after_help = Exit::help(), after_long_help = long_help())]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

fn long_help() -> String {
    format!(
        "Examples:\n  \
         prefab init shop && cd shop            make an environment\n  \
         prefab module add ../modules/*         say which modules it has\n  \
         prefab upgrade ../11.9.0/release.toml  go to a platform version and prepare all modules\n  \
         prefab errors                          see what the compilers reject\n  \
         prefab publish --all                   deploy what is prepared\n\n{}",
        Exit::help()
    )
}

/// Flags of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The environment: a folder with a prefab.toml [default: the nearest from here upwards]; with --server, TENANT/ENVIRONMENT
    #[arg(long, global = true, env = "PREFAB_ENV", value_name = "DIR", hide_env_values = true)]
    pub(crate) env: Option<PathBuf>,
    /// The server that has the environment. Its token is in PREFAB_TOKEN or --token-file
    #[arg(long, global = true, env = "PREFAB_SERVER", value_name = "URL", hide_env_values = true)]
    pub(crate) server: Option<ServerUrl>,
    /// A file with the token for the server [default: what PREFAB_TOKEN holds]
    #[arg(long, global = true, env = "PREFAB_TOKEN_FILE", value_name = "FILE", hide_env_values = true)]
    pub(crate) token_file: Option<PathBuf>,
    /// Certificates in PEM, one of which signed the server's [default: those that are known everywhere]
    #[arg(long, global = true, env = "PREFAB_SERVER_CA", value_name = "FILE", hide_env_values = true)]
    pub(crate) server_ca: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to use colours; `auto` heeds NO_COLOR
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: ColorChoice,
    /// No progress, only results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Log what happens to standard error; twice or three times for more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Log by a filter, such as `prefab_sandbox=trace,info`; goes before -v
    #[arg(long, global = true, env = "PREFAB_LOG", value_name = "FILTER", hide_env_values = true)]
    pub(crate) log: Option<String>,
    /// How log lines are written
    #[arg(
        long,
        global = true,
        env = "PREFAB_LOG_FORMAT",
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        hide_env_values = true
    )]
    pub(crate) log_format: LogFormat,
    /// Send traces of `serve`, `prepare`, `upgrade` and `rehearse` to a collector that speaks OTLP over HTTP
    #[arg(
        long,
        global = true,
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        value_name = "URL",
        hide_env_values = true
    )]
    pub(crate) otlp: Option<String>,
    /// Where compilers run: each in a sandbox in this process, or the same in worker processes that have no rights [default:
    /// in-process; process for `serve`]
    #[arg(
        long,
        global = true,
        env = "PREFAB_ISOLATION",
        value_enum,
        value_name = "WHERE",
        hide_env_values = true
    )]
    pub(crate) isolation: Option<IsolationChoice>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum IsolationChoice {
    InProcess,
    Process,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a new environment
    #[command(after_help = "Examples:\n  prefab init\n  prefab init shop --name \"The shop\"")]
    Init {
        /// The folder [default: --env, or this folder]
        dir: Option<PathBuf>,
        /// The environment's name, for people [default: the folder's name]
        #[arg(long)]
        name: Option<String>,
        /// Keep artifacts in an S3-compatible store: s3://BUCKET/PREFIX, with credentials, region and endpoint from the AWS_* variables
        #[arg(long, value_name = "URL")]
        blobs: Option<BlobsUrl>,
    },
    /// List, add and remove modules
    #[command(subcommand)]
    Module(ModuleCommand),
    /// Make modules of what other tools have
    #[command(subcommand)]
    Import(ImportCommand),
    /// List, install and inspect releases; make, sign, pack, push and pull them
    #[command(subcommand)]
    Release(ReleaseCommand),
    /// Say whose releases are taken in, and revoke what is not to be used any more
    Trust(TrustArgs),
    /// Go to another platform version and prepare all modules with it
    ///
    /// Checks that the release upgrades from this environment's platform version, switches to it and starts the
    /// preparation. Running deployments stay untouched. Ctrl-C lets the running compilations end and stops; a second one
    /// stops at once. `prefab prepare` goes on from there.
    #[command(
        after_help = "Examples:\n  prefab upgrade 11.9.0\n  prefab upgrade ../11.9.0/release.toml --jobs 2\n  prefab upgrade oci://registry.example.com/platform:11.9.0\n  prefab upgrade --undo"
    )]
    Upgrade {
        /// A version that is installed, or a release.toml, its folder, a packed file or a place in a registry, which is installed first
        #[arg(value_name = "VERSION|MANIFEST|FILE|OCI://…", required_unless_present = "undo")]
        target: Option<Target>,
        /// Go back to the platform version before: only while nothing is deployed as the new one compiled it
        #[arg(long, conflicts_with = "target")]
        undo: bool,
        #[command(flatten)]
        running: Running,
        #[command(flatten)]
        locking: Locking,
        #[command(flatten)]
        allowing: Allowing,
        #[command(flatten)]
        registry: RegistryArgs,
    },
    /// Prepare the modules with the current platform version
    ///
    /// Only what has changed is compiled. A preparation that was stopped goes on. Ctrl-C lets the running compilations end
    /// and stops; a second one stops at once.
    #[command(
        after_help = "Examples:\n  prefab prepare\n  prefab prepare --failed --priority normal\n  prefab prepare --module cart checkout"
    )]
    Prepare {
        /// Only the modules that failed or were skipped
        #[arg(long, conflicts_with = "modules")]
        failed: bool,
        /// Only these modules
        #[arg(long = "module", value_name = "MODULE", num_args = 1..)]
        modules: Vec<ModuleName>,
        #[command(flatten)]
        running: Running,
        #[command(flatten)]
        locking: Locking,
    },
    /// Prepare the modules with a release that is not installed, to see what would break
    ///
    /// Nothing of the environment changes, and publishing and configuration go on meanwhile. What is compiled need not be
    /// compiled again by the upgrade. A rehearsal that was stopped goes on when it is run again. `prefab report` compares it
    /// with the current platform version.
    #[command(
        after_help = "Examples:\n  prefab rehearse ../11.9.0/release.toml\n  prefab rehearse ../11.9.0 --modules cart checkout\n  prefab rehearse 11.9.0 && prefab report"
    )]
    Rehearse {
        /// A release.toml, its folder, a packed file or a place in a registry, or a version that is installed
        #[arg(value_name = "MANIFEST|FILE|OCI://…|VERSION")]
        target: Target,
        /// Only these modules
        #[arg(long, value_name = "MODULE", num_args = 1..)]
        modules: Vec<ModuleName>,
        #[command(flatten)]
        running: Running,
        #[command(flatten)]
        allowing: Allowing,
        #[command(flatten)]
        registry: RegistryArgs,
    },
    /// Let the preparation that is running wait, in the middle of what it compiles
    ///
    /// From any terminal. It keeps what it holds: its memory, and the environment. Without a preparation, the rehearsal that is
    /// running is meant; so for `resume` and `cancel`.
    #[command(after_help = "Examples:\n  prefab pause && make heavy-work; prefab resume")]
    Pause,
    /// Let a preparation go on that was paused
    #[command(after_help = "Examples:\n  prefab resume")]
    Resume,
    /// Have modules prepared next by the preparation that is running
    ///
    /// With all that they need, as far as these take part and are not begun. Before it begins, `prefab prepare --first` says the same.
    #[command(
        alias = "prioritize",
        after_help = "Examples:\n  prefab prioritise checkout\n  prefab prioritise checkout cart --server https://prefab.example"
    )]
    Prioritise {
        /// The modules
        #[arg(required = true, value_name = "MODULE")]
        modules: Vec<ModuleName>,
    },
    /// Call off the preparation that is running
    ///
    /// What it has compiled is kept, and `prefab prepare` need not compile it again.
    #[command(after_help = "Examples:\n  prefab cancel")]
    Cancel,
    /// Show the platform version and how the modules are
    #[command(after_help = "Examples:\n  prefab status\n  prefab status --watch\n  prefab status --json")]
    Status {
        /// Show the progress until the preparation that is running ends; with --json, one line at each change
        #[arg(long)]
        watch: bool,
    },
    /// Show what is wrong with the modules, drawn in their sources
    #[command(
        after_help = "Examples:\n  prefab errors\n  prefab errors cart\n  prefab errors --format sarif > prefab.sarif"
    )]
    Errors {
        /// Only this module, with all that its compilers had to say
        module: Option<ModuleName>,
        /// How to print them [default: human, or json with --json]
        #[arg(long, value_enum)]
        format: Option<ErrorFormat>,
    },
    /// Compare two preparations: what a release breaks, mends and changes
    ///
    /// Compares the latest rehearsal with the latest preparation of the current release, or any two. Ends with 3 if a module
    /// that was prepared is not any more.
    #[command(
        after_help = "Examples:\n  prefab report\n  prefab report --format html --output report.html\n  prefab report --base 1 --new 2 --format junit > junit.xml"
    )]
    Report(ReportArgs),
    /// Show how a module's artifacts and diagnostics differ between two preparations
    #[command(
        after_help = "Examples:\n  prefab diff cart\n  prefab diff cart --base 1 --new 2 --source-maps"
    )]
    Diff(DiffArgs),
    /// List or extract what a module's compilations produced
    #[command(after_help = "Examples:\n  prefab artifacts cart\n  prefab artifacts cart --extract /tmp/cart")]
    Artifacts {
        /// The module
        module: ModuleName,
        /// Write the artifacts into this folder
        #[arg(long, value_name = "DIR")]
        extract: Option<PathBuf>,
    },
    /// Make prepared artifacts the deployed ones
    ///
    /// An unchanged module is only switched, which compiles nothing. A module whose source has changed is compiled with the
    /// current platform version first.
    #[command(
        after_help = "Examples:\n  prefab publish cart checkout\n  prefab publish --application shop\n  prefab publish --all"
    )]
    Publish(Which),
    /// Deploy again what was deployed before
    ///
    /// Each module goes back by one deployment in one step; doing it again goes further back. Nothing is compiled. The way
    /// forward is `prefab publish`.
    #[command(
        after_help = "Examples:\n  prefab rollback cart\n  prefab rollback --application shop --dry-run\n  prefab rollback --all"
    )]
    Rollback {
        #[command(flatten)]
        which: Which,
        /// Only show what would be done
        #[arg(long)]
        dry_run: bool,
    },
    /// Compile again what is deployed, and compare
    ///
    /// Every compilation is run again in the sandbox, from the sources that were kept when the module was published, and must give
    /// the same bytes for the same fuel; deployed files must be those that were published. Nothing is changed. Ends with 1 if
    /// anything differs or cannot be verified.
    #[command(
        after_help = "Examples:\n  prefab verify cart\n  prefab verify --all --jobs 2\n  prefab verify --all --prepared"
    )]
    Verify {
        #[command(flatten)]
        which: Which,
        /// What is prepared instead of what is deployed
        #[arg(long)]
        prepared: bool,
        /// Compilations at a time [default: one a core]
        #[arg(long, short, value_name = "N")]
        jobs: Option<NonZeroUsize>,
        /// `idle` leaves the processor to every other program that wants it
        #[arg(long, value_enum, default_value_t)]
        priority: PriorityChoice,
    },
    /// Say in an in-toto statement how a module's artifacts were made
    ///
    /// One statement with SLSA provenance a compilation, each on a line of its own: digests of all artifacts, the compiler, the
    /// sources, the dependencies' signatures, options, limits, and what it cost. The statements are not signed.
    #[command(
        after_help = "Examples:\n  prefab attest cart | jq .predicate\n  prefab attest cart --prepared --output cart.intoto.jsonl"
    )]
    Attest {
        /// The module
        module: ModuleName,
        /// What is prepared instead of what is deployed
        #[arg(long)]
        prepared: bool,
        /// Write to this file instead of standard output
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Free the room that nothing needs any more
    ///
    /// What killed processes left behind goes at once. Outcomes, bundles, signatures and published folders that nothing current
    /// refers to go when they are older than --keep-days. What is deployed, what it can be rolled back to, the latest results
    /// of every module with every release, and what is younger always stay.
    #[command(after_help = "Examples:\n  prefab gc --dry-run\n  prefab gc --keep 5 --keep-days 30")]
    Gc(Garbage),
    /// Write compilers
    #[command(subcommand)]
    Compiler(CompilerCommand),
    /// List and change settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Show who did what when, the newest first
    #[command(after_help = "Examples:\n  prefab history --limit 20\n  prefab history --json")]
    History {
        /// At most this many entries
        #[arg(long, value_name = "N", default_value_t = 1000)]
        limit: u32,
    },
    /// Serve the environments of many tenants over HTTP, and prepare them in the background
    ///
    /// The data directory is made if it is not there, with an administrator's token that is shown once. On Ctrl-C or SIGTERM, what
    /// runs is stopped; it goes on at the next start.
    #[command(
        after_help = "Examples:\n  prefab serve --data /var/lib/prefab\n  prefab serve --data data --listen 127.0.0.1:0"
    )]
    Serve(Box<ServeArgs>),
    /// Ask a server whether it lives: for containers, which have no other program
    #[command(
        after_help = "Examples:\n  prefab healthcheck\n  prefab healthcheck https://127.0.0.1:7420 --ca root.pem"
    )]
    Healthcheck(HealthcheckArgs),
    /// Make, list and revoke the tokens of a server, on its machine
    Token(TokenArgs),
    /// Print a completion script
    #[command(
        after_help = "Examples:\n  prefab completions bash > ~/.local/share/bash-completion/completions/prefab\n  prefab completions fish > ~/.config/fish/completions/prefab.fish"
    )]
    Completions {
        /// The shell it is for
        shell: Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModuleCommand {
    /// List the modules
    #[command(after_help = "Examples:\n  prefab module list\n  prefab module list --json")]
    List,
    /// Add folders as modules, or read their manifests again
    ///
    /// A module is a folder with a module.toml or a package.json. Its files stay where they are.
    #[command(after_help = "Examples:\n  prefab module add modules/cart\n  prefab module add modules/*")]
    Add {
        /// The modules' folders
        #[arg(required = true, value_name = "DIR")]
        dirs: Vec<PathBuf>,
    },
    /// Remove modules from the environment; their files and what is deployed stay
    #[command(after_help = "Examples:\n  prefab module remove cart")]
    Remove {
        /// The modules
        #[arg(required = true, value_name = "MODULE")]
        modules: Vec<ModuleName>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Make a module of every package in a node_modules tree or a workspace
    #[command(after_help = "Examples:\n  prefab import npm ../web/node_modules")]
    Npm {
        /// The tree
        dir: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReleaseCommand {
    /// List the releases that are installed
    #[command(after_help = "Examples:\n  prefab release list")]
    List,
    /// Install a release: check who signed it and what is in it, and keep its compilers
    #[command(
        after_help = "Examples:\n  prefab release install ../11.9.0/release.toml\n  prefab release install platform-11.9.0.tar\n  prefab release install oci://registry.example.com/platform:11.9.0"
    )]
    Install {
        /// A release.toml, its folder, a packed file, or a place in a registry
        #[arg(value_name = "MANIFEST|FILE|OCI://…")]
        target: Target,
        #[command(flatten)]
        allowing: Allowing,
        #[command(flatten)]
        registry: RegistryArgs,
    },
    /// Make a key to sign releases with
    ///
    /// It is an Ed25519 key in the form of minisign. Its password is asked for, or taken from PREFAB_KEY_PASSWORD.
    #[command(
        after_help = "Examples:\n  prefab release keygen --output acme\n  prefab release keygen --no-password"
    )]
    Keygen(KeygenArgs),
    /// Sign a release, for operators to know who made it
    ///
    /// Writes release.toml.minisig beside the release.toml, over its text, which names every compiler by its digest. `minisign -V`
    /// can check it too.
    #[command(
        after_help = "Examples:\n  prefab release sign 11.9.0 --key acme.key\n  prefab release sign 11.9.0 --key acme.key --expires 2027-12-31"
    )]
    Sign(SignArgs),
    /// Pack a release into one file, with its signature if it has one
    ///
    /// The file is a tar of an OCI image layout: the same release gives the same bytes, and has the same digest in a registry.
    #[command(after_help = "Examples:\n  prefab release pack 11.9.0 --output platform-11.9.0.tar")]
    Pack(PackArgs),
    /// Push a release to an OCI registry, with its signature if it has one
    #[command(
        after_help = "Examples:\n  prefab release push 11.9.0 oci://registry.example.com/platform\n  prefab release push platform-11.9.0.tar oci://localhost:5000/platform:latest --plain-http"
    )]
    Push(PushArgs),
    /// Pull a release from an OCI registry, into a folder or the environment
    #[command(
        after_help = "Examples:\n  prefab release pull oci://registry.example.com/platform:11.9.0 --output 11.9.0\n  prefab release pull oci://registry.example.com/platform@sha256:… --install"
    )]
    Pull(PullArgs),
    /// Put the digests of what was built into a release.toml
    ///
    /// Of every compiler, and of the files that ship with it. All else in the manifest stays as it is. Do it after each build.
    #[command(
        after_help = "Examples:\n  prefab release digest\n  prefab release digest my-compiler/release.toml"
    )]
    Digest {
        /// The release.toml, or its folder
        #[arg(value_name = "MANIFEST", default_value = ".")]
        manifest: PathBuf,
    },
    /// Show a release's compilers with their files, options and limits
    #[command(
        after_help = "Examples:\n  prefab release inspect 11.9.0\n  prefab release inspect ../11.9.0/release.toml"
    )]
    Inspect {
        /// A version that is installed, or a release.toml, its folder, a packed file or a place in a registry
        #[arg(value_name = "VERSION|MANIFEST|FILE|OCI://…")]
        target: Target,
        #[command(flatten)]
        registry: RegistryArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CompilerCommand {
    /// Make a project for a new compiler
    ///
    /// It compiles `key = value` lines to JSON, to begin from: with a test, a README, and a release.toml. It is built by the language's own tools;
    /// its README says how.
    #[command(
        after_help = "Examples:\n  prefab compiler new my-compiler --lang rust\n  prefab compiler new templates --lang js --dir compilers/templates"
    )]
    New {
        /// Its name
        name: CompilerName,
        /// In what it is written
        #[arg(long, value_enum, value_name = "LANGUAGE")]
        lang: LanguageChoice,
        /// The folder to make [default: its name]
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Check a compiler before it is shipped
    ///
    /// In the real sandbox: its world and its imports, the vectors that ship with it, that the same source gives the same bytes for the same
    /// fuel, how it ends at the caps, on sources that are broken, empty, large, many or far down, and when it is called off; what it takes of fuel, time and
    /// memory. Ends with 1 if a check fails.
    #[command(
        after_help = "Examples:\n  prefab compiler check\n  prefab compiler check my-compiler --json > checks.json\n  prefab compiler check build/my-compiler.wasm --vectors vectors\n  prefab compiler check ../11.9.0 --compiler sass --fuel-profile sass.svg"
    )]
    Check(CheckArgs),
    /// Show what is in a compiler's bytes, without running it
    ///
    /// What it is made for, who made it, what it imports and exports, what takes its room, and its entry in a release's manifest.
    #[command(
        after_help = "Examples:\n  prefab compiler inspect build/my-compiler.wasm\n  prefab compiler inspect ../11.9.0 --compiler sass --json"
    )]
    Inspect(CompilerTarget),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LanguageChoice {
    /// Built by cargo
    Rust,
    /// JavaScript, built by componentize-js
    Js,
    /// Built by componentize-py
    Python,
    /// Built by clang, as a command-line program
    C,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// List the settings in force, with where each comes from
    #[command(after_help = "Examples:\n  prefab config list")]
    List,
    /// Change a setting in prefab.toml
    #[command(
        after_help = "Keys:\n  jobs                   compilations at a time\n  limits.NAME            a cap on each compilation: `prefab config list` has their names\n  options.COMPILER.NAME  an option of a compiler: `prefab release inspect` has their names\n\nExamples:\n  prefab config set limits.fuel 100G\n  prefab config set options.typescript.minify true"
    )]
    Set {
        /// The setting
        key: ConfigKey,
        /// Its value
        value: String,
    },
}

/// Which modules, said in exactly one way.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Which {
    /// These modules
    #[arg(value_name = "MODULE")]
    modules: Vec<ModuleName>,
    /// All modules with this application label
    #[arg(long, value_name = "NAME")]
    application: Option<String>,
    /// All modules
    #[arg(long)]
    all: bool,
}

impl Which {
    pub(crate) fn selection(self) -> ModuleSelection {
        match self.application {
            Some(application) => ModuleSelection::Application(application),
            None if self.modules.is_empty() => ModuleSelection::All,
            None => ModuleSelection::Modules(self.modules),
        }
    }
}

/// What is kept.
#[derive(Debug, Clone, Args)]
pub(crate) struct Garbage {
    /// Deployments of each module to keep besides the present one: so many times it can be rolled back
    #[arg(long, value_name = "N", default_value_t = CollectOptions::default().deployments)]
    pub(crate) keep: u32,
    /// Keep what is younger than this
    #[arg(long, value_name = "DAYS", default_value_t = CollectOptions::default().days)]
    pub(crate) keep_days: u32,
    /// Only show what would go
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// How a preparation is run.
#[derive(Debug, Clone, Args)]
pub(crate) struct Running {
    /// Compilations at a time [default: `jobs` of prefab.toml, or one a core]
    #[arg(long, short, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,
    /// `idle` leaves the processor to every other program that wants it
    #[arg(long, value_enum, default_value_t)]
    pub(crate) priority: PriorityChoice,
    /// These modules, and what they need, go first
    #[arg(long, value_name = "MODULE", num_args = 1..)]
    pub(crate) first: Vec<ModuleName>,
}

/// Who is kept from what while a preparation runs.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Locking {
    /// Refuse publishing of all modules until the end, or only of those that are not prepared yet
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    pub(crate) lock: LockChoice,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LockChoice {
    #[default]
    Environment,
    Module,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum PriorityChoice {
    #[default]
    Idle,
    Normal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ErrorFormat {
    /// Code frames, grouped by cause
    Human,
    /// As they are in the ledger
    Json,
    /// SARIF 2.1.0, for editors and code hosts
    Sarif,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples() {
        fn walk(command: &clap::Command) {
            for sub in command.get_subcommands() {
                if sub.has_subcommands() {
                    walk(sub);
                } else {
                    let help = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
                    assert!(help.contains("Examples:"), "{}", sub.get_name());
                }
            }
        }
        walk(&Cli::command());
    }

    #[test]
    fn publishing_needs_exactly_one_way_of_saying_what() {
        for (line, fine) in [
            (&["prefab", "publish", "a", "b"][..], true),
            (&["prefab", "publish", "--all"], true),
            (&["prefab", "publish", "--application", "shop"], true),
            (&["prefab", "publish"], false),
            (&["prefab", "publish", "a", "--all"], false),
        ] {
            assert_eq!(Cli::try_parse_from(line).is_ok(), fine, "{line:?}");
        }
    }
}
