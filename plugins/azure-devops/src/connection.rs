use forgekeep_plugin_sdk::{CheckReport, Result, json, kept};
use serde_json::Value;

use crate::listing::{is_denied, list};
use crate::server::Server;

/// Which organisation it is, and who is signed in, as far as that is told.
pub(crate) struct Connection<'a>(&'a Value);

impl<'a> Connection<'a> {
    pub(crate) fn text(&self, path: &str) -> Option<&'a str> {
        self.0.pointer(path)?.as_str()
    }

    /// Whether a pipeline's own token is signed in: it sees the repositories that the pipeline names.
    pub(crate) fn is_pipeline(&self) -> bool {
        let who = self.text("/authenticatedUser/descriptor");
        who.is_some_and(|who| who.contains("ServiceIdentity;") && who.contains(":Build:"))
    }
}

impl Server<'_> {
    /// Asked once.
    pub(crate) fn connection(&self) -> Result<Connection<'_>> {
        let told = kept(&self.kept.connection, || {
            let answer = self.get(&["_apis", "connectionData"], &[]);
            match answer.and_then(|answer| json(&answer)) {
                Err(error) if is_denied(error.kind) => Ok(Value::Null),
                told => told,
            }
        })?;
        Ok(Connection(told))
    }
}

/// Asks who is signed in, and what the first page of the listing shows.
pub(crate) fn check(server: &Server<'_>) -> Result<CheckReport> {
    let page = list(server, None)?;
    let (kind, who) = (server.kind, server.connection()?);
    let account = who.text("/authenticatedUser/providerDisplayName");
    let listed = page.repositories.len() as u64;
    Ok(CheckReport {
        identity: account.map_or(kind.to_owned(), |name| format!("{kind}, as {name}")),
        account_id: who.text("/authenticatedUser/id").map(str::to_owned),
        visible: page.next.is_none().then_some(listed),
        owners: page.owners,
        findings: page.notes,
        ..CheckReport::default()
    })
}
