//! The refs of a state, sent to a repository of a target: the default branch first, then the rest in pieces,
//! with an outcome for each ref.
//!
//! A server may refuse a whole push for one ref in it, or for one object. So a piece of which nothing was
//! taken is cut in halves until the one is found; a branch that is too large for a push is sent in steps along
//! its history. What is there already stays: a ref is made, or moved forward, and never anything else.

use std::path::Path;
use std::sync::Arc;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_git::links;
use forgekeep_git::refs::{self, RefName};
use forgekeep_hoster::{Access, Part, PartKind, PushLimits, Repository, Services, TargetSession};
use forgekeep_http::Authorization;
use forgekeep_protocol::Capabilities;
use forgekeep_restore::{NotSent, Outgoing, ReceivePack, RefUpdate, RefusedRef, Theirs};
use forgekeep_store::snapshot::Tips;
use forgekeep_untrusted::Printable;
use git2::Oid;
use url::Url;

/// Most refs in a push. Servers run checks for each of them.
const REFS_AT_ONCE: usize = 500;

/// After so many refs that were refused one after the other, each in a push of its own, the rest of a repository
/// is not tried: as long as nothing of it was ever taken, and at all.
const MOST_REFUSED: [usize; 2] = [64, 1000];

/// How often a push whose answer was lost is looked after and gone on with.
const MOST_LOST: u32 = 4;

/// How often a repository that was made a moment ago is asked for until it is there.
const MOST_ABSENT: u32 = 6;

/// What a server that we have not asked can do: every one that pushes are sent to today, since 2011.
const USUAL: &[u8] = b"report-status side-band-64k ofs-delta";

/// Where the refs of a part go.
pub(crate) struct Destination<'a> {
    /// The target.
    pub session: &'a dyn TargetSession,
    /// What its requests go through.
    pub services: &'a Services,
    /// The repository there.
    pub repository: &'a Repository,
    /// The part of it.
    pub part: &'a Part,
    /// What the target takes.
    pub takes: &'a PushLimits,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent {
    /// Refs that are there now as they were.
    pub there: usize,
    /// Of these, how many had been there already.
    pub before: usize,
    /// Those that are not.
    pub refused: Vec<RefusedRef>,
    /// Bytes that were sent.
    pub bytes: u64,
}

/// Sends a part.
pub(crate) struct Sender<'a> {
    to: &'a Destination<'a>,
    outgoing: Outgoing,
    tips: &'a Tips,
    /// Refs that may be replaced, at the values that they have been made with.
    replaceable: Tips,
    theirs: Theirs,
    authorization: Authorization,
    sent: Sent,
    refused_in_a_row: usize,
    lost: u32,
}

impl<'a> Sender<'a> {
    /// Begins with what is there. `is_new` says that nothing is: it was made a moment ago, and nobody is
    /// asked.
    pub fn begin(
        to: &'a Destination<'a>,
        mirror: &Path,
        tips: &'a Tips,
        work: &Path,
        is_new: bool,
    ) -> Result<Self, Failure> {
        let outgoing = Outgoing::open(mirror, tips, work, &to.services.cancel)?.on_one_thread();
        let mut sender = Self {
            authorization: access(to, false)?,
            to,
            outgoing,
            tips,
            replaceable: Tips::new(),
            theirs: Theirs {
                capabilities: Capabilities::new(USUAL),
                ..Theirs::default()
            },
            sent: Sent::default(),
            refused_in_a_row: 0,
            lost: 0,
        };
        if !is_new {
            sender.look()?;
        }
        Ok(sender)
    }

    /// Lets these be replaced, as long as they are as they were made: a hoster may begin a wiki with a page.
    #[must_use]
    pub fn replacing(self, replaceable: Tips) -> Self {
        Self {
            replaceable,
            ..self
        }
    }

    /// The refs that are there.
    pub fn theirs(&self) -> &Tips {
        &self.theirs.refs
    }

    /// Whether any ref that is sent reaches an object.
    pub fn reaches(&self, oid: Oid) -> Result<bool, Failure> {
        self.outgoing.reaches(oid)
    }

