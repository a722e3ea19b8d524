//! Units of systemd. What packages have installed is left as it is: the configured folder comes by drop-ins.

use std::fs;
use std::path::{Path, PathBuf};

use forgekeep_untrusted::Show as _;

use forgekeep_failure::{ErrorKind, Failure};

use super::credentials::{self, Need};
use super::unit_path::quoted;
use super::{Installed, JOBS, Job, Plan, When, files};

/// The units, as packages ship them.
const UNITS: [(&str, &str); 8] = [
    (
        "forgekeep-backup.service",
        include_str!("../units/forgekeep-backup.service"),
    ),
    (
        "forgekeep-backup.timer",
        include_str!("../units/forgekeep-backup.timer"),
    ),
    (
        "forgekeep-verify.service",
        include_str!("../units/forgekeep-verify.service"),
    ),
    (
        "forgekeep-verify.timer",
        include_str!("../units/forgekeep-verify.timer"),
    ),
    (
        "forgekeep-drill.service",
        include_str!("../units/forgekeep-drill.service"),
    ),
    (
        "forgekeep-drill.timer",
        include_str!("../units/forgekeep-drill.timer"),
    ),
    (
        "forgekeep-check.service",
        include_str!("../units/forgekeep-check.service"),
    ),
    (
        "forgekeep-failed@.service",
        include_str!("../units/forgekeep-failed@.service"),
    ),
];

/// Where packages put units.
const PACKAGED_UNITS: [&str; 2] = ["usr/lib/systemd/system", "lib/systemd/system"];

/// A service, and what it has to know.
struct Service {
    unit: &'static str,
    /// Whether it looks at the backup folder.
    has_folder: bool,
    need: Need,
}

/// All services.
const SERVICES: [Service; 5] = [
    Service {
        unit: "forgekeep-backup.service",
        has_folder: true,
        need: Need::All,
    },
    Service {
        unit: "forgekeep-verify.service",
        has_folder: true,
        need: Need::Notify,
    },
    Service {
        unit: "forgekeep-drill.service",
        has_folder: true,
        need: Need::Notify,
    },
    Service {
        unit: CHECK,
        has_folder: true,
        need: Need::All,
    },
    Service {
        unit: "forgekeep-failed@.service",
        has_folder: false,
        need: Need::Notify,
    },
];

/// The service that checks what a backup would find.
pub(super) const CHECK: &str = "forgekeep-check.service";

/// The program in them.
const PACKAGED: &str = "/usr/bin/forgekeep";

/// The name of our drop-ins.
const DROP_IN: &str = "50-forgekeep-schedule.conf";

/// The first line of what is written here.
const OURS: &str =
    "# Written by `forgekeep schedule install`; `forgekeep schedule remove` removes it.\n";

/// What the manager of a user cannot do for its units.
const SYSTEM_ONLY: [&str; 26] = [
    "User",
    "Group",
    "Wants",
    "After",
    "StateDirectory",
    "StateDirectoryMode",
    "ProtectSystem",
    "ProtectHome",
    "PrivateTmp",
    "PrivateDevices",
    "PrivateUsers",
    "PrivateIPC",
    "ProtectProc",
    "ProcSubset",
    "ProtectClock",
    "ProtectHostname",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "ProtectKernelTunables",
    "ProtectControlGroups",
    "CapabilityBoundingSet",
    "AmbientCapabilities",
    "RemoveIPC",
    "IOSchedulingClass",
    "IOSchedulingPriority",
    "EnvironmentFile",
];

const HINT: &str =
    "see `journalctl -b` for what systemd says of it, then run `forgekeep schedule install` again";

