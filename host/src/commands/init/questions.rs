//! What has to be known, from options or by asking. Which questions there are, the plugin's manifest says.

use std::path::PathBuf;

use forgekeep_command_line::{Common, InitArguments};
use forgekeep_config::{OptionSpec, PluginKeys, PluginOptions};
use forgekeep_first_config::{Answers, Needs, Setting, TokenPlace};
use forgekeep_plugin_search as hosters;

use super::prompt::Person;
use crate::commands::{offline, target};
use crate::exit::{Complaint, ExitCode};
use crate::terminal::tell;

/// All answers but the token's place, and the keys of the hoster's plugin.
pub fn ask(
    common: &Common,
    arguments: &InitArguments,
    person: Option<&Person>,
) -> Result<(Answers, PluginKeys), Complaint> {
    let folders = hosters::folders(&common.plugin_dirs);
    let rules = hosters::Rules {
        options: PluginOptions::default(),
    };
    let hoster = match (&arguments.hoster, person) {
        (Some(hoster), _) => hoster.clone(),
        (None, Some(person)) => ask_hoster(&folders, &rules, person)?,
        (None, None) => {
            return Err(missing(
                "--hoster",
                "name the plugin: `forgekeep plugins list` shows those that are installed",
            ));
        }
    };
    let registry = hosters::registry_for(&folders, &rules, std::iter::once(hoster.as_str()));
    let found = registry.require(&hoster).map_err(|failure| Complaint {
        ending: ExitCode::Plugin,
        ..offline::complaint(failure)
    })?;
    let info = found.info();
    let keys = target::keys_of(&registry, &hoster).unwrap_or_default();
    let needs = Needs::of(&keys, &info.api_url);

    let api_url = answer(
        &arguments.api_url,
        person,
        needs.api_url,
        ("--api-url", "Address of the server (https://…)", ""),
    )?;
    let kind = match (&arguments.kind, person) {
        (None, Some(person)) if !keys.types.is_empty() => ask_kind(&keys.types, person)?,
        (given, _) => given.clone(),
    };
    let name = answer(
        &arguments.name,
        person,
        needs.name,
        (
            "--name",
            "Name of the user, organisation, group or workspace",
            "",
        ),
    )?;
    let mut pairs = pairs(&arguments.settings)?;
    for option in keys.options.iter().filter(|option| option.required) {
        if pairs.iter().all(|(key, _)| !is_for(option, key)) {
            pairs.push((option.name.clone(), ask_option(option, person)?));
        }
    }
    let settings = Setting::read(&keys.options, &pairs).map_err(|unset| {
        Complaint::new(
            ExitCode::Usage,
            format!("--set: {unset}"),
            format!(
                "see `forgekeep plugins info {}`; give a secret as %NAME%, or its file as KEYFile",
                info.id
            ),
        )
    })?;
    let title = match (&arguments.title, person) {
        (Some(title), _) => title.clone(),
        (None, Some(person)) => {
            let question = "Title, which names the folder in the backup";
            person.needed(question, default_title(name.as_deref(), &hoster), |_| None)?
        }
        (None, None) => default_title(name.as_deref(), &hoster).to_owned(),
    };
    let user = |given: &Option<String>, question: &str| match (given, person) {
        (None, Some(person)) if !arguments.no_token => person.optional(question),
        (given, _) => Ok(given.clone()),
    };
    let api_auth_name = user(
        &arguments.api_auth_name,
        "User name or e-mail address for the API (empty if the token needs none)",
    )?;
    let auth_name = user(
        &arguments.auth_name,
        "User name for git (empty if the token needs none)",
    )?;
    let folder = answer(
        &path_text(arguments.folder.as_ref())?,
        person,
        true,
        ("--folder", "Backup folder", ""),
    )?;
    let folder = std::path::absolute(folder.unwrap_or_default())
        .map_err(|error| Complaint::new(ExitCode::Usage, format!("--folder: {error}"), ""))?;
    let answers = Answers {
        folder,
        title,
        about: info.description.to_string(),
        hoster,
        kind,
        name,
        api_url,
        api_auth_name,
        auth_name,
        settings,
        token: TokenPlace::None,
    };
    Ok((answers, keys))
}

