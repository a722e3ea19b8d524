//! Who is told of a run, and the commands before and after it: round whatever becomes of the run.
//!
//! ```text
//! last_good    the last good copy of who is told, where the configuration cannot be read any more
//! outcomes     what came of a verification or a drill
//! invocation   which run of systemd's has told, so that the unit for failures is silent
//! ```

#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod invocation;
mod last_good;
mod outcomes;

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use forgekeep_config::{Config, ConfigWarning, DEFAULT_UMASK, Hooks, Notifications};
use forgekeep_durable::lock::LockError;
use forgekeep_durable::lock_wait;
use forgekeep_durable::state_folder::state_folder;
use forgekeep_durable::umask::OfBackup;
use forgekeep_failure::{Cancel, ExitCode, Finding};
use forgekeep_http::Proxies;
use forgekeep_notify::{
    Deadline, HookEnvironment, Started, StatePlaces, Teller, Told, When, run_hooks,
};
use forgekeep_store::report::Report;
use forgekeep_store::{history, layout};
use forgekeep_summary as summary;
use forgekeep_terminal_text::plain;
use forgekeep_untrusted::Redactor;
use last_good::LastGood;

pub use forgekeep_notify::RunKind;
pub use outcomes::CheckOutcome;

/// Looks up an environment variable.
pub type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// Who is told, and what is run.
pub struct Telling {
    kind: RunKind,
    notifications: Notifications,
    local_folder: Option<PathBuf>,
    umask: u32,
    all_sources: bool,
    redactor: Arc<Redactor>,
    cancel: Cancel,
    /// What came of the commands before the run, once they were run.
    begun: Option<Begun>,
}

struct Begun {
    findings: Vec<Finding>,
    started: Option<Started>,
}

impl Telling {
    fn new(kind: RunKind, notifications: Notifications) -> Self {
        Self {
            kind,
            local_folder: notifications.local_folder.clone(),
            notifications,
            umask: DEFAULT_UMASK,
            all_sources: true,
            redactor: Arc::default(),
            cancel: Cancel::new(),
            begun: None,
        }
    }

    /// Of a configuration, before anything is known of its plugins; `asked` are the sources that are asked for,
    /// if not all. With what there is to say of it.
    pub fn of(
        kind: RunKind,
        config: &Config,
        asked: &[String],
        environment: Environment<'_>,
    ) -> (Self, Vec<ConfigWarning>) {
        let mut notifications = config.notifications(environment);
        let warnings = std::mem::take(&mut notifications.warnings);
        let secrets: Vec<_> = config.secrets().collect();
        let telling = Self {
            local_folder: Some(config.local_folder.clone()),
            umask: config.options.backup.umask,
            all_sources: asked.is_empty()
                || config.sources.iter().all(|s| asked.contains(&s.title)),
            redactor: Arc::new(Redactor::new(&secrets)),
            ..Self::new(kind, notifications)
        };
        (telling, warnings)
    }

    /// Of a configuration that cannot be used: by this part of it, where that can be read, else by the last
    /// good copy of it. `named` is what the command line says. None where nobody can be told.
    pub fn of_broken(
        kind: RunKind,
        named: Option<&Path>,
        environment: Environment<'_>,
    ) -> Option<Self> {
        let broken = Self::of_rest(kind, named, environment);
        if broken.as_ref().is_some_and(Self::reaches_somebody) {
            return broken;
        }
        let copy = LastGood::find(named, environment).ok().flatten();
        let copied = copy.and_then(|copy| copy.read(environment));
        copied.map(|copied| Self::new(kind, copied)).or(broken)
    }

    /// The same for the run itself. What only the copy tells, it leaves to systemd's unit for failures, if
    /// systemd has started it.
    pub fn of_broken_run(
        kind: RunKind,
        named: Option<&Path>,
        environment: Environment<'_>,
    ) -> Option<Self> {
        if !invocation::is_of_unit() {
            return Self::of_broken(kind, named, environment);
        }
        Self::of_rest(kind, named, environment).filter(Self::reaches_somebody)
    }

    fn of_rest(kind: RunKind, named: Option<&Path>, environment: Environment<'_>) -> Option<Self> {
        let file = forgekeep_config::find(named, environment, &|path| path.exists());
        let notifications = forgekeep_config::notifications_of(&file.ok()?, environment)?;
        Some(Self::new(kind, notifications))
    }

    /// Where all of it is empty or cannot be used, that may be what is broken.
    fn reaches_somebody(&self) -> bool {
        !self.notifications.channels.is_empty() || !self.hooks().failure.is_empty()
    }

    /// With what knows the secrets of the run, and what a signal ends.
    pub fn with(&mut self, redactor: Arc<Redactor>, cancel: Cancel) {
        self.redactor = redactor;
        self.cancel = cancel;
    }