/// Installs what is missing, and starts the timers. Returns what there is to say.
pub(super) fn install(plan: &Plan) -> Result<Vec<String>, Failure> {
    let folder = folder(plan)?;
    let is_packaged = is_packaged(plan);
    if !plan.user_only && !is_packaged && !plan.folder.is_dir() {
        let shown = plan.folder.shown();
        let message =
            format!("there is no backup folder {shown}: whose the backup is to be is not known");
        return Err(Failure::new(ErrorKind::Config, message).with_hint(format!(
            "make it, as in `install -d -m 700 -o USER -g GROUP {shown}`, and run this again: the units run as its owner"
        )));
    }
    if !is_packaged {
        for (name, text) in UNITS {
            files::write(&folder.join(name), &unit(plan, text)?)?;
        }
    }
    for job in &JOBS {
        let timer = format!("forgekeep-{}.timer", job.name);
        match (job.name, plan.at) {
            ("backup", Some(_)) => files::write(&drop_in(&folder, &timer), &of_timer(plan, job))?,
            _ => files::remove(&drop_in(&folder, &timer))?,
        }
    }
    for service in SERVICES {
        let text = of_service(
            plan,
            is_packaged,
            &service,
            &of_others(plan, &folder, service.unit),
        )?;
        files::write(&drop_in(&folder, service.unit), &text)?;
    }
    systemctl(plan, &["daemon-reload"])?;
    let timers = JOBS.map(|job| format!("forgekeep-{}.timer", job.name));
    let mut enable = vec!["enable", "--now"];
    enable.extend(timers.iter().map(String::as_str));
    systemctl(plan, &enable)?;
    let mut told = lingering(plan);
    told.extend(credentials::nowhere(plan));
    Ok(told)
}

pub(super) fn remove(plan: &Plan) -> Result<(), Failure> {
    let folder = folder(plan)?;
    let timers = JOBS.map(|job| format!("forgekeep-{}.timer", job.name));
    let mut disable = vec!["disable", "--now"];
    disable.extend(timers.iter().map(String::as_str));
    systemctl(plan, &disable)?;
    for (name, _) in UNITS {
        files::remove(&drop_in(&folder, name))?;
        let path = folder.join(name);
        let is_ours = fs::read_to_string(&path).is_ok_and(|text| text.starts_with(OURS));
        if is_ours {
            files::remove(&path)?;
        }
    }
    systemctl(plan, &["daemon-reload"]).map(drop)
}

pub(super) fn status(plan: &Plan) -> Result<Vec<Installed>, Failure> {
    let folder = folder(plan)?;
    let is_packaged = is_packaged(plan);
    JOBS.iter()
        .map(|job| {
            let timer = format!("forgekeep-{}.timer", job.name);
            let properties = "UnitFileState,LastTriggerUSec,NextElapseUSecRealtime";
            let said = systemctl(plan, &["show", "--property", properties, &timer])?;
            let value = |name: &str| {
                let mut lines = said.lines().filter_map(|line| line.split_once('='));
                let found = lines.find(|(key, _)| *key == name)?;
                Some(found.1.to_owned()).filter(|value| !value.is_empty() && value != "n/a")
            };
            let installed = value("UnitFileState").is_some_and(|state| state == "enabled");
            let unit = format!("forgekeep-{}.service", job.name);
            let service = SERVICES.iter().find(|service| service.unit == unit);
            let problems = match service.filter(|_| installed) {
                Some(service) => problems(plan, &folder, is_packaged, service)?,
                None => Vec::new(),
            };
            Ok(Installed {
                job: job.name,
                installed,
                last: value("LastTriggerUSec"),
                next: value("NextElapseUSecRealtime"),
                problems,
            })
        })
        .collect()
}

/// What of a service does not fit the configuration.
fn problems(
    plan: &Plan,
    folder: &Path,
    is_packaged: bool,
    service: &Service,
) -> Result<Vec<String>, Failure> {
    let mut problems = Vec::new();
    let path = drop_in(folder, service.unit);
    let found = fs::read_to_string(&path).unwrap_or_default();
    let wanted = of_service(plan, is_packaged, service, "")?;
    // Whoever may not look at the folder does not know whose it is.
    let has_owner = fs::metadata(&plan.folder).is_ok();
    let is_of_owner = |line: &str| line.starts_with("User=") || line.starts_with("Group=");
    let is_compared =
        |line: &&str| !credentials::is_line(line) && (has_owner || !is_of_owner(line));
    if !found
        .lines()
        .filter(is_compared)
        .eq(wanted.lines().filter(is_compared))
    {
        problems.push(format!(
            "{} does not fit the configuration: it has another backup folder, configuration or user",
            path.shown()
        ));
    }
    let all = found + &of_others(plan, folder, service.unit);
    for secret in credentials::missing(plan, service.need, &all) {
        problems.push(format!(
            "{} is not given the secret of `{}`: it has no LoadCredential={}",
            service.unit, secret.key, secret.name
        ));
    }
    Ok(problems)
}

