//! The work tree has the bytes of `git clone`, whatever the attributes say.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use forgekeep_tests::{Repo, git};

use super::{restore, work_tree};
use crate::support::World;

/// A commit on `main` with these files, whatever their names, modes and content.
fn commit(web: &Repo<'_>, files: &[(&str, &str, &[u8])]) {
    let folder = web.git_dir();
    let mut listing = Vec::new();
    for (mode, path, content) in files {
        let blob = git::run_with_input(&folder, &["hash-object", "-w", "--stdin"], content);
        listing.extend(format!("{mode} {blob}\t").bytes());
        listing.extend(path.bytes());
        listing.push(0);
    }
    let index = [
        "-c",
        "core.protectNTFS=false",
        "update-index",
        "-z",
        "--index-info",
    ];
    git::run(&folder, &["read-tree", "--empty"]);
    git::run_with_input(&folder, &index, &listing);
    let tree = git::run(&folder, &["write-tree"]);
    let commit = git::run(&folder, &["commit-tree", "-m", "files", &tree]);
    web.git(&["update-ref", "refs/heads/main", &commit]);
}

/// A clone by git, and whether it could encode everything.
fn clone(world: &World, web: &Repo<'_>) -> PathBuf {
    let to = world.sandbox.path("clone");
    let from = web.git_dir();
    git::run(
        &world.sandbox.path(""),
        &["clone", "-q", from.to_str().unwrap(), to.to_str().unwrap()],
    );
    to
}

#[track_caller]
fn assert_same(cloned: &Path, restored: &Path) {
    let files = work_tree(cloned);
    assert_eq!(files, work_tree(restored));
    for file in files {
        let (a, b) = (cloned.join(&file), restored.join(&file));
        let (of_a, of_b) = (
            fs::symlink_metadata(&a).unwrap(),
            fs::symlink_metadata(&b).unwrap(),
        );
        assert_eq!(
            of_a.permissions().mode(),
            of_b.permissions().mode(),
            "{file:?}"
        );
        if of_a.is_symlink() {
            assert_eq!(
                fs::read_link(&a).unwrap(),
                fs::read_link(&b).unwrap(),
                "{file:?}"
            );
            continue;
        }
        let (a, b) = (fs::read(&a).unwrap(), fs::read(&b).unwrap());
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(shown(&a), shown(&b), "{file:?}");
        assert_eq!(a, b, "{file:?}");
    }
}

/// Restores what git clones, and compares.
#[track_caller]
fn compare(files: &[(&str, &str, &[u8])]) -> World {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    commit(&web, files);
    world.backup().expect(0);
    let cloned = clone(&world, &web);
    restore(&world, &["web"], "web").expect(0);
    let restored = world.sandbox.path("web");
    assert_same(&cloned, &restored);
    assert_eq!(
        git::run(&cloned, &["ls-files", "-s"]),
        git::run(&restored, &["ls-files", "-s"])
    );
    // Not `git status`: of files that git would store otherwise than they are stored, it says within
    // the second of the checkout what it likes, in the clone too.
    world
}

const FILE: &str = "100644";

