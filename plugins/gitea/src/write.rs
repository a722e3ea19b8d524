//! All that writes to a server, and what is asked before.

use forgekeep_plugin_sdk::{
    Api, CheckReport, CheckRequest, Concern, ConfigureRequest, CreateRequest, ErrorKind, Finding,
    Host, HosterError, NotMade, RemoveRequest, Repository, Result, Sees, Source, Target,
    TargetName, advised, automation_finding, flat_name, flaws, in_one_line, kept, missing_scopes,
    not_made, owner_and_name, remark, status_error, target_name,
};
use serde_json::{Map, Value, json};

use crate::Gitea;
use crate::check::identity;
use crate::owner::{Kind, Listed};
use crate::repository::Entry;
use crate::server::Server;
use crate::sight::PUBLIC_ONLY;

/// Characters of a name, and of a description.
const LONGEST: [usize; 2] = [100, 2048];
/// What a quota may count that is pushed to a private repository.
const COUNTED: &str = "size:all size:repos:all size:repos:private size:git:all";

/// What there is to say.
type Notes = Result<Vec<Finding>>;

impl Target for Gitea {
    fn examine(&self, to: &Source, what: &CheckRequest, host: &Host<'_>) -> Result<CheckReport> {
        let server = Server::of(to, host)?;
        advised(examine(&server, &what.names), &advice(&server))
    }

    fn create(&self, to: &Source, what: &CreateRequest, host: &Host<'_>) -> Result<Repository> {
        create(&Server::of(to, host)?, what)
    }

    fn configure(&self, to: &Source, what: &ConfigureRequest, host: &Host<'_>) -> Notes {
        configure(&Server::of(to, host)?, what)
    }

    fn remove(&self, to: &Source, what: &RemoveRequest, host: &Host<'_>) -> Notes {
        let server = Server::of(to, host)?;
        let entry: Entry = server.api.read(&["repositories", &what.id])?;
        if entry.id.to_string() != what.id {
            let message = "another repository than asked for has answered to its id";
            return Err(HosterError::new(ErrorKind::BadAnswer, message));
        }
        let (owner, name) = owner_and_name(entry.full_name.as_deref().unwrap_or_default())?;
        let path = ["repos", owner, name];
        let answer = server.api.send("DELETE", &path, &[], None)?;
        match answer.status {
            // A second try finds that the first one has removed it.
            200..=299 | 404 => Ok(Vec::new()),
            _ => Err(status_error(&answer)),
        }
    }
}

/// What to do where the credentials are refused, or reach too little.
fn advice(server: &Server<'_>) -> String {
    let scopes = "write:repository, read:user and write:organization (or write:user, for the account's own repositories)";
    let page = format!("{}/user/settings/applications", server.web);
    format!("make a token at {page} with the scopes {scopes}, of an account that may create")
}

/// The name that a repository gets. Servers take no other characters; newer ones no two dots either.
fn name_of(wanted: &str) -> TargetName {
    let takes = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let mut name = flat_name(wanted, LONGEST[0], takes);
    while name.contains("..") {
        name = name.replace("..", ".");
    }
    let lower = name.to_ascii_lowercase();
    let ends = |end: &&str| lower.ends_with(end);
    let is_part = [".git", ".wiki", ".rss", ".atom"].iter().any(ends);
    let refused = (is_part || matches!(&*lower, "-" | ".")).then(|| {
        format!("{name} is reserved: no name is - or ., or ends with .git, .wiki, .rss or .atom")
    });
    target_name(name, refused.as_deref())
}

fn examine(server: &Server<'_>, names: &[String]) -> Result<CheckReport> {
    let name = server.source.name.trim();
    let mut report = CheckReport {
        names: names.iter().map(|name| name_of(name)).collect(),
        ..CheckReport::default()
    };
    let no_place = "name: '*' is no place to make repositories in";
    let one = "name one organisation, or the account itself";
    let nobody = "nobody makes repositories without credentials";
    let token = "make a token that may write to all repositories, and set password to it";
    let gogs = "the server does not tell its version: Gogs, whose API is not enough for a target";
    let other = "restore to Gitea or Forgejo";
    let me = server.api.get(&["user"], &[])?;
    if me.status == 401 {
        return Err(status_error(&me));
    }
    report.findings = flaws(&[
        (name == "*", "name", no_place, one),
        (server.secret.is_none(), "password", nobody, token),
        (server.version()?.is_none(), "apiUrl", gogs, other),
    ]);
    if !report.findings.is_empty() {
        return Ok(report);
    }
    let owner = match Listed::find(server, name) {
        Err(error) if error.kind == ErrorKind::NotFound => {
            let message = format!("{name} is neither an organisation nor a user there");
            let hint = "make the organisation first, and check type and name";
            report.findings = flaws(&[(true, "name", &message, hint)]);
            return Ok(report);
        }
        found => found?,
    };
    let sight = server.sight()?;
    let is_confined =
        sight.reach == Sees::Selected || sight.scopes.iter().any(|one| one == PUBLIC_ONLY);
    let is_stranger = owner.kind == Kind::User && sight.me.is_some();
    let confined = "the token is for chosen repositories, or for public ones: it makes no other";
    let stranger = format!("{name} is another user than the one that the credentials belong to");
    report.findings = flaws(&[
        (is_confined, "password", confined, token),
        (is_stranger, "name", &stranger, one),
    ]);
    let (of_owner, quota): (_, &[&str]) = match owner.kind {
        Kind::Org => ("write:organization", &["orgs", name, "quota"]),
        _ => ("write:user", &["user", "quota"]),
    };
    let needed = ["write:repository", of_owner];
    report.missing_scopes = missing_scopes(&sight.scopes, &needed, |has, _| has == "all");
    if let (Kind::Org, Some(me)) = (owner.kind, &sight.me) {
        let path = ["users", me.name(), "orgs", name, "permissions"];
        let creates = "can_create_repository";
        let rights: Map<String, Value> = server.told(&path)?.unwrap_or_default();
        if rights.get(creates) == Some(&false.into()) && me.is_admin != Some(true) {
            report.missing_scopes.push(creates.to_owned());
        }
        let has = |(right, has): (String, Value)| (has == true).then_some(right);
        report.rights = rights.into_iter().filter_map(has).collect();
    } else if sight.me.is_none() && owner.kind != Kind::Org {
        // Who may not read of the account may not write.
        report.missing_scopes.push(of_owner.to_owned());
    }
    if owner.kind == Kind::Org && report.rights.is_empty() && report.missing_scopes.is_empty() {
        let untold = "it is not told whether the account may make repositories there";
        let hint =
            "look at its teams: one of the account's has to be allowed to create repositories";
        report.findings.push(remark(untold, hint));
    }
    report.room = server.told(quota)?.and_then(|told| room(&told));
    let untold = "it is not told how many repositories may be made, nor how large a push may be";
    let hint = "ask who runs the server: a proxy may answer 413 to large pushes, and Codeberg lets a user have 100 repositories";
    report.findings.push(remark(untold, hint));
    report.identity = identity(server)?;
    report.scopes.clone_from(&sight.scopes);
    report.account_id = sight.me.as_ref().map(|me| me.id.to_string());
    Ok(report)
}

