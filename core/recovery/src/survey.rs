//! What of a state a target is going to refuse, told before anything is sent: which refs stay at home, which
//! are refused for their name or for a file that is too large, and what there is to say of the rest.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use forgekeep_failure::{Cancel, Failure};
use forgekeep_git::links::links;
use forgekeep_git::memory::exactly;
use forgekeep_git::object_files::{self, ObjectFiles};
use forgekeep_git::packs::sizes::bulky;
use forgekeep_git::refs::{self, RefName};
use forgekeep_hoster::PushLimits;
use forgekeep_restore::RefusedRef;
use forgekeep_store::snapshot::{RefState, Tips};
use forgekeep_untrusted::Untrusted;
use git2::{ObjectType, Odb, Oid};

use crate::fsck;

/// Namespaces that hosters make by themselves, and take from nobody; and our own.
const MADE_BY_HOSTERS: [&str; 9] = [
    "refs/pull/*",
    "refs/pull-requests/*",
    "refs/merge-requests/*",
    "refs/pipelines/*",
    "refs/keep-around/*",
    "refs/environments/*",
    "refs/deployments/*",
    "refs/internal/*",
    "refs/forgekeep/*",
];

/// How many refs are named that stay at home.
const SOME: usize = 3;

/// Most bytes of a file of attributes that is looked at.
const MOST_ATTRIBUTES: usize = 64 * 1024;

/// What is known of a state before it is sent.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// How many refs are not sent, since hosters make such themselves, and some of them.
    pub at_home: (usize, Vec<RefName>),
    /// Refs that the target would refuse: they are not sent.
    pub refused: Vec<RefusedRef>,
    /// Their names.
    pub refused_names: HashSet<RefName>,
    /// What there is to say.
    pub remarks: Vec<String>,
    /// Bytes of all objects in the mirror: more than is sent, where they hold older states too.
    pub bytes: u64,
}

/// Looks at a state of a mirror.
///
/// # Errors
///
/// The machine cannot read it, or it was interrupted. Damage is found when it is sent.
pub fn survey(
    mirror: &Path,
    state: RefState,
    takes: &PushLimits,
    unpushed: &[Untrusted],
    cancel: &Cancel,
) -> Result<Survey, Failure> {
    let mut survey = Survey::default();
    let mut tips = Tips::new();
    for (name, oid) in state.tips {
        if stays_at_home(&name, unpushed) {
            survey.at_home.0 += 1;
            if survey.at_home.1.len() < SOME {
                survey.at_home.1.push(name);
            }
        } else if let Some(why) = refused_name(&name, takes) {
            survey.refuse(name, why);
        } else {
            tips.insert(name, oid);
        }
    }
    let files = ObjectFiles::gather(mirror)?;
    survey.bytes = bytes(&files);
    let odb = object_files::database(mirror)?;
    let large = match takes.file_bytes {
        Some(most) => too_large(&files, &odb, most, cancel)?,
        None => HashMap::new(),
    };
    if !large.is_empty() || takes.checks_objects {
        let mut walk = Walk {
            odb: &odb,
            large: &large,
            looks: takes.checks_objects,
            found: HashMap::new(),
            names: HashMap::new(),
            suspects: 0,
        };
        leave_out_large(&mut survey, &mut tips, &mut walk, takes, cancel)?;
        if walk.suspects > 0 {
            survey.remarks.push(format!(
                "{} objects were written by old tools in a form that the target may refuse, and every ref with them",
                walk.suspects
            ));
        }
    }
    if uses_lfs(&odb, &tips) {
        survey.remarks.push(match takes.no_lfs_without_objects {
            true => "it uses Git LFS: the files that stand for large ones are in the backup, the large ones are not, and the target may refuse the push for that".to_owned(),
            false => "it uses Git LFS: the files that stand for large ones come back, the large ones are not in the backup".to_owned(),
        });
    }
    Ok(survey)
}

/// Bytes of all objects in a mirror.
///
/// # Errors
///
/// The machine cannot read its folder.
pub fn bytes_of(mirror: &Path) -> Result<u64, Failure> {
    ObjectFiles::gather(mirror).map(|files| bytes(&files))
}

fn bytes(files: &ObjectFiles) -> u64 {
    let packs = files.packs.iter().map(|pack| &pack.path);
    let all = packs.chain(files.loose.iter().map(|(_, path)| path));
    all.filter_map(|path| path.metadata().ok())
        .map(|data| data.len())
        .sum()
}

