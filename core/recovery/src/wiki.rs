//! The wiki of a repository, where the target takes one by git.
//!
//! Some hosters have no wiki to push to before it has a page, so that their plugins make one with the
//! repository. That page is noted before anything is sent, and is replaced as long as it is as it was.

use std::collections::BTreeMap;

use forgekeep_failure::{ErrorKind, Failure};
use forgekeep_git::refs::{self, parse_oid};
use forgekeep_hoster::{Part, PartKind, Repository, Setup};
use forgekeep_restore_notes::Note;
use forgekeep_store::snapshot::{RefState, Tips};
use forgekeep_untrusted::{Printable, Show as _};

use crate::compare::compare;
use crate::item::Item;
use crate::made::{git_part, patiently};
use crate::push::{Sender, Sent};
use crate::report::{RepositoryRestored, WIKI_IS_THERE};
use crate::surroundings::Surroundings;

/// What a wiki was made with.
#[derive(Debug, Default)]
pub(crate) struct Begun(Tips);

impl Begun {
    /// Looks, and notes it, where nothing was sent to the repository yet.
    pub(crate) fn of(
        around: &Surroundings<'_>,
        item: &Item<'_>,
        repository: &mut Repository,
        note: &mut Note,
        is_new: bool,
    ) -> Result<Self, Failure> {
        let Some((wiki, _)) = &item.wiki else {
            return Ok(Self::default());
        };
        if note.wiki.is_none() {
            // What stands in its way is told when it is sent.
            let setup = Setup {
                wiki: Some(true),
                ..Setup::default()
            };
            let begun = patiently(around.target, |session| {
                session.configure(repository, &setup)
            });
            around.target.services.cancel.check()?;
            if let Err(failure) = begun {
                log::info!("{failure}");
            }
            // A listing may have had none, while it had no page.
            if repository.part(PartKind::Wiki).is_none()
                && let Some(now) = patiently(around.target, |_| {
                    around
                        .target
                        .find(repository.id.raw(), repository.full_name.raw())
                })?
            {
                *repository = now;
            }
        }
        let Some(part) = repository.part(PartKind::Wiki) else {
            return Ok(Self::default());
        };
        if note.wiki.is_none() {
            let look = |part: &Part| around.refs_there(repository, part, &wiki.folder);
            if !is_new && !look(git_part(repository)?)?.is_empty() {
                return Ok(Self::default());
            }
            let found = none_yet(look(part))?;
            let named = found
                .iter()
                .map(|(name, oid)| (refs::shown(name).to_string(), oid.to_string()));
            note.wiki = Some(named.collect());
            around.notes.write(note)?;
        }
        Ok(Self(tips(note.wiki.as_ref())))
    }
}

/// What to note of the wiki of a repository that no restore has made: where it has pages, nothing that could be
/// replaced; none where it may be begun.
pub(crate) fn somebodys(
    around: &Surroundings<'_>,
    item: &Item<'_>,
    repository: &Repository,
) -> Result<Option<BTreeMap<String, String>>, Failure> {
    let (Some((wiki, _)), Some(part)) = (&item.wiki, repository.part(PartKind::Wiki)) else {
        return Ok(None);
    };
    let found = around.refs_there(repository, part, &wiki.folder);
    Ok((!none_yet(found)?.is_empty()).then(BTreeMap::new))
}

/// Servers say in many ways that nobody has begun a wiki. What says nothing about it is an error.
fn none_yet(refs: Result<Tips, Failure>) -> Result<Tips, Failure> {
    match refs {
        Err(failure) if says_nothing(failure.kind) => Err(failure),
        refs => Ok(refs.unwrap_or_default()),
    }
}

fn says_nothing(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Cancelled
            | ErrorKind::Network
            | ErrorKind::Tls
            | ErrorKind::Credentials
            | ErrorKind::RateLimited
            | ErrorKind::Disk
            | ErrorKind::Machine
    )
}

/// Whether all of it is there, as a fetch gets it.
pub(crate) fn is_as_it_was(
    around: &Surroundings<'_>,
    item: &Item<'_>,
    repository: &Repository,
) -> Result<bool, Failure> {
    let Some((_, chosen)) = &item.wiki else {
        return Ok(true);
    };
    let Some(part) = repository.part(PartKind::Wiki) else {
        return Ok(false);
    };
    let to = around.destination(repository, part)?;
    match compare(&to, &chosen.state.tips) {
        Err(failure) if says_nothing(failure.kind) => Err(failure),
        seen => Ok(seen.is_ok_and(|seen| seen.differs.is_empty())),
    }
}

fn tips(noted: Option<&BTreeMap<String, String>>) -> Tips {
    let all = noted.into_iter().flatten();
    all.filter_map(|(name, oid)| Some((name.clone().into_bytes(), parse_oid(oid)?)))
        .collect()
}

/// What is said where the target has no wiki to push to.
pub(crate) fn none_there(item: &Item<'_>) -> Printable {
    let why = "not restored: the target takes no wiki by git before it has a page";
    format!("{why}; {}", by_hand(item)).into()
}

fn by_hand(item: &Item<'_>) -> String {
    format!(
        "make its first page in a browser, then `forgekeep restore \"{}\" --wiki --push URL --force`",
        item.kept.name().shown()
    )
}

/// Sends it. What comes of it is said; it fails nothing else.
pub(crate) fn send(
    around: &Surroundings<'_>,
    item: &Item<'_>,
    repository: &Repository,
    begun: &Begun,
    restored: &mut RepositoryRestored,
) {
    let Some((wiki, chosen)) = &item.wiki else {
        return;
    };
    let by_hand = by_hand(item);
    let Some(part) = repository.part(PartKind::Wiki) else {
        restored.wiki = Some(none_there(item));
        return;
    };
    let sent = around.destination(repository, part).and_then(|to| {
        let work = around.folder()?;
        let tips = with_default(&chosen.state, part, &begun.0);
        let sender = Sender::begin(&to, &wiki.folder, &tips, work.path(), false)?;
        sender.replacing(begun.0.clone()).rest(None)
    });
    let clean = |text: &str| Printable::from(around.redactor().clean(text).into_owned());
    restored.wiki = Some(match sent {
        Ok(sent) if sent.refused.is_empty() => {
            restored.bytes_sent += sent.bytes;
            WIKI_IS_THERE.into()
        }
        Ok(Sent { refused, .. }) => {
            let why = refused.first().map(|refused| clean(&refused.why));
            format!("not restored: {}; {by_hand}", why.unwrap_or_default()).into()
        }
        Err(failure) => {
            let why = clean(&failure.message);
            format!("not restored: {why}; {by_hand}").into()
        }
    });
}

/// The refs, with the pages also on the branch that the target shows: nothing sets which one that is.
fn with_default(state: &RefState, part: &Part, begun: &Tips) -> Tips {
    let mut tips = state.tips.clone();
    let Some(head) = state.default_branch().and_then(|head| state.tips.get(head)) else {
        return tips;
    };
    let head = *head;
    let told = part.default_branch.as_ref();
    let told = told.map(|branch| format!("refs/heads/{}", branch.raw()).into_bytes());
    let branches = begun.keys().filter(|name| name.starts_with(b"refs/heads/"));
    for name in branches.cloned().chain(told) {
        tips.entry(name).or_insert(head);
    }
    tips
}

/// Whether nothing is missing of it.
pub(crate) fn is_good(restored: &RepositoryRestored) -> bool {
    let wiki = restored.wiki.as_ref();
    wiki.is_none_or(|wiki| **wiki == *WIKI_IS_THERE)
}