    /// What knows the secrets of all channels, once [`Telling::end`] or [`Telling::begin`] has read them.
    pub fn redactor(&self) -> Arc<Redactor> {
        Arc::clone(&self.redactor)
    }

    fn hooks(&self) -> &Hooks {
        &self.notifications.hooks
    }

    fn teller(&self) -> Teller {
        let proxies = Proxies::from_environment(&|name| env::var_os(name));
        Teller::new(&self.notifications, proxies, &self.redactor)
    }

    /// Keeps a copy of who is told by a configuration that is good, for the day on which it cannot be read.
    pub fn keep_copy(config: &Config) {
        if let Some(copy) = LastGood::of(&config.file) {
            copy.keep(config);
        }
    }

    /// Before a backup: the commands, then the pings. Neither keeps the run from being made.
    ///
    /// # Errors
    ///
    /// Another run holds the lock: what is run before and after a run would get in its way.
    pub fn begin(&mut self, wait: Duration) -> Result<(), LockError> {
        if let Some(folder) = &self.local_folder
            && let Err(held @ LockError::Held { .. }) =
                lock_wait::until_free(&layout::lock_file(folder), wait, &self.cancel)
        {
            return Err(held);
        }
        let findings = self.run(When::Before, None);
        let started = self.all_sources.then(|| self.teller().start());
        self.begun = Some(Begun { findings, started });
        Ok(())
    }

    fn run(&self, when: When, report: Option<&Report>) -> Vec<Finding> {
        let hooks = self.hooks();
        let commands = match when {
            When::Before => &hooks.before,
            When::Failure => &hooks.failure,
            When::After => &hooks.after,
        };
        let environment = HookEnvironment {
            own: env::vars_os().collect(),
            redactor: &self.redactor,
            folder: self.local_folder.as_deref().unwrap_or("".as_ref()),
            report,
        };
        run_hooks(when, commands, &environment, &self.cancel)
    }

    /// After a backup: the commands, then everybody is told. What there is to say of it is added to the
    /// warnings of the report, and to the one that is kept.
    pub fn end(mut self, report: &mut Report) {
        let teller = self.teller();
        let begun = self.begun.take();
        let was_begun = begun.is_some();
        let (mut of_hooks, started) = match begun {
            Some(begun) => (begun.findings, begun.started),
            None => (Vec::new(), None),
        };
        let before_failed = !of_hooks.is_empty();
        let so_far = Told::new(report, "", &self.redactor).with_failed_hook(before_failed);
        if so_far.has_failed() {
            of_hooks.extend(self.run(When::Failure, Some(report)));
        }
        if was_begun {
            of_hooks.extend(self.run(When::After, Some(report)));
        }
        let hook_failed = !of_hooks.is_empty();
        report.warnings.append(&mut of_hooks);
        let text = match &report.error {
            Some(failure) if report.sources.is_empty() => {
                let warnings = summary::of_warnings(report);
                format!("{}\n{warnings}", summary::text::failure("", failure))
            }
            _ => summary::of_run(report, None),
        };
        let text = plain(&text);
        let told = Told::new(report, &text, &self.redactor)
            .over_all_sources(self.all_sources)
            .with_failed_hook(hook_failed);
        let findings = self.tell(&teller, &told, started);
        let is_more = hook_failed || !findings.is_empty();
        report.warnings.extend(findings);
        if is_more {
            let _umask = OfBackup::set(self.umask);
            let folder = self.local_folder.as_deref().unwrap_or("".as_ref());
            if let Err(failure) = history::amend(folder, report, &self.redactor) {
                log::warn!("the report that is kept does not say who was not told: {failure}");
            }
        }
    }

    /// After what was no backup: the commands for failures, then everybody is told that it failed, or that
    /// nothing is wrong any more. Returns what there is to say of it.
    pub fn end_check(self, outcome: CheckOutcome) -> Vec<Finding> {
        let CheckOutcome {
            started,
            exit_code,
            failure,
            ..
        } = outcome;
        let report = match failure {
            Some(failure) => Report::refused(started, exit_code, failure),
            None => Report::conclude(started, exit_code == ExitCode::Interrupted, Vec::new()),
        };
        let teller = self.teller();
        let mut findings = match report.error {
            Some(_) => self.run(When::Failure, Some(&report)),
            None => Vec::new(),
        };
        let told = Told::new(&report, &outcome.text, &self.redactor)
            .of_check(self.kind, outcome.failed)
            .over_all_sources(!outcome.is_wrong_still);
        findings.extend(self.tell(&teller, &told, None));
        findings
    }

    fn tell(&self, teller: &Teller, told: &Told<'_>, started: Option<Started>) -> Vec<Finding> {
        let _umask = OfBackup::set(self.umask);
        let deadline = Deadline::for_telling(self.cancel.clone());
        let places = StatePlaces::new(state_folder(), self.local_folder.as_deref());
        teller.tell(told, &places, started, &deadline)
    }
}