/// Bytes that a quota leaves: all rules of one of its groups have to be kept. A limit below 0 is none.
fn room(told: &Value) -> Option<u64> {
    let all = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let is_counted = |rule: &Value| {
        all(&rule["subjects"])
            .iter()
            .any(|one| COUNTED.split(' ').any(|known| one == known))
    };
    let limit = |group: &Value| {
        let rules = all(&group["rules"]).into_iter().filter(is_counted);
        rules
            .filter_map(|rule| u64::try_from(rule["limit"].as_i64()?).ok())
            .min()
    };
    let limits: Option<Vec<u64>> = all(&told["groups"]).iter().map(limit).collect();
    let size = |place: &str| told["used"]["size"].pointer(place)?.as_u64();
    let used = ["/repos/private", "/repos/public", "/git/LFS"]
        .into_iter()
        .filter_map(size)
        .sum();
    Some(limits?.into_iter().max()?.saturating_sub(used))
}

fn create(server: &Server<'_>, what: &CreateRequest) -> Result<Repository> {
    let name = server.source.name.trim();
    let in_organisation = kept(&server.kept.makes_in_organisation, || {
        let kind = Listed::find(server, name)?.kind;
        let stranger = "name is that of another user: make repositories for the account itself";
        let stranger = HosterError::new(ErrorKind::Forbidden, stranger).about(Concern::Source);
        let is_stranger = kind == Kind::User;
        (!is_stranger).then_some(kind == Kind::Org).ok_or(stranger)
    })?;
    let path: &[&str] = match in_organisation {
        true => &["orgs", name, "repos"],
        false => &["user", "repos"],
    };
    let about = in_one_line(&what.description, LONGEST[1]);
    let document = json!({
        "name": what.name, "private": what.private, "auto_init": false, "description": about,
    });
    let answer = server.api.send("POST", path, &[], Some(&document))?;
    if answer.status != 201 {
        let error = status_error(&answer);
        return Err(not_made(error, &advice(server), NotMade::by_status));
    }
    let mut entry: Entry = Api::document(&answer)?;
    entry.has_wiki_contents = Some(what.wiki);
    Ok(entry.into_repository(server.source))
}

fn configure(server: &Server<'_>, what: &ConfigureRequest) -> Notes {
    let (owner, name) = owner_and_name(&what.full_name)?;
    let path = ["repos", owner, name];
    let set = |document: &Value| server.api.send("PATCH", &path, &[], Some(document));
    let refused = |answer| Err(status_error(answer).about(Concern::Repository));
    let mut notes = Vec::new();
    if let Some(on) = what.automation {
        let answer = set(&json!({ "has_actions": on }))?;
        let now = match answer.status {
            200..=299 => Api::document::<Entry>(&answer)?.has_actions,
            403 => Some(!on),
            _ => return refused(&answer),
        };
        let again = "Settings, Units, Actions of the repository; webhooks of the organisation or the server are not switched off";
        notes.push(automation_finding(on, now, "Actions", again));
    }
    // By HTTP, servers take a push to a wiki once it has a page.
    let wiki = |last| ["repos", owner, name, "wiki", last];
    if what.wiki == Some(true) && server.api.get(&wiki("pages"), &[])?.status == 404 {
        let page = json!({ "title": "Home", "content_base64": "Cg==", "message": "a page" });
        let answer = server.api.send("POST", &wiki("new"), &[], Some(&page))?;
        Api::document::<Value>(&answer)?;
    }
    let mut document = Map::new();
    let branch = what.default_branch.as_ref();
    document.extend(branch.map(|branch| ("default_branch".to_owned(), json!(branch))));
    document.extend(what.archived.map(|on| ("archived".to_owned(), json!(on))));
    if document.is_empty() {
        return Ok(notes);
    }
    let answer = set(&document.into())?;
    if !(200..300).contains(&answer.status) {
        return refused(&answer);
    }
    // A branch that is not there is passed over without a word.
    let now = Api::document::<Entry>(&answer)?.default_branch;
    if branch.is_some() && now.as_ref() != branch {
        let message = "the server did not take the default branch: it may not be there yet";
        return Err(HosterError::new(ErrorKind::Other, message).about(Concern::Repository));
    }
    Ok(notes)
}
