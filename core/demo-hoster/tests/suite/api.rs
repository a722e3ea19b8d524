//! The API over real connections, as a client of Bitbucket sees it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use forgekeep_demo_hoster::{
    Account, BuiltInGit, DemoHoster, HosterState, Repository, Server, Site, Socket, Workspace,
    scope,
};

use crate::client::{Client, basic};

const LISTING: &str = "/2.0/repositories/acme?pagelen=100&sort=created_on";

fn token(hoster: &DemoHoster) -> String {
    basic(&hoster.account().email, &hoster.account().token)
}

/// A hoster of `count` repositories in `acme`, a private one among them.
fn many(count: usize, accounts: Vec<Account>, opaque_cursors: bool) -> Server {
    let socket = Socket::bind().unwrap();
    let mut workspace = Workspace::new("acme");
    for number in 0..count {
        let mut repository = Repository::new(&format!("{number}"), &format!("r{number}"), "none");
        // The newest first, so that sorting shows.
        repository.created_on = 1_700_000_000 - i64::try_from(number).unwrap();
        repository.is_private = number == 0;
        workspace.repositories.push(repository);
    }
    let state = HosterState {
        api_url: socket.url(),
        git_url: socket.url(),
        workspaces: vec![workspace, Workspace::new("beta")],
        accounts,
        opaque_cursors,
        ..HosterState::default()
    };
    Server::start(socket, Arc::new(Site::new(state, BuiltInGit))).unwrap()
}

#[test]
fn a_repository_carries_what_a_real_one_carries() {
    let hoster = DemoHoster::start().unwrap();
    let mut client = Client::new(&hoster.api_url());
    let listing = client.get(LISTING, Some(&token(&hoster))).json();
    assert_eq!(listing["size"], 7);
    let values = listing["values"].as_array().unwrap();
    let names: Vec<_> = values.iter().map(|r| r["slug"].as_str().unwrap()).collect();
    let all = [
        "legacy-crm",
        "web",
        "api",
        "handbook",
        "infra",
        "mobile-app",
        "playground",
    ];
    assert_eq!(names, all);
    let web = &values[1];
    assert_eq!(web["type"], "repository");
    assert_eq!(web["full_name"], "acme/web");
    assert_eq!(web["created_on"], "2026-01-05T08:00:00.000000+00:00");
    assert_eq!(web["mainbranch"]["name"], "main");
    assert_eq!(web["workspace"]["slug"], "acme");
    assert!(web["size"].as_u64().unwrap() > 1000);
    let clone = web["links"]["clone"][0]["href"].as_str().unwrap();
    let address = hoster.api_url().replace("http://", "http://devuser@");
    assert_eq!(clone, format!("{address}/acme/web.git"));
    assert_eq!(values[2]["links"]["clone"][0]["name"], "ssh");
    assert_eq!(values[0]["scm"], "hg");
    assert!(values[6]["mainbranch"].is_null());

    let one = client
        .get("/2.0/repositories/acme/web", Some(&token(&hoster)))
        .json();
    assert_eq!(one, *web);
    let uuid = web["workspace"]["uuid"].as_str().unwrap();
    let escaped = uuid.replace('{', "%7B").replace('}', "%7D");
    let by_uuid = client.get(
        &format!("/2.0/repositories/{escaped}"),
        Some(&token(&hoster)),
    );
    assert_eq!(by_uuid.json()["size"], 7);
}

#[test]
fn each_credential_works_where_bitbucket_takes_it() {
    let accounts = vec![
        Account::api_token("a@x", "a", "good").member_of("acme"),
        Account::api_token("b@x", "b", "elsewhere").member_of("beta"),
        Account::api_token("c@x", "c", "narrow")
            .member_of("acme")
            .with_scopes(&[scope::USER]),
        Account::access_token("acme", "bearer"),
    ];
    let server = many(3, accounts, false);
    let mut client = Client::new(&server.url());
    let mut size = |authorization: Option<&str>| {
        let answer = client.get("/2.0/repositories/acme", authorization);
        (answer.status, answer.json()["size"].as_u64())
    };
    assert_eq!(size(None), (200, Some(2)));
    assert_eq!(size(Some(&basic("a@x", "good"))), (200, Some(3)));
    assert_eq!(size(Some("Bearer bearer")), (200, Some(3)));
    assert_eq!(size(Some(&basic("b@x", "elsewhere"))), (200, Some(0)));
    assert_eq!(size(Some(&basic("c@x", "narrow"))), (403, None));
    for wrong in [
        &basic("a", "good"),
        &basic("a@x", "bad"),
        "Bearer good",
        "Basic !",
        "Digest x",
    ] {
        assert_eq!(size(Some(wrong)), (401, None), "{wrong}");
    }
    let refused = client.get("/2.0/user", Some("Bearer wrong")).json();
    let message = "Token is invalid, expired, or not supported for this endpoint.";
    assert_eq!(
        refused,
        serde_json::json!({"type": "error", "error": {"message": message}})
    );
    assert_eq!(client.get("/2.0/user", None).status, 401);
    assert_eq!(client.get("/2.0/user", Some("Bearer bearer")).status, 403);
    let user = client.get("/2.0/user", Some(&basic("a@x", "good"))).json();
    assert_eq!(user["nickname"], "a");
    let workspaces = client
        .get("/2.0/user/workspaces", Some(&basic("a@x", "good")))
        .json();
    assert_eq!(workspaces["values"][0]["workspace"]["slug"], "acme");
    assert_eq!(
        client.get("/2.0/workspaces/beta", None).json()["type"],
        "workspace"
    );
    assert_eq!(client.get("/2.0/repositories/acme/r0", None).status, 403);
}

