//! A target, opened as a source is: for whoever writes to it.

use forgekeep_failure::{Cancel, ErrorKind, Failure, Finding};
use forgekeep_hoster::{Repository, Services, Session, TargetSession};

use super::Engine;
use super::sources::Writes;
use crate::listing::list;

/// A target that has passed its offline validation.
pub struct OpenTarget {
    /// Title in the configuration.
    pub title: String,
    /// What repositories are made below.
    pub name: String,
    /// The project they are made in, where there is one.
    pub project: String,
    /// Id of the hoster's plugin.
    pub hoster: String,
    /// Base of its API.
    pub api_url: String,
    /// What there is to say so far.
    pub findings: Vec<Finding>,
    /// What its requests go through.
    pub services: Services,
    session: Box<dyn Session>,
}

impl OpenTarget {
    /// What can be asked of it.
    ///
    /// # Errors
    ///
    /// Its plugin writes nowhere.
    pub fn session(&self) -> Result<&dyn TargetSession, Failure> {
        self.session
            .target()
            .ok_or_else(|| cannot_be_written(&self.hoster))
    }

    /// What a repository is now, by its id and the name it was made with; none where it is not shown.
    ///
    /// # Errors
    ///
    /// The hoster cannot be asked.
    pub fn find(&self, id: &str, full_name: &str) -> Result<Option<Repository>, Failure> {
        let found = self.session.lookup(&id.into(), &full_name.into())?;
        Ok(match found {
            forgekeep_hoster::Presence::There(found) => Some(*found),
            _ => None,
        })
    }
}

fn cannot_be_written(hoster: &str) -> Failure {
    Failure::new(
        ErrorKind::Config,
        format!("the plugin for \"{hoster}\" makes no repositories"),
    )
    .with_hint("choose a target at another hoster; or make the repository by hand, and push to it: `forgekeep restore REPO --push URL`")
}

impl Engine {
    /// Opens the only source of this configuration as a target, with its project.
    ///
    /// # Errors
    ///
    /// It cannot work, whatever its hoster says; or nothing can be made there.
    pub fn open_target(&self, project: &str) -> Result<OpenTarget, Failure> {
        let Some(source) = self.config.sources.first() else {
            return Err(Failure::new(ErrorKind::Config, "there is no target"));
        };
        let (hoster, ..) = self.server_of(source)?;
        if !hoster.info().target {
            return Err(cannot_be_written(&hoster.info().id));
        }
        if source.ssh.protocol == forgekeep_config::Protocol::Ssh {
            return Err(Failure::new(
                ErrorKind::Config,
                "a target is pushed to by HTTPS, and this one has `protocol: ssh`",
            )
            .with_hint("remove `protocol` from the target"));
        }
        let ready = self.ready_for(source, Writes::No, Some(project))?;
        Ok(OpenTarget {
            title: source.title.clone(),
            name: source.name.clone(),
            project: project.to_owned(),
            hoster: ready.server.hoster,
            api_url: ready.server.api_url,
            findings: ready.findings,
            services: ready.services,
            session: ready.session,
        })
    }

    /// Everything that is at a target.
    ///
    /// # Errors
    ///
    /// It cannot be listed.
    pub fn list_target(&self, target: &OpenTarget) -> Result<Vec<Repository>, Failure> {
        let most = self.config.options.backup.max_repositories;
        let observer = &*self.observer;
        let session = &*target.session;
        list(
            &target.title,
            session,
            &target.services,
            most,
            observer,
            |_| (),
        )
        .map(|listing| listing.repositories.into_iter().map(|one| *one).collect())
    }

    /// Ends what is under way.
    pub fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    /// How many repositories are worked on at a time.
    pub fn jobs(&self) -> usize {
        self.limits.transfers
    }
}
