//! GitHub as a target: what is asked before anything is made, and what makes and sets up repositories.

use forgekeep_plugin_sdk::ErrorKind::{Forbidden, NotFound, Other};
use forgekeep_plugin_sdk::{
    CheckReport, CheckRequest, Concern, ConfigureRequest, CreateRequest, Finding, Host,
    HosterError, HttpResponse, Listing, Listings, NotMade, Page, PartKind, PushLimits,
    RemoveRequest, Repository, Result, Source, Target, TargetName, flaws, in_one_line, is_there,
    json, no_such_id, not_made, owner_and_name, remark, target_name, texts, token, warning,
    without_endings,
};
use serde_json::{Value, json};

use crate::Plugin;
use crate::check::check;
use crate::github::{GitHub, Kind, good};

/// GitHub's own server. What limit others have on creating, they tell by 403 or 429.
const PUBLIC: &str = "https://api.github.com";
const SCOPES: [&str; 2] = ["repo", "workflow"];
const PERMISSIONS: [&str; 3] = ["administration", "contents", "workflows"];
const RIGHTS: &str = "a classic token needs the scopes repo and workflow; a fine-grained one and an App need write access to Administration, Contents and Workflows of all repositories; the account has to be an owner of the organisation, or a member who may create private repositories";
const OF_MEMBERS: &str = "members_can_create_private_repositories";
const REFUSES: [&str; 2] = [
    "commits with an e-mail address that the account keeps private (GH007), where the account is set so",
    "what a ruleset of the organisation forbids, and secrets that its push protection knows (GH013, GH009)",
];
const NO_CREDENTIALS: &str = "no credentials: nothing can be made without them";
const ONE: &str = "write the name of an organisation or of the token's own user; an App makes repositories in organisations alone";
const NOTHING_LEFT: &str = "GitHub takes letters without accents, digits, `-`, `_` and `.`";
const WIKI: &str = "names that end in .wiki are those of wikis at GitHub";
const UNTOLD: &str = "GitHub does not tell what a fine-grained token may do";
const NO_ROLE: &str = "GitHub does not tell the account's role in the organisation";
const NO_PRIVATE: &str = "the plan or a policy takes no private repository here: choose another plan, or make it by hand";
const OFF: &str = "GitHub Actions are switched off, so that no push starts a workflow";
const ON_AGAIN: &str = "switch them on again in the repository's settings, under Actions, General, once its secrets are set";
const NO_ACTIONS: &str = "the server has no GitHub Actions: no push starts a workflow";
const MAY_START: &str = "GitHub Actions could not be switched off: pushes may start workflows";
const LOOK: &str = "give the credentials write access to Administration, or switch Actions off in the organisation's settings";
const REMOVE: &str = "give a classic token the scope delete_repo, others write access to Administration; the organisation may leave it to its owners";

type Said = Result<Vec<Finding>>;

impl Target for Plugin {
    fn examine(&self, to: &Source, what: &CheckRequest, host: &Host<'_>) -> Result<CheckReport> {
        let github = GitHub::of(to, host)?;
        let mut report = check(&github, Page::default())?;
        (report.visible, report.private, report.missing_scopes) = (None, None, Vec::new());
        report.names = what.names.iter().map(|name| named(name)).collect();
        report.refuses = texts(&REFUSES);
        report.takes = PushLimits {
            file_bytes: Some(100 << 20),
            push_bytes: Some(2 << 30),
            ref_bytes: Some(255),
            no_refs_like_ids: true,
            checks_objects: true,
            no_lfs_without_objects: true,
            no_new_wikis: true,
            creates_per_minute: (to.api_url.trim_end_matches('/') == PUBLIC).then_some(80),
            ..PushLimits::default()
        };
        let is_nobody = token(to).is_none() && github.app.is_none();
        let mut flaw = |key, why: &str, hint: &str| {
            report.findings.extend(flaws(&[(true, key, why, hint)]));
        };
        match github.place() {
            _ if is_nobody => flaw("password", NO_CREDENTIALS, RIGHTS),
            Ok(place) => github.rights(place, &mut report)?,
            Err(error) if error.kind != NotFound => return Err(error),
            Err(error) => flaw("name", &error.message, &error.hint),
        }
        Ok(report)
    }

