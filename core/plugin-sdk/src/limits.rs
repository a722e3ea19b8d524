use forgekeep_plugin_documents::{HttpResponse, Limit, Timestamp, limit::INTEGER};

/// Numbers from here on are seconds since 1970, and below seconds from now: no limit lasts thirty
/// years, and nobody has a clock from before the year 2000.
const A_TIME: i64 = 946_684_800;

/// When to ask again, as far as an answer says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retry {
    /// In how many seconds.
    pub after: Option<u64>,
    /// At what time, by the hoster's clock.
    pub at: Option<Timestamp>,
}

/// Reads when to ask again: `Retry-After` (seconds or a date), else, where nothing is left (it says so, or
/// by status 429), the reset of `RateLimit-*` and `X-RateLimit-*`. A time by the hoster's clock becomes seconds where the answer
/// has a `Date`: our clock may be another.
pub fn retry(response: &HttpResponse) -> Retry {
    let said = response.header("retry-after").map(str::trim);
    if let Some(said) = said {
        let seconds = said.parse().ok().filter(|seconds| *seconds <= INTEGER);
        if seconds.is_some() {
            return Retry {
                after: seconds,
                at: None,
            };
        }
        if let Some(at) = http_date(said) {
            return until(response, at);
        }
    }
    // A limit that has requests left is not the one that refuses: its reset says nothing.
    let remaining = limit(response).and_then(|limit| limit.remaining);
    if remaining.map_or(response.status != 429, |remaining| remaining > 0) {
        return Retry::default();
    }
    match reset(response) {
        // From now on, by whatever clock.
        Some(wait @ ..A_TIME) => Retry {
            after: u64::try_from(wait).ok(),
            at: None,
        },
        Some(at) => match Timestamp::from_second(at) {
            Some(at) => until(response, at),
            None => Retry::default(),
        },
        None => Retry::default(),
    }
}

/// The reset of a limit as it is written: seconds from now, or since 1970.
fn reset(response: &HttpResponse) -> Option<i64> {
    let names = ["ratelimit-reset", "x-ratelimit-reset"];
    let mut headers = names.into_iter().filter_map(|name| response.header(name));
    // The newer form: `RateLimit: "default";r=50;t=30`.
    let in_line = || seconds(of_line(response.header("ratelimit")?, "t")?);
    headers.find_map(seconds).or_else(in_line)
}

/// A value of the newer form.
fn of_line<'l>(line: &'l str, key: &str) -> Option<&'l str> {
    let mut words = line.split([';', ',']).map(str::trim);
    words.find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

fn until(response: &HttpResponse, at: Timestamp) -> Retry {
    let after = date(response).map(|now| {
        let wait = at.as_second().saturating_sub(now.as_second());
        u64::try_from(wait).unwrap_or_default()
    });
    Retry {
        after,
        at: Some(at),
    }
}

/// The limit that an answer tells of, by `RateLimit`, `RateLimit-*` or `X-RateLimit-*`.
pub fn limit(response: &HttpResponse) -> Option<Limit> {
    let number = |names: [&str; 2]| {
        names
            .into_iter()
            .find_map(|name| response.header(name))
            .and_then(seconds)
    };
    let remaining = number(["ratelimit-remaining", "x-ratelimit-remaining"])
        .or_else(|| seconds(of_line(response.header("ratelimit")?, "r")?));
    let most = number(["ratelimit-limit", "x-ratelimit-limit"]);
    let resets = reset(response).and_then(|reset| match reset {
        A_TIME.. => Timestamp::from_second(reset),
        _ => {
            let now = date(response)?;
            Timestamp::from_second(now.as_second().checked_add(reset)?)
        }
    });
    let whole = |number: Option<i64>| {
        let number = u64::try_from(number?).ok();
        number.filter(|number| *number <= INTEGER)
    };
    let found = Limit {
        name: response
            .header("x-ratelimit-resource")
            .unwrap_or_default()
            .to_owned(),
        remaining: whole(remaining),
        most: whole(most),
        resets,
    };
    (found.remaining.is_some() || found.most.is_some()).then_some(found)
}

/// A number, of which some write a fraction, and some more behind it.
fn seconds(text: &str) -> Option<i64> {
    let digits = text.trim().split(['.', ',', ';']).next()?;
    digits.parse().ok().filter(|number| *number >= 0)
}

/// The hoster's clock, by the `Date` of an answer.
pub fn date(response: &HttpResponse) -> Option<Timestamp> {
    http_date(response.header("date")?)
}