    /// Sends one ref, before all others. Whether it is there.
    pub fn first(&mut self, name: &RefName) -> Result<bool, Failure> {
        let Some(new) = self.tips.get(name) else {
            return Ok(false);
        };
        let refused = self.sent.refused.len();
        self.send(vec![(name.clone(), *new)])?;
        Ok(self.sent.refused.len() == refused)
    }

    /// Sends all others.
    pub fn rest(mut self, first: Option<&RefName>) -> Result<Sent, Failure> {
        let rest = self.tips.iter().filter(|(name, _)| Some(*name) != first);
        let rest: Vec<_> = rest.map(|(name, oid)| (name.clone(), *oid)).collect();
        for piece in rest.chunks(REFS_AT_ONCE) {
            self.send(piece.to_vec())?;
        }
        Ok(self.sent)
    }

    fn server(&self) -> Result<ReceivePack<'_>, Failure> {
        let url = self.to.part.url.raw();
        let mut url = Url::parse(url).map_err(|error| {
            Failure::new(
                ErrorKind::BadAnswer,
                format!(
                    "the hoster gives \"{}\" as the address to push to: {error}",
                    self.to.part.url.printable()
                ),
            )
            .with_hint("report it to the hoster")
        })?;
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let scope = &self.to.services.scope;
        if self.authorization.is_anonymous() {
            scope.check_address(&url)?;
        } else {
            scope.check_credentials(&url)?;
        }
        Ok(ReceivePack {
            url,
            client: &*self.to.services.http,
            authorization: &self.authorization,
            scope: Arc::clone(scope),
        })
    }

    /// Asks what is there.
    fn look(&mut self) -> Result<(), Failure> {
        let mut absent = 0;
        loop {
            match self.server()?.look() {
                Ok(theirs) => {
                    self.outgoing.leave_out(&theirs.refs)?;
                    self.theirs = theirs;
                    return Ok(());
                }
                Err(failure) => self.again(failure, &mut absent)?,
            }
        }
    }

    /// Whether to ask once more: for a repository that is not there yet, or with other credentials.
    fn again(&mut self, failure: Failure, absent: &mut u32) -> Result<(), Failure> {
        let cancel = &self.to.services.cancel;
        match failure.kind {
            // A wiki may be one that nobody has begun.
            ErrorKind::NotFound if *absent < MOST_ABSENT && self.to.part.kind == PartKind::Git => {
                let wait = self.to.services.retry_policy.wait(*absent, 1.0);
                log::info!("{failure}; it was made a moment ago: it is asked for again");
                cancel.wait(wait)?;
                *absent += 1;
                Ok(())
            }
            ErrorKind::Credentials if *absent == 0 => {
                *absent += 1;
                self.authorization = access(self.to, true)?;
                Ok(())
            }
            _ => Err(advised(cancel.explain(failure))),
        }
    }

    /// Sends refs, in as many pushes as it takes. Only what nothing of the repository can be sent after
    /// is an error.
    fn send(&mut self, refs: Vec<(RefName, Oid)>) -> Result<(), Failure> {
        let mut todo = vec![refs];
        while let Some(piece) = todo.pop() {
            let piece = self.wanted(piece)?;
            if piece.is_empty() {
                continue;
            }
            let most = MOST_REFUSED[usize::from(self.sent.there > 0)];
            if self.refused_in_a_row >= most {
                let why = format!("not tried: {most} refs were refused before it");
                self.refuse(&piece, &why.into());
                continue;
            }
            match self.push(&piece)? {
                Taken::Answered => self.refused_in_a_row = 0,
                Taken::TooLarge(why) | Taken::Nothing(why) if piece.len() > 1 => {
                    log::info!("a push of {} refs was refused: {why}", piece.len());
                    let middle = piece.len() / 2;
                    todo.push(piece[middle..].to_vec());
                    todo.push(piece[..middle].to_vec());
                }
                Taken::TooLarge(why) => match self.halfway(&piece[0])? {
                    // The first half, and then what is left.
                    Some(halfway) => {
                        let name = piece[0].0.clone();
                        todo.push(piece);
                        todo.push(vec![(name, halfway)]);
                    }
                    None => self.refuse(&piece, &why),
                },
                Taken::Nothing(why) => {
                    self.refused_in_a_row += 1;
                    self.refuse(&piece, &why);
                }
                Taken::Lost => {
                    self.look()?;
                    todo.push(piece);
                }
            }
        }
        Ok(())
    }

    /// Without what is there already; what stands in the way of it is refused.
    fn wanted(&mut self, piece: Vec<(RefName, Oid)>) -> Result<Vec<(RefName, Oid)>, Failure> {
        let mut wanted = Vec::new();
        for (name, new) in piece {
            let shown: Printable = refs::shown(&name).into();
            if self.sent.refused.iter().any(|known| known.name == shown) {
                continue;
            }
            match self.theirs.refs.get(&name) {
                Some(old) if *old == new => self.count(&name, new, true),
                Some(old)
                    if self.replaceable.get(&name) != Some(old) && !self.is_forward(*old, new) =>
                {
                    let is_known = self.outgoing.has(*old);
                    let why = match is_known {
                        true => format!(
                            "it is at {old} there, another state that the backup knows: an earlier restore has sent that, or it was moved back; it is left as it is"
                        ),
                        false => format!(
                            "it is at {old} there, which the backup does not have: somebody has pushed, and it is left as it is"
                        ),
                    };
                    self.refuse(&[(name, new)], &why.into());
                }
                _ => wanted.push((name, new)),
            }
        }
        Ok(wanted)
    }

    /// Counts a ref that is there. A step on the way to it does not count.
    fn count(&mut self, name: &RefName, oid: Oid, before: bool) {
        if self.tips.get(name) == Some(&oid) {
            self.sent.there += 1;
            self.sent.before += usize::from(before);
        }
    }

    /// Whether a commit is in the history of another.
    fn is_forward(&self, old: Oid, new: Oid) -> bool {
        let repository = self.outgoing.repository();
        repository.graph_descendant_of(new, old).unwrap_or(false)
    }

    fn refuse(&mut self, piece: &[(RefName, Oid)], why: &Printable) {
        for (name, _) in piece {
            let name: Printable = refs::shown(name).into();
            if self.sent.refused.iter().all(|known| known.name != name) {
                let why = why.clone();
                self.sent.refused.push(RefusedRef { name, why });
            }
        }
    }

    fn push(&mut self, piece: &[(RefName, Oid)]) -> Result<Taken, Failure> {
        let updates: Vec<RefUpdate<'_>> = piece
            .iter()
            .map(|(name, new)| RefUpdate {
                name,
                old: self
                    .theirs
                    .refs
                    .get(name)
                    .copied()
                    .unwrap_or(Oid::ZERO_SHA1),
                new: *new,
            })
            .collect();
        let spooled = match self.outgoing.spool(&updates, &self.theirs.capabilities) {
            // Other refs may need nothing of what is damaged.
            Err(failure) if failure.kind == ErrorKind::Damaged => {
                return Ok(Taken::Nothing(failure.message));
            }
            spooled => spooled?,
        };
        if let Some(most) = self.to.takes.push_bytes
            && spooled.bytes > most
        {
            let why = format!(
                "the push has {} bytes, and the target takes {most}",
                spooled.bytes
            );
            return Ok(Taken::TooLarge(why.into()));
        }
        self.to.services.cancel.check()?;
        let mut absent = 0;
        let answers = loop {
            match self.server()?.send(&self.theirs, &spooled.path) {
                Ok(answers) => break answers,
                Err(NotSent::Refused(failure)) => {
                    let why = failure.message.clone();
                    return Ok(match failure.status {
                        Some(413) => Taken::TooLarge(why),
                        _ => Taken::Nothing(why),
                    });
                }
                Err(NotSent::Failed(failure)) if may_have_arrived(&failure) => {
                    let failure = self.to.services.cancel.explain(failure);
                    self.lost += 1;
                    if failure.kind == ErrorKind::Cancelled || self.lost > MOST_LOST {
                        return Err(failure);
                    }
                    log::info!("{failure}; what has arrived is looked up");
                    let wait = self.to.services.retry_policy.wait(self.lost, 1.0);
                    self.to.services.cancel.wait(wait)?;
                    return Ok(Taken::Lost);
                }
                Err(NotSent::Failed(failure)) => self.again(failure, &mut absent)?,
            }
        };
        self.sent.bytes += spooled.bytes;
        let mut refused = Vec::new();
        for (name, new) in piece {
            let answer = answers.get(name);
            let answer = answer.cloned().unwrap_or_else(|| {
                let why = "the server did not report its result";
                Err(why.into())
            });
            match answer {
                Ok(()) => {
                    self.theirs.refs.insert(name.clone(), *new);
                    self.count(name, *new, false);
                }
                Err(why) => refused.push(((name.clone(), *new), why)),
            }
        }
        if refused.len() == piece.len() {
            let why = refused.into_iter().next().map(|(_, why)| why);
            return Ok(Taken::Nothing(why.unwrap_or_default()));
        }
        self.outgoing.has_arrived(&spooled.objects);
        if !refused.is_empty() {
            // What only they need has not arrived for certain.
            self.outgoing.forget();
            let theirs = self.theirs.refs.clone();
            self.outgoing.leave_out(&theirs)?;
        }
        for (one, why) in refused {
            self.refuse(&[one], &why);
        }
        Ok(Taken::Answered)
    }

    /// A commit halfway in the history of a branch, of what is not there yet.
    fn halfway(&self, (name, tip): &(RefName, Oid)) -> Result<Option<Oid>, Failure> {
        if !name.starts_with(b"refs/heads/") {
            return Ok(None);
        }
        let odb = self.outgoing.repository().odb().map_err(|error| {
            Failure::new(
                ErrorKind::Git,
                format!("the mirror cannot be read: {error}"),
            )
        })?;
        let there = self.theirs.refs.get(name);
        let mut line = Vec::new();
        let mut next = Some(*tip);
        while let Some(oid) = next.filter(|oid| Some(oid) != there) {
            self.to.services.cancel.check()?;
            line.push(oid);
            next = links::commit(&odb, oid).and_then(|(_, parents)| parents.first().copied());
        }
        Ok((line.len() > 1).then(|| line[line.len() / 2]))
    }
}

