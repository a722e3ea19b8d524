//! What a plugin cannot get at. These tests need a kernel with Landlock and seccomp.

use std::fs;

use forgekeep_plugin_host::{
    ConfinementMode, FrameFault, Held, How, NoWorker, Part, WorkerProgram, Workers,
};

use forgekeep_tests::c_plugin;

use crate::support::{Hostile, call, greeted, program, settings, text};

const EPERM: &str = "errno 1";
const ENOMEM: &str = "errno 12";
const EACCES: &str = "errno 13";

fn workers(hostile: &Hostile, mode: ConfinementMode) -> Workers {
    let mut settings = hostile.settings();
    settings.confinement = mode;
    Workers::new(settings)
}

#[test]
fn the_network_programs_and_other_processes_are_out_of_reach() {
    let hostile = Hostile::new();
    let worker = greeted(&workers(&hostile, ConfinementMode::Require));
    assert!(
        worker.confinement().is_whole(),
        "{:?}",
        worker.confinement()
    );
    for method in [
        "socket",
        "unix-socket",
        "exec",
        "fork",
        "kill-host",
        "ptrace-host",
        "limit-host",
        "raise-limit",
        "io-uring",
        "pidfd",
        "survive",
        "memfd",
        "shared-memory",
        "signal-by-pipe",
        "session",
    ] {
        assert_eq!(text(worker.as_ref(), method, ""), EPERM, "{method}");
    }
    #[cfg(target_arch = "x86_64")]
    assert_eq!(text(worker.as_ref(), "x32", ""), EPERM);
    assert_eq!(text(worker.as_ref(), "core", ""), "none");
    assert_eq!(text(worker.as_ref(), "capabilities", ""), "none");
    assert_eq!(text(worker.as_ref(), "thread", ""), "allowed");
}

#[test]
fn memory_that_no_limit_counts_is_out_of_reach() {
    let hostile = Hostile::new();
    let worker = greeted(&workers(&hostile, ConfinementMode::Require));
    let worker = worker.as_ref();
    assert_eq!(text(worker, "growing-memory", ""), EPERM);
    assert_eq!(text(worker, "moved-stack", ""), ENOMEM);
    assert_eq!(text(worker, "socket-pair", ""), EPERM);
    assert_eq!(text(worker, "stack", ""), "limited");
    assert_eq!(text(worker, "reallocate", ""), "allowed");
}

#[test]
fn what_a_worker_says_of_itself_is_not_believed_to_be_safe() {
    let hostile = Hostile::new();
    let workers = workers(&hostile, ConfinementMode::Auto);
    let worker = greeted(&workers);
    // Kinds of frames: 11 is how the confinement stands, 3 that there will be no call.
    let sealed = r#"11 0 {"parts":[["Files",{"No":"\u001b[31ma\nb"}],["Files",{"No":"again"}]]}"#;
    assert_eq!(text(worker.as_ref(), "forge", sealed), "{}");
    assert_eq!(worker.confinement().missing(), r"files: \u{1b}[31ma b");
    assert_eq!(worker.confinement().parts().len(), 1);
    let refused = r#"3 0 {"NotConfined":"\u001b[31ma\nb"}"#;
    let broken = call(worker.as_ref(), "forge", refused).unwrap_err();
    assert_eq!(broken.how, How::NotConfined(r"\u{1b}[31ma b".to_owned()));
    for forged in [
        r#"11 70000 {"parts":[]}"#,
        r#"3 70000 {"NotConfined":""}"#,
        r#"6 70000 "Request""#,
        r#"2 70000 {}"#,
    ] {
        let worker = greeted(&Workers::new(hostile.settings()));
        let broken = call(worker.as_ref(), "forge", forged).unwrap_err();
        assert_eq!(broken.how, How::Frame(FrameFault::Head), "{forged}");
    }
}

#[test]
fn what_comes_behind_a_refusal_does_not_count() {
    let hostile = Hostile::new();
    let worker = greeted(&workers(&hostile, ConfinementMode::Auto));
    let answered = call(worker.as_ref(), "forge-and-answer", "11 0 {\"parts\":[]}");
    assert!(answered.is_ok(), "{answered:?}");
    let refused = r#"3 0 {"NotConfined":"as wanted"}"#;
    let broken = call(worker.as_ref(), "forge-and-answer", refused).unwrap_err();
    assert_eq!(broken.how, How::NotConfined("as wanted".to_owned()));
}

#[test]
fn files_and_what_the_host_knows_are_out_of_reach() {
    let hostile = Hostile::new();
    let worker = greeted(&workers(&hostile, ConfinementMode::Auto));
    let worker = worker.as_ref();
    let own = hostile.file.to_str().unwrap();
    let new = hostile.folder.path().join("new");
    let new = new.to_str().unwrap();
    for (method, path) in [
        ("open", "/etc/passwd"),
        ("open", own),
        ("open", "/usr/lib"),
        ("open", "/proc/self/environ"),
        ("open", "/dev/tty"),
        ("open", "/"),
        ("write", own),
        ("write", new),
        ("unlink", own),
        ("host-environment", ""),
        ("host-memory", ""),
    ] {
        assert_eq!(text(worker, method, path), EACCES, "{method} {path}");
    }
    // Landlock lets it pass; the filter does not.
    assert_eq!(text(worker, "chmod", own), EPERM);
    assert!(fs::metadata(own).is_ok());
}

