//! What is remembered is believed as long as it is true, whoever has changed something.

use std::fs::File;
use std::time::SystemTime;

use forgekeep_store::catalogue::RepositoryState;
use forgekeep_store::snapshot::Identity;

use super::*;

/// A backup folder with a repository, all of which was made an hour ago.
struct Backup(tempfile::TempDir);

impl Backup {
    fn new() -> Self {
        let backup = Self(tempfile::tempdir().unwrap());
        for below in [
            "objects/pack",
            "objects/info",
            "refs/heads",
            "refs/tags",
            "../snapshots/repo",
        ] {
            fs::create_dir_all(backup.mirror().join(below)).unwrap();
        }
        fs::create_dir_all(history::folder(backup.folder())).unwrap();
        fs::write(backup.mirror().join("HEAD"), "ref: refs/heads/main\n").unwrap();
        fs::write(backup.mirror().join("objects/pack/a.pack"), [0; 1000]).unwrap();
        backup.write_state(None);
        backup.age();
        backup
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }

    fn repository(&self) -> PathBuf {
        self.folder().join("acme/acme#web")
    }

    fn mirror(&self) -> PathBuf {
        self.repository().join("repo")
    }

    fn write_state(&self, gone: Option<Timestamp>) {
        let identity = Identity {
            hoster: "bitbucket".to_owned(),
            id: "{1}".into(),
            full_name: "acme/web".into(),
        };
        let mut state = RepositoryState::new(identity, Timestamp::UNIX_EPOCH);
        state.gone = gone;
        state.write(&self.repository()).unwrap();
    }

    /// Makes everything look an hour old: runs do not take down what has just changed.
    fn age(&self) {
        let then = SystemTime::now() - Duration::from_secs(3600);
        age(&self.folder().join("acme"), then);
    }

    fn remember(&self) {
        remember(self.folder()).unwrap();
    }

    /// What is taken down.
    fn known(&self) -> usize {
        KnownFolders::read(self.folder()).by_path.len()
    }

    /// Whether what is taken down is believed of the repository.
    fn is_believed(&self) -> bool {
        let known = KnownFolders::read(self.folder());
        let all = inventory::repository_folders(self.folder()).unwrap();
        all.iter().any(|folder| known.still(folder).is_some())
    }

    /// What `status` goes by, which must be what a look at all files finds.
    #[track_caller]
    fn look(&self) -> OnDisk {
        let read = |known| look(self.folder(), &known).unwrap();
        let mut found = read(KnownFolders::read(self.folder()));
        let fresh = read(KnownFolders::default());
        assert_eq!(format!("{found:?}"), format!("{fresh:?}"));
        assert_eq!(found.len(), 1);
        found.remove(0)
    }
}

fn age(folder: &Path, then: SystemTime) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => age(&path, then),
            false => File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_modified(then)
                .unwrap(),
        }
    }
    File::open(folder).unwrap().set_modified(then).unwrap();
}

#[test]
fn what_is_as_it_was_is_not_read_again() {
    let backup = Backup::new();
    assert!(!backup.is_believed());
    backup.remember();
    assert!(backup.is_believed());
    let found = backup.look();
    assert_eq!((found.name.raw(), found.snapshots), ("acme/web", 0));
    assert!(found.size > 1000);
    // Nothing has changed: nothing is written.
    let path = file(backup.folder());
    let written = fs::metadata(&path).unwrap().modified().unwrap();
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(written - Duration::from_secs(60))
        .unwrap();
    backup.remember();
    assert!(fs::metadata(&path).unwrap().modified().unwrap() < written);
}

