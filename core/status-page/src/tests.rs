use std::path::Path;

use forgekeep_config::StatusOptions;
use forgekeep_durable::space::Room;
use forgekeep_failure::ExitCode;
use forgekeep_status::days::{Day, Days, SourceDay};
use forgekeep_status::{
    KeptError, LastRun, NewestAlert, RepositoryStatus, Rewritten, SourceStatus, UnreadableKind,
};
use forgekeep_store::report::{RepositoryOutcome, RunOutcome, SourceOutcome};
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::*;

/// What a page must never do.
const HOSTILE: &str =
    "\"'><script>document.title='pwned'</script><img src=x onerror=alert(1)>{{ 12345*10001 }}&lt;";

fn now() -> Timestamp {
    "2026-11-30T12:00:00Z".parse().unwrap()
}

fn hours_ago(hours: i64) -> Timestamp {
    now() - SignedDuration::from_hours(hours)
}

fn repository(name: &str) -> RepositoryStatus {
    RepositoryStatus {
        id: "{1}".into(),
        name: name.into(),
        path: "acme/acme#web".into(),
        last_run: Some(hours_ago(5)),
        last_outcome: Some(RepositoryOutcome::Unchanged),
        last_error: None,
        last_good: Some(hours_ago(5)),
        age_seconds: Some(5 * 3600),
        failing_since: None,
        rewritten: None,
        size: Some(12_345_678),
        snapshots: Some(12),
        newest_snapshot: None,
        gone: None,
        verified: Some(hours_ago(40)),
        damage: Vec::new(),
        drilled: Some(hours_ago(400)),
        drilled_good: Some(true),
        unreadable: None,
    }
}

fn status(repositories: Vec<RepositoryStatus>) -> Status {
    let max_age = StatusOptions::default().max_age;
    let mut source = SourceStatus::new("acme", "bitbucket");
    source.max_age = Some(max_age);
    source.last_run = Some(hours_ago(5));
    source.last_outcome = Some(SourceOutcome::Ok);
    source.listed = Some(repositories.len() as u64);
    source.last_good = Some(hours_ago(5));
    source.age_seconds = Some(5 * 3600);
    source.repositories = repositories;
    let mut status = Status::new(Path::new("/srv/backup"), max_age, now());
    status.last_run = Some(LastRun {
        run: Some(7),
        started: hours_ago(5),
        finished: hours_ago(5),
        age_seconds: 5 * 3600,
        outcome: RunOutcome::Ok,
        exit_code: ExitCode::Good,
        error: None,
        is_bare: false,
        report: "r".into(),
    });
    status.sources = vec![source];
    status
}

fn days(number: i32, size: impl Fn(i32) -> u64) -> Days {
    let today = now().to_zoned(TimeZone::UTC).date();
    let days = (0..number).map(|back| {
        let day = today.checked_sub(back.days()).unwrap();
        let source = SourceDay {
            title: "acme".into(),
            good: u64::from(back != 3),
            failed: u64::from(back == 3),
            listed: 12,
            backed_up: 12,
            size: Some(size(back)),
            ..SourceDay::default()
        };
        let day = Day {
            day,
            runs: 1,
            seconds: 60.0,
            sources: vec![source],
            ..Day::default()
        };
        (day.day, day)
    });
    days.collect()
}

fn page(status: &Status, days: &Days, free: Option<u64>) -> String {
    let mut status = status.clone();
    status.space = free.map(|free_bytes| Room {
        free_bytes,
        total_bytes: 1 << 50,
        free_files: None,
    });
    status.days = days.clone();
    status.conclude();
    let page = Page {
        status: &status,
        zone: TimeZone::UTC,
        version: "9.9.9",
    };
    page.render().unwrap()
}

fn rendered(status: &Status) -> String {
    page(status, &Days::new(), None)
}

fn level(page: &str) -> &str {
    let start = page.find("class=\"verdict ").unwrap() + 15;
    let end = page[start..].find('"').unwrap();
    &page[start..start + end]
}

