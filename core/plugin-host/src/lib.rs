//! Plugins from the host's side: loading, processes, confinement; and over these a plugin as one of the
//! engine's hosters ([`PluginHoster`]), which is what a program uses.
//!
//! Below the documents there are bytes. [`Library`] loads one plugin file, smallest step first.
//! [`InProcess`] calls it in this process, and [`Workers`] in a worker process of its own (`forgekeep
//! plugin-worker`, [`worker_main`]), which may panic, crash, hang, exit or eat memory: it costs what was
//! asked, and no more. On Linux that process is confined ([`Confinement`]). Both are a [`Plugin`]: bytes
//! in, bytes out, and the plugin's own requests to [`HostCalls`].
//!
//! ```no_run
//! use forgekeep_plugin_host::{Answered, HostCalls, Plugin, WorkerSettings, Workers};
//!
//! fn greet(host: &dyn HostCalls) -> Result<Answered, Box<dyn std::error::Error>> {
//!     let file = "/usr/lib/forgekeep/plugins/libforgekeep_hoster_example.so";
//!     let workers = Workers::new(WorkerSettings::new(file));
//!     // One process. The first call has to be hello: after it, the process can open no file any more.
//!     let worker = workers.current()?;
//!     Ok(worker.call(0, "hello", b"{}", b"", host)?)
//! }
//! ```
//!
//! Whoever holds an object holds the [`WorkerPlugin`] that it is of. A call that ends with [`Broken`] may
//! have cost the process ([`WorkerPlugin::is_alive`]): [`Workers::current`] then starts another one, up to
//! [`MOST_RESTARTS`] times, and what is to be asked on has to be opened in that. [`Broken::blame`] says
//! whether the call was the one to blame. [`Workers::stop`] ends it all, for an interruption.

mod broken;
mod client;
mod confine;
mod frame;
mod hoster;
mod in_process;
mod library;
mod limits;
mod plugin;
mod start;
mod unfit;
mod worker;

/// The plugin ABI that this host speaks.
pub use forgekeep_abi::ABI;

pub use broken::{Blame, Broken, FrameFault, How, Rule};
pub use client::{
    Deadlines, MOST_RESTARTS, NoWorker, WORKER_MEMORY, WorkerPlugin, WorkerProgram, WorkerSettings,
    Workers,
};
pub use confine::{Confinement, ConfinementMode, Held, Part};
pub use hoster::{About, Launch, PluginHoster, Unusable};
pub use in_process::InProcess;
pub use library::{Library, PluginFile, Sha256};
pub use limits::{MOST_BODY, MOST_DOCUMENT, MOST_LOG_LINES, MOST_SERVICE_REQUESTS, SourceLimits};
pub use plugin::{Answered, HostCalls, Plugin, Reply};
pub use unfit::Unfit;
pub use worker::worker_main;