#[test]
fn a_consumer_is_given_tokens_that_end() {
    let consumer = Account::oauth_consumer("acme", "key", "consumers-secret");
    let socket = Socket::bind().unwrap();
    let state = HosterState {
        api_url: socket.url(),
        git_url: socket.url(),
        workspaces: vec![Workspace::new("acme")],
        accounts: vec![consumer],
        ..HosterState::default()
    };
    let site = Arc::new(Site::new(state, BuiltInGit));
    let server = Server::start(socket, Arc::clone(&site) as _).unwrap();
    let mut client = Client::new(&server.url());
    let mut ask = |authorization: &str, form: &str| {
        let address = "/site/oauth2/access_token";
        let answer = client.send("POST", address, Some(authorization), form.as_bytes());
        (answer.status, answer.json())
    };
    let form = "grant_type=client_credentials";
    let own = basic("key", "consumers-secret");
    let (status, granted) = ask(&own, form);
    assert_eq!((status, &granted["expires_in"]), (200, &7200.into()));
    assert_eq!(granted["token_type"], "bearer");
    for (authorization, form, error) in [
        (basic("key", "wrong"), form, "unauthorized_client"),
        (
            basic("other", "consumers-secret"),
            form,
            "unauthorized_client",
        ),
        (
            "Bearer consumers-secret".to_owned(),
            form,
            "unauthorized_client",
        ),
        (own.clone(), "grant_type=password", "unsupported_grant_type"),
        (own.clone(), "", "unsupported_grant_type"),
    ] {
        let (status, said) = ask(&authorization, form);
        assert_eq!(
            (status, said["error"].as_str()),
            (400, Some(error)),
            "{form}"
        );
    }
    let token = granted["access_token"].as_str().unwrap().to_owned();
    let mut status = |authorization: &str| {
        let target = "/2.0/repositories/acme";
        client.get(target, Some(authorization)).status
    };
    let bearer = format!("Bearer {token}");
    assert_eq!(status(&bearer), 200);
    for wrong in [
        own,
        basic("key", &token),
        basic("x-token-auth", &token),
        "Bearer consumers-secret".into(),
    ] {
        assert_eq!(status(&wrong), 401, "{wrong}");
    }
    site.update(HosterState::revoke_minted);
    assert_eq!(status(&bearer), 401);
    site.update(|state| state.token_life = Some(0));
    let (_, granted) = {
        let address = "/site/oauth2/access_token";
        let own = basic("key", "consumers-secret");
        let answer = client.send("POST", address, Some(&own), form.as_bytes());
        (answer.status, answer.json())
    };
    let ended = format!("Bearer {}", granted["access_token"].as_str().unwrap());
    assert_eq!(
        client.get("/2.0/repositories/acme", Some(&ended)).status,
        401
    );
}

#[test]
fn each_answer_tells_of_the_credentials() {
    let accounts = vec![
        Account::api_token("a@x", "a", "good").member_of("acme"),
        Account::access_token("acme", "bearer"),
    ];
    let server = many(3, accounts, false);
    let mut client = Client::new(&server.url());
    let of_token = client.get("/2.0/repositories/nobody", Some(&basic("a@x", "good")));
    assert_eq!(of_token.status, 404);
    assert_eq!(of_token.header("x-credential-type"), Some("api_token"));
    assert_eq!(
        of_token.header("x-oauth-scopes"),
        Some("read:repository:bitbucket, read:user:bitbucket, read:workspace:bitbucket")
    );
    assert_eq!(of_token.header("x-ratelimit-limit"), None);
    let of_access = client.get("/2.0/repositories/acme", Some("Bearer bearer"));
    assert_eq!(
        of_access.header("x-oauth-scopes"),
        Some("read:repository:bitbucket")
    );
    assert_eq!(of_access.header("x-ratelimit-limit"), Some("1000"));
    let nobodys = client.get("/2.0/repositories/acme", None);
    assert_eq!(nobodys.header("x-oauth-scopes"), None);
    // An access token belongs to no user.
    assert_eq!(
        client
            .get("/2.0/user/workspaces", Some("Bearer bearer"))
            .status,
        401
    );
}