#[test]
fn attributes_have_the_power_they_have_in_git() {
    let attributes = b"\xef\xbb\xbf*.crlf text eol=crlf\n\
        *.crlf text eol=crlf\n\
        *.auto text=auto eol=crlf\n\
        *.lf text eol=lf\n\
        *.bin binary\n\
        *.input text=input\n\
        *.old crlf\n\
        *.id ident\n\
        *.idcrlf ident text eol=crlf\n\
        *.idauto ident text=auto eol=crlf\n\
        \"with space.txt\" eol=crlf\n\
        \"q\\165oted.txt\" eol=crlf\n\
        !negated.txt eol=crlf\n\
        \\!literal.txt eol=crlf\n\
        [attr]mine eol=crlf\n\
        *.mine mine\n\
        *.unmine mine -mine !eol\n\
        folder/ eol=crlf\n\
        /top.txt eol=crlf\n\
        deep/**/x.txt eol=crlf\n\
        **/any.txt eol=crlf\n\
        [a-c]class.txt eol=crlf\n\
        *.lfs filter=lfs diff=lfs merge=lfs -text\n\
        *.bad eol=crlf n@me\n\
        *.CASE eol=crlf\n\
        *.last eol=crlf\n*.last -text\n"
        .to_vec();
    let long = format!("*.long eol=crlf {}\n", "x ".repeat(1100));
    let attributes = [attributes, long.into_bytes()].concat();
    let lines = b"one\ntwo\r\nthree\n";
    let only_lf = b"one\ntwo\n";
    let mut files: Vec<(&str, &str, &[u8])> = vec![(FILE, ".gitattributes", &attributes)];
    for path in [
        "a.crlf",
        "a.auto",
        "a.lf",
        "a.bin",
        "a.input",
        "a.old",
        "with space.txt",
        "quoted.txt",
        "negated.txt",
        "!negated.txt",
        "!literal.txt",
        "a.mine",
        "a.unmine",
        "folder/a",
        "top.txt",
        "deep/top.txt",
        "deep/x.txt",
        "deep/er/still/x.txt",
        "any.txt",
        "folder/any.txt",
        "bclass.txt",
        "dclass.txt",
        "a.lfs",
        "a.bad",
        "a.case",
        "a.last",
        "a.long",
        // Before `.gitattributes` in the order of trees.
        "!a/b.crlf",
        "!b.crlf",
        "#c.crlf",
        "-d.crlf",
        ".a/b.crlf",
        ".a.auto",
    ] {
        files.push((FILE, path, lines));
    }
    for path in ["lf.crlf", "lf.auto", "lf.old", "#lf.auto"] {
        files.push((FILE, path, only_lf));
    }
    files.push((FILE, "nul.auto", b"a\0b\n"));
    files.push((FILE, "cr.auto", b"a\rb\n"));
    files.push((FILE, "eof.auto", b"ab\n\x1a"));
    files.push((
        FILE,
        "sub/.gitattributes",
        b"*.crlf !eol -text\n[attr]own eol=crlf\n*.own own\n",
    ));
    files.push((FILE, "sub/a.crlf", lines));
    files.push((FILE, "sub/a.own", lines));
    files.push((FILE, "sub/below/a.crlf", lines));
    // A link of this name has text, too.
    files.push(("120000", "link/.gitattributes", b"*.txt eol=crlf"));
    files.push((FILE, "link/a.txt", lines));
    files.push(("120000", "link.crlf", b"nowhere\nat all"));
    files.push((FILE, "bom/.gitattributes", b"\xef\xbb\xbf*.txt eol=crlf\n"));
    files.push((FILE, "bom/a.txt", lines));
    files.push(("100755", "run.crlf", lines));
    compare(&files);
}

#[test]
fn idents_are_expanded_as_git_expands_them() {
    let attributes = b"*.id ident\n*.both ident text eol=crlf\n*.auto ident text=auto eol=crlf\n";
    let mut texts: Vec<String> = vec![
        "$Id$ a $Id: b $ c\n$Id: of another system $\n$Id: broken\n$ $Id".to_owned(),
        "code $Id: x\nline that must stay\n$ end\n".to_owned(),
        "$$Id$ $I$Id$ $IdId$ $Id:$ $Id: $ $Id:x$\n$Idx$Id: a b $\n".to_owned(),
    ];
    // Any order of the parts.
    let parts = ["$", "I", "d", ":", " ", "\n", "$Id", "x", "$Id$", "\r\n"];
    let mut seed = 7_u64;
    for _ in 0..40 {
        let mut text = String::new();
        for _ in 0..30 {
            seed = seed
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            text.push_str(parts[(seed >> 33) as usize % parts.len()]);
        }
        texts.push(text);
    }
    let names: Vec<(String, &String)> = texts
        .iter()
        .enumerate()
        .flat_map(|(n, text)| ["id", "both", "auto"].map(|ending| (format!("{n}.{ending}"), text)))
        .collect();
    let mut files: Vec<(&str, &str, &[u8])> = vec![(FILE, ".gitattributes", attributes)];
    files.extend(
        names
            .iter()
            .map(|(name, text)| (FILE, name.as_str(), text.as_bytes())),
    );
    compare(&files);
}

