//! How the parts of a source are come by that are not fetched over HTTP.

use std::sync::Arc;

use forgekeep_config::Source;
use forgekeep_hoster::Access;
use forgekeep_protocol::Way;
use forgekeep_upload_pack::{Run, SshSettings, UploadPack};

/// What a source and its run say of programs.
#[derive(Clone)]
pub(crate) struct Programs {
    ssh: Arc<SshSettings>,
    run: Run,
}

impl Programs {
    /// Those of a source.
    pub fn of(source: &Source, run: &Run) -> Self {
        let ssh = SshSettings {
            command: source.ssh.command.clone(),
            key: source.ssh.key.clone(),
        };
        Self {
            ssh: Arc::new(ssh),
            run: run.clone(),
        }
    }

    /// The way that an access is.
    pub fn way(&self, access: &Access) -> Way {
        match access {
            Access::Http(authorization) => Way::Http(authorization.clone()),
            Access::Pipes { place, program } => Way::Pipes(UploadPack {
                place: place.clone(),
                program: program.clone(),
                ssh: Arc::clone(&self.ssh),
                run: self.run.clone(),
            }),
        }
    }
}
