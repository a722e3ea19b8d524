//! The first configuration: asked for, checked, written.

mod files;
mod prompt;
mod questions;

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use files::Target;
use forgekeep_command_line::{Common, InitArguments, TokenStore};
use forgekeep_config::PluginKeys;
use forgekeep_documents::{CheckDocument, InitDocument};
use forgekeep_first_config::{Answers, BadToken, TokenPlace, is_variable, plain, read_token};
use forgekeep_folder_check::foreign_owner;
use forgekeep_summary::text;
use forgekeep_untrusted::{Secret, Show as _};
use prompt::Person;

use super::{check, engine_in, variable};
use crate::exit::{Complaint, ExitCode};
use crate::terminal::{out, say, tell};

/// Stands for the token in the configuration that is checked: nothing is stored before.
const CHECKED: &str = "FORGEKEEP_INIT_TOKEN";

const QUESTION: &str = "Token (not shown while you type; empty for none)";

/// `forgekeep init`.
pub fn run(common: &Common, arguments: &InitArguments) -> Result<ExitCode, Complaint> {
    let target = Target::of(common)?;
    prompt::end_at_signal()?;
    let person = Person::at_terminal();
    let (mut answers, keys) = questions::ask(common, arguments, person.as_ref())?;
    let token = token(arguments, &answers, person.as_ref())?;
    if let Some(token) = &token {
        // However it came: what cannot be a token is told as what was given, not as what is made of it.
        read_token(token.expose().as_bytes()).map_err(|bad| {
            let message = format!("the token {bad}");
            Complaint::new(ExitCode::Usage, message, "give the token and nothing else")
        })?;
    }
    answers.token = match &token {
        None => TokenPlace::None,
        Some(_) => place(&target, arguments, &answers.title)?,
    };
    let content = forgekeep_first_config::text(&answers, &keys, target.syntax);
    // What could not be read later is not written, whatever the hoster says.
    forgekeep_config::parse(&content, &target.file, &|name| {
        Some(variable(name).unwrap_or_else(|| CHECKED.to_owned()))
    })?;
    let checked = checked(common, arguments, &target, &answers, &keys, token.as_ref());
    let mut document = match checked {
        Ok((exit_code, check)) => InitDocument::new(exit_code, Some(check), None),
        Err(complaint) => {
            tell!("{complaint}");
            InitDocument::new(complaint.ending, None, Some(complaint.to_failure()))
        }
    };
    let exit_code = document.exit_code;
    if exit_code != ExitCode::Good && !arguments.force {
        let agreed = match &person {
            Some(person) => {
                person.agrees("The check failed. Write the configuration all the same?")?
            }
            None => false,
        };
        if !agreed {
            let complaint = Complaint::new(
                exit_code,
                "nothing was written: the check failed",
                "correct what is said above, then run `forgekeep init` again; --force writes the \
                configuration all the same",
            );
            if arguments.json {
                let cause = document.error.take();
                document.error = cause.or_else(|| Some(complaint.to_failure()));
                super::print_json(&document)?;
            }
            return Err(complaint);
        }
    }
    let file = match &answers.token {
        TokenPlace::File(name) if arguments.store == TokenStore::File => Some(target.beside(name)),
        _ => None,
    };
    // Root sets it up for the user whose folder it is.
    let owner = foreign_owner(&answers.folder);
    target.write(&content, file.as_deref().zip(token.as_ref()), owner)?;
    out!("written: {}", target.file.shown());
    if let Some(file) = &file {
        out!("written: {} (the token, mode 0600)", file.shown());
    }
    next_steps(arguments, &target, &answers.token, owner);
    if arguments.json {
        super::print_json(&document.written(&target.file, file.as_deref()))?;
    }
    Ok(exit_code)
}

/// The token, if there is to be one.
fn token(
    arguments: &InitArguments,
    answers: &Answers,
    person: Option<&Person>,
) -> Result<Option<Secret>, Complaint> {
    if arguments.no_token {
        return Ok(None);
    }
    if let Some(file) = &arguments.token_file {
        let is_typed = file == Path::new("-") && io::stdin().is_terminal();
        return match (is_typed, person) {
            // A terminal would show it.
            (true, Some(person)) => person.secret(QUESTION),
            (true, None) => Err(Complaint::new(
                ExitCode::Usage,
                "--token-file: standard input is a terminal, which shows what is typed",
                "run it without --token-file, with standard error on the terminal too",
            )),
            (false, _) => token_in(file).map(Some),
        };
    }
    let name = variable_name(arguments, &answers.title);
    if arguments.store == TokenStore::Environment
        && let Some(value) = variable(&name).filter(|value| !value.trim().is_empty())
    {
        return Ok(Some(Secret::new(value)));
    }
    match person {
        Some(person) => person.secret(QUESTION),
        None => Err(questions::missing(
            "--token-file",
            "give it a file with the token, or - for standard input; --no-token does without a token",
        )),
    }
}