#[test]
fn text_is_written_in_its_encoding() {
    let encodings = [
        "UTF-16",
        "UTF-16LE",
        "UTF-16BE",
        "UTF-16LE-BOM",
        "UTF-16BE-BOM",
        "UTF-32",
        "UTF-32LE",
        "UTF-32BE",
        "utf16",
        "UTF-8",
        "ISO-8859-1",
        "latin-1",
        "ISO-8859-15",
        "windows-1252",
        "CP1251",
        "KOI8-R",
        "SHIFT-JIS",
        "EUC-JP",
        "EUC-KR",
        "GBK",
        "GB18030",
        "ISO-8859-7",
    ];
    let text = |encoding: &str| match encoding {
        "CP1251" | "KOI8-R" => "\u{41f}\u{440}\u{438}\n\u{432}\n",
        "SHIFT-JIS" | "EUC-JP" => "\u{65e5}\u{672c}\n\u{301c}\u{30ab}\n",
        "EUC-KR" => "\u{ac00}\n\u{b098}\n",
        "GBK" => "\u{4e2d}\u{6587}\n",
        "ISO-8859-7" => "\u{3b1}\n\u{3b2}\n",
        encoding if encoding.starts_with("UTF") || encoding == "GB18030" => "a\u{e4}\n\u{1f600}\n",
        _ => "a\u{e4}\n\u{fc}\n",
    };
    let mut attributes = String::new();
    let mut names = Vec::new();
    for (n, encoding) in encodings.iter().enumerate() {
        attributes.push_str(&format!("{n}.txt working-tree-encoding={encoding}\n"));
        attributes.push_str(&format!(
            "{n}.crlf working-tree-encoding={encoding} text eol=crlf\n"
        ));
        names.push((format!("{n}.txt"), text(encoding)));
        names.push((format!("{n}.crlf"), text(encoding)));
    }
    let mut files: Vec<(&str, &str, &[u8])> = vec![(FILE, ".gitattributes", attributes.as_bytes())];
    files.extend(
        names
            .iter()
            .map(|(name, text)| (FILE, name.as_str(), text.as_bytes())),
    );
    compare(&files);
}

#[test]
fn an_encoding_that_cannot_be_done_is_named_and_the_file_is_as_it_is_in_the_repository() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let files: [(&str, &str, &[u8]); 5] = [
        (
            FILE,
            ".gitattributes",
            b"a.txt working-tree-encoding=UTF-9\nb.txt working-tree-encoding=latin1\nc.txt working-tree-encoding=UTF-16\n",
        ),
        (FILE, "a.txt", b"a\n"),
        (FILE, "b.txt", "\u{20ac}\n".as_bytes()),
        (FILE, "c.txt", b"\xff\n"),
        (FILE, "d.txt", b"d\n"),
    ];
    commit(&web, &files);
    world.backup().expect(0);
    let run = restore(&world, &["web"], "web").expect(3);
    for name in ["a.txt", "b.txt", "c.txt"] {
        let wanted = format!("{name} was written without its encoding");
        assert!(run.stderr.contains(&wanted), "{}", run.stderr);
    }
    let cloned = clone(&world, &web);
    assert_same(&cloned, &world.sandbox.path("web"));
    let run = restore(&world, &["--all", "-q"], "all").expect(3);
    assert!(
        run.stderr.contains("a.txt was written without"),
        "{}",
        run.stderr
    );
}

/// A tree of raw entries: mode, name, object.
fn tree(web: &Repo<'_>, entries: &[(&str, &[u8], &str)]) -> String {
    let mut data = Vec::new();
    for (mode, name, oid) in entries {
        data.extend(mode.bytes());
        data.push(b' ');
        data.extend(*name);
        data.push(0);
        let byte = |at| u8::from_str_radix(&oid[at..at + 2], 16).unwrap();
        data.extend((0..40).step_by(2).map(byte));
    }
    let write = ["hash-object", "-t", "tree", "-w", "--stdin", "--literally"];
    git::run_with_input(&web.git_dir(), &write, &data)
}

fn point_main_to(web: &Repo<'_>, tree: &str) {
    let commit = git::run(&web.git_dir(), &["commit-tree", "-m", "tree", tree]);
    web.git(&["update-ref", "refs/heads/main", &commit]);
}

fn blob(web: &Repo<'_>, content: &[u8]) -> String {
    git::run_with_input(&web.git_dir(), &["hash-object", "-w", "--stdin"], content)
}

