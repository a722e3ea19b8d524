//! All that writes to Azure DevOps, and what is asked before.

use std::sync::atomic::Ordering;

use forgekeep_plugin_sdk::{
    Auth, CheckReport, CheckRequest, Concern, ConfigureRequest, CreateRequest, ErrorKind, Finding,
    Host, HosterError, HttpRequest, HttpResponse, NotMade, PushLimits, RemoveRequest, Repository,
    Result, Source, Target, TargetName, address, flat_name, flaws, json, kept, not_made, remark,
    target_name, warning,
};
use serde_json::Value;

use crate::AzureDevOps;
use crate::repository::{Entry, Project};
use crate::server::{Server, VERSIONS};

/// Characters of a name.
const LONGEST_NAME: usize = 64;
/// Characters that no name has. Source: *Naming restrictions and conventions*, as the others.
const NOT_IN_NAMES: &str = "\\/:*?\"<>|;#$*{},+=[]";

impl Target for AzureDevOps {
    fn examine(&self, to: &Source, what: &CheckRequest, host: &Host<'_>) -> Result<CheckReport> {
        examine(&Server::of(to, host)?, &what.names)
    }

    fn create(&self, to: &Source, what: &CreateRequest, host: &Host<'_>) -> Result<Repository> {
        create(&Server::of(to, host)?, what)
    }

    fn configure(
        &self,
        to: &Source,
        what: &ConfigureRequest,
        host: &Host<'_>,
    ) -> Result<Vec<Finding>> {
        configure(&Server::of(to, host)?, what)
    }

    fn remove(&self, to: &Source, what: &RemoveRequest, host: &Host<'_>) -> Result<Vec<Finding>> {
        let server = Server::of(to, host)?;
        let path = place(&what.full_name, &what.id)?;
        let entry: Entry = json(&server.get(&path, &[])?)?;
        // The API takes a name in place of an id.
        if entry.id != what.id {
            let message = "another repository than asked for has answered to its id";
            return Err(HosterError::new(ErrorKind::BadAnswer, message));
        }
        match server.send("DELETE", &path, None) {
            // A second try finds that the first one has removed it.
            Err(error) if error.kind != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let message = "what was removed is in the recycle bin of the project for some time";
        let hint = "an administrator of the project can delete it there for good";
        Ok(vec![remark(message, hint)])
    }
}

impl Server<'_> {
    /// Sends a document to an endpoint. What a token that has ended is refused is made again: nothing has come of it.
    fn send(&self, method: &str, path: &[&str], body: Option<&Value>) -> Result<HttpResponse> {
        // Which version the server has is known by then.
        self.connection()?;
        let known = self.kept.version.load(Ordering::Relaxed);
        let version = VERSIONS.get(known).copied().unwrap_or_default();
        let url = address(&self.base, path, &[("api-version", version)])?;
        let accept = format!("application/json;api-version={version}");
        let mut request = HttpRequest::new(method, url, &Auth::None).with_header("accept", accept);
        request.idempotent = method != "POST";
        if let Some(body) = body {
            request = request.with_body("application/json", body.to_string());
        }
        let judge = |answer| self.judged(answer);
        let mut answers = self.signer.batch(self.host, vec![request], &judge)?;
        let answer = answers.pop();
        answer.unwrap_or_else(|| Err(HosterError::default()))
    }

    /// The project that repositories are made in. Asked once.
    fn project(&self) -> Result<Project> {
        let path = ["_apis", "projects", self.source.project.trim()];
        json(kept(&self.kept.project, || {
            let answer = self.get(&path, &[])?;
            json::<Project>(&answer).map(|_| answer)
        })?)
    }
}

/// The path of a repository, of which the full name tells the project.
fn place<'a>(full_name: &'a str, id: &'a str) -> Result<[&'a str; 5]> {
    let project = full_name.split('/').nth(1).filter(|one| !one.is_empty());
    let no_name = || HosterError::new(ErrorKind::BadAnswer, "a full name without a project");
    let project = project.ok_or_else(no_name)?;
    Ok([project, "_apis", "git", "repositories", id])
}

/// The name that a repository gets. Microsoft advises against some more, such as `web`, which it takes all the same.
fn name_of(wanted: &str) -> TargetName {
    // What takes two units of UTF-16 is refused, too; what is not seen, or turns what is beside it, is better not.
    let unseen = |c| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'..);
    let takes = |c: char| !c.is_control() && !NOT_IN_NAMES.contains(c) && !unseen(c);
    let name = flat_name(wanted, LONGEST_NAME, takes);
    // White space and dots at the ends, and low lines at the beginning: what is cut off may bare more.
    let name = name.trim_start_matches(|c: char| c == '_' || c == '.' || c.is_whitespace());
    let name = name.trim_end_matches(|c: char| c == '.' || c.is_whitespace());
    target_name(name, None)
}

