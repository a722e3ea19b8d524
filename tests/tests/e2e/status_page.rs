//! `status.html`, after each run and by `status --html`, also in a real browser where there is one.

mod pictures;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use forgekeep_tests::Sandbox;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::{World, report};

/// What a page must never do with a name.
const HOSTILE: &str =
    "acme/\"'><script>document.title='pwned'</script><img src=x onerror=document.title='pwned'>";

fn page_of(world: &World) -> PathBuf {
    world.sandbox.backup().join("status.html")
}

fn level(page: &str) -> &str {
    let (_, rest) = page.split_once("class=\"verdict ").expect("a verdict");
    rest.split_once('"').unwrap().0
}

/// Leaves a report of a run so long ago, in which these were backed up.
fn keep(sandbox: &Sandbox, hours_ago: i64, names: &[String]) {
    let started = Timestamp::now() - SignedDuration::from_hours(hours_ago);
    let repositories: Vec<Value> = names
        .iter()
        .enumerate()
        .map(|(number, name)| {
            json!({"id": format!("{{{number}}}"), "name": name, "path": format!("acme/acme#{number}"),
                "outcome": "unchanged", "error": null})
        })
        .collect();
    let report = json!({"schema": 1, "started": started, "finished": started, "outcome": "ok",
        "exitCode": 0, "error": null, "sources": [{"title": "acme", "hoster": "bitbucket", "outcome": "ok",
        "listed": names.len(), "error": null, "repositories": repositories}]});
    let name = started.strftime("%Y-%m-%dT%H-%M-%S%.3fZ.json");
    let file = format!("backup/.forgekeep/runs/{name}");
    sandbox.write(file, report.to_string());
}

/// A sandbox with a configuration of one source, for commands that ask no hoster.
fn offline() -> Sandbox {
    let sandbox = Sandbox::new();
    let content = json!({"localFolder": sandbox.backup(), "sources":
        [{"title": "acme", "hoster": "bitbucket", "type": "org", "name": "acme"}]});
    sandbox.write("settings.yml", content.to_string());
    sandbox
}

#[track_caller]
fn html(sandbox: &Sandbox) -> String {
    sandbox
        .forgekeep(["status", "--html"])
        .run()
        .expect(0)
        .stdout
}

#[test]
fn each_run_leaves_a_page_and_the_days() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    world.backup().expect(0);
    let page = fs::read_to_string(page_of(&world)).unwrap();
    assert_eq!(level(&page), "good", "{page}");
    assert!(page.contains("acme&#x2f;web"), "{page}");
    assert!(page.contains("1 good, 0 partial, 0 failed, 89 without a run"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(page_of(&world)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let by_command = html(&world.sandbox);
    assert_eq!(level(&by_command), "good");
    let days = world.sandbox.backup().join(".forgekeep/days");
    let years = fs::read_dir(&days).unwrap().count();
    assert_eq!(years, 1);
    let year = fs::read_dir(&days).unwrap().next().unwrap().unwrap().path();
    let text = fs::read(&year).unwrap();
    let year: Value = serde_json::from_slice(&text).unwrap();
    let source = &year["days"][0]["sources"][0];
    assert_eq!((&source["good"], &source["listed"]), (&1.into(), &1.into()));
    assert!(source["size"].as_u64().unwrap() > 0, "{source:#}");
}

#[test]
fn a_page_that_cannot_be_written_is_a_warning_and_none_is_wanted_or_left() {
    let world = World::new();
    world.forge.repository("web").commit("one");
    fs::create_dir_all(page_of(&world)).unwrap();
    let run = world.backup().expect(0);
    let warnings = report(&run)["warnings"].to_string();
    assert!(warnings.contains("status.html"), "{warnings}");
    assert!(run.stdout.contains("was not written"), "{}", run.stdout);
    // The report that is kept says so too.
    let runs = world.sandbox.backup().join(".forgekeep/runs");
    let kept = fs::read_dir(runs).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        fs::read_to_string(path)
            .ok()
            .filter(|text| text.contains("was not written"))
    });
    assert_eq!(kept.count(), 1);
    fs::remove_dir(page_of(&world)).unwrap();
    let options = json!({"status": {"page": false}});
    world.configure_with(&[world.source()], &options);
    let run = world.backup().expect(0);
    assert!(!run.stdout.contains("status.html"), "{}", run.stdout);
    assert!(!page_of(&world).exists());
}

#[test]
fn a_page_is_written_to_a_file_and_replaces_nothing_of_the_backup() {
    let sandbox = offline();
    keep(&sandbox, 1, &["acme/web".to_owned()]);
    let file = sandbox.path("page.html");
    let text = file.to_str().unwrap();
    let run = sandbox
        .forgekeep(["status", "--html", text])
        .run()
        .expect(0);
    assert_eq!(run.stdout, "");
    assert!(
        fs::read_to_string(&file)
            .unwrap()
            .starts_with("<!DOCTYPE html>")
    );
    let settings = fs::read(sandbox.path("settings.yml")).unwrap();
    for ours in ["settings.yml", "backup/.forgekeep/runs.json"] {
        let ours = sandbox.path(ours);
        let ours = ours.to_str().unwrap();
        sandbox
            .forgekeep(["status", "--html", ours])
            .run()
            .expect(2);
    }
    assert_eq!(fs::read(sandbox.path("settings.yml")).unwrap(), settings);
    sandbox
        .forgekeep(["status", "--json", "--html"])
        .run()
        .expect(2);
}

