//! A check: whatever would end a backup ends it too, with the same exit code. It writes nothing,
//! and holds no lock.

use std::path::Path;
use std::{fs, io};

use forgekeep_config::{COPY_FOLDER, STATE_FOLDER, Source, filter};
use forgekeep_durable::lock::{self, LockError};
use forgekeep_durable::regular_file;
use forgekeep_failure::{ErrorKind, Failure, Finding};
use forgekeep_hoster::{ApiLimit, CheckReport, Page, PartKind, Repository};
use forgekeep_http::SHORTEST_GUARDED;
use forgekeep_known_folders::permissions;
use forgekeep_store::layout;
use forgekeep_untrusted::names;

use super::planner::error_note;
use super::sources::{Ready, Writes, of_filter};
use super::{Engine, RunError, Selection};

/// Repositories that git is asked for, until one answers: one may have just been deleted.
const TRIES: usize = 3;

/// What a check has found, for `forgekeep check`.
pub struct Checked {
    /// What stands in the way of a backup now, and will not for long.
    pub warnings: Vec<Finding>,
    /// The sources.
    pub sources: Vec<CheckedSource>,
}

/// A source checked, for `forgekeep check`.
pub struct CheckedSource {
    /// Title in the configuration.
    pub title: String,
    /// Hoster in the configuration.
    pub hoster: String,
    /// What was found, or why nothing could be.
    pub result: Result<CheckReport, Failure>,
}

impl Engine {
    /// Checks the backup folder, and the sources: offline by their plugins, and online unless told
    /// otherwise, API and git.
    ///
    /// # Errors
    ///
    /// As [`Engine::backup`].
    pub fn check(&self, selection: &Selection, offline: bool) -> Result<Checked, RunError> {
        let sources = self.select(selection)?;
        let folder = &self.config.local_folder;
        check_folder(folder)?;
        self.check_own_files()?;
        let held = lock::look(&layout::lock_file(folder)).map_err(RunError::from)?;
        let results = self.ask_all(&sources, |source| self.check_source(source, offline))?;
        let checked = sources.iter().zip(results);
        let sources = checked.map(|(source, result)| CheckedSource {
            title: source.title.clone(),
            hoster: source.hoster.clone(),
            result,
        });
        Ok(Checked {
            // It will be over by the time of the next backup, as likely as not.
            warnings: held.map(of_lock).into_iter().collect(),
            sources: sources.collect(),
        })
    }

    /// Whether what a run keeps in folders of its own has room there: its report, and the copy of the
    /// configuration.
    fn check_own_files(&self) -> Result<(), RunError> {
        let folder = &self.config.local_folder;
        let reports = folder.join(STATE_FOLDER).join(layout::RUNS);
        regular_file::check_folder(&reports).map_err(RunError::folder)?;
        let Some(name) = self.config.file.file_name() else {
            return Ok(());
        };
        let copy = folder.join(COPY_FOLDER).join(name);
        regular_file::check_file(&copy).map_err(RunError::folder)
    }

    fn check_source(&self, source: &Source, offline: bool) -> Result<CheckReport, Failure> {
        let ready = self.ready(source, Writes::No)?;
        for name in [STATE_FOLDER, &names::encode_component(&source.title)] {
            check_source_folder(&self.config.local_folder.join(name))?;
        }
        let trash = self
            .config
            .local_folder
            .join(STATE_FOLDER)
            .join(layout::TRASH);
        regular_file::check_folder(&trash)?;
        let mut report = CheckReport::default();
        if !offline {
            report = ready.session.check()?;
            let page = ready
                .session
                .page(None)
                .map_err(|failure| ready.services.cancel.explain(failure))?;
            report.expires = report.expires.or(page.expires);
            report
                .findings
                .extend(report.expires.and_then(forgekeep_hoster::expiry::told));
            tell_page(&page, &mut report);
            check_git(&ready, page, &mut report)?;
        }
        let remaining = self.counts_of(&source.title).remaining();
        if let (true, Some(remaining)) = (report.limits.is_empty(), remaining) {
            report.limits.push(ApiLimit {
                name: "requests".into(),
                remaining: Some(remaining),
                most: None,
                resets: None,
            });
        }
        let configured = source.expires.and_then(forgekeep_hoster::expiry::end_of);
        report.expires = report.expires.or(configured);
        report.findings.splice(0..0, ready.findings);
        let found = permissions::of_source(&self.config, source);
        report.findings.extend(found);
        report.findings.extend(short_secrets(source));
        Ok(report)
    }
}

/// What the first page of the listing tells: a plugin need not ask for it, and may have met the same.
fn tell_page(page: &Page, report: &mut CheckReport) {
    let is_whole = page.next.is_none();
    let on_page = is_whole.then_some(page.repositories.len() as u64);
    report.visible = report.visible.or(page.total).or(on_page);
    if report.owners.is_empty() {
        report.owners.clone_from(&page.owners);
    }
    let errors = page.owners.iter().filter_map(|seen| seen.error.clone());
    for finding in page.notes.iter().cloned().chain(errors.map(error_note)) {
        let mut known = report.findings.iter();
        if !known.any(|known| known.message == finding.message) {
            report.findings.push(finding);
        }
    }
}

