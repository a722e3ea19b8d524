//! Git's two requests.

use std::path::PathBuf;

use forgekeep_demo_hoster::{Request, Response};

use super::Refused;
use super::answers::{CODE, Caller, no_repository, sign_in};
use super::model::{SignIn, State};
use crate::pkt_line::{Packet, Packets};
use crate::pushes;

/// Where a request of git's leads: a folder, and the path below it.
pub(super) fn git(
    state: &State,
    path: &[&str],
    request: &Request,
) -> Result<(PathBuf, String), Refused> {
    let text = |status, words: &str| Err(Box::new(Response::text(status, words)));
    let (organisation, project, name, rest) = match *path {
        [organisation, project, "_git", name, ref rest @ ..] => (organisation, project, name, rest),
        // Where both have one name.
        [organisation, "_git", name, ref rest @ ..] => (organisation, name, name, rest),
        _ => return text(404, "Page not found"),
    };
    let rest = rest.join("/");
    if !matches!(
        rest.as_str(),
        "info/refs" | "git-upload-pack" | "git-receive-pack"
    ) {
        return text(404, "Page not found");
    }
    let asks = || {
        let refusal = match state.sign_in {
            // To git it answers 401 in any case. Source: reports of users.
            SignIn::Windows => sign_in(state),
            _ => Response::text(401, "Access denied").with_header(
                "WWW-Authenticate",
                "Basic realm=\"https://azure.example.com/\"",
            ),
        };
        Err(Box::new(refusal))
    };
    let Some(caller) = Caller::of(state, request.header("Authorization")) else {
        return asks();
    };
    let same = |one: &str, id: &str, named: &str| id == named || one.eq_ignore_ascii_case(named);
    let organisation = state
        .organisations
        .iter()
        .find(|one| same(&one.name, "", organisation));
    let mut projects = state.projects.iter();
    let project = projects.find(|one| {
        Some(&one.organisation) == organisation.map(|one| &one.id)
            && same(&one.name, &one.id, project)
    });
    let project = project.filter(|one| caller.sees(one));
    if matches!(caller, Caller::Nobody) && project.is_none() {
        return asks();
    }
    let is_push = pushes::is_push(request, &rest);
    let scopes: &[&str] = if is_push { &CODE[1..] } else { &CODE };
    if caller.may(state, scopes).is_err() {
        return text(
            403,
            "TF400813: The user is not authorized to access this resource.",
        );
    }
    let mut repositories = state.repositories.iter();
    let found = repositories.find(|one| {
        Some(&one.project) == project.map(|one| &one.id) && same(&one.name, &one.id, name)
    });
    // One that is disabled is told of in the words of a missing one. Source: reports of users.
    let found = found.filter(|one| !one.deleted && !one.hidden && !one.disabled);
    let Some(found) = found else {
        return text(404, &no_repository(name));
    };
    // Source: go-git#64 and source-controller#104.
    if rest == "git-upload-pack" && !says_multi_ack(&request.body) {
        return text(400, "TF401041: The Git client must support multi-ack.");
    }
    Ok((state.folder.join(&found.id), rest))
}

/// Whether the first `want` names the capability, or the one that includes it.
fn says_multi_ack(body: &[u8]) -> bool {
    let mut packets = Packets::new(body);
    let Ok(Packet::Data(line)) = packets.next() else {
        return false;
    };
    let line = String::from_utf8_lossy(Packet::line(line)).into_owned();
    let mut words = line.split(' ').skip(2);
    line.starts_with("want ") && words.any(|one| matches!(one, "multi_ack" | "multi_ack_detailed"))
}