#[test]
fn after_six_days_without_a_run_the_page_is_red() {
    let sandbox = offline();
    keep(&sandbox, 6 * 24, &["acme/web".to_owned()]);
    let page = html(&sandbox);
    assert_eq!(level(&page), "critical");
    let why = "its last good run is 6 days old, and maxAge is 36h";
    assert!(page.contains(why), "{page}");
}

#[test]
fn a_hostile_name_stays_a_name() {
    let sandbox = offline();
    keep(
        &sandbox,
        1,
        &[HOSTILE.to_owned(), "acme/\u{202e}\u{1b}[2J".to_owned()],
    );
    let page = html(&sandbox);
    assert_eq!(page.matches("<script").count(), 1, "{page}");
    assert!(!page.contains("<img") && !page.contains('\u{202e}') && !page.contains('\u{1b}'));
    assert!(page.contains("&lt;script&gt;document.title"), "{page}");
}

#[test]
fn a_page_of_5000_repositories_is_small() {
    let sandbox = offline();
    let name = |number| format!("acme/a-repository-with-a-name-of-usual-length-{number:04}");
    let names: Vec<String> = (0..5000).map(name).collect();
    for hours in [1, 25, 49] {
        keep(&sandbox, hours, &names);
    }
    let begun = Instant::now();
    let page = html(&sandbox);
    // A build for debugging, on a machine with other work: the time is for people.
    println!(
        "{} bytes in {:.1} s",
        page.len(),
        begun.elapsed().as_secs_f64()
    );
    assert!(page.len() < 3_000_000, "{}", page.len());
    assert!(page.contains("length-4999"));
}

/// Chromium, where the machine has it.
fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|file| file.is_file())
}

/// Opens a page; what the browser prints.
fn open(sandbox: &Sandbox, chromium: &Path, page: &Path, arguments: &[&str]) -> String {
    let profile = sandbox.path("profile");
    let run = sandbox
        .program(
            chromium,
            [
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--hide-scrollbars",
            ],
        )
        .arg(format!("--user-data-dir={}", profile.to_str().unwrap()))
        .args(arguments)
        .arg(format!("file://{}", page.to_str().unwrap()))
        // It is a script of Debian's.
        .env("PATH", std::env::var_os("PATH").unwrap())
        .limit(Duration::from_secs(300))
        .run();
    run.expect(0).stdout
}

fn title(dom: &str) -> &str {
    let (_, rest) = dom.split_once("<title>").expect("a title");
    rest.split_once("</title>").unwrap().0
}

/// With the time from which on the page is out of date in the past.
fn aged(page: &str) -> String {
    let (before, rest) = page.split_once("id=\"until\" datetime=\"").unwrap();
    let (_, after) = rest.split_once('"').unwrap();
    format!("{before}id=\"until\" datetime=\"2026-01-01T00:00:00Z\"{after}")
}

#[test]
fn a_browser_shows_it_and_turns_it_red_when_it_is_out_of_date() {
    let Some(chromium) = chromium() else {
        println!("skipped: there is no chromium on the PATH");
        return;
    };
    let world = World::new();
    for name in ["web", "api", "docs", "infrastructure", "mobile-app"] {
        world.forge.repository(name).commit("one");
    }
    world.backup().expect(0);
    let sandbox = &world.sandbox;
    let names: Vec<String> = (0..20)
        .map(|number| format!("acme/former-{number}"))
        .collect();
    for day in (1..95).filter(|day| *day != 40) {
        let listed = 15 + usize::try_from(day).unwrap() % 4;
        keep(sandbox, 24 * day, &names[..listed]);
    }
    keep(sandbox, 24 * 95, &[HOSTILE.to_owned()]);
    world.backup().expect(0);
    // The one that the last good run has left.
    let page = fs::read_to_string(page_of(&world)).unwrap();
    assert_eq!(level(&page), "good", "{page}");
    let fresh = sandbox.write("fresh.html", &page);
    let dom = open(sandbox, &chromium, &fresh, &["--dump-dom"]);
    assert!(
        !dom.contains("pwned'</script><img") && title(&dom) != "pwned",
        "{}",
        title(&dom)
    );
    assert!(
        dom.contains("<html lang=\"en\">"),
        "{}",
        dom.get(..300).unwrap_or(&dom)
    );
    let old = sandbox.write("old.html", aged(&page));
    let dom = open(sandbox, &chromium, &old, &["--dump-dom"]);
    assert!(
        dom.contains("<html lang=\"en\" class=\"stale\">"),
        "{}",
        dom.get(..300).unwrap_or(&dom)
    );
    assert!(title(&dom).starts_with("Out of date: "), "{}", title(&dom));
    // The policy lets a script of somebody else do nothing, were there one.
    let smuggled = page.replace("<main>", "<main><script>document.title='pwned'</script>");
    let smuggled = sandbox.write("smuggled.html", smuggled);
    let dom = open(sandbox, &chromium, &smuggled, &["--dump-dom"]);
    assert_ne!(title(&dom), "pwned");
    // On a telephone nothing is wider than the screen. No window is as narrow: a frame is.
    let inner = page.replace('&', "&amp;").replace('"', "&quot;");
    let frame = format!(
        "<title>-</title><iframe width=360 height=800 srcdoc=\"{inner}\" onload=\"document.title = \
         contentDocument.documentElement.scrollWidth + '/' + contentWindow.innerWidth\"></iframe>"
    );
    let frame = sandbox.write("frame.html", frame);
    let dom = open(sandbox, &chromium, &frame, &["--dump-dom"]);
    assert_eq!(title(&dom), "360/360");
}