#[test]
fn whatever_changes_is_noticed_whoever_has_changed_it() {
    type Change = fn(&Backup);
    let changes: [(&str, Change); 9] = [
        ("a pack came", |of| {
            fs::write(of.mirror().join("objects/pack/b.pack"), "x").unwrap();
        }),
        ("a pack went", |of| {
            fs::remove_file(of.mirror().join("objects/pack/a.pack")).unwrap();
        }),
        ("a loose object came", |of| {
            fs::create_dir(of.mirror().join("objects/ab")).unwrap();
            fs::write(of.mirror().join("objects/ab/c"), "x").unwrap();
        }),
        ("a snapshot came", |of| {
            let name = "000001-20260101T000000Z-0123456789ab.json";
            fs::write(of.repository().join("snapshots/repo").join(name), "{}").unwrap();
        }),
        ("a wiki came", |of| {
            fs::create_dir_all(of.repository().join("wiki/objects")).unwrap();
        }),
        ("its refs were replaced", |of| {
            let new = of.mirror().join("packed-refs.new");
            fs::write(&new, "# pack-refs\n").unwrap();
            fs::rename(new, of.mirror().join("packed-refs")).unwrap();
        }),
        ("a killed run has marked it as gone", |of| {
            of.write_state(Some(Timestamp::UNIX_EPOCH));
        }),
        ("its state file rots where it is", |of| {
            let path = of.repository().join("forgekeep.json");
            fs::write(path, "{").unwrap();
        }),
        ("a copy came in its place", |of| {
            let aside = of.folder().join("acme/aside");
            fs::rename(of.repository(), &aside).unwrap();
            fs::create_dir_all(of.mirror()).unwrap();
            fs::copy(
                aside.join("forgekeep.json"),
                of.repository().join("forgekeep.json"),
            )
            .unwrap();
            fs::remove_dir_all(aside).unwrap();
        }),
    ];
    for (what, change) in changes {
        let backup = Backup::new();
        backup.remember();
        assert!(backup.is_believed(), "{what}");
        change(&backup);
        assert!(!backup.is_believed(), "{what}");
        backup.look();
    }
}

#[test]
fn what_has_just_changed_is_not_taken_down() {
    let backup = Backup::new();
    backup.write_state(None);
    backup.remember();
    assert_eq!(backup.known(), 0);
    backup.age();
    backup.remember();
    assert_eq!(backup.known(), 1);
}

#[test]
fn what_is_gone_is_gone() {
    let backup = Backup::new();
    backup.remember();
    fs::remove_dir_all(backup.repository()).unwrap();
    let known = KnownFolders::read(backup.folder());
    assert!(look(backup.folder(), &known).unwrap().is_empty());
    backup.remember();
    assert_eq!(backup.known(), 0);
}

#[test]
fn a_damaged_file_is_as_none_and_written_again_and_a_newer_one_left_alone() {
    let backup = Backup::new();
    backup.remember();
    let path = file(backup.folder());
    fs::write(&path, "{").unwrap();
    assert_eq!(backup.known(), 0);
    backup.look();
    backup.remember();
    assert_eq!(backup.known(), 1);
    fs::write(&path, "{\"format\": 2}").unwrap();
    backup.look();
    remember(backup.folder()).unwrap_err();
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\"format\": 2}");
}

#[test]
#[cfg(unix)]
fn nothing_is_taken_down_of_what_is_behind_a_link() {
    let backup = Backup::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let snapshots = backup.repository().join("snapshots");
    fs::remove_dir_all(&snapshots).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), &snapshots).unwrap();
    age(
        &backup.mirror(),
        SystemTime::UNIX_EPOCH + Duration::from_secs(9),
    );
    let then = SystemTime::now() - Duration::from_secs(3600);
    File::open(backup.repository())
        .unwrap()
        .set_modified(then)
        .unwrap();
    backup.remember();
    assert_eq!(backup.known(), 0);
    backup.look();
}

#[test]
fn a_mirror_with_loose_objects_is_always_looked_at() {
    let backup = Backup::new();
    for number in 0..64 {
        let folder = backup.mirror().join(format!("objects/{number:02x}"));
        fs::create_dir(folder).unwrap();
    }
    backup.age();
    backup.remember();
    assert_eq!(backup.known(), 0);
    backup.look();
}
