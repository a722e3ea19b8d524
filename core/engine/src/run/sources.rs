//! Sources: validated, and listed.

mod remarks;

use std::sync::Arc;

use forgekeep_config::Source;
use forgekeep_config::filter::RepoFilter;
use forgekeep_failure::{ErrorKind, Failure, Finding, Severity};
use forgekeep_hoster::{
    self, Hoster, MemoryState, OwnerSeen, Repository, Services, Session, SourceSpec,
};
use forgekeep_http::{CredentialGate, CredentialScope};
use forgekeep_store::versions::SourceVersions;
use forgekeep_untrusted::names;
use jiff::Timestamp;
use url::Url;

use super::Engine;
use crate::completeness::Counted;
use crate::early::EarlySource;
use crate::event::{Event, Observer};
use crate::execute::Execution;
use crate::listing::list;
use crate::programs::Programs;
use crate::source::{OpenSource, Server};
use crate::{source_state, versions};

pub(super) use remarks::{nothing_listed, of_filter};

/// Whether a source is listed for a run, or only to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writes {
    /// What its plugin keeps may be written.
    Yes,
    /// Nothing may be written.
    No,
}

/// A source that has passed its offline validation.
pub(super) struct Ready {
    pub server: Server,
    /// How many of its repositories may be asked for their refs at the same time.
    pub ref_questions: usize,
    /// What decides what its mirrors hold.
    pub rules: String,
    pub session: Box<dyn Session>,
    pub services: Services,
    pub programs: Programs,
    pub filter: RepoFilter,
    pub findings: Vec<Finding>,
}

impl Engine {
    /// Everything about a source that needs no network.
    pub(super) fn ready(&self, source: &Source, writes: Writes) -> Result<Ready, Failure> {
        self.ready_for(source, writes, None)
    }

    /// The same for a target, with its project.
    pub(super) fn ready_for(
        &self,
        source: &Source,
        writes: Writes,
        target: Option<&str>,
    ) -> Result<Ready, Failure> {
        // Without its secrets, a source would list what is public, and look like a success.
        if !self.config.is_settled() {
            let why = "the configuration's secrets have not been read";
            return Err(Failure::new(ErrorKind::Other, why)
                .with_hint("report it: this is a bug in Forgekeep"));
        }
        let (hoster, api, server) = self.server_of(source)?;
        let spec = SourceSpec {
            title: source.title.clone(),
            name: source.name.clone(),
            kind: source.kind.clone().unwrap_or_default(),
            auth_name: source.auth_name.clone().unwrap_or_default(),
            api_auth_name: source.api_auth_name.clone().unwrap_or_default(),
            secrets: source
                .keyed_secrets()
                .map(|(key, secret)| (key.to_owned(), secret.clone()))
                .collect(),
            api_url: server.api_url.clone(),
            options: source.own_options.clone(),
            files: source.own_files.clone(),
            target: target.is_some(),
            project: target.unwrap_or_default().to_owned(),
            protocol: source.ssh.protocol,
            isolation: source.isolation,
            environment: source.plugin_environment.clone(),
        };
        let mut trusted: Vec<String> = source.trusted_origins.iter().map(Url::to_string).collect();
        trusted.extend(forgekeep_hoster::trusted_origins(hoster.info(), &api));
        let scope = CredentialScope::new(
            api.clone(),
            source.api_url.is_some(),
            &trusted,
            source.allow_insecure_http,
        );
        scope.check_address(&api)?;
        let scope = Arc::new(scope);
        for secret in spec.secrets.values() {
            self.guard.know(secret, &scope);
        }
        let services = Services {
            http: Arc::new(self.retrying.for_source(&self.counts_of(&source.title))),
            scope,
            guard: self.guard.clone(),
            max_body_bytes: self.config.options.network.max_body_bytes,
            redactor: Arc::clone(&self.redactor),
            cancel: self.cancel.clone(),
            retry_policy: self.retry_policy,
        };
        let folder = &self.config.local_folder;
        let state = match (target, writes) {
            // It may be called as a source, whose state is not its own.
            (Some(_), _) => Arc::new(MemoryState::default()),
            (None, Writes::Yes) => source_state::stored(folder, &source.title),
            (None, Writes::No) => source_state::in_memory(folder, &source.title),
        };
        let session = hoster.open(spec, services.clone(), state)?;
        let mut findings = session.validate()?;
        if let Some(error) = findings.iter().find(|f| f.severity == Severity::Error) {
            let key = if error.key.is_empty() {
                String::new()
            } else {
                format!("{}: ", error.key)
            };
            return Err(
                Failure::new(ErrorKind::Config, format!("{key}{}", error.message))
                    .with_hint(error.hint.clone()),
            );
        }
        findings.extend(forgekeep_hoster::expiry::configured(source));
        let filter = filter_of(source)?;
        Ok(Ready {
            server,
            ref_questions: self.ref_questions(&*hoster),
            rules: versions::rules(hoster.info(), source, api.as_str()),
            session,
            services,
            programs: Programs::of(source, &self.upload_packs),
            filter,
            findings,
        })
    }