/// The same of all services that are installed with this configuration, for the machine or the user.
pub(super) fn misfits(plan: &Plan) -> Vec<String> {
    let mut all = Vec::new();
    for user_only in [false, true] {
        let plan = Plan {
            user_only,
            ..plan.clone()
        };
        let (Ok(folder), Ok(ours)) = (folder(&plan), environment(&plan)) else {
            continue;
        };
        let is_packaged = is_packaged(&plan);
        for service in &SERVICES {
            let found = fs::read_to_string(drop_in(&folder, service.unit));
            let is_ours = |text: &str| text.lines().any(|line| line == ours.trim_end());
            if found.is_ok_and(|text| is_ours(&text)) {
                all.extend(problems(&plan, &folder, is_packaged, service).unwrap_or_default());
            }
        }
    }
    all
}

/// What others have written for a unit: its own text, and their drop-ins. All of it that can be read.
fn of_others(plan: &Plan, folder: &Path, unit: &str) -> String {
    let packaged = PACKAGED_UNITS.map(|folder| plan.root.join(folder).join(unit));
    let mut files: Vec<PathBuf> = packaged.into_iter().chain([folder.join(unit)]).collect();
    for drop_ins in [format!("{unit}.d"), "forgekeep-.service.d".to_owned()] {
        let entries = fs::read_dir(folder.join(drop_ins));
        let paths = entries.into_iter().flatten().flatten();
        files.extend(paths.map(|entry| entry.path()));
    }
    files.retain(|path| !path.ends_with(DROP_IN));
    let texts = files
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok());
    texts.collect::<Vec<_>>().join("\n")
}

/// Where units of this machine's, or of this user's, are.
fn folder(plan: &Plan) -> Result<PathBuf, Failure> {
    if !plan.user_only {
        return Ok(plan.root.join("etc/systemd/system"));
    }
    let set = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let config = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")));
    let config = config.ok_or_else(|| {
        Failure::new(
            ErrorKind::Config,
            "there is no home folder for units of the user",
        )
        .with_hint("set HOME, or run it as root with --system")
    })?;
    Ok(config.join("systemd/user"))
}

/// Whether a package has brought the units.
fn is_packaged(plan: &Plan) -> bool {
    let has = |folder: &&str| plan.root.join(folder).join(UNITS[0].0).is_file();
    !plan.user_only && PACKAGED_UNITS.iter().any(has)
}

fn drop_in(folder: &Path, unit: &str) -> PathBuf {
    folder.join(format!("{unit}.d")).join(DROP_IN)
}

/// A unit for this program, and for the manager that is to read it.
fn unit(plan: &Plan, text: &str) -> Result<String, Failure> {
    let mut lines = String::from(OURS);
    for line in text.lines() {
        let key = line.split_once('=').map_or("", |(key, _)| key);
        if plan.user_only && SYSTEM_ONLY.contains(&key) {
            continue;
        }
        match line
            .strip_prefix("ExecStart=")
            .and_then(|rest| rest.strip_prefix(PACKAGED))
        {
            Some(rest) => lines.push_str(&format!("ExecStart={}{rest}", quoted(&plan.program)?)),
            None => lines.push_str(line),
        }
        lines.push('\n');
    }
    Ok(lines)
}

/// What a service has to know of this configuration; `others` is what it is told already.
fn of_service(
    plan: &Plan,
    is_packaged: bool,
    service: &Service,
    others: &str,
) -> Result<String, Failure> {
    let folder = quoted(&plan.folder)?;
    let mut text = OURS.to_owned();
    if service.has_folder {
        text.push_str(&format!("[Unit]\nRequiresMountsFor={folder}\n\n"));
    }
    text.push_str("[Service]\n");
    text.push_str(&environment(plan)?);
    if !plan.user_only {
        text.push_str(&owner(plan, is_packaged));
    }
    if !plan.user_only && service.has_folder {
        // With `-`, a folder that is not there is told by the run, and not by systemd in its own words.
        text.push_str(&format!("ReadWritePaths=-{folder}\n"));
    }
    text.push_str(&credentials::lines(plan, service.need, others)?);
    Ok(text)
}

fn environment(plan: &Plan) -> Result<String, Failure> {
    Ok(format!(
        "Environment=FORGEKEEP_CONFIG={}\n",
        quoted(&plan.config)?
    ))
}

