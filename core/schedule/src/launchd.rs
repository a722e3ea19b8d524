//! Agents of launchd, for the user. launchd makes up for runs that the machine has slept through.

use std::fs;
use std::path::PathBuf;

use forgekeep_untrusted::{Show as _, Untrusted};

use forgekeep_failure::Failure;
use jiff::Zoned;

use super::{Installed, JOBS, Job, Plan, When, files, next};

const HINT: &str =
    "run it as the user who is logged in; network volumes need Full Disk Access for this program";

pub(super) fn install(plan: &Plan) -> Result<Vec<String>, Failure> {
    for job in &JOBS {
        let path = file(plan, job);
        files::write(&path, &agent(plan, job))?;
        let shown = Untrusted::of_path(&path).into_raw();
        // One that is loaded already is replaced.
        let _ = files::run("launchctl", &["unload", "-w", &shown], HINT);
        files::run("launchctl", &["load", "-w", &shown], HINT)?;
    }
    Ok(Vec::new())
}

pub(super) fn remove(plan: &Plan) -> Result<(), Failure> {
    for job in &JOBS {
        let path = file(plan, job);
        if path.exists() {
            let shown = Untrusted::of_path(&path).into_raw();
            let _ = files::run("launchctl", &["unload", "-w", &shown], HINT);
            files::remove(&path)?;
        }
    }
    Ok(())
}

pub(super) fn status(plan: &Plan) -> Vec<Installed> {
    let of = |job: &Job| {
        let path = file(plan, job);
        let found = fs::read_to_string(&path).ok();
        // The time of the backup may be another than the usual one.
        let plan = Plan {
            at: found.as_deref().and_then(time),
            ..plan.clone()
        };
        let is_right = found
            .as_ref()
            .is_none_or(|found| *found == agent(&plan, job));
        let problem = format!("{} does not fit the configuration", path.shown());
        Installed {
            job: job.name,
            installed: found.is_some(),
            last: None,
            next: found
                .as_ref()
                .and_then(|_| next::next(plan.when(job), &Zoned::now())),
            problems: if is_right { Vec::new() } else { vec![problem] },
        }
    };
    JOBS.iter().map(of).collect()
}

/// The hour and the minute of an agent.
fn time(text: &str) -> Option<(u8, u8)> {
    let number = |key: &str| {
        let (_, rest) = text.split_once(&format!("<key>{key}</key><integer>"))?;
        rest.split_once('<')?.0.parse().ok()
    };
    Some((number("Hour")?, number("Minute")?))
}

fn label(job: &Job) -> String {
    format!("dev.forgekeep.{}", job.name)
}

fn file(plan: &Plan, job: &Job) -> PathBuf {
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .unwrap_or_default();
    let root = if plan.user_only {
        home
    } else {
        plan.root.clone()
    };
    let folder = if plan.user_only {
        "Library/LaunchAgents"
    } else {
        "Library/LaunchDaemons"
    };
    root.join(folder).join(format!("{}.plist", label(job)))
}

fn agent(plan: &Plan, job: &Job) -> String {
    let (program, config) = (
        Untrusted::of_path(&plan.program),
        Untrusted::of_path(&plan.config),
    );
    let own = [program.raw(), "--config", config.raw()];
    let words = job.words("plain");
    let arguments = own.iter().chain(&words);
    let arguments = arguments.map(|word| format!("    <string>{}</string>\n", escaped(word)));
    let (day, hour, minute) = match plan.when(job) {
        When::Daily(hour, minute) => (None, hour, minute),
        When::Monthly(day, hour, minute) => (Some(day), hour, minute),
    };
    let day = day.map_or_else(String::new, |day| {
        format!("    <key>Day</key><integer>{day}</integer>\n")
    });
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
        <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
        <plist version=\"1.0\">\n<dict>\n  <key>Label</key><string>{}</string>\n  <key>ProgramArguments</key>\n  <array>\n{}  </array>\n  \
        <key>StartCalendarInterval</key>\n  <dict>\n{day}    <key>Hour</key><integer>{hour}</integer>\n    \
        <key>Minute</key><integer>{minute}</integer>\n  </dict>\n  <key>ProcessType</key><string>Background</string>\n</dict>\n</plist>\n",
        label(job),
        arguments.collect::<String>(),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_escaped_and_the_time_is_there() {
        let plan = Plan {
            program: "/a&b/forgekeep".into(),
            config: "/c.yml".into(),
            folder: "/srv".into(),
            user_only: true,
            at: None,
            root: "/".into(),
            secrets: Vec::new(),
        };
        let text = agent(&plan, &JOBS[2]);
        assert!(
            text.contains("<string>/a&amp;b/forgekeep</string>"),
            "{text}"
        );
        assert!(
            text.contains("<key>Day</key><integer>5</integer>"),
            "{text}"
        );
        assert!(text.contains("<string>--subset</string>"), "{text}");
    }
}
