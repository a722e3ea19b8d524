use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use forgekeep_command_line::{Common, RestoreArguments};
use forgekeep_documents::{RestoreDocument, RestoredPart};
use forgekeep_failure::Cancel;
use forgekeep_http::{Authorization, Client, Settings};
use forgekeep_restore::{Destination, Push, Pushed, RestorePoint};
use forgekeep_store::inventory::Kept;
use forgekeep_store::part::Part;
use forgekeep_summary::text;
use forgekeep_untrusted::names::is_blank;
use forgekeep_untrusted::{Redactor, Secret};

use super::super::print_json;
use super::{FAILED, branch, complaint, state};
use crate::exit::{Complaint, ExitCode};
use crate::terminal::{hide, say, tell};

/// The variable with the user name for `--push`.
const USER: &str = "FORGEKEEP_PUSH_USER";

/// The variable with the password or token for `--push`.
const PASSWORD: &str = "FORGEKEEP_PUSH_PASSWORD";

/// How long the connection may take.
const CONNECT: Duration = Duration::from_secs(30);

/// How long the other side may be silent: it checks a large pack before it answers.
const STALL: Duration = Duration::from_secs(15 * 60);

/// `forgekeep restore --push`.
pub fn run(
    common: &Common,
    arguments: &RestoreArguments,
    url: &str,
    backup: &Path,
    (kept, part): (&Kept, &Part),
    name: &str,
    point: Option<&RestorePoint>,
) -> Result<ExitCode, Complaint> {
    let to = Destination::parse(url).map_err(complaint)?;
    let authorization = match &to {
        Destination::Http(_) => authorization()?,
        Destination::Local(path) => {
            forgekeep_restore::check_outside(path, backup).map_err(complaint)?;
            Authorization::Anonymous
        }
    };
    let mirror = part.folder.as_path();
    let chosen = forgekeep_restore::choose(mirror, point).map_err(complaint)?;
    let settings = Settings {
        connect: CONNECT,
        stall: STALL,
        connections: 1,
    };
    let client = Client::behind(crate::commands::proxies()?, &settings);
    let cancel = Cancel::new();
    let ended = client.clone();
    super::end_on_signal(&cancel, move || ended.shutdown())?;
    let work = tempfile::Builder::new()
        .prefix("forgekeep-push-")
        .tempdir()
        .map_err(|error| Complaint::file("write to", &std::env::temp_dir(), &error))?;
    let push = Push {
        mirror,
        chosen: &chosen,
        to: &to,
        authorization: &authorization,
        force: arguments.force,
        work: work.path(),
        client: &client,
        cancel: &cancel,
    };
    let pushed = forgekeep_restore::push(&push).map_err(|failure| {
        let mut complaint = complaint(cancel.explain(failure));
        if cancel.is_cancelled() {
            complaint.hint = "look at the repository there before you push again: what was sent \
            completely may have been accepted"
                .into();
        }
        complaint
    })?;
    if !common.quiet {
        print(name, &push, &pushed);
    }
    for refused in &pushed.refused {
        tell!("refused: {}: {}", refused.name, refused.why);
    }
    let ending = match pushed.refused.is_empty() {
        true => ExitCode::Good,
        false => FAILED,
    };
    if arguments.json {
        let part = RestoredPart::new(kept, part.kind).pushed(&chosen, &pushed);
        print_json(&RestoreDocument::pushed(ending, to.to_string(), part))?;
    }
    if ending == ExitCode::Good {
        return Ok(ending);
    }
    let hint = "see what the hoster says about these names: hosters reserve some, such as \
        refs/pull/ and refs/pull-requests/; the other refs are there";
    tell!("{}", text::hint(hint, "  "));
    Ok(ending)
}

/// Credentials from the environment: never from the command line, which others see.
fn authorization() -> Result<Authorization, Complaint> {
    let value = |name: &str| super::super::variable(name).filter(|value| !value.is_empty());
    for name in [USER, PASSWORD] {
        if value(name).is_some_and(|value| is_blank(&value)) {
            return Err(Complaint::new(
                ExitCode::Usage,
                format!("{name} is set, but white space only"),
                format!("set {name}, or unset both for a push without credentials"),
            ));
        }
    }
    match (value(USER), value(PASSWORD).map(Secret::new)) {
        (None, None) => Ok(Authorization::Anonymous),
        (Some(user), Some(secret)) => {
            // A server may send it back.
            hide(Arc::new(Redactor::new(&[&secret])));
            Ok(Authorization::Basic { user, secret })
        }
        (user, _) => {
            let missing = if user.is_some() { PASSWORD } else { USER };
            Err(Complaint::new(
                ExitCode::Usage,
                format!("{missing} is not set, and only both together are credentials"),
                "any name will do where a hoster accepts tokens without a user",
            ))
        }
    }
}

fn print(name: &str, push: &Push<'_>, pushed: &Pushed) {
    say!("pushed {name} to {}", push.to);
    say!("  state: {}", state(push.chosen));
    let mut refs = text::count(pushed.accepted, "ref", "refs");
    if pushed.unchanged > 0 {
        refs.push_str(&format!(
            " ({} of them were there already)",
            pushed.unchanged
        ));
    }
    if !pushed.refused.is_empty() {
        refs.push_str(&format!(", {} refused", pushed.refused.len()));
    }
    say!("  {refs}");
    if let Some(head) = push.chosen.state.default_branch() {
        say!(
            "  set the default branch there to {}: a push cannot",
            branch(head)
        );
    }
}
