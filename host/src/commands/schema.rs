use forgekeep_command_line::{Common, SchemaArguments, SchemaOf};
use forgekeep_config::PluginKeys;
use forgekeep_config_schema::{PluginSchema, json_schema};
use forgekeep_hoster::HosterInfo;
use forgekeep_plugin_search::{Rules, folders, look_at_all};

use crate::exit::{Complaint, ExitCode};
use crate::terminal::out;

/// `forgekeep schema`.
pub fn run(common: &Common, arguments: &SchemaArguments) -> Result<ExitCode, Complaint> {
    if arguments.of == SchemaOf::Config {
        return config(common);
    }
    let name = arguments.of.name();
    let Some(schema) = forgekeep_documents::schema(&name) else {
        let message = format!("there is no schema of {name}");
        return Err(Complaint::new(ExitCode::Unexpected, message, ""));
    };
    out!("{}", schema.trim_end());
    Ok(ExitCode::Good)
}

/// That of the configuration. Without plugins it is more general, and of use all the same.
fn config(common: &Common) -> Result<ExitCode, Complaint> {
    let looked = look_at_all(&folders(&common.plugin_dirs), &Rules::default());
    let usable = looked
        .iter()
        .filter_map(|plugin| plugin.result.as_ref().ok());
    let mut plugins: Vec<PluginSchema> = usable.map(|found| of_plugin(&found.info)).collect();
    plugins.sort_by(|one, other| one.id.cmp(&other.id));
    super::print_json(&json_schema(&plugins))?;
    Ok(ExitCode::Good)
}

fn of_plugin(info: &HosterInfo) -> PluginSchema {
    PluginSchema {
        id: info.id.clone(),
        aliases: info.aliases.clone(),
        description: info.description.to_string(),
        keys: PluginKeys {
            types: info.types.clone(),
            attributes: info.attributes.clone(),
            options: info.options.clone(),
            nameless: info.nameless,
        },
    }
}
