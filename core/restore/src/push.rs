//! Sets an empty repository elsewhere to a state: its refs, and the objects they reach.
//!
//! What is sent is made out of a temporary repository that borrows the mirror's objects, so that
//! nothing of Forgekeep's own refs can come along. Every ref is one command of git's protocol,
//! which the other side accepts or refuses by itself.

mod destination;
mod http;
mod local;
mod outgoing;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use forgekeep_failure::{Cancel, ErrorKind, Failure};
use forgekeep_git::libgit2;
use forgekeep_git::refs::{self, RefName};
use forgekeep_http::{Authorization, Client, CredentialScope, is_loopback};
use forgekeep_protocol::Capabilities;
use forgekeep_store::snapshot::Tips;
use forgekeep_untrusted::Printable;
use git2::Oid;
use url::Url;

use super::Chosen;

pub use destination::Destination;
pub use http::ReceivePack;
pub use outgoing::{Outgoing, Spooled};

/// What to do about a mirror that lacks something.
const LOST: &str = "nothing was pushed; run `forgekeep verify` to see what is lost, and `forgekeep backup` to fetch it again where upstream still has it; --at pushes another state";

/// What to push.
pub struct Push<'a> {
    /// The mirror.
    pub mirror: &'a Path,
    /// The state.
    pub chosen: &'a Chosen,
    /// Where to.
    pub to: &'a Destination,
    /// Credentials for it.
    pub authorization: &'a Authorization,
    /// Whether to push to a repository that has refs already, and move those.
    pub force: bool,
    /// An empty folder for what is needed meanwhile: as much as the pack that is sent.
    pub work: &'a Path,
    /// The client.
    pub client: &'a Client,
    /// Ends it early.
    pub cancel: &'a Cancel,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Refs that are there now as they were.
    pub accepted: usize,
    /// Of these, how many had been there already.
    pub unchanged: usize,
    /// Those that the other side refused.
    pub refused: Vec<RefusedRef>,
}

/// A ref that the other side refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRef {
    /// Its name, as text.
    pub name: Printable,
    /// What the other side says.
    pub why: Printable,
}

/// One ref that is to have another value.
#[derive(Clone, Copy, Debug)]
pub struct RefUpdate<'a> {
    /// The ref.
    pub name: &'a RefName,
    /// What it is there; zero where it is not.
    pub old: Oid,
    /// What it is to be.
    pub new: Oid,
}

/// Why each ref was refused that was; accepted ones have `Ok`. One that is not in it got no answer.
pub type Answers = BTreeMap<RefName, Result<(), Printable>>;

/// Why there are no answers.
#[derive(Debug)]
pub enum NotSent {
    /// The server has taken nothing of it.
    Refused(Failure),
    /// It failed; what the server has taken is not known.
    Failed(Failure),
}

