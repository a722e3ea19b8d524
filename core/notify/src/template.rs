//! Templates of webhooks: each value comes as JSON, so that no quote or line break in it can break what is
//! sent; and what comes out is read before it goes.

use forgekeep_failure::{ErrorKind, Failure};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};

use super::message::{Message, host};

/// What a template makes of a message.
///
/// # Errors
///
/// It is no template, or what comes out is no JSON.
pub(super) fn render(template: &str, message: &Message) -> Result<String, Failure> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Json);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let values = context! {
        event => message.event.as_str(),
        title => message.title.as_str(),
        text => message.text.as_str(),
        outcome => message.outcome.as_str(),
        exitCode => u32::from(message.exit_code),
        failed => message.failed.clone(),
        host => host(),
    };
    let hint = "write `{\"text\": {{ title }}}`: the values are event, title, text, outcome, exitCode, \
        failed and host";
    let rendered = environment.render_str(template, values).map_err(|error| {
        let why = format!("its template cannot be used: {error}");
        Failure::new(ErrorKind::Config, why).with_hint(hint)
    })?;
    match serde_json::from_str::<serde_json::Value>(&rendered) {
        Ok(_) => Ok(rendered),
        Err(error) => Err(Failure::new(
            ErrorKind::Config,
            format!("its template makes no JSON: {error}"),
        )
        .with_hint(
            "write `{{ text }}` without quotes round it: a value comes as JSON, with its own",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn whatever_is_in_a_value_it_stays_one() {
        let worst = sample::worst();
        let template = "{\"a\": {{ title }}, \"b\": {{ text }}, \"n\": {{ exitCode }}, \"f\": {{ failed }}, \
            \"c\": {{ (event ~ ': ' ~ title) }}{% if event == 'failure' %}, \"d\": true{% endif %}}";
        let rendered = render(template, &worst).unwrap();
        let value: serde_json::Value = serde_json::from_str(&rendered).unwrap();
        assert_eq!(value["a"], worst.title.as_str());
        assert_eq!(value["b"], worst.text.as_str());
        assert_eq!(value["n"], 3);
        assert_eq!(value["f"][0], "test/acme/\"web\"-0");
        assert_eq!(value["d"], true);
    }

    #[test]
    fn what_cannot_be_sent_is_said() {
        let message = sample::normal();
        for (template, said) in [
            ("{\"a\": \"{{ text }}\"}", "makes no JSON"),
            ("{{ nothing }}", "cannot be used"),
            ("{% if %}", "cannot be used"),
        ] {
            let failure = render(template, &message).unwrap_err();
            assert!(failure.message.as_str().contains(said), "{failure}");
        }
    }
}
