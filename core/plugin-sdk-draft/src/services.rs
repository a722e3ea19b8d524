use forgekeep_abi_draft::abi_stable::std_types::RResult;
use forgekeep_abi_draft::{
    Authorization, Extras, Header, HosterError, HttpRequest, HttpResponse, LogLevel, ServicesBox,
    error_kind,
};

/// What the host does for a session.
pub struct Services {
    host: ServicesBox,
}

impl Services {
    /// Wraps what came across the boundary. Tests get theirs from `forgekeep-plugin-testkit-draft`.
    pub fn new(host: ServicesBox) -> Self {
        Self { host }
    }

    /// Makes a request through the host's client. Any HTTP status is an answer; an error means
    /// there was none.
    pub fn http(&self, request: HttpRequest) -> Result<HttpResponse, HosterError> {
        if self.cancelled() {
            return Err(HosterError::new(error_kind::CANCELLED, "interrupted"));
        }
        match self.host.http(request) {
            RResult::ROk(response) => Ok(response),
            RResult::RErr(error) => Err(error),
        }
    }

    /// A GET that accepts JSON.
    pub fn get(
        &self,
        url: &str,
        authorization: &Authorization,
    ) -> Result<HttpResponse, HosterError> {
        self.http(HttpRequest {
            method: "GET".into(),
            url: url.into(),
            headers: vec![Header {
                name: "accept".into(),
                value: "application/json".into(),
            }]
            .into(),
            authorization: authorization.clone(),
            body: Vec::new().into(),
            extras: Extras::new(),
        })
    }

    /// Whether the run was interrupted.
    pub fn cancelled(&self) -> bool {
        self.host.cancelled()
    }

    /// Writes a line to the host's log.
    pub fn log(&self, level: LogLevel, message: &str) {
        self.host.log(level, message.into());
    }

    /// Logs the normal course of things.
    pub fn info(&self, message: &str) {
        self.log(LogLevel::Info, message);
    }

    /// Logs what the author of the plugin wants to know.
    pub fn debug(&self, message: &str) {
        self.log(LogLevel::Debug, message);
    }
}