/// The time in a field such as `Date` or `Sunset` (RFC 9110, section 5.6.7: the form that is written today).
pub fn http_date(text: &str) -> Option<Timestamp> {
    let time = jiff::fmt::rfc2822::parse(text.trim()).ok()?;
    Timestamp::from_second(time.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use forgekeep_plugin_documents::Header;

    use super::*;

    const DATE: &str = "Mon, 30 Nov 2026 08:00:00 GMT";

    fn answer(headers: &[(&str, &str)]) -> HttpResponse {
        HttpResponse {
            headers: headers
                .iter()
                .map(|(name, value)| Header {
                    name: (*name).into(),
                    value: (*value).into(),
                })
                .collect(),
            ..HttpResponse::default()
        }
    }

    fn after(headers: &[(&str, &str)]) -> Option<u64> {
        retry(&answer(headers)).after
    }

    #[test]
    fn seconds_and_dates() {
        assert_eq!(after(&[("Retry-After", " 120 ")]), Some(120));
        let later = ("Retry-After", "Mon, 30 Nov 2026 08:01:30 GMT");
        assert_eq!(after(&[later, ("Date", DATE)]), Some(90));
        let before = ("Retry-After", "Mon, 30 Nov 2026 07:00:00 GMT");
        assert_eq!(after(&[before, ("Date", DATE)]), Some(0));
        let told = retry(&answer(&[later]));
        assert_eq!(told.after, None);
        assert_eq!(told.at, Some("2026-11-30T08:01:30Z".parse().unwrap()));
        for odd in [
            "",
            "soon",
            "-1",
            "1.5",
            "9007199254740992",
            "9999999999999999999",
            "99999999999999999999",
            "Mon, 99 Foo",
        ] {
            assert_eq!(
                retry(&answer(&[("Retry-After", odd)])),
                Retry::default(),
                "{odd}"
            );
        }
    }

    #[test]
    fn a_429_needs_no_word_of_what_is_left() {
        let limited = |headers: &[(&str, &str)]| {
            let mut answer = answer(headers);
            answer.status = 429;
            retry(&answer)
        };
        // Seconds, as Bitbucket writes it; the order of the fields is that of their weight.
        assert_eq!(limited(&[("X-RateLimit-Reset", "90")]).after, Some(90));
        let both = [("X-RateLimit-Reset", "90"), ("Retry-After", "5")];
        assert_eq!(limited(&both).after, Some(5));
        let epoch = limited(&[("X-RateLimit-Reset", "1796025660"), ("Date", DATE)]);
        assert_eq!(epoch.after, Some(60));
        // Of another limit than the one that refuses.
        let left = [
            ("X-RateLimit-Remaining", "4000"),
            ("X-RateLimit-Reset", "90"),
        ];
        assert_eq!(limited(&left), Retry::default());
        assert_eq!(limited(&[]), Retry::default());
        assert_eq!(limited(&[("X-RateLimit-Reset", "soon")]), Retry::default());
        // Of another answer, it is only news.
        assert_eq!(
            retry(&answer(&[("X-RateLimit-Reset", "90")])),
            Retry::default()
        );
    }

    #[test]
    fn limits_by_whichever_name() {
        let epoch = "1796025660"; // 2026-11-30T08:01:00Z
        for reset in [epoch, "1796025660.0", "60"] {
            for prefix in ["RateLimit", "X-RateLimit"] {
                let names = [format!("{prefix}-Remaining"), format!("{prefix}-Reset")];
                let headers = [
                    (names[0].as_str(), "0"),
                    (names[1].as_str(), reset),
                    ("Date", DATE),
                ];
                assert_eq!(after(&headers), Some(60), "{headers:?}");
            }
        }
        assert_eq!(
            after(&[("RateLimit", "\"default\";r=0;t=60"), ("Date", DATE)]),
            Some(60)
        );
        // There is something left, so that is no reason to wait.
        assert_eq!(
            after(&[("X-RateLimit-Remaining", "5"), ("X-RateLimit-Reset", epoch)]),
            None
        );
        let told = limit(&answer(&[
            ("x-ratelimit-remaining", "5"),
            ("x-ratelimit-limit", "60, 60;w=1"),
        ]));
        assert_eq!(
            told.map(|limit| (limit.remaining, limit.most)),
            Some((Some(5), Some(60)))
        );
        assert_eq!(limit(&answer(&[("x-ratelimit-reset", epoch)])), None);
        // More than a document can hold.
        let vast = ("x-ratelimit-remaining", "9007199254740992");
        assert_eq!(limit(&answer(&[vast])), None);
    }
}
