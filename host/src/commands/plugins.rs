use std::path::Path;

use forgekeep_command_line::{Common, PluginsArguments, PluginsCommand};
use forgekeep_config::{ConfigErrorKind, OptionKind};
use forgekeep_documents::{PluginDocument, PluginsDocument};
use forgekeep_hoster::HosterInfo;
use forgekeep_plugin_host::{About, Held, PluginFile, Unusable};
use forgekeep_plugin_search::{
    Inspected, InspectedFile, Rules, faults, folders, look_at, look_at_all,
};
use forgekeep_untrusted::{Show as _, Shown};

use super::offline;
use crate::exit::{Complaint, ExitCode};
use crate::terminal::{out, say};

/// `forgekeep plugins`.
pub fn run(common: &Common, arguments: &PluginsArguments) -> Result<ExitCode, Complaint> {
    match &arguments.command {
        PluginsCommand::List { json } => list(common, *json),
        PluginsCommand::Info { id, json } => info(common, id, *json),
        PluginsCommand::Check { file, json } => check(file, *json),
    }
}

fn list(common: &Common, json: bool) -> Result<ExitCode, Complaint> {
    let folders = folders(&common.plugin_dirs);
    let looked = look_at_all(&folders, &rules(common)?);
    let usable = looked.iter().any(|plugin| plugin.result.is_ok());
    let exit_code = match usable {
        true => ExitCode::Good,
        false => ExitCode::Plugin,
    };
    if json {
        super::print_json(&PluginsDocument::new(exit_code, &looked, &folders))?;
        return Ok(exit_code);
    }
    for plugin in &looked {
        let path = plugin.path.shown();
        match &plugin.result {
            Ok(Inspected { info, about }) => {
                out!("{:<12} {:<8} {}", info.id, info.version, info.description);
                if !info.aliases.is_empty() {
                    out!("             also for {}", info.aliases.join(", "));
                }
                out!("             {path}");
                out!(
                    "             protocol {}, in a process of its own, {}",
                    about.protocol,
                    confinement(about)
                );
                out!("             SHA-256 {}", about.sha256);
            }
            Err(Unusable::IdTaken { id, by }) => {
                out!("shadowed     {path}");
                say!(
                    "             {id} is served by {}, which comes first",
                    by.shown()
                );
            }
            Err(unfit) => {
                out!("unfit        {path}");
                say!("             {unfit}");
                say!("             hint: {}", unfit.hint());
            }
        }
    }
    if !usable {
        say!("{}", none_usable(looked.is_empty()));
    }
    if !usable || common.verbose > 0 {
        out!("Looked in, in this order:");
        for folder in folders {
            out!("  {}", folder.shown());
        }
    }
    Ok(exit_code)
}

fn none_usable(none: bool) -> &'static str {
    match none {
        true => "no plugins found",
        false => "none of the plugins found can be used",
    }
}

/// A plugin for a hoster.
///
/// # Errors
///
/// There is none that can be used; the hint says where it was looked for.
pub fn require(common: &Common, id: &str) -> Result<(), Complaint> {
    let folders = folders(&common.plugin_dirs);
    let looked = look_at_all(&folders, &Rules::default());
    let answers = |info: &HosterInfo| info.id == id || info.aliases.iter().any(|a| a == id);
    if looked.iter().any(|plugin| {
        plugin
            .result
            .as_ref()
            .is_ok_and(|found| answers(&found.info))
    }) {
        return Ok(());
    }
    if let Some((path, unfit)) = looked.iter().find_map(|plugin| unfit_named(plugin, id)) {
        let message = format!("plugin {}: {unfit}", path.shown());
        return Err(Complaint::new(ExitCode::Plugin, message, unfit.hint()));
    }
    let folders: Vec<_> = folders.iter().map(|f| f.shown().to_string()).collect();
    Err(Complaint::new(
        ExitCode::Plugin,
        format!("there is no plugin for the hoster \"{id}\""),
        format!(
            "put it into one of the folders that were searched, or name its folder with --plugin-dir: {}",
            folders.join(", ")
        ),
    ))
}

fn info(common: &Common, id: &str, json: bool) -> Result<ExitCode, Complaint> {
    let looked = look_at_all(&folders(&common.plugin_dirs), &rules(common)?);
    let answers = |info: &HosterInfo| info.id == id || info.aliases.iter().any(|a| a == id);
    let found = looked
        .iter()
        .filter_map(|plugin| plugin.result.as_ref().ok())
        .find(|found| answers(&found.info));
    if let Some(found) = found {
        match json {
            true => super::print_json(&PluginDocument::of(found))?,
            false => print_info(found),
        }
        return Ok(ExitCode::Good);
    }
    let unfit = looked.iter().find_map(|plugin| unfit_named(plugin, id));
    Err(match unfit {
        Some((path, unfit)) => Complaint::new(
            ExitCode::Plugin,
            format!("plugin {}: {unfit}", path.shown()),
            unfit.hint(),
        ),
        None => Complaint::new(
            ExitCode::Plugin,
            format!("there is no plugin for the hoster \"{id}\""),
            "run `forgekeep plugins list -v` to see what there is, and where it was looked for",
        ),
    })
}