    /// Who serves a source, and where: nothing of a plugin is called for it.
    pub(super) fn server_of(
        &self,
        source: &Source,
    ) -> Result<(Arc<dyn Hoster>, Url, Server), Failure> {
        let hoster = self.registry.require(&source.hoster)?;
        let api = forgekeep_hoster::api_url(hoster.info(), source.api_url.as_ref())?;
        let server = Server {
            hoster: hoster.info().id.clone(),
            api_url: api.as_str().trim_end_matches('/').to_owned(),
        };
        Ok((hoster, api, server))
    }

    /// Where a source's identities are valid, if anybody serves it.
    pub(super) fn server(&self, source: &Source) -> Option<Server> {
        self.server_of(source).ok().map(|(_, _, server)| server)
    }

    /// How many questions for refs a hoster bears at the same time: its plugin may lower the number.
    fn ref_questions(&self, hoster: &dyn Hoster) -> usize {
        let own = hoster.info().ref_questions;
        let own = own.and_then(|own| usize::try_from(own).ok());
        let configured = self.config.options.network.ref_questions;
        own.unwrap_or(configured).min(configured).max(1)
    }

    /// Lists a source. Nothing in the backup folder is looked at. `early` is who asks git meanwhile, and
    /// the source's index.
    pub(super) fn list_source(
        &self,
        source: &Source,
        writes: Writes,
        observer: &dyn Observer,
        early: Option<(usize, &Execution<'_>)>,
    ) -> Result<Listed, Failure> {
        let ready = self.ready(source, writes)?;
        for finding in &ready.findings {
            observer.event(&Event::Note {
                source: &source.title,
                finding,
            });
        }
        let folder_name = names::encode_component(&source.title);
        let open = Arc::new(OpenSource {
            title: source.title.clone(),
            name: source.name.clone(),
            hoster: ready.server.hoster.clone(),
            server: ready.server,
            folder: self.config.local_folder.join(&folder_name),
            folder_name,
            session: ready.session,
            services: ready.services,
            gate: CredentialGate::default(),
            programs: ready.programs,
            ref_questions: ready.ref_questions,
            rules: ready.rules,
            include_refs: source.include_refs.clone(),
            exclude_refs: source.exclude_refs.clone(),
        });
        let mut early = match early {
            Some((index, execution)) => {
                let early = self.early_source(index, source, &open)?;
                early.map(|early| (early, execution))
            }
            None => None,
        };
        let listing = list(
            &source.title,
            &*open.session,
            &open.services,
            self.config.options.backup.max_repositories,
            observer,
            |listed| {
                if let Some((early, execution)) = &mut early {
                    execution.ask_early(early, listed);
                }
            },
        )?;
        let mut notes = ready.findings;
        notes.extend(listing.notes);
        // The day in the configuration is told already, and is the user's word.
        if source.expires.is_none() {
            notes.extend(listing.expires.and_then(forgekeep_hoster::expiry::told));
        }
        Ok(Listed {
            repositories: listing.repositories,
            counted: listing.counted,
            owners: listing.owners,
            notes,
            expires: listing.expires,
            filter: ready.filter,
            open,
        })
    }

    /// What is asked of a source while it is listed; `None` if nothing is. Where requests are rationed, the
    /// listing comes first.
    fn early_source(
        &self,
        index: usize,
        source: &Source,
        open: &Arc<OpenSource>,
    ) -> Result<Option<EarlySource>, Failure> {
        if self.config.options.network.requests_per_hour.is_some() {
            return Ok(None);
        }
        let folder = &self.config.local_folder;
        // Why it cannot be read is told when the listing is compared with it.
        let (versions, _) = SourceVersions::read(folder, &open.title, open.rules.clone());
        let http = self.retrying.for_source(&self.counts_of(&open.title));
        Ok(Some(EarlySource::new(
            index,
            open,
            filter_of(source)?,
            versions,
            Arc::new(http.asking_once()),
        )))
    }
}

fn filter_of(source: &Source) -> Result<RepoFilter, Failure> {
    let filter = RepoFilter::new(&source.include_repos, &source.ignore_repos)
        .map_err(|error| Failure::new(ErrorKind::Config, error.to_string()))?;
    Ok(filter.with_attributes(&source.attribute_filters, Timestamp::now()))
}

/// A source that is listed.
pub(super) struct Listed {
    pub repositories: Vec<Box<Repository>>,
    pub counted: Counted,
    pub owners: Vec<OwnerSeen>,
    pub notes: Vec<Finding>,
    pub expires: Option<Timestamp>,
    pub filter: RepoFilter,
    pub open: Arc<OpenSource>,
}
