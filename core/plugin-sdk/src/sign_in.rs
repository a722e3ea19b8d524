//! Answers that only ask to sign in.

use forgekeep_plugin_documents::HttpResponse;

use crate::answer::{from_origin, is_page};

/// Whether an API at `base` asks to sign in instead of answering, in a way that looks like success: by a
/// page in place of the document, by 203, or by a redirect to another origin, which the host has followed.
/// Only for an API that answers nothing else so; and the requests have to accept more than
/// `application/json` alone, or the host takes such a page for an outage, and asks again.
pub fn asks_to_sign_in(response: &HttpResponse, base: &str) -> bool {
    match response.status {
        203 => true,
        200..=399 => is_page(response) || from_origin(response, base).is_err(),
        _ => false,
    }
}

/// Whether a server offers Windows sign-in alone (NTLM, Negotiate), which takes no token.
pub fn offers_windows_alone(response: &HttpResponse) -> bool {
    let is_offer = |name: &str| name.eq_ignore_ascii_case("www-authenticate");
    let offers = response
        .headers
        .iter()
        .filter(|field| is_offer(&field.name));
    let mut offers = offers.map(|field| field.value.trim().to_ascii_lowercase());
    let is_windows = |offer: String| offer.starts_with("ntlm") || offer.starts_with("negotiate");
    offers.next().is_some_and(is_windows) && offers.all(is_windows)
}

#[cfg(test)]
mod tests {
    use forgekeep_plugin_documents::Header;

    use super::*;

    const BASE: &str = "https://api.example/acme";

    fn answer(status: u16, url: &str, headers: &[(&str, &str)], body: &str) -> HttpResponse {
        let header = |(name, value): &(&str, &str)| Header {
            name: (*name).into(),
            value: (*value).into(),
        };
        HttpResponse {
            status,
            url: url.into(),
            headers: headers.iter().map(header).collect(),
            body: body.into(),
            ..HttpResponse::default()
        }
    }

    #[test]
    fn pages_203_and_other_origins_ask_to_sign_in() {
        let here = "https://api.example/acme/x";
        let html = [("content-type", "text/html")];
        for (asks, answered) in [
            (false, answer(200, here, &[], "{}")),
            (true, answer(203, here, &[], "{}")),
            (true, answer(200, here, &html, "")),
            (true, answer(200, here, &[], " <html>")),
            (true, answer(302, here, &html, "")),
            (true, answer(200, "https://login.example/", &[], "{}")),
            // These say what they are.
            (false, answer(401, here, &html, "<html>")),
            (false, answer(503, here, &html, "<html>")),
        ] {
            assert_eq!(asks_to_sign_in(&answered, BASE), asks, "{answered:?}");
        }
    }

    #[test]
    fn windows_alone_is_neither_nothing_nor_one_of_several() {
        for (alone, offers) in [
            (true, ["Negotiate", "NTLM"].as_slice()),
            (true, &["ntlm abc"]),
            (false, &["NTLM", "Basic realm=\"x\""]),
            (false, &["Bearer", "NTLM"]),
            (false, &[]),
        ] {
            let headers: Vec<_> = offers
                .iter()
                .map(|one| ("WWW-Authenticate", *one))
                .collect();
            let answered = answer(401, BASE, &headers, "");
            assert_eq!(offers_windows_alone(&answered), alone, "{offers:?}");
        }
    }
}
