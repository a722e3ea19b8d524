use std::path::{Path, PathBuf};
use std::{fs, io};

use forgekeep_command_line::{Common, DemoArguments, ProgressMode};
use forgekeep_demo_hoster::{Account, DemoHoster};
use forgekeep_documents::DemoDocument;
use forgekeep_durable::umask::OfBackup;
use forgekeep_engine::run::Selection;
use forgekeep_store::inventory;
use forgekeep_store::part::PartKind;
use forgekeep_store::report::Report;
use forgekeep_summary as summary;
use forgekeep_untrusted::{Show as _, Untrusted};

use crate::exit::{Complaint, ExitCode};
use crate::progress;
use crate::terminal::{out, say, stdout_width};

/// Environment variable that the demo's configuration takes the token from. It is answered by the
/// demo itself: the configuration on disk shows how a secret is kept out of it.
const TOKEN: &str = "FORGEKEEP_DEMO_TOKEN";

/// `forgekeep demo`: the main job, without an account. The hoster is ours and on this machine; the
/// plugin, the engine and the backup are the real ones.
pub fn run(common: &Common, arguments: &DemoArguments) -> Result<ExitCode, Complaint> {
    // Before anything is made: a demo without it shows nothing.
    super::plugins::require(common, "bitbucket")?;
    let folder = demo_folder(arguments.dir.as_deref())?;
    let hoster = DemoHoster::start().map_err(|error| {
        Complaint::new(
            ExitCode::Unexpected,
            format!("the demo's hoster cannot be started: {error}"),
            "check that a port on 127.0.0.1 is free, and that the temporary folder has room",
        )
    })?;
    out!(
        "A hoster with the workspace \"{}\" runs at {} as long as this demo.\n",
        hoster.workspace(),
        hoster.api_url()
    );
    let file = write_configuration(&folder, &hoster)?;

    out!("== First backup: everything is new");
    let first = back_up(common, &file, hoster.account())?;
    let conclude = |exit_code, changes, reports| {
        if arguments.json {
            let backup = folder.join("backup");
            let document = DemoDocument::new(exit_code, &folder, &file, &backup, changes, reports);
            super::print_json(&document)?;
        }
        Ok(exit_code)
    };
    if first.exit_code != ExitCode::Good {
        return conclude(first.exit_code, Vec::new(), vec![first]);
    }
    out!("== Meanwhile, upstream");
    let changes = hoster.change_upstream().map_err(|error| {
        Complaint::new(
            ExitCode::Unexpected,
            format!("the demo's repositories cannot be changed: {error}"),
            "",
        )
    })?;
    for change in &changes {
        out!("{change}");
    }
    out!("\n== Second backup: only what changed is fetched, and nothing is lost");
    let second = back_up(common, &file, hoster.account())?;
    let exit_code = second.exit_code;
    if exit_code == ExitCode::Good {
        print_folder(&folder.join("backup"))?;
        print_farewell(&folder)?;
    }
    conclude(exit_code, changes, vec![first, second])
}

fn demo_folder(wanted: Option<&Path>) -> Result<PathBuf, Complaint> {
    let made = match wanted {
        Some(folder) => fs::create_dir(folder).map(|()| folder.to_owned()),
        None => tempfile::Builder::new()
            .prefix("forgekeep-demo-")
            .tempdir()
            .map(tempfile::TempDir::keep),
    };
    made.and_then(|folder| folder.canonicalize())
        .map_err(|error| {
            let default = std::env::temp_dir();
            Complaint::file(
                "create the demo's folder",
                wanted.unwrap_or(&default),
                &error,
            )
        })
}

fn write_configuration(folder: &Path, hoster: &DemoHoster) -> Result<PathBuf, Complaint> {
    let account = hoster.account();
    // Names of ours and a folder: a single quote is the only character to escape in YAML.
    let backup = Untrusted::of_path(folder.join("backup"));
    let backup = backup.raw().replace('\'', "''");
    let text = format!(
        "localFolder: '{backup}'\n\
         sources:\n  \
           - title: demo\n    \
             hoster: bitbucket\n    \
             name: {workspace}\n    \
             apiAuthName: {email}\n    \
             password: '%{TOKEN}%'\n    \
             apiUrl: {api}\n",
        workspace = hoster.workspace(),
        email = account.email,
        api = hoster.api_url(),
    );
    let file = folder.join("forgekeep.yml");
    fs::write(&file, &text).map_err(|error| Complaint::file("write", &file, &error))?;
    out!("{}:", file.shown());
    for line in text.lines() {
        out!("  {line}");
    }
    out!("");
    Ok(file)
}

fn back_up(common: &Common, file: &Path, account: &Account) -> Result<Report, Complaint> {
    let token = |name: &str| (name == TOKEN).then(|| account.token.clone());
    let config = forgekeep_config::load(file, &token)?;
    let observer = progress::observer(ProgressMode::Plain, common, true);
    let engine = super::engine(common, config, None, observer)?;
    let report = {
        let _umask = OfBackup::set(forgekeep_config::DEFAULT_UMASK);
        engine.backup(&Selection::default())?
    };
    say!("{}", summary::of_run(&report, stdout_width()));
    Ok(report)
}

/// The folder as deep as it is Forgekeep's layout, not git's.
fn print_folder(backup: &Path) -> Result<(), Complaint> {
    out!("== The backup");
    out!("{}", backup.shown());
    print_entries(backup, 1).map_err(|error| Complaint::file("read", backup, &error))?;
    out!("");
    Ok(())
}

fn print_entries(folder: &Path, depth: usize) -> io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<io::Result<_>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let is_folder = entry.file_type()?.is_dir();
        let name = entry.file_name();
        let slash = if is_folder { "/" } else { "" };
        out!("{}{}{slash}", "  ".repeat(depth), name.shown());
        let is_mirror = entry.path().join("HEAD").is_file();
        if is_folder && !is_mirror {
            print_entries(&entry.path(), depth + 1)?;
        }
    }
    Ok(())
}

fn print_farewell(folder: &Path) -> Result<(), Complaint> {
    let backup = folder.join("backup");
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("forgekeep"));
    let (program, shown) = (program.shown(), backup.shown());
    let all = inventory::read(&backup).map_err(super::offline::complaint)?;
    let infra = inventory::find(&all, "acme/infra").map_err(super::offline::complaint)?;
    let snapshots = infra.part(PartKind::Repository).snapshots().entries();
    let first = snapshots.map_err(super::offline::complaint)?;
    let first = first.first().map_or("", |entry| entry.id.as_str());
    out!("== What to do with it");
    out!("The states that acme/infra had, and the one before the ransom note, restored:");
    out!("  {program} snapshots acme/infra --folder {shown}");
    out!("  {program} restore acme/infra --at {first} --to infra --folder {shown}");
    out!("Is every object present and intact?");
    out!("  {program} verify --folder {shown}");
    out!("Every mirror is a plain bare repository, and git alone restores it as well:");
    out!("  git clone {shown}/demo/acme#web/repo web");
    out!("When you have seen enough:");
    out!("  rm -r {}", folder.shown());
    Ok(())
}
