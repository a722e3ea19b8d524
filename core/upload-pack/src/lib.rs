//! `git-upload-pack` behind two pipes: a program of git's on this machine, or at the other end of the
//! system's `ssh`. What is said over them is `core/protocol`'s.
//!
//! - **The command is made here**, of parts that are checked: a plugin says where a repository is, never what
//!   is run. ssh is the one of the system, or the configuration's `sshCommand`, with the user's own
//!   configuration, keys, agent and jump hosts; only what would ask, detach or share is overridden.
//! - **Nobody is asked anything**: a passphrase, an unknown host or a changed host key is a failure.
//! - **No more than so many connections to one ssh host** at a time ([`SshHosts`]). The first login of a host,
//!   user and key goes alone; once it has failed, the others fail without being tried.
//! - **A child is ended with all that it has started** on an interruption, after a silence, and on drop.
//! - **How a child has ended decides**; what it writes on standard error is shown, and decides nothing.

mod child;
mod command;
mod diagnosis;
mod ended;
mod gate;
mod place;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ended::LoginEnd;
use forgekeep_failure::{Cancel, Failure};

pub use child::Running;
pub use gate::SshHosts;
pub use place::{Place, SshPlace};

/// How ssh is called for a source: from the configuration, never from a plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SshSettings {
    /// Program and arguments in place of `ssh`; none for `ssh`.
    pub command: Vec<String>,
    /// The one private key to log in with; none for those that the user's configuration names.
    pub key: Option<std::path::PathBuf>,
}

/// What all of a run share.
#[derive(Clone, Debug)]
pub struct Run {
    /// The ssh hosts, and what each bears.
    pub hosts: SshHosts,
    /// How long a connection may take.
    pub connect: Duration,
    /// How long the other end may be silent while something is waited for.
    pub stall: Duration,
    /// Ends it early.
    pub cancel: Cancel,
}

/// How long is waited before a login that has failed is tried once more: so long, and up to twice that.
const AGAIN: Duration = Duration::from_secs(1);

/// A repository behind two pipes.
#[derive(Clone, Debug)]
pub struct UploadPack {
    /// Where it is.
    pub place: Place,
    /// The program in place of `git-upload-pack`, from the configuration.
    pub program: Option<String>,
    /// How ssh is called.
    pub ssh: Arc<SshSettings>,
    /// What all share.
    pub run: Run,
}

impl UploadPack {
    /// The path, where it is one on this machine and there is no program to read it with: no git is installed,
    /// and the configuration names none.
    pub fn without_git(&self) -> Option<&Path> {
        match &self.place {
            Place::Local(path) if self.program.is_none() && !command::is_git_installed() => {
                Some(path)
            }
            _ => None,
        }
    }

    /// Starts it, and has `greet` read what it says first. A login that has failed and was never good in
    /// this run is tried once more: a server that drops connections at random, because there are many,
    /// ends ssh in the same way as one that refuses the key.
    ///
    /// # Errors
    ///
    /// It cannot be started, says nothing or no git protocol, or this login has failed before.
    pub fn open<T>(
        &self,
        greet: &dyn Fn(&mut Running) -> Result<T, Failure>,
    ) -> Result<(T, Running), Failure> {
        let Place::Ssh(place) = &self.place else {
            let mut running = Running::start(command::local(self)?, self)?;
            return match greet(&mut running) {
                Ok(greeted) => Ok((greeted, running)),
                Err(failure) => Err(running.explain(failure).failure),
            };
        };
        // Held over both attempts: nobody else tries a login that may be refused.
        let slot = self.run.hosts.enter(place, &self.ssh, &self.run.cancel)?;
        let mut is_again = false;
        loop {
            let mut running = Running::start(command::ssh(self, place), self)?;
            let why = match greet(&mut running) {
                Ok(greeted) => {
                    slot.proved();
                    running.hold(slot);
                    return Ok((greeted, running));
                }
                Err(failure) => running.explain(failure),
            };
            drop(running);
            match why.login {
                LoginEnd::Unknown => return Err(why.failure),
                // The other end has answered, if only to say no.
                LoginEnd::Good => {
                    slot.proved();
                    return Err(why.failure);
                }
                // As it was good before, there are too many at a time, or the network is bad.
                LoginEnd::Failed { .. } if slot.is_proven() => {
                    return Err(why.failure.transient());
                }
                LoginEnd::Failed { changed } => {
                    let found = diagnosis::of(self, place, why.failure, changed);
                    if is_again || found.is_sure {
                        slot.refused(&found.failure);
                        return Err(found.failure);
                    }
                    log::info!("trying once more after: {}", found.failure);
                    is_again = true;
                    let wait = AGAIN.mul_f64(1.0 + fastrand::f64());
                    self.run.cancel.wait(wait)?;
                }
            }
        }
    }

    /// A failure that the other end has told of, with what this side knows about it.
    pub fn told(&self, failure: Failure) -> Failure {
        ended::of_partial(self, failure)
    }

    /// Why a running one has ended early, or what `failure` says where it has not.
    pub fn explain(running: &mut Running, failure: Failure) -> Failure {
        running.explain(failure).failure
    }
}
