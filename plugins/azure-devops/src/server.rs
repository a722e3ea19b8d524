use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use forgekeep_plugin_sdk::{
    Auth, ErrorKind, Host, HosterError, HttpRequest, HttpResponse, MintedTokens, Result, Signer,
    Source, address,
};
use serde_json::Value;

use crate::credentials;

/// Versions of the API, newest first: a server knows those up to its own.
pub(crate) const VERSIONS: [&str; 4] = ["7.1", "7.0", "6.0", "5.0"];

/// What is kept of a source between calls.
#[derive(Default)]
pub(crate) struct Kept {
    tokens: MintedTokens,
    pub(crate) version: AtomicUsize,
    pub(crate) connection: OnceLock<Value>,
    pub(crate) project: OnceLock<HttpResponse>,
}

/// A source's organisation and credentials, for the duration of a call.
pub(crate) struct Server<'a> {
    pub(crate) host: &'a Host<'a>,
    pub(crate) source: &'a Source,
    /// The address of the organisation or collection.
    pub(crate) base: String,
    /// What the credentials are, in a few words.
    pub(crate) kind: &'static str,
    pub(crate) signer: Signer<'a>,
    pub(crate) kept: &'a Kept,
}

impl<'a> Server<'a> {
    pub(crate) fn of(source: &'a Source, host: &'a Host<'a>) -> Result<Self> {
        let (kept, (kind, auth, client)): (&Kept, _) = (host.session()?, credentials::of(source)?);
        Ok(Self {
            host,
            source,
            base: base(source)?,
            kind,
            signer: Signer::new(auth, client, &kept.tokens),
            kept,
        })
    }

    /// Asks endpoints below the organisation side by side: what came of each, in their order.
    pub(crate) fn ask(
        &self,
        paths: &[Vec<&str>],
        query: &[(&str, &str)],
    ) -> Result<Vec<Result<HttpResponse>>> {
        let known = self.kept.version.load(Ordering::Relaxed);
        let request = |path: &Vec<&str>| {
            let mut version = VERSIONS.get(known).copied().unwrap_or_default().to_owned();
            if path.ends_with(&["connectionData"]) {
                // It is in preview in each version.
                version += "-preview";
            }
            let query = [query, &[("api-version", &version)]].concat();
            let url = address(&self.base, path, &query)?;
            // As Microsoft's clients do. For JSON alone, the host takes a page to sign in at for an outage.
            let accept = format!("application/json;api-version={version}");
            Ok(HttpRequest::new("GET", url, &Auth::None).with_header("accept", accept))
        };
        let requests = paths.iter().map(request).collect::<Result<_>>()?;
        let answers = self
            .signer
            .batch(self.host, requests, &|answer| self.judged(answer))?;
        let is_old = |e: &Result<_>| matches!(e, Err(e) if e.kind == ErrorKind::Unsupported);
        if answers.iter().any(is_old) && known + 1 < VERSIONS.len() {
            self.kept.version.store(known + 1, Ordering::Relaxed);
            return self.ask(paths, query);
        }
        Ok(answers)
    }

    /// Asks one endpoint.
    pub(crate) fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<HttpResponse> {
        let answer = self.ask(&[path.to_vec()], query)?.pop();
        answer.unwrap_or_else(|| Err(HosterError::default()))
    }
}

/// The address of the organisation or collection, whether `apiUrl` has it in its path, in its host, or not.
fn base(source: &Source) -> Result<String> {
    let (name, given) = (source.name.trim(), address(&source.api_url, &[], &[])?);
    let within = address(&given, &[name], &[])?;
    let lower = given.to_ascii_lowercase();
    let last = within.strip_prefix(&given).unwrap_or_default();
    let is_last = lower.ends_with(&last.to_ascii_lowercase()) && lower.matches('/').count() > 2;
    let old = format!("https://{name}.visualstudio.com").to_ascii_lowercase();
    let has_it = is_last || lower == old;
    Ok(if has_it { given } else { within })
}