#[test]
fn a_good_backup_is_good_until_its_source_is_too_old() {
    let page = rendered(&status(vec![repository("acme/web")]));
    assert_eq!(level(&page), "good");
    // Five hours ago, and 36 hours from then.
    assert!(
        page.contains("id=\"until\" datetime=\"2026-12-01T19:00:00Z\">2026-12-01 19:00:00 +00:00<"),
        "{page}"
    );
    assert!(page.contains("id=\"written\" datetime=\"2026-11-30T12:00:00Z\""));
    assert!(page.contains("lang=\"en\""));
    for tile in ["1 of 1", "within 24 hours", "within 90 days"] {
        assert!(page.contains(tile), "{tile}");
    }
}

#[test]
fn nothing_comes_from_elsewhere_and_only_the_pages_own_script_may_run() {
    let page = rendered(&status(vec![repository("acme/web")]));
    for outside in [
        "src=", "href=", "url(", "@import", "http://", "https://", " style=", " onclick",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
    let between = |from: &str, to: &str| {
        let (_, rest) = page.split_once(from).unwrap();
        rest.split_once(to).unwrap().0.to_owned()
    };
    let policy = between("Policy\" content=\"", "\">");
    // What a browser would hash.
    for (name, text) in [
        ("script", between("<script>", "</script>")),
        ("style", between("<style>", "</style>")),
    ] {
        let wanted = hash(&text).replace('/', "&#x2f;");
        assert!(
            policy.contains(&format!("{name}-src &#x27;{wanted}&#x27;")),
            "{policy}"
        );
    }
    assert!(
        policy.starts_with("default-src &#x27;none&#x27;"),
        "{policy}"
    );
}

#[test]
fn whatever_somebody_else_has_written_stays_text() {
    let mut hostile = repository(HOSTILE);
    hostile.last_outcome = Some(RepositoryOutcome::Failed);
    hostile.failing_since = Some(hours_ago(9));
    hostile.unreadable = Some(HOSTILE.into());
    hostile.last_error = Some(KeptError {
        kind: HOSTILE.to_owned(),
        message: HOSTILE.into(),
        hint: HOSTILE.into(),
    });
    let mut status = status(vec![hostile]);
    status.local_folder = HOSTILE.into();
    status.sources[0].title = HOSTILE.into();
    status.sources[0].hoster = HOSTILE.into();
    status.sources[0].last_error = status.sources[0].repositories[0].last_error.clone();
    status.newest_alert = Some(NewestAlert {
        run: hours_ago(5),
        source: HOSTILE.into(),
        repository: HOSTILE.into(),
        message: HOSTILE.into(),
    });
    status.unreadable.push(forgekeep_status::Unreadable {
        file: HOSTILE.into(),
        kind: UnreadableKind::Damaged,
        why: HOSTILE.into(),
    });
    status.sources[0].expires = Some("2026-12-02T00:00:00Z".parse().unwrap());
    let page = page(&status, &Days::new(), Some(1));
    assert_eq!(page.matches("<script").count(), 1, "{page}");
    assert_eq!(page.matches("<img").count(), 0);
    assert!(
        !page.contains("123462345"),
        "a template in a name was evaluated"
    );
    // Only the own tags are left: what was in a value holds no `<`, `>` or quote.
    assert!(
        page.matches("&lt;img").count() >= 10,
        "{}",
        page.matches("&lt;img").count()
    );
    assert_eq!(level(&page), "warning");
}

#[test]
fn what_is_too_old_failed_damaged_or_expired_is_said_first() {
    let mut old = status(vec![repository("acme/web")]);
    old.sources[0].last_good = Some(hours_ago(6 * 24));
    let page = rendered(&old);
    assert_eq!(level(&page), "critical");
    assert!(
        page.contains("acme: its last good run is 6 days old, and maxAge is 36h"),
        "{page}"
    );
    let mut partial = status(vec![repository("acme/web")]);
    partial.sources[0].last_outcome = Some(SourceOutcome::Partial);
    assert_eq!(level(&rendered(&partial)), "warning");
    let mut never = status(vec![]);
    (never.sources[0].last_run, never.sources[0].last_good) = (None, None);
    assert_eq!(level(&rendered(&never)), "critical");
    let mut expires = status(vec![repository("acme/web")]);
    for (day, wanted) in [
        ("2026-12-20", "good"),
        ("2026-12-10", "warning"),
        ("2026-11-29", "warning"),
    ] {
        expires.sources[0].expires = Some(format!("{day}T00:00:00Z").parse().unwrap());
        assert_eq!(level(&rendered(&expires)), wanted, "{day}");
    }
    let mut unreadable = status(vec![repository("acme/web")]);
    unreadable.unreadable.push(forgekeep_status::Unreadable {
        file: "runs".into(),
        kind: UnreadableKind::Refused,
        why: "not allowed".into(),
    });
    assert_eq!(level(&rendered(&unreadable)), "critical");
}

#[test]
fn a_disk_that_will_be_full_within_a_month_is_said() {
    let status = status(vec![repository("acme/web")]);
    // A gigabyte a day.
    let days = days(40, |back| (100 - u64::try_from(back).unwrap()) << 30);
    let short = page(&status, &days, Some(10 << 30));
    assert_eq!(level(&short), "warning");
    assert!(
        short.contains("what is free is enough for 10 days"),
        "{short}"
    );
    let enough = page(&status, &days, Some(100 << 30));
    assert_eq!(level(&enough), "good");
    assert!(
        enough.contains("39 good, 0 partial, 1 failed, 50 without a run; failed on 2026-11-27"),
        "{enough}"
    );
    for graph in [
        "Duration of a day&#x27;s runs",
        "Size on disk",
        "Repositories listed",
    ] {
        assert!(enough.contains(graph), "{graph}");
    }
}

#[test]
fn the_command_to_restore_names_one_repository_whatever_it_is_called() {
    let command = |names: &[&str]| {
        let all = names.iter().map(|name| repository(name)).collect();
        let status = status(all);
        let clock = Clock::new(now(), TimeZone::UTC);
        let rows = repositories::rows(&status, &status.sources[0], &clock);
        serde_json::to_value(&rows[0]).unwrap()["restore"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let begin = "forgekeep restore --folder /srv/backup --to restored ";
    assert_eq!(command(&["acme/web"]), format!("{begin}acme/acme/web"));
    assert_eq!(
        command(&["acme/we b'$(x)"]),
        format!("{begin}'acme/acme/we b'\\''$(x)'")
    );
    // Two of a name, and one that is not shown as it is: by the id.
    assert_eq!(
        command(&["acme/web", "acme/web"]),
        format!("{begin}'{{1}}'")
    );
    assert_eq!(command(&["acme/\u{202e}web"]), format!("{begin}'{{1}}'"));
}

#[test]
fn a_page_of_5000_repositories_is_small() {
    let all = (0..5000).map(|number| {
        let mut one = repository(&format!("acme/repository-of-a-usual-name-{number:04}"));
        one.rewritten = Some(Rewritten {
            run: hours_ago(99),
            forced: 1,
            deleted: 2,
        });
        one
    });
    let page = page(
        &status(all.collect()),
        &days(366, |_| 1 << 30),
        Some(1 << 40),
    );
    println!("{} bytes", page.len());
    assert!(page.len() < 3_000_000, "{}", page.len());
}

#[test]
fn names_and_messages_are_cut_and_repositories_beyond_the_most_counted() {
    let long = "x".repeat(5000);
    let mut one = repository(&long);
    one.last_error = Some(KeptError {
        kind: String::new(),
        message: long.as_str().into(),
        hint: "".into(),
    });
    let page = rendered(&status(vec![one]));
    assert!(page.len() < 40_000, "{}", page.len());
    let many = (0..MOST_ROWS + 5).map(|number| repository(&number.to_string()));
    assert!(rendered(&status(many.collect())).contains("5 more are not shown"));
}
