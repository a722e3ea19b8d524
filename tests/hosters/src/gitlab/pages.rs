//! Pages of a listing. Source: docs.gitlab.com/api/rest, "Pagination".

use forgekeep_demo_hoster::{Request, Response};
use serde_json::Value;

use super::documents;
use super::model::State;

fn number(request: &Request, name: &str, otherwise: usize) -> usize {
    let given = request
        .parameter(name)
        .and_then(|number| number.parse().ok());
    given.filter(|number| *number > 0).unwrap_or(otherwise)
}

/// `per_page`: "default: 20, max: 100".
fn length(state: &State, request: &Request) -> usize {
    number(request, "per_page", 20).min(100).min(state.page_cap)
}

/// A page by its number, of what is in the order of ids. Links keep the query but for the page.
pub(super) fn numbered(state: &State, request: &Request, all: Vec<Value>) -> Response {
    let (length, page) = (length(state, request), number(request, "page", 1));
    let last = all.len().div_ceil(length).max(1);
    let total = all.len();
    let from = ((page - 1) * length).min(total);
    let entries = all[from..total.min(from + length)].to_vec();
    let mut answer = documents::ok(&Value::from(entries));
    let query = |page: usize| {
        let kept = request
            .query()
            .split('&')
            .filter(|pair| !pair.starts_with("page="));
        let kept: Vec<_> = kept.filter(|pair| !pair.is_empty()).collect();
        format!("page={page}&{}", kept.join("&"))
    };
    let mut links = Vec::new();
    let mut link = |page: usize, rel: &str| {
        links.push(linked(state, request, &query(page), rel));
    };
    if page > 1 {
        link(page - 1, "prev");
    }
    if page < last {
        link(page + 1, "next");
    }
    link(1, "first");
    link(last, "last");
    for (name, value) in [
        ("Link", links.join(", ")),
        ("x-total", total.to_string()),
        ("x-total-pages", last.to_string()),
        ("x-page", page.to_string()),
        ("x-per-page", length.to_string()),
    ] {
        answer = answer.with_header(name, value);
    }
    answer
}

/// A page that goes on after an id: "The link to the next page contains an additional filter `id_after=42`";
/// "When the end of the collection is reached and there are no additional records to retrieve, the `Link`
/// header is absent and the resulting array is empty".
pub(super) fn keyset(state: &State, request: &Request, all: Vec<Value>) -> Response {
    if !state.keyset || request.parameter("order_by").as_deref() != Some("id") {
        return documents::error(
            405,
            "Keyset pagination is not yet available for this type of request",
        );
    }
    let after = request.parameter("id_after").and_then(|id| id.parse().ok());
    let entries = all.into_iter().filter(|one| one["id"].as_u64() > after);
    let entries: Vec<Value> = entries.take(length(state, request)).collect();
    let link = entries.last().map(|last| {
        let kept = request
            .query()
            .split('&')
            .filter(|pair| !pair.starts_with("id_after="));
        let kept: Vec<_> = kept.collect();
        let query = format!("{}&id_after={}", kept.join("&"), last["id"]);
        linked(state, request, &query, "next")
    });
    let answer = documents::ok(&Value::from(entries));
    match link {
        Some(link) => answer.with_header("Link", link),
        None => answer,
    }
}

/// Made of `external_url`, which may be another address than the one that is asked. Source: issues of
/// python-gitlab (1254, 745).
fn linked(state: &State, request: &Request, query: &str, rel: &str) -> String {
    let address = &state.external_url;
    format!("<{address}{}?{query}>; rel=\"{rel}\"", request.path())
}
