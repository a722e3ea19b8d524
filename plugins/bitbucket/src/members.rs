//! Which workspaces an account is a member of, and whether as administrator.

use std::time::Duration;

use forgekeep_plugin_sdk::{ErrorKind, HosterError, HttpResponse, LinkPager, OwnerSeen, Result};

use crate::advice::WORKSPACE_SCOPE;
use crate::client::Client;
use crate::credentials::Kind;
use crate::envelope::Envelope;
use crate::member::{Member, Members};
use crate::status::{astray, members_refusal, refusal};

/// Pages that are read at most: of 100 workspaces each.
const MOST_PAGES: usize = 100;

/// All workspaces of the account. What was answered within a time, as an answer or as an error, is not
/// asked for again.
pub(crate) fn members(client: &Client<'_, '_>, within: Duration) -> Result<Members> {
    if let Some(known) = client.kept.members(within) {
        return known;
    }
    keep(client, ask(client, None))
}

/// Where an account's workspaces are, if that is to be asked for a listing and was not yet.
pub(crate) fn unasked(client: &Client<'_, '_>) -> Option<String> {
    let is_known = client.kept.members(THIS_RUN).is_some();
    (client.kept.is_api_token() && !is_known).then(|| client.kept.account.members_url())
}

/// Takes what was answered there, and asks for the rest.
pub(crate) fn answered(client: &Client<'_, '_>, first: Result<HttpResponse>) {
    // It is kept, and given to whoever asks.
    let _ = keep(client, first.and_then(|first| ask(client, Some(first))));
}

fn keep(client: &Client<'_, '_>, answer: Result<Members>) -> Result<Members> {
    let is_lasting =
        |error: &HosterError| !matches!(error.kind, ErrorKind::Cancelled | ErrorKind::RateLimited);
    if answer.as_ref().err().is_none_or(is_lasting) {
        client.kept.keep_members(&answer);
    }
    answer
}

fn ask(client: &Client<'_, '_>, mut first: Option<HttpResponse>) -> Result<Members> {
    let account = &client.kept.account;
    let pager = LinkPager::new(&account.members_url())?;
    let mut members = Members::default();
    let mut cursor: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let response = match first.take() {
            Some(first) => first,
            None => client.get(&pager.url(cursor.as_deref())?)?,
        };
        if let Some(error) = astray(&response, account) {
            return Err(error);
        }
        if response.status != 200 {
            return Err(members_refusal(&response, account));
        }
        let envelope = Envelope::parse(&response)?;
        for entry in &envelope.values {
            match Member::read(entry) {
                Some(member) => members.known.push(member),
                None => members.nameless += 1,
            }
        }
        cursor = pager.next(cursor.as_deref(), envelope.next.as_deref());
        if cursor.is_none() {
            let known = &mut members.known;
            known.sort_by(|a, b| a.owner.id.cmp(&b.owner.id));
            known.dedup_by(|a, b| a.owner.id == b.owner.id);
            return Ok(members);
        }
    }
    Err(HosterError::new(
        ErrorKind::BadAnswer,
        format!("the list of the account's workspaces does not end after {MOST_PAGES} pages"),
    )
    .with_hint("name one workspace in each source"))
}

/// How long an answer about members is as good as a new one, for a listing: for ever.
pub(crate) const THIS_RUN: Duration = Duration::MAX;

/// What is known of how much the credentials see of the one workspace of a source. Only an API token's
/// reach can be known. That it is not known fails nothing; a dead token does, since a listing answers
/// whoever asks, with what is public.
pub(crate) fn seen(client: &Client<'_, '_>) -> Result<Option<OwnerSeen>> {
    let member = own(client)?.filter(|member| member.administrator);
    Ok(member.as_ref().map(Member::sees))
}

/// What the account is in the source's workspace, where that can be known.
pub(crate) fn own(client: &Client<'_, '_>) -> Result<Option<Member>> {
    if !client.kept.is_api_token() {
        return Ok(None);
    }
    let workspace = &client.kept.account.workspace;
    match members(client, THIS_RUN) {
        Ok(members) => Ok(members
            .known
            .iter()
            .find(|member| workspace.is(&member.owner.id, &member.owner.name))
            .cloned()),
        Err(error) if error.kind == ErrorKind::Cancelled => Err(error),
        Err(error) => {
            if error.kind == ErrorKind::Credentials {
                alive(client)?;
            }
            client.host.debug(&format!(
                "whether the token sees all of the workspace is not known: {error}"
            ));
            Ok(None)
        }
    }
}

/// Whether the token lives. A 401 alone does not tell: Bitbucket gives it for an endpoint that is not
/// for this token, too.
fn alive(client: &Client<'_, '_>) -> Result<()> {
    let account = &client.kept.account;
    match client.get(&account.user_url()) {
        Ok(response) if response.status == 401 => Err(refusal(&response, account)),
        Err(error) if error.kind == ErrorKind::Cancelled => Err(error),
        _ => Ok(()),
    }
}

/// The account's workspaces, for a source of all of them.
pub(crate) fn all(client: &Client<'_, '_>) -> Result<Members> {
    members(client, THIS_RUN).map_err(|error| {
        let is_refused = error.status == Some(401) || error.status == Some(403);
        match client.kept.account.credentials.kind() {
            // It got its token a moment ago.
            Kind::Consumer if is_refused => HosterError {
                kind: ErrorKind::Forbidden,
                hint: format!(
                    "give the consumer the permission Account: Read (scope account, or {WORKSPACE_SCOPE}), or name one workspace in each source"
                ),
                ..error
            },
            _ => error,
        }
    })
}
