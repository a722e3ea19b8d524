//! What `forgekeep notify test` sends.

use super::message::{Event, Message, RunKind, host};

/// An ordinary message.
pub(super) fn normal() -> Message {
    Message {
        kind: RunKind::Backup,
        event: Event::Failure,
        title: format!("Forgekeep on {}: test message", host()),
        text: "This is a test by `forgekeep notify test`. Nothing has failed.".to_owned(),
        outcome: "failed".to_owned(),
        exit_code: 3,
        failed: vec!["test/acme/web".to_owned()],
    }
}

/// All that has ever broken a message: it is long, and has in it what means something to JSON, templates,
/// markup and mail.
pub(super) fn worst() -> Message {
    let hostile = "\"double\" 'single' `back` \\ \\n \\u0000 {{ title }} {% raw %} <b>&amp;</b> <!here> \
        @everyone [link](https://example.com) | *bold* _under_ ``` äöü 漢字 😀 \u{2028}\t%s %NAME% \
        .\n.\r\n..\n";
    let long = "x".repeat(3000);
    Message {
        kind: RunKind::Backup,
        event: Event::Failure,
        title: format!(
            "Forgekeep on {}: test of the worst case: \"quotes\", 'quotes', \\, <&>, {{{{ }}}}, ü 😀",
            host()
        ),
        text: format!(
            "This is a test by `forgekeep notify test`. Nothing has failed.\n{hostile}{long}\n{}The end.",
            hostile.repeat(100)
        ),
        outcome: "failed".to_owned(),
        exit_code: 3,
        failed: (0..200)
            .map(|number| format!("test/acme/\"web\"-{number}"))
            .collect(),
    }
}
