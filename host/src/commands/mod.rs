//! One module for each command, and what several of them need first.

pub mod backup;
pub mod check;
pub mod demo;
pub mod list;
pub mod plugins;
pub mod status;
mod summary;

use std::env;
use std::num::NonZeroUsize;
use std::sync::Arc;

use forgekeep_engine::config::{self, Config, ConfigError};
use forgekeep_engine::event::Observer;
use forgekeep_engine::run::Engine;

use crate::cli::Common;
use crate::exit::{Complaint, Ending};
use crate::plugins as hosters;
use crate::terminal::tell;

/// An environment variable, if it is set and is text.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// Finds and reads the configuration, and says what is odd about it.
fn configuration(common: &Common) -> Result<Config, ConfigError> {
    let file = config::find(common.config.as_deref(), &variable, &|path| path.is_file())?;
    log::info!("configuration: {}", file.display());
    let config = config::load(&file, &variable)?;
    for warning in &config.warnings {
        if !common.quiet {
            tell!("warning: {warning}");
        }
    }
    Ok(config)
}

/// The engine for a configuration, with the plugins it needs.
fn engine(
    common: &Common,
    config: Config,
    jobs: Option<NonZeroUsize>,
    observer: Arc<dyn Observer>,
) -> Engine {
    let folders = hosters::search::folders(&common.plugin_dirs);
    let wanted = config.sources.iter().map(|source| source.hoster.as_str());
    let registry = hosters::registry_for(&folders, wanted);
    Engine::new(config, registry, jobs.map(NonZeroUsize::get), observer)
}

/// Ends the run in good order at the first signal, and the process at the second.
fn end_on_signal(engine: &Engine) -> Result<(), Complaint> {
    let interrupt = engine.interrupter();
    let mut signals = 0;
    ctrlc::set_handler(move || {
        signals += 1;
        if signals > 1 {
            std::process::exit(130);
        }
        crate::progress::aside(|| {
            tell!("forgekeep: interrupted; ending in good order (once more to end at once)");
        });
        interrupt();
    })
    .map_err(|error| {
        Complaint::new(
            Ending::Unexpected,
            format!("signals cannot be handled: {error}"),
            "",
        )
    })
}