/// Whether git serves what the API lists: with the credentials of a backup, for a repository that
/// needs them, if there is one on the first page. What the filters leave out of that page is told,
/// if it is all there is.
fn check_git(ready: &Ready, page: Page, report: &mut CheckReport) -> Result<(), Failure> {
    let (services, session) = (&ready.services, &*ready.session);
    let explain = |failure| services.cancel.explain(failure);
    let is_whole = page.next.is_none();
    let mut candidates: Vec<Repository> = page.repositories;
    candidates.retain(|repository| {
        repository.skip.is_none()
            && !repository.clone_url().is_empty()
            && ready.filter.decide(&repository.facts()) == filter::Decision::Included
    });
    candidates.sort_by_key(|repository| !repository.is_private());
    if candidates.is_empty() && is_whole {
        report.findings.extend(of_filter(&ready.filter));
        return Ok(());
    }
    let mut last = Ok(());
    for repository in candidates.iter().take(TRIES) {
        let Some(git) = repository.part(PartKind::Git) else {
            continue;
        };
        let asked = session
            .access(repository, git, false)
            .inspect(|access| {
                access
                    .authorization()
                    .into_iter()
                    .for_each(|a| services.know(a))
            })
            .and_then(|access| {
                let way = ready.programs.way(&access);
                forgekeep_mirror::ask(&git.url, &way, services)
            });
        let Err(failure) = asked.map_err(explain) else {
            return Ok(());
        };
        // Refused credentials are not tried on: that locks accounts.
        let is_final = matches!(failure.kind, ErrorKind::Credentials | ErrorKind::Cancelled);
        let what = format!("git, asked for {}", repository.full_name.printable());
        last = Err(failure.while_doing(&what));
        if is_final {
            break;
        }
    }
    last
}

/// Secrets that are too short to be looked for in what is sent.
fn short_secrets(source: &Source) -> impl Iterator<Item = Finding> {
    let short = source
        .keyed_secrets()
        .filter(|(_, secret)| secret.expose().trim().len() < SHORTEST_GUARDED);
    short.map(|(key, _)| Finding {
        key: key.into(),
        hint: "use a longer secret, such as a token that the hoster makes".into(),
        ..Finding::warning(format!(
            "a secret of fewer than {SHORTEST_GUARDED} characters is guarded by scope alone: \
             requests are not searched for it"
        ))
    })
}

fn of_lock(error: LockError) -> Finding {
    Finding {
        hint: error.hint().into(),
        ..Finding::warning(format!("a backup could not start now: {error}"))
    }
}

/// Whether a run could write to the backup folder, or make it.
fn check_folder(folder: &Path) -> Result<(), RunError> {
    let failed = |what: &str, path: &Path, error: &io::Error| {
        RunError::folder(Failure::disk(what, path, error))
    };
    let used = |error: io::Error| failed("use the backup folder", folder, &error);
    match fs::metadata(folder) {
        Ok(found) if !found.is_dir() => Err(used(io::ErrorKind::NotADirectory.into())),
        Ok(_) => check_own(folder).and_then(|missing| match missing {
            true => writable(folder).map_err(used),
            false => Ok(()),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = match folder.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            // Also a link that leads nowhere: no folder can be made of it.
            if !parent.is_dir() || fs::symlink_metadata(folder).is_ok() {
                return Err(super::folder::missing(folder, &error));
            }
            writable(parent).map_err(|error| failed("create the backup folder", folder, &error))
        }
        Err(error) => Err(used(error)),
    }
}

/// Whether a run could begin in the folders that are its own. Returns whether one has to be made yet.
fn check_own(folder: &Path) -> Result<bool, RunError> {
    let mut missing = false;
    for (name, begins_with) in [(STATE_FOLDER, "lock"), (COPY_FOLDER, "")] {
        let own = folder.join(name);
        regular_file::check_folder(&own).map_err(RunError::folder)?;
        match writable(&own) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing = true,
            // A run begins where there is a lock file, and fails to remember what it has listed.
            Err(_) if !begins_with.is_empty() && own.join(begins_with).exists() => {}
            Err(error) => {
                return Err(RunError::folder(Failure::disk("write to", &own, &error)));
            }
        }
    }
    Ok(missing)
}

/// Whether a folder that a source needs can be written to, if there is one.
fn check_source_folder(folder: &Path) -> Result<(), Failure> {
    // These may be links.
    if fs::metadata(folder).is_ok_and(|found| !found.is_dir()) {
        regular_file::check_folder(folder)?;
    }
    match writable(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Failure::disk("write to", folder, &error))
        }
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn writable(folder: &Path) -> io::Result<()> {
    use rustix::fs::{Access, access};
    Ok(access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

#[cfg(not(unix))]
fn writable(folder: &Path) -> io::Result<()> {
    match fs::metadata(folder)?.permissions().readonly() {
        true => Err(io::ErrorKind::PermissionDenied.into()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_too_short_to_be_looked_for_is_told_by_its_key() {
        let told = |password: &str| {
            let text = format!(
                "localFolder: x\nsources:\n- {{title: a, hoster: h, name: n, password: {password}}}"
            );
            let config =
                forgekeep_config::parse(&text, Path::new("settings.yml"), &|_| None).unwrap();
            let found: Vec<Finding> = short_secrets(&config.sources[0]).collect();
            found
                .iter()
                .map(|found| found.key.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(told("1234567"), ["password"]);
        assert_eq!(told("' 1234567 '"), ["password"]);
        assert!(told("12345678").is_empty());
        assert!(told("''").is_empty());
    }
}
