//! The way and the credentials to a part of a repository, from its plugin.

use forgekeep_failure::Failure;
use forgekeep_hoster::{Access, Part, Repository};
use forgekeep_untrusted::Secret;

use crate::source::OpenSource;

impl OpenSource {
    /// Credentials for the next attempt: a plugin may give such as do not live as long as a clone takes.
    pub(crate) fn access(&self, repository: &Repository, part: &Part) -> Result<Access, Failure> {
        self.gate.check()?;
        self.ask_for_access(repository, part, false)
    }

    /// Others than those that were refused: they may have expired. The refusal, if the plugin has none.
    pub(crate) fn other_access(
        &self,
        repository: &Repository,
        part: &Part,
        refused: &Access,
        failure: Failure,
    ) -> Result<Access, Failure> {
        match self.ask_for_access(repository, part, true) {
            Ok(other) if secret_of(&other) != secret_of(refused) => {
                self.gate.forget_refusal();
                Ok(other)
            }
            _ => Err(failure),
        }
    }

    fn ask_for_access(
        &self,
        repository: &Repository,
        part: &Part,
        refused_before: bool,
    ) -> Result<Access, Failure> {
        let access = self.session.access(repository, part, refused_before)?;
        if let Some(authorization) = access.authorization() {
            self.services.know(authorization);
        }
        Ok(access)
    }
}

fn secret_of(access: &Access) -> Option<&Secret> {
    access.authorization()?.secret()
}
