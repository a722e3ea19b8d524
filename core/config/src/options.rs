//! The `options` of the configuration.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::error::{ConfigError, ConfigErrorKind};
use super::reader::{Field, Section, boolean};
use super::umask::parse_umask;
use super::{
    AlertAction, AlertOptions, BackupOptions, HistoryOptions, LimitOptions, METRICS_ENDING,
    NetworkOptions, Options, StatusOptions, Within, beside, predecessor,
};

/// The groups of `options`.
pub const OPTIONS: &[&str] = &["backup", "network", "history", "alert", "limits", "status"];
/// The keys of `options.backup`.
pub const BACKUP: &[&str] = &[
    "removeDeletedRepos",
    "deletedGraceDays",
    "fullCheckDays",
    "logRepoFinished",
    "jobs",
    "maxRepositories",
    "umask",
];
/// The keys of `options.network`.
pub const NETWORK: &[&str] = &[
    "connectSeconds",
    "stallSeconds",
    "retries",
    "requestsPerHour",
    "connectionsPerHost",
    "refQuestions",
    "sshConnectionsPerHost",
    "longestWaitSeconds",
    "limitWaitMinutes",
    "maxBodyBytes",
];
/// The keys of `options.history`.
pub const HISTORY: &[&str] = &[
    "keepDaily",
    "keepWeekly",
    "keepMonthly",
    "keepYearly",
    "keepWithin",
];
/// The keys of `options.alert`.
pub const ALERT: &[&str] = &["action", "branchesPercent", "repositoriesPercent"];
/// The keys of `options.limits`.
pub const LIMITS: &[&str] = &["objectBytes", "packBytes", "objectsPerPack"];
/// The keys of `options.status`.
pub const STATUS: &[&str] = &["page", "maxAge", "metrics"];

/// The former name of `alert`.
const FORMER_ALERT: &str = "alarm";

/// The keys of all groups.
pub(super) const ALL: &[&[&str]] = &[
    OPTIONS,
    BACKUP,
    NETWORK,
    HISTORY,
    ALERT,
    LIMITS,
    STATUS,
    &[FORMER_ALERT],
];

pub(super) fn options(root: &Section<'_>) -> Result<Options, ConfigError> {
    let mut options = Options::default();
    let Some(field) = root.get("options") else {
        return Ok(options);
    };
    let section = field.section()?;
    section.warn_unknown(&[OPTIONS, &[FORMER_ALERT]].concat());
    if let Some(field) = section.get("backup") {
        options.backup = backup(&field.section()?)?;
    }
    if let Some(field) = section.get("network") {
        options.network = network(&field.section()?)?;
    }
    if let Some(field) = section.get("history") {
        options.history = history(&field.section()?)?;
    }
    if let Some(field) = of_alert(&section)? {
        options.alert = alert(&field.section()?)?;
    }
    if let Some(field) = section.get("limits") {
        options.limits = limits(&field.section()?)?;
    }
    if let Some(field) = section.get("status") {
        options.status = status(&field.section()?)?;
    }
    Ok(options)
}

fn backup(section: &Section<'_>) -> Result<BackupOptions, ConfigError> {
    section.warn_unknown(&[BACKUP, predecessor::BACKUP].concat());
    predecessor::warn_backup(section);
    let defaults = BackupOptions::default();
    Ok(BackupOptions {
        remove_deleted_repos: boolean(section, "removeDeletedRepos")?,
        deleted_grace_days: number(section, "deletedGraceDays", 1..=3650)?
            .unwrap_or(defaults.deleted_grace_days),
        full_check_days: number(section, "fullCheckDays", 0..=3650)?
            .unwrap_or(defaults.full_check_days),
        log_repo_finished: boolean(section, "logRepoFinished")?,
        jobs: match section.get("jobs") {
            Some(field) => usize::try_from(field.integer(1..=64)?).unwrap_or(1),
            None => defaults.jobs,
        },
        max_repositories: match section.get("maxRepositories") {
            Some(field) => usize::try_from(field.integer(1..=10_000_000)?).unwrap_or(usize::MAX),
            None => defaults.max_repositories,
        },
        umask: section
            .get("umask")
            .map_or(Ok(defaults.umask), |f| umask(&f))?,
    })
}