/// Whether a ref is none that people push.
pub fn stays_at_home(name: &[u8], unpushed: &[Untrusted]) -> bool {
    let theirs = unpushed.iter().map(Untrusted::raw);
    MADE_BY_HOSTERS
        .into_iter()
        .chain(theirs)
        .any(|pattern| matches(pattern.as_bytes(), name))
}

/// Whether `*` in a pattern, which stands for anything, makes a name of it.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let Some(star) = pattern.iter().position(|byte| *byte == b'*') else {
        return pattern == name;
    };
    let (before, after) = (&pattern[..star], &pattern[star + 1..]);
    let Some(rest) = name.strip_prefix(before) else {
        return false;
    };
    (0..=rest.len()).any(|at| matches(after, &rest[at..]))
}

fn refused_name(name: &[u8], takes: &PushLimits) -> Option<String> {
    if let Some(most) = takes.ref_bytes
        && name.len() as u64 > most
    {
        return Some(format!(
            "its name has {} bytes, and the target takes {most}",
            name.len()
        ));
    }
    let short = name
        .strip_prefix(b"refs/heads/")
        .or_else(|| name.strip_prefix(b"refs/tags/"))?;
    let is_id = matches!(short.len(), 40 | 64) && short.iter().all(u8::is_ascii_hexdigit);
    (takes.no_refs_like_ids && is_id)
        .then(|| "it is called like the id of an object, which the target refuses".to_owned())
}

/// The blobs that are larger than the target takes, and their sizes.
fn too_large(
    files: &ObjectFiles,
    odb: &Odb<'_>,
    most: u64,
    cancel: &Cancel,
) -> Result<HashMap<Oid, u64>, Failure> {
    let mut candidates: Vec<Oid> = Vec::new();
    for pack in &files.packs {
        if let Some(index) = pack.index() {
            candidates.extend(bulky(&pack.path, index, most + 1, cancel)?.into_keys());
        }
    }
    candidates.extend(files.loose.iter().map(|(oid, _)| *oid));
    let mut large = HashMap::new();
    for oid in candidates {
        if let Ok((size, ObjectType::Blob)) = odb.read_header(oid)
            && size as u64 > most
        {
            large.insert(oid, size as u64);
        }
    }
    Ok(large)
}

/// Takes the refs that reach a file which is too large out of what is sent.
fn leave_out_large(
    survey: &mut Survey,
    tips: &mut Tips,
    walk: &mut Walk<'_>,
    takes: &PushLimits,
    cancel: &Cancel,
) -> Result<(), Failure> {
    for (name, oid) in std::mem::take(tips) {
        match walk.large_of(oid, cancel)? {
            None => drop(tips.insert(name, oid)),
            Some(blob) => survey.refuse(name, why_large(walk, blob, takes)),
        }
    }
    Ok(())
}

impl Survey {
    fn refuse(&mut self, name: RefName, why: String) {
        self.refused.push(RefusedRef {
            name: refs::shown(&name).into(),
            why: why.into(),
        });
        self.refused_names.insert(name);
    }
}

fn why_large(walk: &Walk<'_>, blob: Oid, takes: &PushLimits) -> String {
    let name = walk.names.get(&blob);
    let what = name.map_or_else(
        || format!("the file with the id {blob}"),
        |name| format!("the file {}, blob {blob},", name.printable()),
    );
    let size = walk.large.get(&blob).copied().unwrap_or(0);
    format!(
        "{what} has {size} bytes, and the target takes {}",
        takes.file_bytes.unwrap_or(0)
    )
}

/// The name under which a tree has an entry.
fn name_in(tree: &[u8], oid: Oid) -> Option<Untrusted> {
    let mut rest = tree;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == 0)?;
        let (entry, after) = rest.split_at_checked(end + 21)?;
        if entry.get(end + 1..) == Some(oid.as_bytes()) {
            let space = entry.iter().position(|byte| *byte == b' ')?;
            return Some(Untrusted::lossy(entry.get(space + 1..end)?));
        }
        rest = after;
    }
    None
}

/// Which objects reach a blob that is too large: each is looked at once.
struct Walk<'a> {
    odb: &'a Odb<'a>,
    large: &'a HashMap<Oid, u64>,
    /// Whether objects are checked on the way.
    looks: bool,
    /// By object, a blob that it reaches.
    found: HashMap<Oid, Option<Oid>>,
    /// What the blobs that are too large are called.
    names: HashMap<Oid, Untrusted>,
    suspects: usize,
}

