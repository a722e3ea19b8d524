use forgekeep_plugin_sdk::{
    Auth, Concern, ErrorKind, HosterError, HttpResponse, asks_to_sign_in, json,
    offers_windows_alone, status_error,
};
use serde_json::Value;

use crate::server::Server;

impl Server<'_> {
    /// An answer, if it is one. The codes `TF…` are the hoster's own, in its words for people.
    pub(crate) fn judged(&self, response: HttpResponse) -> Result<HttpResponse, HosterError> {
        if asks_to_sign_in(&response, &self.base) {
            let message = format!("{} asks to sign in: {} refused", self.base, self.kind);
            let error = HosterError::new(ErrorKind::Credentials, message);
            return Err(error.with_status(response.status).with_hint(self.advice()));
        }
        if (200..300).contains(&response.status) {
            return Ok(response);
        }
        let mut error = status_error(&response);
        let code = json::<Value>(&response).unwrap_or_default()["typeKey"].take();
        // A limit that is used up comes by different statuses.
        if error.said.contains("TF400733") {
            error.kind = ErrorKind::RateLimited;
            error = error.about(Concern::Source).transient();
        }
        if code == "VssVersionOutOfRangeException" {
            error.kind = ErrorKind::Unsupported;
        }
        Err(match error.kind {
            ErrorKind::RateLimited => error
                .with_hint("run again in an hour, or less often: the account's limit is used up"),
            ErrorKind::Forbidden if error.said.contains("TF401019") => error
                .about(Concern::Source)
                .with_hint("give the account the access level Basic: Stakeholder sees no code"),
            ErrorKind::Credentials if offers_windows_alone(&response) => error
                .with_hint("make a new token: the server refuses this one, and offers Windows sign-in, which is not supported; keep IIS Basic Authentication off, with which it takes no access token"),
            ErrorKind::Credentials | ErrorKind::Forbidden => error.with_hint(self.advice()),
            _ => error,
        })
    }

    /// What to do where the credentials are refused, or reach too little.
    fn advice(&self) -> String {
        let base = &self.base;
        match self.signer.auth {
            _ if self.signer.client.is_some() => format!("add the service principal to the users of {base}, with the access level Basic and the projects' group Readers, or for a target Project Administrators"),
            Auth::Bearer { .. } => "set password to a new access token of a member of the organisation: such tokens live for an hour".to_owned(),
            _ => format!("make a token at {base}/_usersSettings/tokens for this organisation alone with the scopes Code (read), Project and Team (read) and Wiki (read), for a target Code (read, write & manage) in place of the first, and set password to it; tokens end on a date, those for all organisations on 2026-12-01, and a policy of the organisation may forbid them"),
        }
    }
}
