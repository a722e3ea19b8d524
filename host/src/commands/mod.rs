//! One module for each command, and what several of them need first.

mod backup;
mod check;
mod checked;
mod completions;
mod demo;
mod drill;
mod forget;
mod image;
mod init;
mod list;
mod man;
mod metrics;
mod notify;
mod offline;
mod owner;
mod page;
mod plugins;
mod restore;
mod schedule;
mod schema;
mod snapshots;
mod status;
mod target;
mod unit_failed;
mod verify;

use std::env;
use std::num::NonZeroUsize;
use std::sync::Arc;

use forgekeep_command_line::{Cli, Command, Common};
use forgekeep_config::{Config, ConfigError, ConfigWarning};
use forgekeep_documents::Failed;
use forgekeep_engine::event::Observer;
use forgekeep_engine::run::Engine;
use forgekeep_http::Proxies;
use forgekeep_known_folders::permissions;
use forgekeep_plugin_search as hosters;
use forgekeep_summary::text;
use forgekeep_untrusted::Show as _;
use serde::Serialize;

use crate::exit::{Complaint, Ending, ExitCode};
use crate::terminal::{self, tell};

pub use completions::{COMPLETE_REPOSITORIES, complete_repositories};

/// Does what was asked for.
pub fn run(cli: &Cli) -> Result<Ending, Complaint> {
    let code = match &cli.command {
        Command::Init(arguments) => init::run(&cli.common, arguments),
        Command::Backup(arguments) => backup::run(&cli.common, arguments),
        Command::List(arguments) => list::run(&cli.common, arguments),
        Command::Check(arguments) => check::run(&cli.common, arguments),
        Command::Status(arguments) => return status::run(&cli.common, arguments),
        Command::Snapshots(arguments) => snapshots::run(&cli.common, arguments),
        Command::Restore(arguments) => restore::run(&cli.common, arguments),
        Command::Drill(arguments) => drill::run(&cli.common, arguments),
        Command::Verify(arguments) => verify::run(&cli.common, arguments),
        Command::Forget(arguments) => forget::run(&cli.common, arguments),
        Command::Notify(arguments) => notify::run(&cli.common, arguments),
        Command::Schedule(arguments) => schedule::run(&cli.common, arguments),
        Command::Plugins(arguments) => plugins::run(&cli.common, arguments),
        Command::Schema(arguments) => schema::run(&cli.common, arguments),
        Command::Demo(arguments) => demo::run(&cli.common, arguments),
        Command::Completions(arguments) => completions::run(arguments),
        Command::Man(arguments) => man::run(arguments),
    };
    code.map(Ending::from)
}

/// An environment variable, if it is set and is text.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// Finds and reads the configuration, and says what is odd about it.
fn configuration(common: &Common) -> Result<Config, ConfigError> {
    let file = forgekeep_config::find(common.config.as_deref(), &variable, &|path| path.exists())?;
    log::info!("configuration: {}", file.shown());
    let config = forgekeep_config::load(&file, &variable)?;
    warn(common, &config.warnings);
    Ok(config)
}

fn warn(common: &Common, warnings: &[ConfigWarning]) {
    for warning in warnings {
        if !common.quiet {
            tell!("{}", text::warn(warning));
        }
    }
}

/// Says that others may read a secret in the configuration, where only a folder above it keeps them
/// from it. Where nothing does, the engine says it, and puts it into the report.
fn warn_of_configuration(common: &Common, config: &Config) {
    if let Some((finding, false)) = permissions::of_configuration(config)
        && !common.quiet
    {
        tell!("{}", text::finding("", &finding));
    }
}

/// What a command with `--json` was asked for.
fn print_json(document: &impl Serialize) -> Result<(), Complaint> {
    terminal::document(document).map_err(|error| {
        let message = format!("the answer cannot be written: {error}");
        Complaint::new(ExitCode::Unexpected, message, "")
    })
}

/// The same where the process ends without having done what it was asked.
pub fn print_failed(complaint: &Complaint) {
    let document = Failed::new(complaint.ending, complaint.to_failure());
    if let Err(unprinted) = print_json(&document) {
        tell!("{unprinted}");
    }
}

/// The engine for a configuration, with the plugins it needs. What only they know of it is read here,
/// and so are secrets in files and from commands.
fn engine(
    common: &Common,
    config: Config,
    jobs: Option<NonZeroUsize>,
    observer: Arc<dyn Observer>,
) -> Result<Engine, Complaint> {
    engine_in(common, config, jobs, observer, &variable)
}

/// The same with other variables than those of the environment.
fn engine_in(
    common: &Common,
    mut config: Config,
    jobs: Option<NonZeroUsize>,
    observer: Arc<dyn Observer>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Engine, Complaint> {
    let proxies = proxies()?;
    let folders = hosters::folders(&common.plugin_dirs);
    let rules = hosters::Rules {
        options: config.plugins.clone(),
    };
    let wanted = config.sources.iter().map(|source| source.hoster.as_str());
    let registry = hosters::registry_for(&folders, &rules, wanted);
    let keys = |hoster: &str| target::keys_of(&registry, hoster);
    let warnings = config.settle(&keys, variable)?;
    warn(common, &warnings);
    let jobs = jobs.map(NonZeroUsize::get);
    let engine = Engine::behind(proxies, config, registry, jobs, observer);
    crate::terminal::hide(engine.redactor());
    Ok(engine)
}

/// The proxies of the environment.
fn proxies() -> Result<Proxies, Complaint> {
    let proxies = Proxies::from_environment(&|name| env::var_os(name));
    proxies
        .map_err(|failure| Complaint::new(ExitCode::Configuration, failure.message, failure.hint))
}

/// Ends the run in good order at the first signal, and the process at the second.
fn end_on_signal(engine: &Engine) -> Result<(), Complaint> {
    on_signal(engine.interrupter())
}

/// Has `interrupt` end what is under way at the first signal; the second ends the process.
fn on_signal(interrupt: impl Fn() + Send + 'static) -> Result<(), Complaint> {
    let mut signals = 0;
    ctrlc::set_handler(move || {
        signals += 1;
        if signals > 1 {
            std::process::exit(130);
        }
        tell!("forgekeep: interrupted; finishing cleanly (press Ctrl-C again to quit)");
        interrupt();
    })
    .map_err(|error| {
        Complaint::new(
            ExitCode::Unexpected,
            format!("signals cannot be handled: {error}"),
            "",
        )
    })
}