impl Walk<'_> {
    fn large_of(&mut self, tip: Oid, cancel: &Cancel) -> Result<Option<Oid>, Failure> {
        let mut todo = vec![(tip, None::<Vec<Oid>>)];
        let mut open = HashSet::new();
        while let Some((oid, children)) = todo.pop() {
            cancel.check()?;
            if let Some(children) = children {
                let found = children
                    .iter()
                    .find_map(|child| self.found.get(child).copied().flatten());
                self.found.insert(oid, found);
                continue;
            }
            if self.found.contains_key(&oid) || !open.insert(oid) {
                continue;
            }
            if self.large.contains_key(&oid) {
                self.found.insert(oid, Some(oid));
                continue;
            }
            let children = self.children(oid);
            todo.push((oid, Some(children.clone())));
            let news = children.into_iter();
            let news = news.filter(|child| !self.found.contains_key(child));
            todo.extend(news.map(|child| (child, None)));
        }
        Ok(self.found.get(&tip).copied().flatten())
    }

    /// What an object names, as far as it is of interest. What cannot be read is told when it is sent.
    fn children(&mut self, oid: Oid) -> Vec<Oid> {
        let mut children = Vec::new();
        let is_blob = self
            .odb
            .read_header(oid)
            .is_ok_and(|(_, kind)| kind == ObjectType::Blob);
        if is_blob {
            return children;
        }
        let Ok(object) = exactly(|| self.odb.read(oid)) else {
            return children;
        };
        if self.looks && fsck::is_suspect(object.kind(), object.data()) {
            self.suspects += 1;
        }
        let (large, names) = (self.large, &mut self.names);
        let _ = links(object.kind(), object.data(), &mut |link| {
            let is_large = large.contains_key(&link.oid);
            if is_large && !names.contains_key(&link.oid) {
                names.extend(name_in(object.data(), link.oid).map(|name| (link.oid, name)));
            }
            if !link.is_blob || is_large {
                children.push(link.oid);
            }
        });
        children
    }
}

/// Whether a branch has files that stand for LFS objects, by its attributes: gitattributes(5).
fn uses_lfs(odb: &Odb<'_>, tips: &Tips) -> bool {
    let mut seen = HashSet::new();
    tips.values()
        .filter_map(|tip| attributes(odb, *tip))
        .filter(|blob| seen.insert(*blob))
        .any(|blob| {
            let fits = odb
                .read_header(blob)
                .is_ok_and(|(size, _)| size <= MOST_ATTRIBUTES);
            let needle = b"filter=lfs";
            fits && odb
                .read(blob)
                .is_ok_and(|file| file.data().windows(needle.len()).any(|at| at == needle))
        })
}

/// The blob of the attributes at the top of a commit.
fn attributes(odb: &Odb<'_>, tip: Oid) -> Option<Oid> {
    let object = exactly(|| odb.read(tip)).ok()?;
    if object.kind() != ObjectType::Commit {
        return None;
    }
    let mut tree = None;
    links(ObjectType::Commit, object.data(), &mut |link| {
        if link.is_tree {
            tree = Some(link.oid);
        }
    })?;
    let tree = tree?;
    let tree = exactly(|| odb.read(tree)).ok()?;
    let name = b" .gitattributes\0";
    let at = tree
        .data()
        .windows(name.len())
        .position(|begin| begin == name)?;
    let id = tree.data().get(at + name.len()..at + name.len() + 20)?;
    Oid::from_bytes(id).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refs_of_hosters_and_ours_stay_at_home() {
        let theirs = ["refs/own/*/head".into()];
        let stays = |name: &str| stays_at_home(name.as_bytes(), &theirs);
        for name in [
            "refs/pull/1/head",
            "refs/merge-requests/7/head",
            "refs/forgekeep/kept/x",
            "refs/own/a/b/head",
        ] {
            assert!(stays(name), "{name}");
        }
        for name in [
            "refs/heads/pull/1",
            "refs/remotes/origin/main",
            "refs/tags/v1",
            "refs/notes/commits",
            "refs/own/a",
        ] {
            assert!(!stays(name), "{name}");
        }
    }

    #[test]
    fn names_that_a_target_refuses_are_known() {
        let takes = PushLimits {
            ref_bytes: Some(60),
            no_refs_like_ids: true,
            ..PushLimits::default()
        };
        let refused = |name: &str| refused_name(name.as_bytes(), &takes).is_some();
        assert!(refused(&format!("refs/heads/{}", "a".repeat(40))));
        assert!(refused(&format!("refs/heads/{}", "x".repeat(60))));
        assert!(!refused(&format!("refs/heads/{}", "a".repeat(39))));
        assert!(!refused(&format!("refs/heads/x/{}", "a".repeat(40))));
        assert!(!refused("refs/heads/main"));
    }
}
