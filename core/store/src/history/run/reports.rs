//! The reports that a run finds: which there are, which went missing, and which are damaged.
//!
//! To read all of them in each run would cost more than the run, where there are many repositories. So
//! one is read whose file has changed since it was last read, as its times say, and of the others those
//! that were not read for longest: a medium that loses bits changes no times.

use std::collections::BTreeMap;
use std::path::Path;

use forgekeep_failure::Finding;
use forgekeep_untrusted::Show as _;
use git2::{ObjectType, Oid};

use super::Run;
use crate::history::index::{self, Index, Listed};
use crate::history::{file, is_report};
use crate::layout::DAMAGED;

/// How many that look unchanged are read in a run: all that are kept within 25 runs.
const READ_AGAIN: usize = 4;

impl Run {
    pub(super) fn find_reports(&mut self, runs: &Path, all: Vec<String>, known: Option<&Index>) {
        let mut listed: BTreeMap<String, Listed> = BTreeMap::new();
        for of_index in known.into_iter().flat_map(|known| &known.reports) {
            listed.insert(of_index.file.clone(), of_index.clone());
        }
        let mut same = Vec::new();
        let mut numbered = false;
        for name in all.into_iter().filter(|name| is_report(name)) {
            let known = listed.remove(&name);
            let found = Listed::look(runs, name);
            match known {
                Some(known) if known.is_as(&found) => same.push(known),
                Some(known) if known.bytes != found.bytes => {
                    let why = format!("it has {} bytes, and had {}", found.bytes, known.bytes);
                    self.damaged(&runs.join(&found.file), &why);
                }
                Some(known) => {
                    let found = Listed {
                        run: known.run,
                        content: known.content,
                        ..found
                    };
                    self.read_report(runs, found);
                }
                None => numbered |= self.read_report(runs, found),
            }
        }
        same.sort_by_key(|listed| listed.checked);
        let rest = same.split_off(READ_AGAIN.min(same.len()));
        for listed in same {
            self.read_report(runs, listed);
        }
        self.reports.extend(rest);
        // What `verify` has set aside, it has told.
        let is_missing = |name: &String| !runs.join(format!("{name}{DAMAGED}")).exists();
        let missing: Vec<String> = listed.into_keys().filter(is_missing).collect();
        if let Some(first) = missing.first() {
            let message = match missing.len() {
                1 => format!("the report {first} is missing from {}", runs.shown()),
                number => format!(
                    "{number} reports are missing from {}, {first} is the first of them",
                    runs.shown()
                ),
            };
            self.found.push(Finding::warning(message));
        }
        if known.is_none() && numbered && self.found.is_empty() {
            let path = index::path(&self.local_folder);
            let message = format!("{} is missing: it is rebuilt", path.shown());
            self.found.push(Finding::warning(message));
        }
        self.reports.sort_by(|a, b| a.order().cmp(&b.order()));
    }

    /// Reads a report, and takes it up if it is sound. Whether it has a number.
    fn read_report(&mut self, runs: &Path, mut report: Listed) -> bool {
        let path = runs.join(&report.file);
        match file::read(&path) {
            Ok(Some(text)) => {
                report.run = file::number(&text);
                let content = match report.run {
                    Some(_) => None,
                    None => Oid::hash_object(ObjectType::Blob, text.as_bytes()).ok(),
                };
                let content = content.map(|oid| oid.to_string());
                if report.content.is_some() && report.content != content {
                    self.damaged(
                        &path,
                        "it is damaged: it differs from what an earlier run has read",
                    );
                    return false;
                }
                report.content = content;
                // This run, whose number is not known yet.
                report.checked = None;
                let numbered = report.run.is_some();
                self.reports.push(report);
                numbered
            }
            Ok(None) => false,
            Err(why) => {
                self.unreadable(&path, &why);
                // It may be sound: it is not to be missed.
                if !why.damaged {
                    self.reports.push(report);
                }
                false
            }
        }
    }
}