#[test]
fn until_hello_only_what_loading_needs_can_be_read() {
    let hostile = Hostile::new();
    let own = hostile.file.to_str().unwrap();
    let first = |method: &str, path: &str| {
        let workers = workers(&hostile, ConfinementMode::Auto);
        let worker = workers.current().unwrap();
        text(worker.as_ref(), method, path)
    };
    assert_eq!(first("open", own), "allowed");
    assert_eq!(first("open", "/usr/lib"), "allowed");
    assert_eq!(first("open", "/etc/passwd"), EACCES);
    assert_eq!(first("write", own), EACCES);
    assert_eq!(first("host-environment", ""), EACCES);
    assert_eq!(first("socket", ""), EPERM);
}

#[test]
fn what_runs_while_a_plugin_is_loaded_is_confined_too() {
    let probe = "if(socket(2,1,0)!=-1||open(\"/etc/passwd\",0)!=-1)abort()";
    let hostile = Hostile::with(&[&format!("-DAT_LOAD={probe}")]);
    greeted(&workers(&hostile, ConfinementMode::Auto));
    let unconfined = workers(&hostile, ConfinementMode::Off).current();
    assert!(unconfined.is_err());
}

#[test]
fn a_plugin_behind_a_link_is_loaded() {
    let hostile = Hostile::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("libforgekeep_hoster_link.so");
    std::os::unix::fs::symlink(&hostile.file, &link).unwrap();
    let mut settings = settings(&link);
    settings.confinement = ConfinementMode::Require;
    greeted(&Workers::new(settings));
}

#[test]
fn confinement_can_be_switched_off_and_is_told() {
    let hostile = Hostile::new();
    let off = greeted(&workers(&hostile, ConfinementMode::Off));
    assert!(off.confinement().parts().is_empty() && !off.confinement().is_whole());
    assert_eq!(text(off.as_ref(), "open", "/etc/passwd"), "allowed");
    let on = greeted(&workers(&hostile, ConfinementMode::Auto));
    let confinement = on.confinement();
    let parts: Vec<_> = confinement.parts().iter().map(|(part, _)| *part).collect();
    let all = [
        Part::Memory,
        Part::Privileges,
        Part::SystemCalls,
        Part::Files,
    ];
    assert_eq!(parts, all);
    assert!(
        confinement
            .parts()
            .iter()
            .all(|(_, held)| *held == Held::Yes)
    );
}

/// Workers as on an older kernel.
fn older(hostile: &Hostile, flags: &[&str], mode: ConfinementMode) -> Workers {
    let path = hostile.folder.path().join("older-kernel");
    c_plugin::compile("hostile/older-kernel.c", &path, flags);
    let mut settings = hostile.settings();
    settings.confinement = mode;
    settings.program = WorkerProgram::Other {
        path,
        arguments: vec![program().into()],
    };
    Workers::new(settings)
}

#[test]
fn what_the_host_has_left_open_is_closed() {
    const EBADF: &str = "errno 9";
    for left in [5, 12, 200] {
        let hostile = Hostile::new();
        let flags = format!("-DLEFT={left}");
        let worker = greeted(&older(&hostile, &[&flags], ConfinementMode::Require));
        let found = text(worker.as_ref(), "descriptor", &left.to_string());
        assert_eq!(found, EBADF, "{left}");
    }
}

#[test]
fn what_the_kernel_lacks_is_told_and_the_rest_is_enforced() {
    // landlock_create_ruleset, and the option of prctl that installs a filter.
    let without_landlock: &[&str] = &["-DNUMBER=444"];
    let without_seccomp: &[&str] = &["-DNUMBER=SYS_prctl", "-DOPTION=PR_SET_SECCOMP"];
    let cases = [
        (
            without_landlock,
            "files: this kernel has no Landlock",
            ["allowed", EPERM],
        ),
        (
            without_seccomp,
            "system calls: this kernel has no seccomp filters",
            [EACCES, "allowed"],
        ),
    ];
    for (flags, missing, [open, socket]) in cases {
        let hostile = Hostile::new();
        let worker = greeted(&older(&hostile, flags, ConfinementMode::Auto));
        let confinement = worker.confinement();
        assert!(!confinement.is_whole());
        assert_eq!(confinement.missing(), missing);
        assert_eq!(text(worker.as_ref(), "open", "/etc/passwd"), open);
        assert_eq!(text(worker.as_ref(), "socket", ""), socket);
        let required = older(&hostile, flags, ConfinementMode::Require).current();
        let Err(NoWorker::Broken(broken)) = required else {
            panic!("{required:?}");
        };
        assert_eq!(broken.how, How::NotConfined(missing.to_owned()));
        let off = greeted(&older(&hostile, flags, ConfinementMode::Off));
        assert_eq!(text(off.as_ref(), "socket", ""), "allowed");
    }
}