impl From<Failure> for NotSent {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<NotSent> for Failure {
    fn from(not_sent: NotSent) -> Self {
        match not_sent {
            NotSent::Refused(failure) | NotSent::Failed(failure) => failure,
        }
    }
}

/// What is at the other side.
#[derive(Clone, Debug, Default)]
pub struct Theirs {
    /// Its refs.
    pub refs: Tips,
    /// Of the protocol.
    pub capabilities: Capabilities,
    /// As it answered; none where it was not asked.
    pub url: Option<Url>,
}

/// Pushes a state.
///
/// # Errors
///
/// [`ErrorKind::ForeignFolder`] if the repository is not empty; [`ErrorKind::Credentials`] and others
/// if it could not be asked. Nothing was changed there, unless the connection broke at the end.
pub fn push(push: &Push<'_>) -> Result<Pushed, Failure> {
    libgit2::initialise()?;
    check_way(push.to, push.authorization)?;
    let server = match push.to {
        Destination::Http(url) => Some(ReceivePack {
            url: url.clone(),
            client: push.client,
            authorization: push.authorization,
            scope: scope(push, url),
        }),
        Destination::Local(_) => None,
    };
    let theirs = match (&server, push.to) {
        (Some(server), _) => server.look()?,
        (None, Destination::Local(path)) => local::look(path)?,
        (None, Destination::Http(_)) => Theirs::default(),
    };
    if !push.force && !theirs.refs.is_empty() {
        return Err(not_empty(push.to, &theirs.refs));
    }
    let tips = &push.chosen.state.tips;
    let commands: Vec<_> = tips
        .iter()
        .map(|(name, new)| {
            let old = theirs.refs.get(name).copied().unwrap_or(Oid::ZERO_SHA1);
            RefUpdate {
                name,
                old,
                new: *new,
            }
        })
        .filter(|command| command.old != command.new)
        .collect();
    let mut pushed = Pushed {
        unchanged: tips.len() - commands.len(),
        ..Pushed::default()
    };
    pushed.accepted = pushed.unchanged;
    let detached = push.chosen.state.detached();
    if commands.is_empty() && detached.is_none() {
        return Ok(pushed);
    }
    let mut outgoing = Outgoing::open(push.mirror, tips, push.work, push.cancel)?;
    if let Some(oid) = detached {
        pushed.refused.extend(left_behind(&outgoing, oid)?);
    }
    if commands.is_empty() {
        return Ok(pushed);
    }
    outgoing.leave_out(&theirs.refs)?;
    let answers = match (&server, push.to) {
        (Some(server), _) => {
            let spooled = outgoing.spool(&commands, &theirs.capabilities)?;
            push.cancel.check()?;
            server.send(&theirs, &spooled.path).map_err(Failure::from)?
        }
        (None, Destination::Local(path)) => {
            let mut builder = outgoing.pack(tips, &mut Vec::new())?;
            local::send(path, &commands, &mut builder)?
        }
        (None, Destination::Http(_)) => Answers::new(),
    };
    for command in &commands {
        let why = match answers.get(command.name) {
            Some(Ok(())) => {
                pushed.accepted += 1;
                continue;
            }
            Some(Err(why)) => why.clone(),
            None => "the server did not report its result".into(),
        };
        pushed.refused.push(RefusedRef {
            name: refs::shown(command.name).into(),
            why,
        });
    }
    Ok(pushed)
}

/// Says of a detached `HEAD` that it cannot be pushed, unless a ref brings its commit along.
fn left_behind(outgoing: &Outgoing, oid: Oid) -> Result<Option<RefusedRef>, Failure> {
    Ok((!outgoing.reaches(oid)?).then(|| RefusedRef {
        name: "HEAD".into(),
        why: format!("it is detached at {oid}, which no ref holds: only refs can be pushed; restore to a folder, and make a branch of it there").into(),
    }))
}

fn scope(push: &Push<'_>, url: &Url) -> Arc<CredentialScope> {
    // Whoever pushes without credentials may do so over plain HTTP: nothing secret is sent.
    let plain = push.authorization.is_anonymous();
    Arc::new(CredentialScope::new(url.clone(), true, &[], plain))
}

/// No credentials over plain HTTP, except on this machine.
fn check_way(to: &Destination, authorization: &Authorization) -> Result<(), Failure> {
    match to {
        Destination::Http(url)
            if url.scheme() == "http" && !authorization.is_anonymous() && !is_loopback(url) =>
        {
            Err(Failure::new(
                ErrorKind::Policy,
                format!("{to} is plain HTTP: others on the way could read the password"),
            )
            .with_hint("use its https address; nothing was sent"))
        }
        _ => Ok(()),
    }
}

fn not_empty(to: &Destination, refs: &Tips) -> Failure {
    let some = refs
        .keys()
        .take(3)
        .map(|name| refs::shown(name).to_string());
    let some: Vec<_> = some.collect();
    Failure::new(
        ErrorKind::ForeignFolder,
        format!(
            "{to} is not empty: it has {} refs, such as {}",
            refs.len(),
            some.join(", ")
        ),
    )
    .with_hint("make an empty repository, without a first commit or README; or --force moves the refs that are there to where they were in the backup, and deletes none; nothing was changed there")
}

/// What fails before anything is sent, fails by the mirror.
fn damaged(failure: Failure) -> Failure {
    if failure.kind != ErrorKind::Git {
        return failure;
    }
    let message = format!("the backup is damaged: {}", failure.message);
    Failure::new(ErrorKind::Damaged, message).with_hint(LOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_does_not_go_over_plain_http() {
        let secret = forgekeep_untrusted::Secret::new("hunter22");
        let basic = Authorization::Basic {
            user: "ada".to_owned(),
            secret,
        };
        let plain = Destination::parse("http://hoster.example/x").unwrap();
        assert_eq!(
            check_way(&plain, &basic).unwrap_err().kind,
            ErrorKind::Policy
        );
        check_way(&plain, &Authorization::Anonymous).unwrap();
        let here = Destination::parse("http://localhost:1/x").unwrap();
        check_way(&here, &basic).unwrap();
    }
}
