//! Credentials that expire: told while there is time to make others.

use forgekeep_config::{EXPIRY_DAYS, Source};
use forgekeep_failure::Finding;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// What there is to say about the day in the configuration.
pub fn configured(source: &Source) -> Option<Finding> {
    let finding = of(source.expires?, today())?;
    Some(Finding {
        key: "expires".into(),
        hint: "make new credentials before that day, and put them and their own day into the \
            configuration"
            .into(),
        ..finding
    })
}

/// What there is to say about a time that the hoster has told.
pub fn told(expires: Timestamp) -> Option<Finding> {
    let finding = of(day(expires), today())?;
    Some(Finding {
        hint: "make new credentials before that day".into(),
        ..finding
    })
}

/// The end of a day, which is when what expires on it is certainly no longer good.
pub fn end_of(date: Date) -> Option<Timestamp> {
    let end = date.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?;
    Some(end.timestamp())
}

fn of(expires: Date, today: Date) -> Option<Finding> {
    let days = i64::from((expires - today).get_days());
    let when = match days {
        ..0 => format!("the credentials expired on {expires}"),
        0 => format!("the credentials expire today, {expires}"),
        1 => format!("the credentials expire tomorrow, {expires}"),
        2..=EXPIRY_DAYS => format!("the credentials expire on {expires}, in {days} days"),
        _ => return None,
    };
    Some(Finding::warning(when))
}

fn today() -> Date {
    day(Timestamp::now())
}

fn day(time: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(time).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_two_weeks_before_and_from_then_on() {
        let said = |expires: &str| {
            let today = "2026-12-20".parse().unwrap();
            of(expires.parse().unwrap(), today).map(|finding| finding.message.to_string())
        };
        for (expires, wanted) in [
            ("2027-01-04", None),
            (
                "2027-01-03",
                Some("the credentials expire on 2027-01-03, in 14 days"),
            ),
            (
                "2026-12-21",
                Some("the credentials expire tomorrow, 2026-12-21"),
            ),
            (
                "2026-12-20",
                Some("the credentials expire today, 2026-12-20"),
            ),
            ("2026-12-19", Some("the credentials expired on 2026-12-19")),
            ("2020-01-01", Some("the credentials expired on 2020-01-01")),
        ] {
            assert_eq!(said(expires).as_deref(), wanted, "{expires}");
        }
        assert_eq!(
            end_of("2026-12-31".parse().unwrap()).unwrap().to_string(),
            "2027-01-01T00:00:00Z"
        );
    }
}
