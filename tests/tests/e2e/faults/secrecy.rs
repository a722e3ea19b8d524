//! Faults make programs talk: what they say, write and pass on has no secret in it.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use forgekeep_tests::{Action, Authorization, Fault, Logged, RequestKind, Run};
use serde_json::json;

use super::impatient;
use crate::support::{EMAIL, TOKEN, USER, World, files};

/// A second source's token, which goes as bearer.
const ACCESS_TOKEN: &str = "ATCTT3xFfGN0-s3cond=0815";

/// Every form in which a token goes over the wire, or might be written.
fn forms() -> Vec<String> {
    let users = [EMAIL, USER, "x-bitbucket-api-token-auth", "x-token-auth"];
    let mut forms = Vec::new();
    for token in [TOKEN, ACCESS_TOKEN] {
        forms.extend([token.to_owned(), token.replace('=', "%3D")]);
        forms.extend([STANDARD.encode(token), URL_SAFE.encode(token)]);
        forms.extend(users.map(|user| STANDARD.encode(format!("{user}:{token}"))));
    }
    // Padding may be left out.
    forms
        .into_iter()
        .map(|form| form.trim_end_matches('=').to_owned())
        .collect()
}

#[track_caller]
fn assert_clean(what: &str, text: &str) {
    for form in forms() {
        assert!(!text.contains(&form), "{what} holds {form}:\n{text}");
    }
}

/// What a request was sent with, as a server that logs too much would repeat it.
fn echo(logged: &Logged) -> String {
    let field = logged.headers.iter();
    let mut field = field.filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let sent = field.next().map_or("nothing", |(_, value)| value);
    format!("you sent {sent}, which is {}", token_of(logged))
}

/// The token of a request.
fn token_of(logged: &Logged) -> &str {
    match &logged.authorization {
        Some(Authorization::Basic { secret, .. }) => secret,
        Some(Authorization::Bearer(token)) => token,
        other => panic!("every request has a token: {other:?}"),
    }
}

fn echo_in_json(logged: &Logged) -> Action {
    let error = json!({"message": echo(logged), "detail": {"header": echo(logged)}});
    Action::json(400, &json!({"type": "error", "error": error}))
}

fn echo_in_address(logged: &Logged) -> Action {
    let query = echo(logged).replace(' ', "+");
    let token = token_of(logged);
    Action::redirect(
        307,
        &format!("http://{USER}:{token}@192.0.2.1/{token}?{query}"),
    )
}

fn echo_in_type(logged: &Logged) -> Action {
    let Action::Respond { status, body, .. } = Action::status(200) else {
        unreachable!("a status is an answer");
    };
    let headers = vec![("Content-Type".to_owned(), format!("text/{}", echo(logged)))];
    Action::Respond {
        status,
        headers,
        body,
    }
}

#[test]
fn no_fault_brings_a_secret_to_light() {
    use RequestKind::{Api, InfoRefs, UploadPack};
    let world = World::of(
        forgekeep_tests::Forge::builder()
            .api_token(EMAIL, USER, TOKEN)
            .access_token(ACCESS_TOKEN)
            .build(),
    );
    let mut second = world.source_with("password", ACCESS_TOKEN);
    second["title"] = "second".into();
    second.as_object_mut().unwrap().remove("apiAuthName");
    let mut first = world.source_with("authName", USER);
    first["apiAuthName"] = EMAIL.into();
    world.configure_with(&[first, second], &impatient(0));
    let web = world.forge.repository("web").private().commit("one");
    world.backup().expect(0);
    let faults = [
        (Api, Action::status(401)),
        (Api, Action::Depends(echo_in_json)),
        (Api, Action::Depends(echo_in_address)),
        (Api, Action::Depends(echo_in_type)),
        (Api, Action::Truncate),
        (InfoRefs, Action::status(401)),
        (
            InfoRefs,
            Action::Depends(|logged| Action::GitError(echo(logged))),
        ),
        (InfoRefs, Action::Depends(echo_in_address)),
        (InfoRefs, Action::Depends(echo_in_type)),
        (InfoRefs, Action::Garbage),
        (UploadPack, Action::status(403)),
        (
            UploadPack,
            Action::Depends(|logged| Action::GitError(echo(logged))),
        ),
        (UploadPack, Action::Depends(echo_in_address)),
        (UploadPack, Action::Depends(echo_in_type)),
        (UploadPack, Action::EndPackEarly),
    ];
    for (kind, action) in faults {
        let what = format!("{kind:?} {action:?}");
        web.commit("more");
        world.forge.clear_faults();
        world.forge.inject(Fault::on(kind, action));
        for progress in ["plain", "json"] {
            let run = world
                .forgekeep(&["backup", "-vvv", "--progress", progress])
                .run();
            assert_ne!(run.code, Some(0), "{what}");
            assert_run_clean(&what, &run);
        }
        let check = world.forgekeep(&["check", "-vvv"]).run();
        assert_run_clean(&what, &check);
    }
    let settings = world.sandbox.path("settings.yml");
    let written = files(&world.sandbox.path(""));
    assert!(written.len() > 5, "{written:?}");
    for path in written.iter().filter(|path| **path != settings) {
        let bytes = fs::read(path).unwrap();
        assert_clean(
            &path.display().to_string(),
            &String::from_utf8_lossy(&bytes),
        );
    }
    // Names are no secrets, and the copy of the configuration is of use because it has them.
    let copy = world.sandbox.backup().join("_config/settings.yml");
    let copy = fs::read_to_string(copy).unwrap();
    assert!(copy.contains(EMAIL) && copy.contains(USER), "{copy}");
}

#[track_caller]
fn assert_run_clean(what: &str, run: &Run) {
    assert_clean(&format!("stdout of {what}"), &run.stdout);
    assert_clean(&format!("stderr of {what}"), &run.stderr);
    assert_clean(&format!("report of {what}"), &format!("{:?}", run.report));
}

#[test]
#[cfg(target_os = "linux")]
fn a_failing_run_shows_no_secret_in_its_arguments() {
    let world = World::new();
    world.configure_with(&[world.source_with("authName", USER)], &impatient(2));
    world.forge.repository("web").private().commit("one");
    world
        .forge
        .inject(Fault::on(RequestKind::Api, Action::status(503)).first(1));
    world
        .forge
        .inject(Fault::on(RequestKind::InfoRefs, Action::Hang));
    let mut running = world.forgekeep(&["backup", "-vvv"]).spawn();
    world.forge.wait_for(RequestKind::InfoRefs, 1);
    for file in ["cmdline", "comm", "environ"] {
        let bytes = fs::read(format!("/proc/{}/{file}", running.pid())).unwrap();
        assert!(!bytes.is_empty(), "{file}");
        assert_clean(file, &String::from_utf8_lossy(&bytes));
    }
    running.kill();
    assert_run_clean("a killed run", &running.wait());
}