    fn create(&self, to: &Source, what: &CreateRequest, host: &Host<'_>) -> Result<Repository> {
        let github = GitHub::of(to, host)?;
        let place = github.place()?;
        let path: &[&str] = match place.kind {
            Kind::Own => &["user", "repos"],
            _ => &["orgs", &place.name, "repos"],
        };
        let (name, about) = (&what.name, in_one_line(&what.description, 350));
        let document = json!({ "name": name, "description": about, "private": what.private });
        let answer = github.send(&place.handle, "POST", path, Some(&document))?;
        let answer = github.made(&["repos", &place.name, name], &place.handle, answer)?;
        let mut made = github.repository(json(&answer)?, &answer, &place.handle);
        // A wiki is there once somebody has written its first page in a browser.
        made.parts.retain(|part| part.kind == PartKind::Git);
        Ok(made)
    }

    fn configure(&self, to: &Source, what: &ConfigureRequest, host: &Host<'_>) -> Said {
        let github = GitHub::of(to, host)?;
        let (of, path) = (&what.handle, path_of(&what.full_name)?);
        let mut findings = Vec::new();
        if let Some(automation) = what.automation {
            let actions = [path.as_slice(), &["actions", "permissions"]].concat();
            let document = json!({ "enabled": automation });
            let set = good(github.send(of, "PUT", &actions, Some(&document))?);
            match set.as_ref().map_err(|error| error.kind) {
                Ok(_) if automation => {}
                Ok(_) => findings.push(remark(OFF, ON_AGAIN)),
                // One that was just made may not be known everywhere: that proves nothing.
                Err(NotFound) if to.api_url.trim_end_matches('/') == PUBLIC => {
                    drop(set.map_err(HosterError::transient)?)
                }
                Err(NotFound) => {
                    let there = good(github.send(of, "GET", &path, None)?);
                    there.map_err(HosterError::transient)?;
                    findings.push(remark(NO_ACTIONS, ""));
                }
                // Not allowed, or for an organisation or enterprise to say (409).
                Err(Forbidden | Other) => findings.push(warning("", MAY_START, LOOK)),
                Err(_) => drop(set?),
            }
        }
        let branch = what.default_branch.as_ref();
        let branch = branch.map(|branch| json!({ "default_branch": branch }));
        // Nothing can be set of one that is archived.
        let archived = what.archived.map(|yes| json!({ "archived": yes }));
        for document in branch.iter().chain(&archived) {
            good(github.send(of, "PATCH", &path, Some(document))?)?;
        }
        Ok(findings)
    }

    fn remove(&self, to: &Source, what: &RemoveRequest, host: &Host<'_>) -> Said {
        let github = GitHub::of(to, host)?;
        let place = github.place()?;
        // It may have another name by now, and another repository the old one.
        let found = github
            .by_id(place, &what.id)?
            .filter(|found| found.id == what.id);
        let found = found.ok_or_else(|| no_such_id(&what.id))?;
        let path = path_of(&found.full_name)?;
        let removed = good(github.send(&place.handle, "DELETE", &path, None)?);
        removed
            .map(|_| Vec::new())
            .map_err(|error| match error.kind {
                Forbidden => error.with_hint(REMOVE),
                _ => error,
            })
    }
}