/// An option that is missing where nobody can be asked.
pub fn missing(option: &str, hint: &str) -> Complaint {
    let message = format!("{option} is missing, and there is no terminal to ask at");
    Complaint::new(ExitCode::Usage, message, hint)
}

/// What was given, else asked for, if it is needed. `question` has the option, the question and a default.
fn answer(
    given: &Option<String>,
    person: Option<&Person>,
    needed: bool,
    question: (&str, &str, &str),
) -> Result<Option<String>, Complaint> {
    let (option, question, default) = question;
    match (given, person) {
        (Some(_), _) => Ok(given.clone()),
        (None, _) if !needed => Ok(None),
        (None, Some(person)) => person.needed(question, default, |_| None).map(Some),
        (None, None) => Err(missing(
            option,
            "give all that is needed: `forgekeep init --help` lists the options",
        )),
    }
}

fn ask_hoster(
    folders: &[PathBuf],
    rules: &hosters::Rules,
    person: &Person,
) -> Result<String, Complaint> {
    let looked = hosters::look_at_all(folders, rules);
    let found: Vec<_> = looked
        .iter()
        .filter_map(|one| one.result.as_ref().ok())
        .collect();
    if found.is_empty() {
        return Err(Complaint::new(
            ExitCode::Plugin,
            "there is no plugin that can be used, so no hoster to back up",
            "run `forgekeep plugins list -v`, which shows where plugins are looked for",
        ));
    }
    tell!("Hosters:");
    for one in &found {
        tell!("  {:<14} {}", one.info.id, one.info.description);
    }
    let is_known = |id: &str| {
        found
            .iter()
            .any(|one| one.info.id == id || one.info.aliases.iter().any(|alias| alias == id))
    };
    person.needed("Hoster", "", |id| {
        (!is_known(id)).then(|| "answer with one of the names above".to_owned())
    })
}

fn ask_kind(types: &[String], person: &Person) -> Result<Option<String>, Complaint> {
    let all = types.join(", ");
    let default = types.first().map_or("", String::as_str);
    let kind = person.needed(&format!("Type ({all})"), default, |kind| {
        let is_known = types.iter().any(|known| known == kind);
        (!is_known).then(|| format!("answer with one of {all}"))
    })?;
    Ok(Some(kind))
}

fn ask_option(option: &OptionSpec, person: Option<&Person>) -> Result<String, Complaint> {
    match person {
        Some(person) => {
            let about = forgekeep_untrusted::Untrusted::new(&option.description);
            person.needed(
                &format!("{} ({})", option.name, about.printable()),
                "",
                |_| None,
            )
        }
        None => Err(missing(
            &format!("--set {}=…", option.name),
            "give what the hoster needs: `forgekeep plugins info ID` lists its keys",
        )),
    }
}

/// Whether a key gives an option its value.
fn is_for(option: &OptionSpec, key: &str) -> bool {
    key == option.name || key.strip_suffix("File") == Some(&option.name)
}

fn default_title<'a>(name: Option<&'a str>, hoster: &'a str) -> &'a str {
    // `*` stands for all that an account has.
    name.filter(|name| *name != "*").unwrap_or(hoster)
}

fn pairs(settings: &[String]) -> Result<Vec<(String, String)>, Complaint> {
    let pair = |text: &String| {
        let (key, value) = text.split_once('=')?;
        Some((key.to_owned(), value.to_owned()))
    };
    let pairs: Option<Vec<_>> = settings.iter().map(pair).collect();
    pairs.ok_or_else(|| {
        Complaint::new(
            ExitCode::Usage,
            "--set is not of the form KEY=VALUE",
            "write the key, an equals sign and the value in one word",
        )
    })
}

/// A path as the text that a configuration can hold.
fn path_text(path: Option<&PathBuf>) -> Result<Option<String>, Complaint> {
    let Some(path) = path else {
        return Ok(None);
    };
    match path.to_str() {
        Some(text) if !text.is_empty() => Ok(Some(text.to_owned())),
        _ => Err(Complaint::new(
            ExitCode::Usage,
            "--folder is empty, or no text that a configuration can hold",
            "name the folder in UTF-8",
        )),
    }
}
