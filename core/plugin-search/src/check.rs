//! The part of the conformance kit that needs no hoster, against a plugin in a worker process.

use std::path::Path;

use forgekeep_plugin_documents::{parse, write};
use forgekeep_plugin_host::{
    Answered, HostCalls, Plugin, Reply, Sha256, Unusable, WorkerSettings, Workers,
};
use forgekeep_plugin_testkit::conformance::faults_without_a_forge;
use forgekeep_plugin_testkit::{Answered as Said, Callee, Script};

/// What the plugin in a file does wrong, a line each, as far as that can be seen without its hoster.
///
/// # Errors
///
/// It does not start.
pub fn faults(path: &Path, sha256: Sha256) -> Result<Vec<String>, Unusable> {
    let workers = Workers::new(WorkerSettings {
        sha256: Some(sha256),
        ..WorkerSettings::new(path)
    });
    let worker = workers.current()?;
    Ok(faults_without_a_forge(&InWorker(&*worker)))
}

/// A plugin in a worker process, for the kit.
struct InWorker<'a>(&'a dyn Plugin);

/// What the kit does in the place of the host.
struct Scripted<'a>(&'a Script);

impl HostCalls for Scripted<'_> {
    fn call(&self, method: &str, doc: &[u8], body: &[u8]) -> Option<Answered> {
        let served = self.0.serve(method, doc, body)?;
        Some(match served {
            Ok((doc, body)) => Answered::Result(Reply { doc, body }),
            Err(error) => Answered::Error(Reply {
                doc: write(&error),
                body: Vec::new(),
            }),
        })
    }
}

impl Callee for InWorker<'_> {
    fn call(
        &self,
        script: &Script,
        object: u64,
        method: &str,
        document: &[u8],
        body: &[u8],
    ) -> Said {
        match self
            .0
            .call(object, method, document, body, &Scripted(script))
        {
            Ok(Answered::Result(reply)) => Said::Result(reply.doc, reply.body),
            Ok(Answered::Error(reply)) => match parse(&reply.doc) {
                Ok(error) => Said::Error(error),
                Err(refused) => Said::Broken(format!("its error cannot be read: {refused}")),
            },
            Err(broken) => Said::Broken(broken.how.to_string()),
        }
    }

    fn drop_object(&self, object: u64) {
        self.0.drop_object(object);
    }
}
