use forgekeep_plugin_documents::{
    CheckReport, Finding, HttpResponse, Page, Sees, Severity, Timestamp, Visibility,
};

use crate::limits::http_date;

/// An end of an API that is so many seconds off is warned of.
const SOON: i64 = 180 * 24 * 3600;

/// What the first page of a listing tells in a check: how many repositories are visible and how many of them
/// are private, where that is the only page; what is known of owners; when the credentials expire; its notes, and a warning of an owner of
/// which selected repositories alone are seen.
pub fn report_of(page: Page) -> CheckReport {
    let is_whole = page.next.is_none();
    let count = |count: usize| is_whole.then_some(count as u64);
    let is_private =
        |visibility: &Visibility| matches!(visibility, Visibility::Private | Visibility::Internal);
    let all = page.repositories.iter();
    let private = all.filter(|one| is_private(&one.visibility)).count();
    let mut findings = page.notes;
    for owner in page
        .owners
        .iter()
        .filter(|owner| owner.sees == Sees::Selected)
    {
        let message = format!(
            "the credentials are for selected repositories of {}: others, and new ones, are not backed up",
            owner.name
        );
        let finding = Finding::new(Severity::Warning, "", message);
        findings.push(finding.with_hint("give them all repositories, where the hoster can"));
    }
    CheckReport {
        visible: page.total.or(count(page.repositories.len())),
        private: count(private),
        owners: page.owners,
        expires: page.expires,
        findings,
        ..CheckReport::default()
    }
}

/// That the API which was asked has an end, as an answer says by `Sunset` (RFC 8594): a warning in the half
/// year before.
pub fn sunset(response: &HttpResponse) -> Option<Finding> {
    let text = response.header("sunset")?;
    let left = http_date(text)?.as_second() - Timestamp::now().as_second();
    let severity = match left {
        ..SOON => Severity::Warning,
        _ => Severity::Info,
    };
    let message = format!("the hoster answers this version of its API until {text}");
    Some(Finding::new(severity, "", message).with_hint("use a newer version of the plugin by then"))
}

#[cfg(test)]
mod tests {
    use forgekeep_plugin_documents::{Header, OwnerSeen, Repository};

    use super::*;

    #[test]
    fn a_page_that_is_the_only_one_is_counted() {
        let of = |visibility| Repository {
            visibility,
            ..Repository::default()
        };
        let mut page = Page {
            repositories: vec![of(Visibility::Public), of(Visibility::Private)],
            ..Page::default()
        };
        let report = report_of(page.clone());
        assert_eq!((report.visible, report.private), (Some(2), Some(1)));
        page.next = Some("more".to_owned());
        let report = report_of(page.clone());
        assert_eq!((report.visible, report.private), (None, None));
        page.total = Some(7);
        page.owners.push(OwnerSeen {
            sees: Sees::Selected,
            ..OwnerSeen::default()
        });
        let report = report_of(page);
        assert_eq!(report.visible, Some(7));
        assert!(report.findings[0].message.contains("selected repositories"));
    }

    #[test]
    fn an_end_is_a_warning_when_it_is_near() {
        let severity = |text: &str| {
            let header = Header {
                name: "Sunset".into(),
                value: text.into(),
            };
            let response = HttpResponse {
                headers: vec![header],
                ..HttpResponse::default()
            };
            sunset(&response).map(|finding| finding.severity)
        };
        assert_eq!(
            severity("Fri, 10 Mar 2090 00:00:00 GMT"),
            Some(Severity::Info)
        );
        assert_eq!(
            severity("Mon, 10 Mar 2025 00:00:00 GMT"),
            Some(Severity::Warning)
        );
        assert_eq!(severity("some day"), None);
        assert_eq!(sunset(&HttpResponse::default()), None);
    }
}
