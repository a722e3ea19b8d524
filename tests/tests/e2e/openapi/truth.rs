//! Where Bitbucket is known to do otherwise than Atlassian's document says, and why we believe it.
//!
//! More in the document is out of date, and of no weight here: it describes `has_wiki` and
//! `has_issues` though wikis and issues went in August 2026, and Basic as being for app passwords. It
//! requires no field but `type`: `administrator` of a workspace may be absent, which is not `false`.

use serde_json::{Value, json};

/// A part of the document that is not true.
pub struct Correction {
    /// A JSON pointer.
    pub at: &'static str,
    /// What the document says; null where it says nothing.
    pub says: Value,
    /// What is the case.
    pub is: Value,
}

fn correction(at: &'static str, says: Value, is: Value) -> Correction {
    Correction { at, says, is }
}

/// All corrections. One that does not fit the document any more fails each test, so that it goes
/// with the document's next edition.
pub fn corrections() -> Vec<Correction> {
    let text = || json!({"type": "string"});
    let lines = || json!({"type": "array", "items": text()});
    let wrong_fields = json!({
        "slug": lines(), "scm": lines(), "project": lines(), "mainbranch": lines(),
    });
    let perhaps = |name: &str| {
        let reference = format!("#/components/schemas/{name}");
        json!({"nullable": true, "anyOf": [{"$ref": reference}]})
    };
    vec![
        // Seen in every recorded answer, and read by most tools.
        correction(
            "/components/schemas/repository/allOf/1/properties/slug",
            Value::Null,
            text(),
        ),
        correction(
            "/components/schemas/repository/allOf/1/properties/workspace",
            Value::Null,
            json!({"$ref": "#/components/schemas/workspace"}),
        ),
        correction(
            "/components/schemas/repository/allOf/1/properties/website",
            Value::Null,
            json!({"type": "string", "nullable": true}),
        ),
        // What is no fork has null, and what is empty has no main branch: seen in recorded answers.
        correction(
            "/components/schemas/repository/allOf/1/properties/parent",
            json!({"$ref": "#/components/schemas/repository"}),
            perhaps("repository"),
        ),
        correction(
            "/components/schemas/repository/allOf/1/properties/mainbranch",
            json!({"$ref": "#/components/schemas/branch"}),
            perhaps("branch"),
        ),
        // Mercurial went in 2020; old entries of it may still be listed.
        correction(
            "/components/schemas/repository/allOf/1/properties/scm/enum",
            json!(["git"]),
            json!(["git", "hg"]),
        ),
        // The link for SSH has scp's form, `git@bitbucket.org:acme/web.git`.
        correction(
            "/components/schemas/repository/allOf/1/properties/links/properties/clone/items/properties/href/format",
            json!("uri"),
            Value::Null,
        ),
        // Accounts still have their user name, which git takes.
        correction(
            "/components/schemas/user/allOf/1/properties/username",
            Value::Null,
            text(),
        ),
        // A missing scope is told by an object: `{"required": [...], "granted": [...]}`.
        correction(
            "/components/schemas/error/properties/error/properties/detail",
            text(),
            json!({"anyOf": [{"type": "string"}, {
                "type": "object",
                "properties": {
                    "required": {"type": "array", "items": {"type": "string"}},
                    "granted": {"type": "array", "items": {"type": "string"}},
                },
                "additionalProperties": false,
            }]}),
        ),
        // What is wrong with a document that was sent is told by its fields: seen by other tools.
        correction(
            "/components/schemas/error/properties/error/properties/fields",
            Value::Null,
            json!({"type": "object", "properties": wrong_fields}),
        ),
    ]
}

/// The form of an answer that the document does not have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The document's `error`.
    Error,
    /// A line of text.
    Text,
}

/// An answer that the document does not have.
pub struct Undocumented {
    /// The method.
    pub method: &'static str,
    /// The path, or all of them.
    pub path: Option<&'static str>,
    /// The status code.
    pub status: u16,
    /// What is sent with it.
    pub form: Form,
}

impl Undocumented {
    /// Whether it is this one.
    pub fn is(&self, method: &str, path: &str, status: u16) -> bool {
        let is_of = |of| of == path && self.method == method;
        self.status == status && self.path.is_none_or(is_of)
    }
}

const fn error(path: &'static str, status: u16) -> Undocumented {
    error_of("GET", path, status)
}

const fn error_of(method: &'static str, path: &'static str, status: u16) -> Undocumented {
    Undocumented {
        method,
        path: Some(path),
        status,
        form: Form::Error,
    }
}

const PIPELINES: &str = "/repositories/{workspace}/{repo_slug}/pipelines_config";

/// All of them. The document has 401 for `/user` and `/user/workspaces` alone, 403 for one
/// repository alone, 400 for `/user/workspaces` alone, and 429 nowhere. Of a configuration of pipelines it
/// has nothing but 200.
pub const UNDOCUMENTED: [Undocumented; 20] = [
    // Credentials that are wrong are refused wherever they are sent.
    error("/repositories/{workspace}", 401),
    error("/repositories/{workspace}/{repo_slug}", 401),
    error("/workspaces/{workspace}", 401),
    // A scope that is missing; in the same way an IP address that is not allowed, or a missing
    // two-step login.
    error("/repositories/{workspace}", 403),
    error("/user", 403),
    error("/user/workspaces", 403),
    error("/workspaces/{workspace}", 403),
    // A page number, a page length, a role that there is not. A request for one repository has
    // nothing that could be wrong.
    error("/repositories/{workspace}", 400),
    // The same, and what there is not, of what writes.
    error_of("POST", "/repositories/{workspace}/{repo_slug}", 403),
    error_of("POST", "/repositories/{workspace}/{repo_slug}", 404),
    error_of("PUT", "/repositories/{workspace}/{repo_slug}", 403),
    error_of("PUT", "/repositories/{workspace}/{repo_slug}", 404),
    error_of("DELETE", "/repositories/{workspace}/{repo_slug}", 401),
    error_of("GET", PIPELINES, 401),
    error_of("GET", PIPELINES, 403),
    // As long as nobody has set it.
    error_of("GET", PIPELINES, 404),
    error_of("PUT", PIPELINES, 401),
    error_of("PUT", PIPELINES, 403),
    error_of("PUT", PIPELINES, 404),
    // Bitbucket's page about limits has it for all of the API; tools report this text, with
    // `X-RateLimit-Reset` in seconds, or nothing that says when to ask again.
    Undocumented {
        method: "",
        path: None,
        status: 429,
        form: Form::Text,
    },
];

/// Parameters of the query that the document has for all paths, in the sections of its
/// introduction (`x-atlassian-narrative`) of these names; the second says whether the path has to
/// answer with pages.
pub const GENERAL_PARAMETERS: [(&str, bool, &str); 5] = [
    ("page", true, "pagination"),
    ("pagelen", true, "pagination"),
    ("q", true, "filtering"),
    ("sort", true, "filtering"),
    ("fields", false, "partial-response"),
];

/// The longest page by the introduction. The shortest is 10 by it, and 1 by the schema of a page;
/// other tools ask for pages of 1, as `check` does.
pub const LONGEST_PAGE: u64 = 100;

/// What the text of a path allows to sort and filter by, though its entries have no such field.
pub const FIELDS_BY_TEXT: [(&str, &str); 1] = [("/user/workspaces", "slug")];