/// What a server took of a push.
enum Taken {
    /// It said something of each ref, and took one at least.
    Answered,
    /// Nothing, since it is too much at once.
    TooLarge(Printable),
    /// Nothing.
    Nothing(Printable),
    /// It is not known.
    Lost,
}

/// Whether a push that failed may have been taken all the same.
fn may_have_arrived(failure: &Failure) -> bool {
    match failure.status {
        Some(status) => status >= 500,
        None => matches!(
            failure.kind,
            ErrorKind::Network | ErrorKind::BadAnswer | ErrorKind::Unavailable
        ),
    }
}

impl Destination<'_> {
    /// The credentials for it.
    ///
    /// # Errors
    ///
    /// There are none.
    pub fn authorization(&self) -> Result<Authorization, Failure> {
        access(self, false)
    }
}

fn access(to: &Destination<'_>, refused_before: bool) -> Result<Authorization, Failure> {
    let access = to
        .session
        .push_access(to.repository, to.part, refused_before)?;
    match access {
        Access::Http(authorization) => {
            to.services.know(&authorization);
            Ok(authorization)
        }
        Access::Pipes { .. } => Err(Failure::new(
            ErrorKind::Config,
            "a target is pushed to by HTTPS, and its plugin names another way",
        )
        .with_hint("report it to the plugin's authors")),
    }
}

/// The failure with what is to be done about a target, and not about an address of one's own.
fn advised(failure: Failure) -> Failure {
    match failure.kind {
        ErrorKind::Credentials => failure.with_hint(
            "check the target's credentials, and run the same command again: it goes on where it ended",
        ),
        ErrorKind::Forbidden => failure.with_hint(
            "give the target's credentials the right to push, and run the same command again: it goes on where it ended",
        ),
        ErrorKind::NotFound => failure.with_hint(
            "give the target's credentials access to the repository, and run the same command again",
        ),
        _ => failure,
    }
}