/// The token in a file.
fn token_in(file: &Path) -> Result<Secret, Complaint> {
    let is_stdin = file == Path::new("-");
    let read = match is_stdin {
        true => read_token(io::stdin().lock()),
        false => fs::File::open(file)
            .map_err(BadToken::Unread)
            .and_then(read_token),
    };
    read.map_err(|bad| {
        let name = match is_stdin {
            true => "standard input".to_owned(),
            false => file.shown().to_string(),
        };
        let message = format!("--token-file: {name} {bad}");
        Complaint::new(
            ExitCode::Usage,
            message,
            "give it the token and nothing else",
        )
    })
}

/// Where the token is to be found later. Whatever could be in its way is told before anything is asked.
fn place(target: &Target, arguments: &InitArguments, title: &str) -> Result<TokenPlace, Complaint> {
    if arguments.store == TokenStore::Environment {
        let name = variable_name(arguments, title);
        if !is_variable(&name) {
            let message = "--token-name is not the name of an environment variable";
            let hint = "use letters, digits and _";
            return Err(Complaint::new(ExitCode::Usage, message, hint));
        }
        return Ok(TokenPlace::Variable(name));
    }
    let name = match &arguments.token_name {
        Some(name) => name.clone(),
        None => format!("{}.token", plain(title)),
    };
    if Path::new(&name)
        .file_name()
        .is_none_or(|file| file != name.as_str())
    {
        let message = "--token-name is not the name of a file";
        let hint = "give a name without folders: the file lies beside the configuration";
        return Err(Complaint::new(ExitCode::Usage, message, hint));
    }
    if arguments.store == TokenStore::File {
        files::refuse_existing(&target.beside(&name), "name another one with --token-name")?;
    }
    Ok(TokenPlace::File(name))
}

fn variable_name(arguments: &InitArguments, title: &str) -> String {
    let given = arguments.token_name.clone();
    given.unwrap_or_else(|| forgekeep_first_config::variable_name(title))
}

/// Does what `check` does, with the token as it was given, wherever it will be kept.
fn checked(
    common: &Common,
    arguments: &InitArguments,
    target: &Target,
    answers: &Answers,
    keys: &PluginKeys,
    token: Option<&Secret>,
) -> Result<(ExitCode, CheckDocument), Complaint> {
    let mut answers = answers.clone();
    if token.is_some() {
        answers.token = TokenPlace::Variable(CHECKED.to_owned());
    }
    let with_token = |name: &str| match (name, token) {
        (CHECKED, Some(token)) => Some(token.expose().to_owned()),
        _ => variable(name),
    };
    let content = forgekeep_first_config::text(&answers, keys, target.syntax);
    let config = forgekeep_config::parse(&content, &target.file, &with_token)?;
    super::warn(common, &config.warnings);
    let engine = engine_in(common, config, None, Arc::new(()), &with_token)?;
    check::of_new(&engine, &target.file, &answers.folder, arguments.offline)
}

/// What is left to do.
fn next_steps(arguments: &InitArguments, target: &Target, token: &TokenPlace, owner: Option<u32>) {
    out!("");
    match (arguments.store, token) {
        (TokenStore::Credential, TokenPlace::File(name)) => {
            say!(
                "The token is stored nowhere yet. For the service of systemd, write it to the file"
            );
            out!("  /etc/credstore/{name}");
            out!("with mode 0600 as root; or encrypted, by");
            out!("  systemd-creds encrypt --name={name} - /etc/credstore.encrypted/{name}");
            say!("`forgekeep schedule install` gives it to the service.");
        }
        (TokenStore::Environment, TokenPlace::Variable(name)) => {
            say!("The token is stored nowhere: set {name} wherever Forgekeep runs.");
        }
        _ => {}
    }
    let config = match target.is_usual {
        true => String::new(),
        false => format!(
            " --config {}",
            text::shell_word(&target.file.shown().to_string())
        ),
    };
    out!("Next:");
    let by = match owner {
        Some(owner) => format!("sudo -u {} ", super::owner::user_word(owner)),
        None => String::new(),
    };
    out!("  {by}forgekeep backup --dry-run{config}");
    out!("  {by}forgekeep backup{config}");
}
