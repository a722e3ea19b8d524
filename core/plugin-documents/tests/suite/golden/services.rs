//! What a plugin asks of the host, and what the host answers.

use forgekeep_plugin_documents::*;

use super::golden;

#[test]
fn to_the_host() {
    let secret = Secret::new("hunter2");
    let mut request =
        HttpRequest::new("PUT", "https://api.example/x", &Auth::basic("dev", &secret))
            .with_header("accept", "application/json");
    request.idempotent = true;
    golden("to-host-http.json", &request);
    let mut batch = BatchRequest {
        requests: vec![
            HttpRequest::get("https://api.example/a", &Auth::None),
            HttpRequest::new("POST", "https://api.example/b", &Auth::None)
                .with_body("text/plain", "abc"),
        ],
    };
    assert_eq!(batch.join(), b"abc");
    golden("to-host-batch.json", &batch);
    for level in [
        LogLevel::Error,
        LogLevel::Warn,
        LogLevel::Info,
        LogLevel::Debug,
        LogLevel::Trace,
    ] {
        let line = LogLine {
            level,
            message: "listing acme".into(),
        };
        golden(&format!("to-host-log-{}.json", level.word()), &line);
    }
    golden(
        "to-host-progress.json",
        &Progress {
            done: 3,
            total: Some(7),
        },
    );
    golden(
        "to-host-secret-add.json",
        &SecretAdd {
            secret: secret.clone(),
        },
    );
    golden(
        "to-host-state-get.json",
        &StateGet {
            key: "cursor".into(),
        },
    );
    let put = StatePut {
        key: "cursor".into(),
        value: Some("9".into()),
        secret: true,
    };
    golden("to-host-state-put.json", &put);
    let gone = StatePut {
        key: "cursor".into(),
        ..StatePut::default()
    };
    golden("to-host-state-remove.json", &gone);
}

#[test]
fn from_the_host() {
    let response = HttpResponse {
        status: 200,
        url: "https://api.example/x".into(),
        headers: vec![Header {
            name: "etag".into(),
            value: "\"1\"".into(),
        }],
        ..HttpResponse::default()
    };
    golden("from-host-http.json", &response);
    let mut answers = BatchAnswers {
        answers: vec![
            BatchAnswer {
                response: Some(HttpResponse {
                    body: b"abc".to_vec(),
                    ..response.clone()
                }),
                error: None,
            },
            BatchAnswer {
                response: None,
                error: Some(HosterError::new(ErrorKind::Tls, "certificate has expired")),
            },
        ],
    };
    assert_eq!(answers.join(), b"abc");
    golden("from-host-batch.json", &answers);
    let download = Download {
        response,
        file: Some(DownloadedFile {
            file: "f1".into(),
            size: 12,
            sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".into(),
        }),
    };
    golden("from-host-download.json", &download);
    golden("from-host-cancelled.json", &Cancelled { cancelled: true });
    golden(
        "from-host-state-get.json",
        &StateValue {
            value: Some("9".into()),
        },
    );
    golden("from-host-state-none.json", &StateValue::default());
}
