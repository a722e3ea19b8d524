//! The way and the credentials to a part of a repository, from its plugin.

use forgekeep_failure::Failure;
use forgekeep_hoster::{Access, Part as RemotePart};
use forgekeep_untrusted::Secret;

use super::Work;

impl Work<'_> {
    /// Credentials for the next attempt: a plugin may give such as do not live as long as a clone takes.
    pub(super) fn access(&self, part: &RemotePart) -> Result<Access, Failure> {
        self.source.gate.check()?;
        self.ask_for_access(part, false)
    }

    /// Others than those that were refused: they may have expired. The refusal, if the plugin has none.
    pub(super) fn other_access(
        &self,
        part: &RemotePart,
        refused: &Access,
        failure: Failure,
    ) -> Result<Access, Failure> {
        match self.ask_for_access(part, true) {
            Ok(other) if secret_of(&other) != secret_of(refused) => {
                self.source.gate.forget_refusal();
                Ok(other)
            }
            _ => Err(failure),
        }
    }

    fn ask_for_access(&self, part: &RemotePart, refused_before: bool) -> Result<Access, Failure> {
        let session = &self.source.session;
        let access = session.access(self.repository(), part, refused_before)?;
        if let Some(authorization) = access.authorization() {
            self.source.services.know(authorization);
        }
        Ok(access)
    }
}

fn secret_of(access: &Access) -> Option<&Secret> {
    access.authorization()?.secret()
}
