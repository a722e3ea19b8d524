use forgekeep_plugin_documents::{
    Access, Auth, ErrorKind, Finding, HosterError, LookupRequest, OptionKind, OptionSpec,
    OptionValue, Part, PartKind, Presence, Repository, Secret, Sees, Source,
};
use serde::de::DeserializeOwned;

use crate::api::Api;
use crate::entries::first_filled;
use crate::host::Host;
use crate::listed_ids::is_not_found;
use crate::source::{
    anonymous_findings, beside, credential_findings, server_address, server_findings, token,
};

/// The server that a source names, for the duration of a call: its API, the credentials, and what is kept of
/// it in the [`Session`](crate::Session).
pub struct Server<'call, Kept> {
    /// The source.
    pub source: &'call Source,
    /// The host.
    pub host: &'call Host<'call>,
    /// The API, asked with the credentials.
    pub api: Api<'call>,
    /// The password or token, without white space round it.
    pub secret: Option<Secret>,
    /// The server's address, without a slash at the end; that of the API begins with it.
    pub web: &'call str,
    /// What is kept between calls.
    pub kept: &'call Kept,
}

impl<'call, Kept: 'static> Server<'call, Kept> {
    /// The server of a source. Its API lies below `suffix`, such as `/api/v1`, which `apiUrl` may have or not;
    /// `auth` says how a password or token is sent.
    ///
    /// # Errors
    ///
    /// As [`Host::session`].
    pub fn of(
        source: &'call Source,
        host: &'call Host<'call>,
        suffix: &str,
        auth: impl FnOnce(&Secret) -> Auth,
    ) -> Result<Self, HosterError> {
        let (secret, web) = (token(source), server_address(source, suffix));
        let sent = secret.as_ref().map_or(Auth::None, auth);
        Ok(Self {
            source,
            host,
            api: Api::new(host, &format!("{web}{suffix}"), sent),
            secret,
            web,
            kept: host.session()?,
        })
    }

    /// The document of an endpoint about the credentials that is good to know, and not needed, as
    /// [`Host::if_told`] has it. Without credentials none is asked for.
    ///
    /// # Errors
    ///
    /// As [`Host::if_told`].
    pub fn told<T: DeserializeOwned>(&self, path: &[&str]) -> Result<Option<T>, HosterError> {
        match &self.secret {
            Some(_) => self.host.if_told(self.api.read(path)),
            None => Ok(None),
        }
    }

    /// Access by the password or token beside a user name: the source's `authName`, else `user`. Without one,
    /// access without credentials.
    pub fn access(&self, user: &str) -> Access {
        let user = first_filled(&[&self.source.auth_name, user]);
        let access = |secret| Access::http(Auth::basic(user, secret));
        self.secret.as_ref().map(access).unwrap_or_default()
    }

    /// Asks for one repository by its id, a number, below a path. Where the API says itself that it is not
    /// there, that proves nothing: `proof` says what does.
    ///
    /// # Errors
    ///
    /// As [`Api::get`] and [`Api::document`]; those of `proof` that are not for [`Host::if_told`].
    pub fn look_up<T: DeserializeOwned>(
        &self,
        path: &str,
        what: &LookupRequest,
        read: impl FnOnce(T) -> Repository,
        proof: impl FnOnce(u64) -> Result<Option<String>, HosterError>,
    ) -> Result<Presence, HosterError> {
        let Ok(id) = what.id.parse::<u64>() else {
            return Ok(Presence::Hidden);
        };
        let response = self.api.get(&[path, &what.id], &[])?;
        if is_not_found(&response) {
            let proof = self.host.if_told(proof(id))?.flatten();
            let deleted = proof.map(|proof| Presence::Deleted { proof });
            return Ok(deleted.unwrap_or(Presence::Hidden));
        }
        let found = read(Api::document(&response)?);
        Ok(match found.id == what.id {
            true => Presence::present(found),
            false => Presence::Hidden,
        })
    }
}

/// Whether a secret is of so many hexadecimal digits, as some kinds of tokens are.
pub fn is_hexadecimal(secret: &Secret, digits: usize) -> bool {
    let secret = secret.expose();
    secret.len() == digits && secret.bytes().all(|b| b.is_ascii_hexdigit())
}

/// What is wrong with a source whatever its server says, as far as every hoster has it: the findings of
/// [`credential_findings`], [`server_findings`] and [`anonymous_findings`].
pub fn source_findings(source: &Source, suffix: &str, public: &str, page: &str) -> Vec<Finding> {
    let findings = [
        credential_findings(source),
        server_findings(source, suffix, public),
        anonymous_findings(source, page),
    ];
    findings.concat()
}

/// All, if that was shown.
pub fn sees_all_if(is_shown: bool) -> Sees {
    match is_shown {
        true => Sees::All,
        false => Sees::Other,
    }
}

/// The wiki beside a repository, where nothing says whether anybody has written a page.
pub fn wiki_beside(clone_address: &str) -> Part {
    let mut wiki = Part::new(PartKind::Wiki, beside(clone_address, "wiki"));
    wiki.uncertain = true;
    wiki
}

/// An option that is on or off, and off by default.
pub fn flag_option(name: &str, description: &str) -> OptionSpec {
    let mut option = OptionSpec::new(name, OptionKind::Flag, description);
    option.default = Some(OptionValue::Flag(false));
    option
}

/// An answer with a hint of the hoster's own where the credentials are refused, or reach too little.
///
/// # Errors
///
/// That of the answer.
pub fn advised<T>(answer: Result<T, HosterError>, hint: &str) -> Result<T, HosterError> {
    answer.map_err(|error| match error.kind {
        ErrorKind::Credentials | ErrorKind::Forbidden => error.with_hint(hint),
        _ => error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_counted() {
        let is = |text: &str| is_hexadecimal(&Secret::new(text), 4);
        assert!(is("09aF"));
        assert!(!is("09aG") && !is("09a") && !is("09aF0") && !is(""));
    }

    #[test]
    fn a_hint_of_the_hosters_own_is_for_credentials_alone() {
        let hint = |kind| {
            let error = HosterError::new(kind, "no").with_hint("wait");
            advised::<()>(Err(error), "make a token").unwrap_err().hint
        };
        assert_eq!(hint(ErrorKind::Credentials), "make a token");
        assert_eq!(hint(ErrorKind::Forbidden), "make a token");
        assert_eq!(hint(ErrorKind::NotFound), "wait");
    }

    #[test]
    fn small_things_are_what_they_are_called() {
        let flag = flag_option("more", "More").default;
        assert_eq!(flag, Some(OptionValue::Flag(false)));
        assert_eq!(sees_all_if(true), Sees::All);
        assert_eq!(sees_all_if(false), Sees::Other);
        let wiki = wiki_beside("https://git.example/a/b.git");
        assert_eq!(wiki.url, "https://git.example/a/b.wiki.git");
        assert!(wiki.uncertain);
    }
}
