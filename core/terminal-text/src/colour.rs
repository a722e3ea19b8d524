use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt::Display;

use console::Style;

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColourMode {
    /// On a terminal, as the environment says.
    #[default]
    Auto,
    /// Wherever the text goes.
    Always,
    /// Nowhere.
    Never,
}

/// What a text says, as far as its colour goes. The words say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// All is well.
    Good,
    /// Somebody should look.
    Odd,
    /// It failed.
    Bad,
    /// Beside the point: hints, what is empty.
    Faint,
    /// A heading.
    Strong,
}

/// Whether a stream is coloured. What was asked for counts most; then `NO_COLOR` (<https://no-color.org>), then
/// `CLICOLOR_FORCE` and `CLICOLOR` (<https://bixense.com/clicolors>), then whether there is a terminal, and
/// whether it can.
pub fn is_wanted(
    mode: ColourMode,
    is_terminal: bool,
    variable: impl Fn(&str) -> Option<OsString>,
) -> bool {
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
    let is_on = |name| variable(name).map(|value| value != "0");
    match mode {
        ColourMode::Always => true,
        ColourMode::Never => false,
        ColourMode::Auto if is_set("NO_COLOR") => false,
        ColourMode::Auto if is_set("CLICOLOR_FORCE") && is_on("CLICOLOR_FORCE") == Some(true) => {
            true
        }
        ColourMode::Auto if is_on("CLICOLOR") == Some(false) => false,
        ColourMode::Auto => is_terminal && variable("TERM").is_none_or(|term| term != "dumb"),
    }
}

/// A text in the colour of a tone, for [`plain`] to take out where it must not be.
pub fn paint(tone: Tone, text: impl Display) -> String {
    let style = Style::new().force_styling(true);
    let style = match tone {
        Tone::Good => style.green(),
        Tone::Odd => style.yellow(),
        Tone::Bad => style.red(),
        Tone::Faint => style.dim(),
        Tone::Strong => style.bold(),
    };
    style.apply_to(text).to_string()
}

/// A text without colour.
pub fn plain(text: &str) -> Cow<'_, str> {
    match text.contains('\u{1b}') {
        true => console::strip_ansi_codes(text),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(mode: ColourMode, is_terminal: bool, set: &[(&str, &str)]) -> bool {
        is_wanted(mode, is_terminal, |name| {
            let found = set.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn what_was_asked_for_counts_before_the_environment_and_that_before_the_terminal() {
        use ColourMode::{Always, Auto, Never};
        for (mode, is_terminal, set, expected) in [
            (Auto, true, &[][..], true),
            (Auto, false, &[], false),
            (Auto, true, &[("TERM", "dumb")], false),
            (Auto, true, &[("NO_COLOR", "1")], false),
            (Auto, true, &[("NO_COLOR", "")], true),
            (Auto, false, &[("CLICOLOR_FORCE", "1")], true),
            (Auto, false, &[("CLICOLOR_FORCE", "0")], false),
            (Auto, false, &[("CLICOLOR_FORCE", "")], false),
            (
                Auto,
                true,
                &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")],
                false,
            ),
            (Auto, true, &[("CLICOLOR", "0")], false),
            (Auto, true, &[("CLICOLOR", "1")], true),
            (Auto, false, &[("CLICOLOR", "1")], false),
            (Always, false, &[("NO_COLOR", "1"), ("TERM", "dumb")], true),
            (Never, true, &[("CLICOLOR_FORCE", "1")], false),
        ] {
            assert_eq!(wanted(mode, is_terminal, set), expected, "{mode:?} {set:?}");
        }
    }

    #[test]
    fn what_is_painted_is_the_same_text_without_its_colour() {
        for tone in [Tone::Good, Tone::Odd, Tone::Bad, Tone::Faint, Tone::Strong] {
            let painted = paint(tone, "倉庫 ok");
            assert_ne!(painted, "倉庫 ok");
            assert_eq!(plain(&painted), "倉庫 ok");
            assert_eq!(crate::width(&painted), 7);
        }
    }
}
