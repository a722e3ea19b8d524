//! Sets an empty repository elsewhere to a state: its refs, and the objects they reach.
//!
//! What is sent is made out of a temporary repository that borrows the mirror's objects, so that
//! nothing of Forgekeep's own refs can come along. Every ref is one command of git's protocol,
//! which the other side accepts or refuses by itself.

mod destination;
mod http;
mod local;

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use forgekeep_durable::atomic_file;
use forgekeep_failure::{Cancel, ErrorKind, Failure};
use forgekeep_git::libgit2;
use forgekeep_git::refs::{self, RefName};
use forgekeep_http::{Authorization, Client, is_loopback};
use forgekeep_protocol::Capabilities;
use forgekeep_store::snapshot::Tips;
use forgekeep_untrusted::Printable;
use git2::{Oid, PackBuilder, Repository, RepositoryInitOptions};
use url::Url;

use super::{Chosen, failed, reach, write_refs};

pub use destination::Destination;

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
struct Command<'a> {
    name: &'a RefName,
    old: Oid,
    new: Oid,
}

/// Why each ref was refused that was; accepted ones have `Ok`. One that is not in it got no answer.
type Answers = BTreeMap<RefName, Result<(), Printable>>;

/// Pushes a state.
///
/// # Errors
///
/// [`ErrorKind::ForeignFolder`] if the repository is not empty; [`ErrorKind::Credentials`] and others
/// if it could not be asked. Nothing was changed there, unless the connection broke at the end.
pub fn push(push: &Push<'_>) -> Result<Pushed, Failure> {
    libgit2::initialise()?;
    check_way(push.to, push.authorization)?;
    let theirs = match push.to {
        Destination::Http(url) => http::look(push, url)?,
        Destination::Local(path) => local::look(path)?,
    };
    if !push.force && !theirs.refs.is_empty() {
        return Err(not_empty(push.to, &theirs.refs));
    }
    let tips = &push.chosen.state.tips;
    let commands: Vec<_> = tips
        .iter()
        .map(|(name, new)| {
            let old = theirs.refs.get(name).copied().unwrap_or(Oid::ZERO_SHA1);
            Command {
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
    let source = source(push)?;
    if let Some(oid) = detached {
        pushed.refused.extend(left_behind(push, &source, oid)?);
    }
    if commands.is_empty() {
        return Ok(pushed);
    }
    let mut builder = pack(&source, tips, &theirs.refs, push.cancel)?;
    let answers = match push.to {
        Destination::Http(_) => http::send(push, &theirs, &commands, &mut builder)?,
        Destination::Local(path) => local::send(path, &commands, &mut builder)?,
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
fn left_behind(
    push: &Push<'_>,
    source: &Repository,
    oid: Oid,
) -> Result<Option<RefusedRef>, Failure> {
    let mut seen = HashSet::new();
    let tips = &push.chosen.state.tips;
    reach::walk(
        source,
        tips,
        &mut seen,
        push.cancel,
        &mut Err,
        &mut |_, _| Ok(()),
    )
    .map_err(|failure| match failure.kind {
        ErrorKind::Damaged => failure.with_hint(LOST),
        _ => failure,
    })?;
    Ok((!seen.contains(&oid)).then(|| RefusedRef {
        name: "HEAD".into(),
        why: format!("it is detached at {oid}, which no ref holds: only refs can be pushed; restore to a folder, and make a branch of it there").into(),
    }))
}

/// What is at the other side.
struct Theirs {
    refs: Tips,
    /// Of the protocol.
    capabilities: Capabilities,
    /// As it answered.
    url: Option<Url>,
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

/// A repository with the refs of the state, and the objects of the mirror.
fn source(push: &Push<'_>) -> Result<Repository, Failure> {
    let folder = push.work.join("source.git");
    let mut options = RepositoryInitOptions::new();
    options.bare(true).no_reinit(true).external_template(false);
    drop(Repository::init_opts(&folder, &options).map_err(|e| failed(&e))?);
    let objects = push.mirror.join("objects");
    let objects =
        fs::canonicalize(&objects).map_err(|error| Failure::disk("read", &objects, &error))?;
    let info = folder.join("objects/info");
    let mut line = objects.into_os_string().into_encoded_bytes();
    line.push(b'\n');
    atomic_file::make_folders(&info)?;
    fs::write(info.join("alternates"), line)
        .map_err(|error| Failure::disk("write", &info, &error))?;
    let repository = Repository::open(&folder).map_err(|e| failed(&e))?;
    write_refs(&repository, &folder, &push.chosen.state.tips).map_err(damaged)?;
    Ok(repository)
}

/// The objects that the other side needs: what the state reaches, without what its refs reach.
/// libgit2's own walk stops at the first commit that it cannot parse.
fn pack<'r>(
    source: &'r Repository,
    tips: &Tips,
    theirs: &Tips,
    cancel: &Cancel,
) -> Result<PackBuilder<'r>, Failure> {
    let broken = |error: git2::Error| damaged(failed(&error));
    let odb = source.odb().map_err(broken)?;
    let mut there = HashSet::new();
    for (name, oid) in theirs {
        if !odb.exists(*oid) {
            continue;
        }
        let one = Tips::from([(name.clone(), *oid)]);
        match reach::walk(
            source,
            &one,
            &mut there,
            cancel,
            &mut |_| Ok(()),
            &mut |_, _| Ok(()),
        ) {
            // What the mirror lacks of theirs is no damage: they have it.
            Err(failure) if failure.kind != ErrorKind::Damaged => return Err(failure),
            _ => {}
        }
    }
    let mut builder = source.packbuilder().map_err(broken)?;
    builder.set_threads(0);
    let asked = cancel.clone();
    builder
        .set_progress_callback(move |_, _, _| !asked.is_cancelled())
        .map_err(broken)?;
    reach::walk(source, tips, &mut there, cancel, &mut Err, &mut |oid, _| {
        builder.insert_object(oid, None)
    })
    .map_err(|failure| match failure.kind {
        ErrorKind::Damaged => failure.with_hint(LOST),
        _ => failure,
    })?;
    Ok(builder)
}

/// What fails before anything is sent, fails by the mirror.
fn damaged(failure: Failure) -> Failure {
    if failure.kind != ErrorKind::Git {
        return failure;
    }
    let message = format!("the backup is damaged: {}", failure.message);
    Failure::new(ErrorKind::Damaged, message).with_hint(LOST)
}

/// Writes a pack to a new file, after `begin`: in memory it would be as large as the repository.
fn spool(
    path: &Path,
    begin: &[u8],
    builder: &mut PackBuilder<'_>,
    cancel: &Cancel,
) -> Result<(), Failure> {
    let written = |error: std::io::Error| Failure::disk("write", path, &error);
    let mut file = BufWriter::new(File::create_new(path).map_err(written)?);
    file.write_all(begin).map_err(written)?;
    let mut trouble = None;
    let built = builder.foreach(|piece| match file.write_all(piece) {
        Ok(()) => !cancel.is_cancelled(),
        Err(error) => {
            trouble = Some(error);
            false
        }
    });
    cancel.check()?;
    if let Some(error) = trouble {
        return Err(written(error));
    }
    built.map_err(|error| damaged(failed(&error)))?;
    file.flush().map_err(written)
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
