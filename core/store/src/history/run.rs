//! A run from its mark to its report, and what it finds of those before.

mod reports;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use forgekeep_durable::lock::RunLock;
use forgekeep_durable::{atomic_file, regular_file, sealed};
use forgekeep_failure::{ErrorKind, Failure, Finding, Unexpected};
use forgekeep_untrusted::{Redactor, Show as _, Untrusted};
use jiff::Timestamp;
use serde::Deserialize;

use super::index::{self, Index, Listed};
use super::{KEPT, NOTICED, file, folder, free_path, is_report, mark, names};
use crate::layout::{LISTINGS, OWN_FOLDER, StateFile, lock_file};
use crate::report::Report;

/// A run that holds the run lock.
pub struct Run {
    local_folder: PathBuf,
    number: u64,
    mark: Option<File>,
    /// The reports there are.
    reports: Vec<Listed>,
    /// What a newer version wrote.
    index: Result<Index, Failure>,
    died: BTreeSet<u64>,
    /// What there is to say about earlier runs and about what they have left.
    pub found: Vec<Finding>,
    /// When the last run is known to have been at work.
    pub previous: Option<Timestamp>,
    /// Whether the memory of listings went missing.
    pub lost_listings: bool,
}

#[derive(Deserialize)]
struct Times {
    started: Timestamp,
    finished: Timestamp,
}

impl Run {
    /// Begins a run: nothing was written before. Whatever is wrong with what earlier runs have left
    /// is told, set aside, and stops nothing.
    pub fn begin(local_folder: &Path, started: Timestamp) -> Self {
        let mut run = Self {
            local_folder: local_folder.to_owned(),
            number: 1,
            mark: None,
            reports: Vec::new(),
            index: Ok(Index::default()),
            died: BTreeSet::new(),
            found: Vec::new(),
            previous: None,
            lost_listings: false,
        };
        let runs = folder(local_folder);
        let all = match regular_file::make_folder(&runs).and_then(|()| names(&runs)) {
            Ok(all) => all,
            Err(failure) => {
                log::warn!("{failure}");
                return run;
            }
        };
        let marks: BTreeSet<u64> = all.iter().filter_map(|name| mark::number(name)).collect();
        let not_ours = run.not_marks(&runs, &marks);
        let known = run.read_index();
        run.check_state(known.as_ref());
        run.find_reports(&runs, all, known.as_ref());
        let last = run.reports.iter().filter_map(|listed| listed.run).max();
        let last = last.max(marks.last().copied());
        let last = last.unwrap_or(0).max(known.map_or(0, |known| known.last));
        run.number = last.saturating_add(1);
        match mark::make(&runs, run.number, started) {
            Ok(mark) => run.mark = Some(mark),
            Err(failure) => log::warn!("{failure}"),
        }
        run.newest(&runs);
        run.find_dead(&runs, &marks.difference(&not_ours).copied().collect());
        run.check_clock(started);
        run
    }

    /// What the newest report says about its times. One that is damaged is set aside.
    fn newest(&mut self, runs: &Path) {
        let mut bad = Vec::new();
        for newest in self.reports.iter().rev() {
            let path = runs.join(&newest.file);
            match file::read(&path) {
                Ok(Some(text)) => {
                    if let Ok(times) = serde_json::from_str::<Times>(&text) {
                        self.previous = Some(times.finished.max(times.started));
                        break;
                    }
                }
                Err(why) if why.damaged => bad.push((path, newest.file.clone(), why)),
                Ok(None) | Err(_) => {}
            }
        }
        for (path, file, why) in bad {
            self.reports.retain(|listed| listed.file != file);
            self.unreadable(&path, &why);
        }
    }

    fn read_index(&mut self) -> Option<Index> {
        match index::read(&self.local_folder) {
            Ok(Some(known)) => {
                self.index = Ok(known.clone());
                Some(known)
            }
            Ok(None) => None,
            Err(failure) if failure.is_damage() => {
                let path = index::path(&self.local_folder);
                self.damaged(&path, &failure.message);
                None
            }
            Err(failure) => {
                self.found.push(told(&failure));
                self.index = Err(failure);
                None
            }
        }
    }

