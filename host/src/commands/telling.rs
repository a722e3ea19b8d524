//! Who is told of a run, and the commands before and after it: round whatever becomes of the run.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use forgekeep_command_line::Common;
use forgekeep_config::{Config, Hooks, Notifications};
use forgekeep_durable::lock::LockError;
use forgekeep_durable::lock_wait;
use forgekeep_engine::run::Selection;
use forgekeep_failure::{Cancel, Finding};
use forgekeep_http::Proxies;
use forgekeep_notify::{
    Deadline, HookEnvironment, Started, StatePlaces, Teller, Told, When, run_hooks,
};
use forgekeep_store::report::Report;
use forgekeep_store::{history, layout};
use forgekeep_summary as summary;
use forgekeep_terminal_text::plain;
use forgekeep_untrusted::Redactor;

use super::{variable, warn};
use crate::exit::Complaint;
use crate::state_folder::state_folder;
use crate::terminal;
use crate::umask::OfBackup;

/// Who is told, and what is run.
pub struct Telling {
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
    /// Of a configuration, before anything is known of its plugins.
    pub fn of(common: &Common, config: &Config, selection: &Selection) -> Self {
        let notifications = config.notifications(&variable);
        warn(common, &notifications.warnings);
        let asked = &selection.sources;
        let secrets: Vec<_> = config.secrets().collect();
        Self {
            notifications,
            local_folder: Some(config.local_folder.clone()),
            umask: config.options.backup.umask,
            all_sources: asked.is_empty()
                || config.sources.iter().all(|s| asked.contains(&s.title)),
            redactor: Arc::new(Redactor::new(&secrets)),
            cancel: Cancel::new(),
            begun: None,
        }
    }

    /// Of a configuration that cannot be used, where this part of it can be read.
    pub fn of_broken(common: &Common) -> Option<Self> {
        let file =
            forgekeep_config::find(common.config.as_deref(), &variable, &|path| path.exists());
        let notifications = forgekeep_config::notifications_of(&file.ok()?, &variable)?;
        Some(Self {
            local_folder: notifications.local_folder.clone(),
            notifications,
            umask: forgekeep_config::DEFAULT_UMASK,
            all_sources: true,
            redactor: Arc::default(),
            cancel: Cancel::new(),
            begun: None,
        })
    }

    /// With what knows the secrets of the run, and what a signal ends.
    pub fn with(&mut self, redactor: Arc<Redactor>, cancel: Cancel) {
        self.redactor = redactor;
        self.cancel = cancel;
    }

    fn hooks(&self) -> &Hooks {
        &self.notifications.hooks
    }

    fn teller(&self) -> Teller {
        let proxies = Proxies::from_environment(&|name| env::var_os(name));
        Teller::new(&self.notifications, proxies, &self.redactor)
    }

    /// Before the run: the commands, then the pings. Neither keeps the run from being made.
    ///
    /// # Errors
    ///
    /// Another run holds the lock: what is run before and after a run would get in its way.
    pub fn begin(&mut self, wait: Duration) -> Result<(), Complaint> {
        if let Some(folder) = &self.local_folder
            && let Err(held @ LockError::Held { .. }) =
                lock_wait::until_free(&layout::lock_file(folder), wait, &self.cancel)
        {
            return Err(held.into());
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

    /// After the run: the commands, then everybody is told. What there is to say of it is added to the
    /// warnings of the report, and to the one that is kept.
    pub fn end(mut self, report: &mut Report) {
        // Where no engine has come so far.
        terminal::hide(Arc::clone(&self.redactor));
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
                format!(
                    "{}\n{warnings}",
                    forgekeep_summary::text::failure("", failure)
                )
            }
            _ => summary::of_run(report, None),
        };
        let text = plain(&text);
        let findings = {
            let _umask = OfBackup::set(self.umask);
            let deadline = Deadline::for_telling(self.cancel.clone());
            let told = Told::new(report, &text, &self.redactor)
                .over_all_sources(self.all_sources)
                .with_failed_hook(hook_failed);
            let places = StatePlaces::new(state_folder(), self.local_folder.as_deref());
            teller.tell(&told, &places, started, &deadline)
        };
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
}
