use std::sync::Arc;

use forgekeep_command_line::{Common, NotifyArguments, NotifyCommand};
use forgekeep_documents::NotifyDocument;
use forgekeep_failure::Cancel;
use forgekeep_http::Proxies;
use forgekeep_notify::{Teller, Tested};
use forgekeep_summary::text;
use forgekeep_terminal_text::{Tone, paint};
use forgekeep_untrusted::Redactor;

use super::{on_signal, print_json, variable, warn};
use crate::exit::{Complaint, ExitCode};
use crate::terminal::{self, say};

/// `forgekeep notify`.
pub fn run(common: &Common, arguments: &NotifyArguments) -> Result<ExitCode, Complaint> {
    match &arguments.command {
        NotifyCommand::Test { json } => test(common, *json),
        NotifyCommand::UnitFailed { unit } => super::unit_failed::run(common, unit),
    }
}

fn test(common: &Common, json: bool) -> Result<ExitCode, Complaint> {
    // The credentials of the sources have nothing to do with it.
    let config = super::offline::configuration(common)?;
    let secrets: Vec<_> = config.secrets().collect();
    let redactor = Arc::new(Redactor::new(&secrets));
    terminal::hide(Arc::clone(&redactor));
    let told = config.notifications(&variable);
    warn(common, &told.warnings);
    let proxies = Proxies::from_environment(&|name| std::env::var_os(name));
    let teller = Teller::new(&told, proxies, &redactor);
    if teller.is_empty() {
        return Err(Complaint::new(
            ExitCode::Configuration,
            "nobody is told of a run: the configuration has neither `notify` nor `email`",
            "add a list `notify`, such as [{kind: mail, server: smtp.example.com, from: …, to: …}]",
        ));
    }
    let cancel = Cancel::new();
    let interrupt = cancel.clone();
    on_signal(move || interrupt.cancel())?;
    let tested = teller.test(&cancel);
    let exit_code = match tested.iter().any(Tested::has_failed) {
        true => ExitCode::Partial,
        false => ExitCode::Good,
    };
    if json {
        print_json(&NotifyDocument::new(exit_code, &tested))?;
        return Ok(exit_code);
    }
    for one in &tested {
        print(one);
    }
    Ok(exit_code)
}

fn print(tested: &Tested) {
    let name = match (tested.shown.is_empty(), tested.key.is_empty()) {
        (true, true) => "configuration".to_owned(),
        (true, false) => tested.key.clone(),
        (false, _) => format!("{} ({})", tested.shown, tested.key),
    };
    if tested.shown.is_empty() {
        if let Err(failure) = &tested.normal {
            let failed = paint(Tone::Bad, "failed");
            say!("{name}: {failed}\n{}", text::failure("  ", failure));
        }
        return;
    }
    let lines = [("message", &tested.normal), ("worst case", &tested.worst)];
    for (what, result) in lines {
        match result {
            Ok(()) => say!("{name}: {what}: {}", paint(Tone::Good, "ok")),
            Err(failure) => {
                let failed = paint(Tone::Bad, "failed");
                say!("{name}: {what}: {failed}\n{}", text::failure("  ", failure));
            }
        }
    }
}