/// Octal, as everywhere where a umask is written: the digits count, not what the syntax makes of
/// them. In YAML `077` may be text, 63 or 77, by the version; in TOML it is an error.
fn umask(field: &Field<'_>) -> Result<u32, ConfigError> {
    let text = field.text()?;
    parse_umask(&text.value).ok_or_else(|| {
        field.invalid(
            format!("`{}` is not a umask between 000 and 077", text.quotable()),
            "write octal digits in quotes: '077' for the user alone, '027' for the group too, \
            '022' for everybody",
        )
    })
}

fn network(section: &Section<'_>) -> Result<NetworkOptions, ConfigError> {
    section.warn_unknown(NETWORK);
    let defaults = NetworkOptions::default();
    let seconds = |key: &str, default: Duration| match section.get(key) {
        Some(field) => field.integer(1..=3600).map(Duration::from_secs),
        None => Ok(default),
    };
    Ok(NetworkOptions {
        connect: seconds("connectSeconds", defaults.connect)?,
        stall: seconds("stallSeconds", defaults.stall)?,
        retries: match section.get("retries") {
            Some(field) => u32::try_from(field.integer(0..=20)?).unwrap_or(defaults.retries),
            None => defaults.retries,
        },
        requests_per_hour: match section.get("requestsPerHour") {
            Some(field) => u32::try_from(field.integer(1..=10_000_000)?).ok(),
            None => None,
        },
        connections_per_host: match section.get("connectionsPerHost") {
            Some(field) => usize::try_from(field.integer(1..=64)?).ok(),
            None => None,
        },
        ref_questions: match section.get("refQuestions") {
            Some(field) => usize::try_from(field.integer(1..=256)?).unwrap_or(1),
            None => defaults.ref_questions,
        },
        ssh_connections_per_host: match section.get("sshConnectionsPerHost") {
            Some(field) => usize::try_from(field.integer(1..=64)?).unwrap_or(1),
            None => defaults.ssh_connections_per_host,
        },
        longest_wait: seconds("longestWaitSeconds", defaults.longest_wait)?,
        limit_wait: match section.get("limitWaitMinutes") {
            // A day: a run of the next is due.
            Some(field) => Duration::from_secs(60 * field.integer(0..=1440)?),
            None => defaults.limit_wait,
        },
        max_body_bytes: match section.get("maxBodyBytes") {
            // Below, no page of a listing would fit; above, one answer could fill the memory.
            Some(field) => field.integer(64 * 1024..=1024 * 1024 * 1024)?,
            None => defaults.max_body_bytes,
        },
    })
}

fn limits(section: &Section<'_>) -> Result<LimitOptions, ConfigError> {
    section.warn_unknown(LIMITS);
    let defaults = LimitOptions::default();
    Ok(LimitOptions {
        object_bytes: match section.get("objectBytes") {
            // Below, ordinary trees would not be checked; a pebibyte is more than any machine has.
            Some(field) => field.integer(1024 * 1024..=1 << 50)?,
            None => defaults.object_bytes,
        },
        pack_bytes: match section.get("packBytes") {
            Some(field) => Some(field.integer(1024 * 1024..=1 << 50)?),
            None => defaults.pack_bytes,
        },
        objects_per_pack: match section.get("objectsPerPack") {
            // As many as a pack can say that it has.
            Some(field) => field.integer(1000..=u64::from(u32::MAX))?,
            None => defaults.objects_per_pack,
        },
    })
}

