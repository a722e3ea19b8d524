//! A source's session as a target.

use forgekeep_failure::{Failure, Finding};
use forgekeep_hoster::{
    Access as HosterAccess, NewRepository, Part, PushLimits, Repository, Setup, TargetName,
    TargetReport, TargetSession,
};
use forgekeep_plugin_documents as documents;
use forgekeep_plugin_documents::{
    Access, AccessRequest, CheckReport, CheckRequest, ConfigureRequest, CreateRequest, Deed, Done,
    Purpose, RemoveRequest, method, write,
};
use forgekeep_untrusted::Untrusted;

use super::convert;
use super::notes::Notes;
use super::session::PluginSession;

/// Most names in one question: with hundreds of bytes each they stay far below what a document may hold.
const NAMES_AT_ONCE: usize = 1000;

impl PluginSession {
    fn limits(takes: &documents::PushLimits) -> PushLimits {
        PushLimits {
            file_bytes: takes.file_bytes,
            push_bytes: takes.push_bytes,
            repository_bytes: takes.repository_bytes,
            ref_bytes: takes.ref_bytes,
            no_refs_like_ids: takes.no_refs_like_ids,
            checks_objects: takes.checks_objects,
            no_lfs_without_objects: takes.no_lfs_without_objects,
            no_new_wikis: takes.no_new_wikis,
            creates_per_minute: takes
                .creates_per_minute
                .map(|most| u32::try_from(most).unwrap_or(u32::MAX)),
        }
    }

    fn notes_of(&self, done: &Done) -> Vec<Finding> {
        Notes::all(&done.notes, self.redactor())
    }
}

fn raw(text: &Untrusted) -> String {
    text.raw().to_owned()
}

impl TargetSession for PluginSession {
    fn examine(&self, names: &[String]) -> Result<TargetReport, Failure> {
        let mut report = TargetReport::default();
        let mut first = true;
        // Without a name, there is still the rest to be told.
        let pieces = match names.is_empty() {
            true => vec![names],
            false => names.chunks(NAMES_AT_ONCE).collect(),
        };
        for some in pieces {
            let request = CheckRequest {
                purpose: Purpose::Target,
                names: some.to_vec(),
            };
            let answer: CheckReport = self.ask(method::CHECK, &write(&request))?;
            let redactor = self.redactor();
            let texts = |all: &[String]| {
                let all = all.iter();
                all.map(|one| convert::text(one, redactor)).collect()
            };
            let mut answered: Vec<_> = answer
                .names
                .iter()
                .map(|one| TargetName {
                    name: redactor.clean(&one.name).into_owned().into(),
                    refused: one.refused.as_ref().map(|why| convert::text(why, redactor)),
                })
                .collect();
            // One that is missing is refused: nobody guesses what it would be called.
            answered.resize_with(some.len(), || TargetName {
                refused: Some("the plugin gives no name for it".into()),
                ..TargetName::default()
            });
            report.names.append(&mut answered);
            if first {
                first = false;
                report.identity = convert::text(&answer.identity, redactor);
                report.missing_scopes = texts(&answer.missing_scopes);
                report.room = answer.room;
                report.repositories = answer.repositories;
                report.takes = Self::limits(&answer.takes);
                report.refuses = texts(&answer.refuses);
                report.findings = Notes::all(&answer.findings, redactor);
            }
        }
        Ok(report)
    }

    fn create(&self, what: &NewRepository) -> Result<Repository, Failure> {
        let request = CreateRequest {
            name: raw(&what.name),
            private: true,
            description: raw(&what.description),
            lfs: false,
            wiki: what.wiki,
        };
        let made: documents::Repository = self.ask(method::CREATE, &write(&request))?;
        Ok(convert::repository(made, self.redactor()))
    }

    fn configure(&self, repository: &Repository, what: &Setup) -> Result<Vec<Finding>, Failure> {
        let request = ConfigureRequest {
            id: raw(&repository.id),
            handle: raw(&repository.handle),
            full_name: raw(&repository.full_name),
            default_branch: what.default_branch.as_ref().map(raw),
            archived: what.archived,
            automation: what.automation,
            wiki: what.wiki,
        };
        let done: Done = self.ask(method::CONFIGURE, &write(&request))?;
        Ok(self.notes_of(&done))
    }

    fn remove(&self, repository: &Repository) -> Result<Vec<Finding>, Failure> {
        let request = RemoveRequest {
            id: raw(&repository.id),
            handle: raw(&repository.handle),
            full_name: raw(&repository.full_name),
        };
        let done: Done = self.ask(method::REMOVE, &write(&request))?;
        Ok(self.notes_of(&done))
    }

    fn push_access(
        &self,
        repository: &Repository,
        part: &Part,
        refused_before: bool,
    ) -> Result<HosterAccess, Failure> {
        let request = AccessRequest {
            id: raw(&repository.id),
            handle: raw(&repository.handle),
            full_name: raw(&repository.full_name),
            part: convert::part_ref(part),
            url: raw(&part.url),
            deed: Deed::Push,
            refused_before,
        };
        let access: Access = self.ask(method::ACCESS, &write(&request))?;
        let scope = &self.services.of_run().scope;
        self.ways.access(access, part.url.raw(), scope)
    }

    fn ended(&self) -> Option<Failure> {
        self.ended.lock().clone()
    }
}