/// The user whose the backup is: what it writes is to be that user's.
fn owner(plan: &Plan, is_packaged: bool) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        if let Ok(found) = fs::metadata(&plan.folder) {
            // Root's own folder is not a reason to run it as root, where there is a user for it.
            if found.uid() != 0 || !is_packaged {
                return format!("User={}\nGroup={}\n", found.uid(), found.gid());
            }
        }
    }
    let _ = is_packaged;
    String::new()
}

fn of_timer(plan: &Plan, job: &Job) -> String {
    let when = match plan.when(job) {
        When::Daily(hour, minute) => format!("*-*-* {hour:02}:{minute:02}"),
        When::Monthly(day, hour, minute) => format!("*-*-{day:02} {hour:02}:{minute:02}"),
    };
    // An empty one first: it takes the place of the unit's, and does not come in addition.
    format!("{OURS}[Timer]\nOnCalendar=\nOnCalendar={when}\n")
}

pub(super) fn systemctl(plan: &Plan, arguments: &[&str]) -> Result<String, Failure> {
    let mut all = arguments.to_vec();
    if plan.user_only {
        all.insert(0, "--user");
    }
    files::run("systemctl", &all, HINT)
}

/// The timers of a user end with the last login, unless the user may linger.
fn lingering(plan: &Plan) -> Vec<String> {
    let user = std::env::var("USER").unwrap_or_default();
    if !plan.user_only || user.is_empty() {
        return Vec::new();
    }
    let arguments = ["show-user", &user, "--property=Linger"];
    match files::run("loginctl", &arguments, "") {
        Ok(said) if said.trim() == "Linger=yes" => Vec::new(),
        _ => vec![format!(
            "timers of a user end when the user logs out: run `loginctl enable-linger {user}`, or install them as root with --system"
        )],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(user_only: bool) -> Plan {
        Plan {
            program: "/opt/forge keep/forgekeep".into(),
            config: "/etc/forgekeep/100%$HOME.yml".into(),
            folder: "/srv/back\"up".into(),
            user_only,
            at: Some((5, 7)),
            root: "/".into(),
            secrets: Vec::new(),
        }
    }

    #[test]
    fn paths_are_quoted_and_never_expanded() {
        let text = of_service(&plan(true), false, &SERVICES[0], "").unwrap();
        assert!(
            text.contains("RequiresMountsFor=\"/srv/back\\\"up\"\n"),
            "{text}"
        );
        assert!(
            text.contains("FORGEKEEP_CONFIG=/etc/forgekeep/100%%$HOME.yml\n"),
            "{text}"
        );
        assert!(quoted(Path::new("/a\nExecStart=/bin/sh")).is_err());
    }

    #[test]
    fn a_unit_of_a_user_has_nothing_that_its_manager_cannot_do() {
        for (name, text) in UNITS {
            let ours = unit(&plan(true), text).unwrap();
            assert!(!ours.contains("\nUser="), "{name}");
            assert!(!ours.contains("\nProtectSystem="), "{name}");
            let all = unit(&plan(false), text).unwrap();
            assert_eq!(all.lines().count(), text.lines().count() + 1, "{name}");
            if name.ends_with(".service") {
                assert!(
                    ours.contains("ExecStart=\"/opt/forge keep/forgekeep\" "),
                    "{ours}"
                );
            }
        }
    }

    #[test]
    fn the_services_run_what_is_said_elsewhere_too() {
        for job in &JOBS {
            let name = format!("forgekeep-{}.service", job.name);
            let (_, text) = UNITS.iter().find(|(unit, _)| *unit == name).unwrap();
            let wanted = format!("ExecStart={PACKAGED} {}\n", job.command("plain"));
            assert!(text.contains(&wanted), "{name}");
            let timer = name.replace(".service", ".timer");
            let (_, text) = UNITS.iter().find(|(unit, _)| *unit == timer).unwrap();
            let usual = Plan {
                at: None,
                ..plan(false)
            };
            let line = of_timer(&usual, job).lines().last().unwrap().to_owned();
            assert!(text.contains(&format!("\n{line}\n")), "{timer}: {line}");
        }
    }

    #[test]
    fn another_time_takes_the_place_of_the_usual_one() {
        assert!(
            of_timer(&plan(false), &JOBS[0])
                .ends_with("[Timer]\nOnCalendar=\nOnCalendar=*-*-* 05:07\n")
        );
    }
}
