use std::path::Path;

use forgekeep_abi_draft::ABI_VERSION;
use forgekeep_hoster::HosterInfo;
use forgekeep_untrusted::Show as _;

use crate::cli::{Common, PluginsArguments, PluginsCommand};
use crate::exit::{Complaint, ExitCode};
use crate::plugins::Unfit;
use crate::plugins::{InspectedFile, folders, look_at, look_at_all};
use crate::terminal::out;

/// `forgekeep plugins`.
pub fn run(common: &Common, arguments: &PluginsArguments) -> Result<ExitCode, Complaint> {
    match &arguments.command {
        PluginsCommand::List => Ok(list(common)),
        PluginsCommand::Info { id } => info(common, id),
        PluginsCommand::Check { file } => check(file),
    }
}

fn list(common: &Common) -> ExitCode {
    let folders = folders(&common.plugin_dirs);
    let looked = look_at_all(&folders);
    for plugin in &looked {
        let path = plugin.path.shown();
        match &plugin.result {
            Ok(info) => {
                out!("{:<12} {:<8} {}", info.id, info.version, info.description);
                out!("             {path}");
            }
            Err(Unfit::IdTaken { id, by }) => {
                out!("shadowed     {path}");
                out!(
                    "             {id} is served by {}, which comes first",
                    by.shown()
                );
            }
            Err(unfit) => {
                out!("unfit        {path}");
                out!("             {unfit}");
                out!("             hint: {}", unfit.hint());
            }
        }
    }
    let usable = looked.iter().any(|plugin| plugin.result.is_ok());
    if !usable {
        out!("{}", none_usable(looked.is_empty()));
    }
    if !usable || common.verbose > 0 {
        out!("Looked in, in this order:");
        for folder in folders {
            out!("  {}", folder.shown());
        }
    }
    if !usable {
        return ExitCode::Plugin;
    }
    ExitCode::Good
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
    let looked = look_at_all(&folders);
    let answers = |info: &HosterInfo| info.id == id || info.aliases.iter().any(|a| a == id);
    if looked
        .iter()
        .any(|plugin| plugin.result.as_ref().is_ok_and(answers))
    {
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

fn info(common: &Common, id: &str) -> Result<ExitCode, Complaint> {
    let looked = look_at_all(&folders(&common.plugin_dirs));
    let answers = |info: &HosterInfo| info.id == id || info.aliases.iter().any(|a| a == id);
    let found = looked
        .iter()
        .filter_map(|plugin| plugin.result.as_ref().ok())
        .find(|info| answers(info));
    if let Some(info) = found {
        print_info(info);
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

fn unfit_named<'a>(plugin: &'a InspectedFile, id: &str) -> Option<(&'a Path, &'a Unfit)> {
    let unfit = plugin.result.as_ref().err()?;
    let name = plugin.path.file_stem()?.to_str()?;
    name.ends_with(&format!("_{}", id.replace('-', "_")))
        .then_some((plugin.path.as_path(), unfit))
}

fn print_info(info: &HosterInfo) {
    out!("id:          {}", info.id);
    if !info.aliases.is_empty() {
        out!("aliases:     {}", info.aliases.join(", "));
    }
    out!("version:     {}", info.version);
    out!("description: {}", info.description);
    out!("authors:     {}", info.authors.join(", "));
    out!("API:         {}", info.api_url);
    if !info.trusted_origins.is_empty() {
        out!("trusts:      {}", info.trusted_origins.join(", "));
    }
    for (key, description) in &info.options {
        out!("option:      {key}: {description}");
    }
    out!("file:        {}", info.file.shown());
}

fn check(file: &Path) -> Result<ExitCode, Complaint> {
    match look_at(file) {
        Ok(info) => {
            print_info(&info);
            out!("usable with plugin ABI {ABI_VERSION}");
            Ok(ExitCode::Good)
        }
        Err(unfit) => Err(Complaint::new(
            ExitCode::Plugin,
            format!("plugin {}: {unfit}", file.shown()),
            unfit.hint(),
        )),
    }
}