    /// The state files: a damaged one is set aside, one that went missing is told.
    fn check_state(&mut self, known: Option<&Index>) {
        for StateFile { name, formats } in NOTICED {
            let path = self.local_folder.join(OWN_FOLDER).join(name);
            let is_lost = match sealed::read::<serde::de::IgnoredAny>(&path, formats) {
                Ok(Some(_)) => false,
                Ok(None) => {
                    let is_lost = known.is_some_and(|known| known.files.iter().any(|f| f == name));
                    if is_lost {
                        let message =
                            format!("{} is missing, and an earlier run had it", path.shown());
                        self.found.push(Finding::warning(message));
                    }
                    // The reports tell, if there are any.
                    true
                }
                // Also what is no file at all: a link, a pipe, a folder.
                Err(failure) if failure.is_damage() => {
                    self.damaged(&path, &failure.message);
                    true
                }
                // Of a newer version, or not to be read. The sources say so of their listings.
                Err(failure) => {
                    if name != LISTINGS.name {
                        self.found.push(told(&failure));
                    }
                    false
                }
            };
            self.lost_listings |= is_lost && name == LISTINGS.name;
        }
    }

    /// What stands in the place of a mark and is no file: no run has made it. It is set aside.
    fn not_marks(&mut self, runs: &Path, marks: &BTreeSet<u64>) -> BTreeSet<u64> {
        let mut others = BTreeSet::new();
        for number in marks {
            let path = mark::path(runs, *number);
            let error = regular_file::open(&path).err();
            if let Some(what) = error.as_ref().and_then(Unexpected::of) {
                self.damaged(&path, &what.to_string());
                others.insert(*number);
            }
        }
        others
    }

    fn find_dead(&mut self, runs: &Path, marks: &BTreeSet<u64>) {
        let reported: BTreeSet<u64> = self.reports.iter().filter_map(|r| r.run).collect();
        for number in marks.difference(&reported) {
            let started = mark::read(runs, *number).and_then(|died| died.started);
            let begun = started.map_or_else(String::new, |at| {
                format!(", begun {}", at.strftime("%Y-%m-%dT%H:%M:%SZ"))
            });
            let message = format!(
                "run {number}{begun}, ended without a report: it was killed, ran out of memory, or the machine stopped"
            );
            self.found.push(Finding {
                hint: "see the system log of that time; this run completes what that one did not \
                    finish"
                    .into(),
                ..Finding::warning(message)
            });
            self.previous = self.previous.max(started);
            self.died.insert(*number);
        }
        for number in marks.intersection(&reported) {
            if let Err(failure) = mark::remove(runs, *number) {
                log::warn!("{failure}");
            }
        }
    }

    fn check_clock(&mut self, started: Timestamp) {
        let Some(previous) = self.previous.filter(|previous| *previous > started) else {
            return;
        };
        let at = |time: Timestamp| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let message = format!(
            "the clock ran backwards: it is {}, and an earlier run was active at {}",
            at(started),
            at(previous)
        );
        self.found.push(Finding {
            hint: "check the clock of this machine; runs are ordered by their number, and nothing \
            is removed because of the clock"
                .into(),
            ..Finding::warning(message)
        });
    }

    /// Sets a damaged file aside, and says so. It is not met again.
    fn damaged(&mut self, path: &Path, why: &str) {
        self.found.push(set_aside(path, why));
    }

    /// What the machine cannot read may be sound: it stays.
    fn unreadable(&mut self, path: &Path, unread: &file::Unread) {
        match unread.damaged {
            true => self.damaged(path, &unread.why),
            false => self.found.push(Finding::warning(format!(
                "{} cannot be read: {}",
                path.shown(),
                unread.why
            ))),
        }
    }

    /// Keeps the run's report, and removes the oldest if there are too many.
    pub fn keep(mut self, report: &mut Report, secrets: &Redactor) -> Result<(), Failure> {
        report.run = Some(self.number);
        report.warnings.append(&mut self.found);
        let runs = folder(&self.local_folder);
        regular_file::make_folder(&runs)?;
        let text = sealed_text(report, secrets)?;
        let path = free_path(&runs, report.started);
        let kept = atomic_file::replace(&path, text.as_bytes());
        match kept {
            Ok(()) => report.file = Some(path.clone()),
            Err(_) => report.checksum = None,
        }
        // One that could not be kept was told: the run did not die.
        self.mark = None;
        let of_mark = mark::remove(&runs, self.number);
        kept?;
        of_mark?;
        let name = Untrusted::of_path(path.file_name().unwrap_or_default());
        self.reports.push(Listed {
            run: Some(self.number),
            ..Listed::look(&runs, name.into_raw())
        });
        // Too many reports are no harm; that this one is kept is what counts.
        if let Err(failure) = self.remove_old(&runs) {
            log::warn!("{failure}");
        }
        self.remember()?;
        for number in &self.died {
            mark::remove(&runs, *number)?;
        }
        Ok(())
    }