#[test]
fn members_and_what_is_hidden_from_one() {
    let private = Repository::new("0", "r0", "none").uuid;
    let mut blind = Account::api_token("b@x", "b", "blind").member_of("acme");
    blind.hidden.push(private.clone());
    let accounts = vec![
        Account::api_token("a@x", "a", "good")
            .administrator_of("acme")
            .member_of("beta"),
        blind,
    ];
    let server = many(3, accounts, false);
    let mut client = Client::new(&server.url());
    let mut get = |target: &str, token: [&str; 2]| {
        let answer = client.get(target, Some(&basic(token[0], token[1])));
        (answer.status, answer.json())
    };
    let administrator = ["a@x", "good"];
    let (_, members) = get("/2.0/user/workspaces", administrator);
    let of = |at: usize| {
        let member = &members["values"][at];
        (
            member["workspace"]["slug"].as_str(),
            member["administrator"].as_bool(),
        )
    };
    assert_eq!(of(0), (Some("acme"), Some(true)));
    assert_eq!(of(1), (Some("beta"), Some(false)));
    let (size, one) = (
        "/2.0/repositories/acme?pagelen=1",
        "/2.0/repositories/acme/r0",
    );
    let private = format!("{size}&q=is_private%3Dtrue");
    assert_eq!(get(size, administrator).1["size"], 3);
    assert_eq!(get(&private, administrator).1["size"], 1);
    assert_eq!(get(one, administrator).0, 200);
    let blind = ["b@x", "blind"];
    assert_eq!(get(size, blind).1["size"], 2);
    assert_eq!(get(&private, blind).1["size"], 0);
    let (status, said) = get(one, blind);
    assert_eq!((status, said["type"].as_str()), (404, Some("error")));
    let git = "/acme/r0.git/info/refs?service=git-upload-pack";
    assert_eq!(client.get(git, Some(&basic("b", "blind"))).status, 404);
    assert_eq!(
        client.get("/2.0/repositories/acme?q=name%3Dx", None).status,
        400
    );
}

#[test]
fn pages_lead_to_each_other() {
    for opaque in [false, true] {
        let account = Account::api_token("a@x", "a", "t").member_of("acme");
        let server = many(25, vec![account], opaque);
        let mut client = Client::new(&server.url());
        let mut next = Some(format!(
            "{}/2.0/repositories/acme?sort=created_on",
            server.url()
        ));
        let mut seen = Vec::new();
        let mut pages = 0;
        while let Some(url) = next {
            let page = client.get(&url, Some(&basic("a@x", "t"))).json();
            let values = page["values"].as_array().unwrap();
            seen.extend(
                values
                    .iter()
                    .map(|r| r["slug"].as_str().unwrap().to_owned()),
            );
            next = page["next"].as_str().map(str::to_owned);
            assert_eq!(page.get("size").is_none(), opaque);
            pages += 1;
        }
        assert_eq!(pages, 3);
        assert_eq!(
            seen,
            (0..25).rev().map(|n| format!("r{n}")).collect::<Vec<_>>()
        );
    }
}

#[test]
fn refuses_what_bitbucket_refuses() {
    let server = many(1, Vec::new(), false);
    let mut client = Client::new(&server.url());
    for (target, status) in [
        ("/2.0/repositories/acme?pagelen=101", 400),
        ("/2.0/repositories/acme?pagelen=0", 400),
        ("/2.0/repositories/acme?page=x", 400),
        ("/2.0/repositories/acme?sort=colour", 400),
        ("/2.0/repositories/acme?role=nobody", 400),
        ("/2.0/repositories/nobody", 404),
        ("/2.0/repositories/acme/nothing", 404),
        ("/2.0/repositories", 410),
        ("/2.0/workspaces", 410),
        ("/2.0/user/permissions/workspaces", 410),
        ("/2.0/user/permissions/repositories", 410),
        ("/2.0/nonsense", 404),
        ("/nonsense", 404),
    ] {
        let answer = client.get(target, None);
        assert_eq!(answer.status, status, "{target}");
        if target.starts_with("/2.0") {
            assert_eq!(answer.json()["type"], "error", "{target}");
        }
    }
    assert_eq!(client.send("POST", "/2.0/user", None, b"x").status, 405);
}

#[test]
fn kept_alive_connections_never_stall() {
    let server = many(100, Vec::new(), false);
    let url = server.url();
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                let mut client = Client::new(&url);
                for _ in 0..25 {
                    assert_eq!(client.get("/2.0/repositories/acme", None).status, 200);
                }
            });
        }
    });
    let mut client = Client::new(&url);
    for _ in 0..300 {
        assert_eq!(client.get("/2.0/workspaces/acme", None).status, 200);
    }
    // One stall is 40 ms; 600 of them would be 24 s.
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn stops_at_once_with_connections_open() {
    let server = many(1, Vec::new(), false);
    let mut idle: Vec<_> = (0..8).map(|_| Client::new(&server.url())).collect();
    for client in &mut idle {
        assert_eq!(client.get("/2.0/workspaces/acme", None).status, 200);
    }
    let started = Instant::now();
    drop(server);
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
}