impl GitHub<'_> {
    /// Where repositories are made: what the target's name stands for.
    fn place(&self) -> Result<&Listing<Kind>> {
        let name = self.source.name.trim();
        let all = if self.is_of_all() { &[] } else { self.all()? };
        let first = all.iter().min();
        let is_place = match first {
            Some(one) if one.kind == Kind::Installation => {
                let account = &self.installation(&one.handle)?.account;
                account.kind.as_deref() == Some("Organization")
            }
            first => first.is_some_and(|one| one.kind != Kind::User),
        };
        first.filter(|_| is_place).ok_or_else(|| {
            let why = format!("name `{name}` is nothing to make repositories in");
            let error = HosterError::new(NotFound, why).with_hint(ONE);
            error.about(Concern::Source)
        })
    }

    /// What is known of the rights there.
    fn rights(&self, place: &Listing<Kind>, report: &mut CheckReport) -> Result<()> {
        let mut needed = Vec::new();
        let mut all = self.memberships()?.iter();
        let member = all.find(|one| one.organization.id.to_string() == place.owner);
        if place.kind == Kind::Installation {
            let given = self.installation(&place.handle)?.permissions.iter();
            let given = given.filter_map(Value::as_object).flatten();
            let word = |(what, how): (&String, &Value)| Some(format!("{what}: {}", how.as_str()?));
            report.scopes = given.filter_map(word).collect();
            needed.extend(PERMISSIONS.map(|what| format!("{what}: write")));
        } else if self.sight()?.answer.header("x-oauth-scopes").is_some() {
            needed.extend(texts(&SCOPES));
        } else {
            report.findings.push(remark(UNTOLD, RIGHTS));
        }
        match member.map(|one| one.role.as_str()) {
            _ if place.kind == Kind::Own => report.rights.push("owner".to_owned()),
            _ if place.kind != Kind::Org => {}
            None => report.findings.push(remark(NO_ROLE, RIGHTS)),
            Some(role) => {
                report.rights.push(role.to_owned());
                let told = self.api.read::<Value>(&["orgs", &place.name]);
                let told = self.host.if_told(told)?.unwrap_or_default();
                let is_lacking = role != "admin" && told[OF_MEMBERS] == false;
                needed.extend(is_lacking.then(|| OF_MEMBERS.to_owned()));
            }
        }
        needed.retain(|one| !report.scopes.contains(one));
        report.missing_scopes = needed;
        Ok(())
    }

    /// The answer, or why there is none, by what it is about: its words decide nothing.
    fn made(&self, path: &[&str], of: &str, answer: HttpResponse) -> Result<HttpResponse> {
        let said: Value = json(&answer).unwrap_or_default();
        let mut about = said["errors"].as_array().into_iter().flatten();
        let is_private = |one: &Value| one["field"] == "visibility" || one["field"] == "private";
        let signs_on = answer.header("x-github-sso").is_some();
        good(answer).map_err(|error| match signs_on {
            true => error.about(Concern::Source),
            false => not_made(error, RIGHTS, |status| match () {
                // What credentials may not do is hidden from them.
                () if status == 404 => NotMade::Rights,
                () if about.any(is_private) => NotMade::Rule(NO_PRIVATE),
                () if is_there(self.send(of, "GET", path, None)) => NotMade::Taken,
                () => NotMade::Itself,
            }),
        })
    }

    /// Sends a document, or asks. Any status is an answer.
    fn send(&self, of: &str, how: &str, path: &[&str], it: Option<&Value>) -> Result<HttpResponse> {
        let sent = self.ask(of, |api| Ok((api.send(how, path, &[], it)?, ())));
        sent.map(|(answer, ())| answer)
    }
}

fn path_of(full_name: &str) -> Result<[&str; 3]> {
    let (owner, name) = owner_and_name(full_name)?;
    Ok(["repos", owner, name])
}

/// What GitHub makes of a name, by the rule of its page for new repositories: each run of characters that it does
/// not take becomes one `-`, at the ends too. Groups are joined by `-` before.
fn named(wanted: &str) -> TargetName {
    let takes = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let groups: Vec<_> = wanted.split('/').filter(|one| !one.is_empty()).collect();
    let name = groups.join("-");
    let all: Vec<char> = name.chars().collect();
    let runs = all.chunk_by(|one, next| !takes(*one) && !takes(*next));
    let first = |run: &[char]| run.iter().copied().find(|c| takes(*c)).unwrap_or('-');
    let slug: String = runs.map(first).take(100).collect();
    let left = without_endings(&slug, &[".git"]);
    let has_word = left.contains(|c: char| c.is_ascii_alphanumeric());
    let refused = match left {
        "" | "." | ".." => Some(NOTHING_LEFT),
        _ if slug != name && !has_word => Some(NOTHING_LEFT),
        _ if without_endings(left, &[".wiki"]) != left => Some(WIKI),
        _ => None,
    };
    target_name(left, refused)
}