#[test]
fn a_tree_gives_no_mode_that_git_does_not_give() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let one = blob(&web, b"x\n");
    let entries: [(&str, &[u8], &str); 7] = [
        ("100600", b"private", &one),
        ("100664", b"group", &one),
        ("100777", b"all", &one),
        ("102755", b"setgid", &one),
        ("104755", b"setuid", &one),
        ("106666", b"world", &one),
        ("160000", b"zmodule", &one),
    ];
    let mut entries = entries.to_vec();
    entries.sort_by_key(|entry| entry.1);
    point_main_to(&web, &tree(&web, &entries));
    world.backup().expect(0);
    let cloned = clone(&world, &web);
    restore(&world, &["web"], "web").expect(0);
    let restored = world.sandbox.path("web");
    assert_same(&cloned, &restored);
    for name in ["setuid", "setgid", "world", "all"] {
        let mode = fs::metadata(restored.join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o7022, 0, "{name}: {mode:o}");
    }
    assert!(restored.join("zmodule").is_dir());
    assert_eq!(git::run(&restored, &["status", "--porcelain"]), "");
}

#[test]
fn what_is_no_content_is_not_written_as_a_file() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let one = blob(&web, b"x\n");
    let below = tree(&web, &[("100644", b"below", &one)]);
    let commit = web.rev_parse("main");
    let entries: [(&str, &[u8], &str); 4] = [
        ("100644", b"a-tree", &below),
        ("100755", b"b-commit", &commit),
        ("120000", b"c-link", &below),
        ("100644", b"good", &one),
    ];
    point_main_to(&web, &tree(&web, &entries));
    world.backup().expect(0);
    let run = restore(&world, &["web"], "web").expect(3);
    for left_out in [
        "a-tree was left out",
        "b-commit was left",
        "c-link was left",
    ] {
        assert!(run.stderr.contains(left_out), "{}", run.stderr);
    }
    let restored = world.sandbox.path("web");
    assert_eq!(fs::read(restored.join("good")).unwrap(), b"x\n");
    for name in ["a-tree", "b-commit", "c-link"] {
        assert!(restored.join(name).symlink_metadata().is_err(), "{name}");
    }
}

#[test]
fn a_name_too_long_for_the_disk_is_left_out_and_the_rest_is_there() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let one = blob(&web, b"x\n");
    let (name, target) = ("n".repeat(300), blob(&web, "t".repeat(5000).as_bytes()));
    let below = tree(
        &web,
        &[("100644", b"file", &one), ("100644", b"other", &one)],
    );
    let root = tree(
        &web,
        &[
            ("100644", b"a", &one),
            ("120000", b"link", &target),
            ("100644", name.as_bytes(), &one),
            ("40000", "o".repeat(300).as_bytes(), &below),
            ("100644", b"z", &one),
        ],
    );
    point_main_to(&web, &root);
    world.backup().expect(0);
    let run = restore(&world, &["web"], "web").expect(3);
    assert!(run.stderr.contains("too long"), "{}", run.stderr);
    assert!(!run.stderr.contains("disk is full"), "{}", run.stderr);
    assert!(run.stderr.contains("link was left out"), "{}", run.stderr);
    let restored = world.sandbox.path("web");
    let found: Vec<_> = work_tree(&restored);
    assert_eq!(found, [PathBuf::from("a"), PathBuf::from("z")]);
    assert_eq!(
        git::run(&restored, &["status", "--porcelain", "a", "z"]),
        ""
    );
}

#[test]
fn nothing_is_written_through_a_link() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let outside = world.sandbox.path("outside");
    fs::create_dir(&outside).unwrap();
    let (one, to) = (
        blob(&web, b"x\n"),
        blob(&web, outside.as_os_str().as_bytes()),
    );
    let below = tree(&web, &[("100644", b"escaped", &one)]);
    let root = tree(&web, &[("120000", b"a", &to), ("40000", b"a", &below)]);
    point_main_to(&web, &root);
    world.backup();
    restore(&world, &["web"], "web").expect(3);
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn a_tree_of_endless_files_is_refused_at_once() {
    let world = World::new();
    let web = world.forge.repository("web").commit("one");
    let mut below = blob(&web, b"x\n");
    for level in 0..12 {
        let mode = if level == 0 { "100644" } else { "40000" };
        let names: Vec<Vec<u8>> = (b'a'..=b'j').map(|name| vec![name]).collect();
        let entries: Vec<(&str, &[u8], &str)> = names
            .iter()
            .map(|name| (mode, name.as_slice(), below.as_str()))
            .collect();
        below = tree(&web, &entries);
    }
    point_main_to(&web, &below);
    world.backup().expect(0);
    let run = restore(&world, &["web"], "web").expect(3);
    assert!(run.stderr.contains("1000000000000 files"), "{}", run.stderr);
    world.forgekeep(&["verify"]).run().expect(0);
}