fn examine(server: &Server<'_>, names: &[String]) -> Result<CheckReport> {
    let mut report = CheckReport {
        names: names.iter().map(|name| name_of(name)).collect(),
        ..CheckReport::default()
    };
    let no_project = "a target needs project: repositories are made in one";
    let one = "set project to the name of a private project of the organisation, and make it first";
    let nobody = "nobody makes repositories without credentials";
    let token = "make a token that may write, and set password to it";
    let is_nobody = server.signer.auth == Auth::None && server.signer.client.is_none();
    report.findings = flaws(&[
        (
            server.source.project.trim().is_empty(),
            "project",
            no_project,
            one,
        ),
        (is_nobody, "password", nobody, token),
    ]);
    if !report.findings.is_empty() {
        return Ok(report);
    }
    let who = server.connection()?;
    let name = who.text("/authenticatedUser/providerDisplayName");
    let name = name.map_or(String::new(), |name| format!(", as {name}"));
    report.identity = format!("{}{name}", server.kind);
    report.account_id = who.text("/authenticatedUser/id").map(str::to_owned);
    let project = match server.project() {
        Err(error) if error.kind == ErrorKind::NotFound => {
            let is_there = who.text("/instanceId").is_some();
            let no_project = "the account is shown no project of this name";
            let elsewhere = "there is no such organisation, or not for the account";
            let check = "check name and apiUrl of the target";
            report.findings = flaws(&[
                (is_there, "project", no_project, one),
                (!is_there, "name", elsewhere, check),
            ]);
            return Ok(report);
        }
        project => project?,
    };
    let visibility = project.visibility.as_deref().unwrap_or_default();
    let public = "the project is public, and so is every repository in it";
    report.findings = flaws(&[(visibility == "public", "project", public, one)]);
    if visibility == "organization" {
        let message =
            "every member of the organisation's tenant sees the repositories of the project";
        report.findings.push(warning(
            "project",
            message,
            "take a private project if that is too many",
        ));
    }
    let untold = "it is not told what the credentials may do";
    let hint = "a token needs the scopes Code (read, write & manage) and Project and Team (read); the account needs Create repository, Contribute and Force push in the project, which Project Administrators have";
    report.findings.push(remark(untold, hint));
    report.takes = limits(&server.base);
    report.refuses = [
        "Azure DevOps has no description of a repository, and no mark that it is archived",
        "paths of over 32,766 characters, and names of files or folders of over 4,096",
    ]
    .map(str::to_owned)
    .into();
    Ok(report)
}

/// What Services takes. A Server has limits of its own, which are not told. Source: *Git limits*.
fn limits(base: &str) -> PushLimits {
    let is_theirs =
        base.starts_with("https://dev.azure.com/") || base.ends_with(".visualstudio.com");
    let theirs = |bytes: u64| is_theirs.then_some(bytes);
    PushLimits {
        file_bytes: theirs(100 << 20),
        push_bytes: theirs(5 << 30),
        repository_bytes: theirs(250 << 30),
        no_new_wikis: true,
        ..PushLimits::default()
    }
}

fn create(server: &Server<'_>, what: &CreateRequest) -> Result<Repository> {
    let project = server
        .project()
        .map_err(|error| error.about(Concern::Source))?;
    if what.private && project.visibility.as_deref() == Some("public") {
        let message = "the project is public, and so would be the repository";
        return Err(HosterError::new(ErrorKind::Other, message)
            .with_hint("set project to a private one, or make this one private in its settings")
            .about(Concern::Source));
    }
    let document = serde_json::json!({ "name": what.name, "project": { "id": project.id } });
    let path = [&*project.id, "_apis", "git", "repositories"];
    let right = "give the token the scope Code (read, write & manage), and the account the right Create repository in the project, which Project Administrators have";
    let answer = server.send("POST", &path, Some(&document));
    let answer = answer.map_err(|error| not_made(error, right, NotMade::by_status));
    let entry: Entry = json(&answer?)?;
    Ok(entry.into_repository(server, &project))
}

fn configure(server: &Server<'_>, what: &ConfigureRequest) -> Result<Vec<Finding>> {
    let mut notes = Vec::new();
    if what.automation.is_some() {
        let message =
            "a push starts nothing: pipelines belong to the project, and know no new repository";
        let hint = "make the pipelines again to have them; service hooks of the project that stand for all its repositories do see pushes";
        notes.push(remark(message, hint));
    }
    if let Some(branch) = &what.default_branch {
        let branch = format!("refs/heads/{branch}");
        let document = serde_json::json!({ "defaultBranch": branch });
        let path = place(&what.full_name, &what.id)?;
        let answer = server.send("PATCH", &path, Some(&document));
        let answer = answer.map_err(|error| match error.kind {
            ErrorKind::RateLimited | ErrorKind::Credentials => error,
            _ => error.about(Concern::Repository),
        })?;
        if json::<Value>(&answer)?["defaultBranch"] != *branch {
            let message = "the default branch was not taken: it may not be there yet";
            return Err(HosterError::new(ErrorKind::Other, message).about(Concern::Repository));
        }
    }
    if what.archived == Some(true) {
        let message =
            "Azure DevOps does not know archived repositories: what was archived can be written to";
        let hint = "take Contribute away from those who shall not write; a repository that is disabled could not be read either";
        notes.push(remark(message, hint));
    }
    Ok(notes)
}
