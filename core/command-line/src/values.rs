//! Values of options, read.

use std::time::Duration;

use forgekeep_store::part::PartKind;
use jiff::SignedDuration;

/// Reads `--at`.
pub(super) fn time_of_day(text: &str) -> Result<(u8, u8), String> {
    let number = |text: &str, below: u8| {
        let is_short =
            matches!(text.len(), 1 | 2) && text.bytes().all(|byte| byte.is_ascii_digit());
        let number: Option<u8> = is_short.then(|| text.parse().ok()).flatten();
        number.filter(|number| *number < below)
    };
    let parts = text.split_once(':');
    parts
        .and_then(|(hour, minute)| Some((number(hour, 24)?, number(minute, 60)?)))
        .ok_or_else(|| "it is not a time of the day such as 04:17".to_owned())
}

/// Reads `--lock-wait` and `--network-wait`.
pub(super) fn lock_wait(text: &str) -> Result<Duration, String> {
    let span: Option<SignedDuration> = text.parse().ok();
    span.and_then(|span| Duration::try_from(span).ok())
        .ok_or_else(|| "it is not a time such as 90s, 10m or 2h".to_owned())
}

/// Which part of a repository `--wiki` means.
pub fn part(wiki: bool) -> PartKind {
    match wiki {
        true => PartKind::Wiki,
        false => PartKind::Repository,
    }
}