fn unfit_named<'a>(plugin: &'a InspectedFile, id: &str) -> Option<(&'a Path, &'a Unusable)> {
    let unfit = plugin.result.as_ref().err()?;
    let named = PluginFile::id_in_name(&plugin.path)?;
    (named == id).then_some((plugin.path.as_path(), unfit))
}

/// The rules of the configuration, where there is one. Not without those of one that cannot be read: what
/// they forbid would be run.
fn rules(common: &Common) -> Result<Rules, Complaint> {
    match offline::configuration(common) {
        Ok(config) => Ok(Rules {
            options: config.plugins,
        }),
        Err(error) if error.kind() == ConfigErrorKind::NoneFound => Ok(Rules::default()),
        Err(error) => Err(error.into()),
    }
}

/// What a plugin's process is confined to, in a few words.
fn confinement(about: &About) -> String {
    let parts = about.confinement.parts();
    let held: Vec<String> = parts
        .iter()
        .filter(|(_, held)| *held == Held::Yes)
        .map(|(part, _)| part.to_string())
        .collect();
    match (held.is_empty(), about.confinement.missing()) {
        (true, _) => "not confined".to_owned(),
        (false, missing) if missing.is_empty() => format!("confined: {}", held.join(", ")),
        (false, missing) => format!("confined: {} (not confined: {missing})", held.join(", ")),
    }
}

fn print_info(found: &Inspected) {
    let Inspected { info, about } = found;
    out!("id:          {}", info.id);
    if !info.aliases.is_empty() {
        out!("aliases:     {}", info.aliases.join(", "));
    }
    out!("version:     {}", info.version);
    out!("description: {}", info.description);
    if !info.authors.is_empty() {
        out!("authors:     {}", info.authors.join(", "));
    }
    if !info.api_url.is_empty() {
        out!("API:         {}", info.api_url);
    }
    if !info.trusted_origins.is_empty() {
        out!("trusts:      {}", info.trusted_origins.join(", "));
    }
    if !info.derived_origins.is_empty() {
        out!(
            "             with apiUrl: {}",
            info.derived_origins.join(", ")
        );
    }
    if !info.types.is_empty() {
        out!("types:       {}", info.types.join(", "));
    }
    for option in &info.options {
        let required = if option.required { ", required" } else { "" };
        out!(
            "option:      {} ({}{required}): {}",
            option.name,
            kind(option.kind),
            option.description
        );
    }
    out!("protocol:    {}", about.protocol);
    if !about.sdk.is_empty() {
        out!("built with:  {} for {}", about.sdk, about.target);
    }
    out!("runs:        in a process of its own");
    for (part, held) in about.confinement.parts() {
        let how = match held {
            Held::Yes => "confined".to_owned(),
            Held::No(why) => format!("NOT confined: {why}"),
        };
        out!("             {part}: {how}");
    }
    if about.confinement.parts().is_empty() {
        out!("             not confined");
    }
    out!("file:        {}", info.file.shown());
    out!("SHA-256:     {}", about.sha256);
}

/// What an option is, in a word.
fn kind(kind: OptionKind) -> &'static str {
    match kind {
        OptionKind::Text => "text",
        OptionKind::Number => "number",
        OptionKind::Flag => "flag",
        OptionKind::List => "list",
        OptionKind::Secret => "secret",
        OptionKind::Choice => "choice",
        OptionKind::File => "file",
    }
}

/// Whether a file can be used, and whether the plugin in it does what plugins have to.
fn check(file: &Path, json: bool) -> Result<ExitCode, Complaint> {
    let unfit = |unusable: Unusable| {
        let message = format!("plugin {}: {unusable}", file.shown());
        Complaint::new(ExitCode::Plugin, message, unusable.hint())
    };
    let found = look_at(file).map_err(unfit)?;
    let faults = faults(file, found.about.sha256).map_err(unfit)?;
    let broken = (!faults.is_empty()).then(|| broken(file, &found));
    if json {
        let exit_code = broken.as_ref().map_or(ExitCode::Good, |one| one.ending);
        let error = broken.as_ref().map(Complaint::to_failure);
        let faults = faults.iter().map(|fault| fault.as_str().into()).collect();
        super::print_json(&PluginDocument::tried(exit_code, &found, faults, error))?;
    }
    print_info(&found);
    let Some(broken) = broken else {
        out!("usable with plugin protocol {}", found.about.protocol);
        return Ok(ExitCode::Good);
    };
    for fault in &faults {
        out!("fault:       {}", Shown::of(fault));
    }
    Err(broken)
}

fn broken(file: &Path, found: &Inspected) -> Complaint {
    Complaint::new(
        ExitCode::Plugin,
        format!(
            "plugin {}: it breaks rules of plugin protocol {}",
            file.shown(),
            found.about.protocol
        ),
        "report what is listed above to the plugin's authors",
    )
}
