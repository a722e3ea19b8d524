//! Credentials for a part of a repository, from its plugin.

use forgekeep_failure::Failure;
use forgekeep_hoster::Part as RemotePart;
use forgekeep_http::Authorization;

use super::Work;

impl Work<'_> {
    /// Credentials for the next attempt: a plugin may give such as do not live as long as a clone takes.
    pub(super) fn authorization(&self, part: &RemotePart) -> Result<Authorization, Failure> {
        self.source.gate.check()?;
        self.ask_for_authorization(part, false)
    }

    /// Others than those that were refused: they may have expired. The refusal, if the plugin has none.
    pub(super) fn other_authorization(
        &self,
        part: &RemotePart,
        refused: &Authorization,
        failure: Failure,
    ) -> Result<Authorization, Failure> {
        match self.ask_for_authorization(part, true) {
            Ok(other) if other.secret() != refused.secret() => {
                self.source.gate.forget_refusal();
                Ok(other)
            }
            _ => Err(failure),
        }
    }

    fn ask_for_authorization(
        &self,
        part: &RemotePart,
        refused_before: bool,
    ) -> Result<Authorization, Failure> {
        let session = &self.source.session;
        let authorization = session.access(self.repository(), part, refused_before)?;
        self.source.services.know(&authorization);
        Ok(authorization)
    }
}
