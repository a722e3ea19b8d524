//! A library, from its file to its table.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use forgekeep_plugin_host::{
    Answered, Broken, How, InProcess, Library, NoWorker, Plugin, PluginFile, Reply, Unfit,
    WorkerSettings, Workers,
};

use crate::support::{Hostile, Services, call, library, settings, text};

/// Why a worker does not load it. Whatever happens, it happens there and not here.
fn unfit(settings: WorkerSettings) -> Unfit {
    match Workers::new(settings).current() {
        Err(NoWorker::Unfit(unfit)) => unfit,
        other => panic!("{other:?}"),
    }
}

/// One line, and an instruction.
fn shown(unfit: &Unfit) -> String {
    let (message, hint) = (unfit.to_string(), unfit.hint());
    assert!(!message.contains('\n') && !hint.contains('\n'), "{message}");
    assert!(hint.starts_with(|c: char| c.is_ascii_lowercase()));
    message
}

#[test]
fn a_plugin_in_c_is_loaded_by_its_symbol_alone() {
    let hostile = Hostile::new();
    let file = PluginFile::examine(&hostile.file).unwrap();
    assert_eq!(PluginFile::id_in_name(&hostile.file).unwrap(), "hostile");
    let plugin = InProcess::new(Library::load(file).unwrap(), Arc::default());
    assert_eq!(text(&plugin, "echo", "in this process"), "in this process");
    let worker = hostile.workers().current().unwrap();
    assert_eq!(text(worker.as_ref(), "echo", "in a worker"), "in a worker");
    // Two files of the same plugin, one after the other, are two libraries.
    let second = Hostile::with(&["-DCALL=NULL"]);
    let file = PluginFile::examine(&second.file).unwrap();
    assert!(matches!(Library::load(file), Err(Unfit::NotATable(_))));
}

#[test]
fn a_plugin_by_both_entrances_is_one_plugin() {
    let waist = library("test_plugin_waist");
    let file = PluginFile::examine(&waist).unwrap();
    let sha256 = file.sha256();
    let in_process = InProcess::new(Library::load(file).unwrap(), Arc::default());
    let workers = Workers::new(settings(&waist));
    let worker = workers.current().unwrap();
    assert_eq!(worker.sha256(), sha256);
    for plugin in [&in_process as &dyn Plugin, worker.as_ref()] {
        let host = Services::default();
        let answered = plugin.call(3, "list", b"{}", b"body", &host).unwrap();
        let reply = Reply {
            doc: b"list".to_vec(),
            body: b"body".to_vec(),
        };
        assert_eq!(answered, Answered::Result(reply));
        assert_eq!(host.calls.into_inner(), 1);
        assert!(matches!(call(plugin, "fail", ""), Ok(Answered::Error(_))));
        plugin.drop_object(3);
    }
}

#[test]
fn entrances_that_lead_to_different_tables_are_refused() {
    let mut settings = settings(&library("test_plugin_waist"));
    settings.environment = vec![OsString::from("FORGEKEEP_WAIST")];
    // The variable has to come from this process, which is not to be changed while others run: another
    // process of this test does it.
    let program = std::env::current_exe().unwrap();
    if std::env::var_os("FORGEKEEP_WAIST").is_some() {
        assert_eq!(unfit(settings), Unfit::TwoTables);
        return;
    }
    let mut command = std::process::Command::new(program);
    command.args([
        "--exact",
        "loading::entrances_that_lead_to_different_tables_are_refused",
    ]);
    command.env("FORGEKEEP_WAIST", "two-tables");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("1 passed"), "{shown}");
}

#[test]
fn what_is_no_plugin_is_refused_in_one_line() {
    let foreign = unfit(settings(&library("test_plugin_foreign")));
    assert_eq!(foreign, Unfit::NoSymbol);
    let no_library = tempfile::tempdir().unwrap();
    let file = no_library.path().join("libforgekeep_hoster_text.so");
    fs::write(&file, "text").unwrap();
    let text = unfit(settings(&file));
    assert!(shown(&text).starts_with("it is not a library this system can load: "));
    let missing = unfit(settings(&no_library.path().join("missing")));
    assert!(shown(&missing).starts_with("the file cannot be read: "));
    assert_eq!(unfit(settings(no_library.path())), Unfit::NotAFile);
    assert_eq!(unfit(settings(Path::new("/dev/null"))), Unfit::NotAFile);
}

#[test]
fn a_plugin_of_the_draft_is_refused_by_its_version() {
    let draft = unfit(settings(&library("test_plugin_draft")));
    let message = shown(&draft);
    assert_eq!(
        message,
        "it was built for plugin ABI 0.1.0; this forgekeep speaks 1"
    );
}

#[test]
fn a_table_that_is_none_is_refused() {
    let cases: [(&[&str], &str); 5] = [
        (
            &["-DMAGIC=\"FORGEKP9\""],
            "its `forgekeep_plugin_1` is not a plugin's table: it does not begin with FORGEKP1",
        ),
        (
            &["-DABI=2"],
            "it was built for plugin ABI 2; this forgekeep speaks 1",
        ),
        (
            &["-DSIZE=24"],
            "its `forgekeep_plugin_1` is not a plugin's table: it has 24 bytes, and 32 are needed",
        ),
        (
            &["-DCALL=NULL"],
            "its `forgekeep_plugin_1` is not a plugin's table: a function is missing",
        ),
        // What a later minor may add behind it is not looked at.
        (&["-DSIZE=64"], ""),
    ];
    for (macros, expected) in cases {
        let hostile = Hostile::with(macros);
        if expected.is_empty() {
            assert!(hostile.workers().current().is_ok());
        } else {
            assert_eq!(shown(&unfit(hostile.settings())), expected);
        }
    }
}

#[test]
fn a_file_that_has_changed_is_not_opened() {
    let hostile = Hostile::with(&["-DAT_LOAD=abort()"]);
    let known = Hostile::new();
    let mut settings = hostile.settings();
    settings.sha256 = Some(PluginFile::examine(&known.file).unwrap().sha256());
    assert!(matches!(unfit(settings), Unfit::Changed { .. }));
}

#[test]
fn a_plugin_that_ends_its_process_while_it_is_loaded_costs_a_worker() {
    for (at_load, how) in [
        ("-DAT_LOAD=exit(0)", How::Exited(0)),
        ("-DAT_LOAD=abort()", How::Signal(6)),
    ] {
        let hostile = Hostile::with(&[at_load]);
        let ended = hostile.workers().current();
        let Err(NoWorker::Broken(Broken { how: ended, .. })) = ended else {
            panic!("{ended:?}");
        };
        assert_eq!(ended, how);
    }
}