    fn remember(&mut self) -> Result<(), Failure> {
        let index = match &self.index {
            Ok(index) => index,
            Err(_) => return Ok(()),
        };
        let own = self.local_folder.join(OWN_FOLDER);
        let files = NOTICED.iter().map(|file| file.name);
        let files = files.filter(|name| own.join(name).symlink_metadata().is_ok());
        let index = Index {
            last: self.number,
            reports: self.reports_as_read(),
            files: files.map(str::to_owned).collect(),
            ..index.clone()
        };
        index.write(&self.local_folder)
    }

    /// The reports, with this run's number at those that it has read or written.
    fn reports_as_read(&self) -> Vec<Listed> {
        let mut reports = self.reports.clone();
        for report in &mut reports {
            report.checked.get_or_insert(self.number);
        }
        reports
    }

    fn remove_old(&mut self, runs: &Path) -> Result<(), Failure> {
        // Half a report, of a run that was killed while it wrote it.
        for name in names(runs)? {
            if let Some(report) = atomic_file::half_written(&name).filter(|name| is_report(name)) {
                atomic_file::remove_leftovers(&runs.join(report));
            }
        }
        let surplus = self.reports.len().saturating_sub(KEPT);
        for old in self.reports.drain(..surplus) {
            let path = runs.join(old.file);
            fs::remove_file(&path).map_err(|error| Failure::disk("remove", &path, &error))?;
        }
        Ok(())
    }
}

/// A report as it is kept.
fn sealed_text(report: &mut Report, secrets: &Redactor) -> Result<String, Failure> {
    report.checksum = None;
    let text = serde_json::to_string(report).map_err(|error| {
        Failure::new(
            ErrorKind::Other,
            format!("the report cannot be written: {error}"),
        )
    })?;
    Ok(file::seal(report, &secrets.clean_json(&text)))
}

/// Replaces the report of a run by one in which there is more: what has come of it since it was kept.
/// Does nothing for one that is not there any more, as where its disk was unmounted.
///
/// # Errors
///
/// Another run is at work by now, or the report cannot be written. The one that was kept is there still.
pub fn amend(local_folder: &Path, report: &mut Report, secrets: &Redactor) -> Result<(), Failure> {
    let Some(path) = report.file.clone().filter(|path| path.is_file()) else {
        return Ok(());
    };
    let _lock = RunLock::take(&lock_file(local_folder)).map_err(|error| error.to_failure())?;
    let mut index = index::read(local_folder)?.unwrap_or_default();
    let name = Untrusted::of_path(path.file_name().unwrap_or_default()).into_raw();
    let known = index.reports.iter().position(|listed| listed.file == name);
    // A report that is not listed is taken up as it is: whatever happens in between, it is not taken for
    // a damaged one.
    let known = known.map(|at| (at, index.reports.remove(at)));
    if known.is_some() {
        index.write(local_folder)?;
    }
    let before = report.checksum.clone();
    let text = sealed_text(report, secrets)?;
    let replaced = atomic_file::replace(&path, text.as_bytes());
    if replaced.is_err() {
        report.checksum = before;
    }
    if let Some((at, known)) = known {
        let found = Listed::look(&folder(local_folder), name);
        index.reports.insert(
            at,
            Listed {
                run: known.run,
                checked: known.checked,
                ..found
            },
        );
        index.write(local_folder)?;
    }
    replaced
}

/// Moves a damaged file aside, once, and what there is to say about it.
pub fn set_aside(path: &Path, why: &str) -> Finding {
    let shown = path.shown().to_string();
    let why = match why.starts_with(&shown) {
        true => why.to_owned(),
        false => format!("{shown}: {why}"),
    };
    let mut aside = path.as_os_str().to_owned();
    aside.push(crate::layout::DAMAGED);
    let mut free = PathBuf::from(&aside);
    let mut number = 1;
    while free.symlink_metadata().is_ok() {
        number += 1;
        let mut next = aside.clone();
        next.push(format!("~{number}"));
        free = next.into();
    }
    let name = free.file_name().unwrap_or_default().shown();
    match fs::rename(path, &free).map(|()| atomic_file::sync_parent(&free)) {
        Ok(_) => {
            let hint = "run `forgekeep verify`: a file that changes by itself may be a sign of a \
                        dying disk";
            Finding {
                hint: hint.into(),
                ..Finding::warning(format!("{why}; set aside as {name}"))
            }
        }
        Err(error) => Finding::warning(format!("{why}; it cannot be set aside: {error}")),
    }
}

fn told(failure: &Failure) -> Finding {
    let mut finding = Finding::warning(failure.message.clone());
    finding.hint.clone_from(&failure.hint);
    finding
}
