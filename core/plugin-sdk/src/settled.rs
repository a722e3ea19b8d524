use forgekeep_plugin_documents::{HttpResponse, Timestamp};

use crate::limits::date;

/// How many seconds old a stamp must be, by the hoster's clock, when it is listed.
const SETTLED_AFTER: i64 = 600;

/// The [`version`](crate::Part::version) of a part by a time that the hoster moves with each change of its
/// refs, for hosters that are known to move it. `stamp` is that time as the hoster writes it (RFC 3339),
/// `more` is whatever else must be the same, such as the default branch.
///
/// A time counts whole seconds, or little more: a second push in the same one leaves it as it is, and a
/// version made of it would say that nothing has changed. So there is a version only where the stamp was
/// already ten minutes old when it was listed, by the hoster's own clock: the `Date` of `response`, the
/// answer that it was listed in. `None` where it was not, where it lies in the future, and where either
/// of the two cannot be read: then git is asked.
///
/// ```
/// # use forgekeep_plugin_sdk::{Header, HttpResponse, settled_version};
/// let date = Header { name: "date".into(), value: "Mon, 30 Nov 2026 08:00:00 GMT".into(), ..Header::default() };
/// let answer = HttpResponse { headers: vec![date], ..HttpResponse::default() };
/// assert!(settled_version(&answer, "2026-11-30T07:50:00+00:00", &["main"]).is_some());
/// assert_eq!(settled_version(&answer, "2026-11-30T07:50:01+00:00", &["main"]), None);
/// ```
pub fn settled_version(response: &HttpResponse, stamp: &str, more: &[&str]) -> Option<String> {
    let moved: Timestamp = stamp.parse().ok()?;
    let settled = date(response)?.as_second().checked_sub(SETTLED_AFTER)?;
    if moved > Timestamp::from_second(settled)? {
        return None;
    }
    let all: Vec<&str> = [stamp].into_iter().chain(more.iter().copied()).collect();
    serde_json::to_string(&all).ok()
}

#[cfg(test)]
mod tests {
    use forgekeep_plugin_documents::Header;

    use super::*;

    const DATE: &str = "Mon, 30 Nov 2026 08:00:00 GMT";

    fn version(date: &str, stamp: &str, more: &[&str]) -> Option<String> {
        let header = Header {
            name: "Date".into(),
            value: date.into(),
        };
        let response = HttpResponse {
            headers: vec![header],
            ..HttpResponse::default()
        };
        settled_version(&response, stamp, more)
    }

    #[test]
    fn a_stamp_is_settled_after_ten_minutes_of_the_hosters_clock() {
        for settled in [
            "2026-11-30T07:50:00Z",
            "2026-11-30T08:50:00.000000+01:00",
            "2026-11-30T07:49:59.999999+00:00",
            "2012-01-01T00:00:00Z",
        ] {
            assert!(version(DATE, settled, &[]).is_some(), "{settled}");
        }
        for fresh in [
            "2026-11-30T07:50:00.000001Z",
            "2026-11-30T07:50:01Z",
            "2026-11-30T08:00:00Z",
            // In the future: one of the clocks is wrong.
            "2026-11-30T08:00:01Z",
            "2030-01-01T00:00:00Z",
        ] {
            assert_eq!(version(DATE, fresh, &[]), None, "{fresh}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_no_version() {
        let old = "2026-11-01T00:00:00Z";
        assert!(version(DATE, old, &[]).is_some());
        for stamp in [
            "",
            "yesterday",
            "2026-11-01",
            "2026-11-01T00:00:00",
            "1793491200",
        ] {
            assert_eq!(version(DATE, stamp, &[]), None, "{stamp}");
        }
        for date in ["", "now", "2026-11-30T08:00:00Z"] {
            assert_eq!(version(date, old, &[]), None, "{date}");
        }
        assert_eq!(settled_version(&HttpResponse::default(), old, &[]), None);
    }

    #[test]
    fn whatever_is_part_of_it_makes_another_version() {
        let old = "2026-11-01T00:00:00Z";
        let all = [
            version(DATE, old, &[]),
            version(DATE, old, &[""]),
            version(DATE, old, &["main"]),
            version(DATE, old, &["ma", "in"]),
            version(DATE, old, &["ma\",\"in"]),
            version(DATE, "2026-11-01T00:00:01Z", &["main"]),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(one.is_some());
            assert_eq!(all.iter().position(|other| other == one), Some(at));
        }
        // The hoster's clock goes on, and the version stays.
        let later = version("Tue, 01 Dec 2026 08:00:00 GMT", old, &["main"]);
        assert_eq!(later, all[2]);
    }
}