fn status(section: &Section<'_>) -> Result<StatusOptions, ConfigError> {
    section.warn_unknown(STATUS);
    let defaults = StatusOptions::default();
    Ok(StatusOptions {
        page: match section.get("page") {
            Some(_) => boolean(section, "page")?,
            None => defaults.page,
        },
        max_age: match section.get("maxAge") {
            Some(field) => within(&field)?,
            None => defaults.max_age,
        },
        metrics: match section.get("metrics") {
            Some(field) => metrics(&field)?,
            None => None,
        },
    })
}

fn metrics(field: &Field<'_>) -> Result<Option<PathBuf>, ConfigError> {
    let text = field.text()?;
    if text.value.trim().is_empty() {
        return Ok(None);
    }
    // What is called otherwise, nobody reads; nor is anything else replaced then by it.
    if !text.value.ends_with(METRICS_ENDING) {
        return Err(field.invalid(
            format!("`{}` does not end in `{METRICS_ENDING}`", text.quotable()),
            "name a file such as `forgekeep.prom`: node_exporter reads no others",
        ));
    }
    beside::path(field).map(Some)
}

fn history(section: &Section<'_>) -> Result<HistoryOptions, ConfigError> {
    section.warn_unknown(HISTORY);
    // A thousand years of days.
    let count = |key: &str| number(section, key, 0..=366_000);
    Ok(HistoryOptions {
        keep_daily: count("keepDaily")?.unwrap_or(0),
        keep_weekly: count("keepWeekly")?.unwrap_or(0),
        keep_monthly: count("keepMonthly")?.unwrap_or(0),
        keep_yearly: count("keepYearly")?.unwrap_or(0),
        keep_within: section.get("keepWithin").map(|f| within(&f)).transpose()?,
    })
}

/// A length of time as restic writes it.
pub(super) fn within(field: &Field<'_>) -> Result<Within, ConfigError> {
    let text = field.text()?;
    Within::parse(text.value.trim()).ok_or_else(|| {
        field.invalid(
            format!("`{}` is not a length of time", text.quotable()),
            "write numbers with the units y, m (months), d and h, such as `1y6m` or `30d`",
        )
    })
}

/// The group `alert`, also under its former name.
fn of_alert<'a>(section: &Section<'a>) -> Result<Option<Field<'a>>, ConfigError> {
    let Some(former) = section.get(FORMER_ALERT) else {
        return Ok(section.get("alert"));
    };
    if let Some(field) = section.get("alert") {
        return Err(field.error(
            ConfigErrorKind::DuplicateKey,
            "is given twice",
            format!("`{}` is its old name", former.key),
            format!("keep `{}`, and remove `{}`", field.key, former.key),
        ));
    }
    former.warn("is now called `options.alert`: rename it; the old name still works");
    Ok(Some(former))
}

fn alert(section: &Section<'_>) -> Result<AlertOptions, ConfigError> {
    section.warn_unknown(ALERT);
    let defaults = AlertOptions::default();
    let percent = |key: &str| number(section, key, 1..=100);
    Ok(AlertOptions {
        action: match section.get("action") {
            None => defaults.action,
            Some(field) => {
                let text = field.text()?;
                match text.value.trim().to_ascii_lowercase().as_str() {
                    "warn" => AlertAction::Warn,
                    "fail" => AlertAction::Fail,
                    "off" => AlertAction::Off,
                    _ => {
                        return Err(field.invalid(
                            format!("`{}` is neither `warn`, `fail` nor `off`", text.quotable()),
                            "write `warn`, `fail` or `off`, or leave the key out",
                        ));
                    }
                }
            }
        },
        branches_percent: percent("branchesPercent")?.unwrap_or(defaults.branches_percent),
        repositories_percent: percent("repositoriesPercent")?
            .unwrap_or(defaults.repositories_percent),
    })
}

fn number(
    section: &Section<'_>,
    key: &str,
    range: RangeInclusive<u64>,
) -> Result<Option<u32>, ConfigError> {
    let Some(field) = section.get(key) else {
        return Ok(None);
    };
    let number = field.integer(range)?;
    Ok(Some(u32::try_from(number).unwrap_or(u32::MAX)))
}
