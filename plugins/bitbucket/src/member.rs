use forgekeep_plugin_sdk::{Owner, OwnerSeen, Sees};
use serde_json::Value;

use crate::workspace::{Workspace, is_uuid};

/// The workspaces of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Members {
    /// By their uuids: that order stays the same when one is renamed.
    pub(crate) known: Vec<Member>,
    /// How many entries name no workspace that could be asked for.
    pub(crate) nameless: usize,
}

/// A workspace, and what the account is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// The workspace's uuid, and its id.
    pub(crate) owner: Owner,
    /// For requests.
    pub(crate) workspace: Workspace,
    /// An administrator sees every repository of a workspace.
    pub(crate) administrator: bool,
}

impl Member {
    /// Reads an entry of the list of an account's workspaces; `None` for what names none.
    pub(crate) fn read(entry: &Value) -> Option<Self> {
        let text = |pointer| entry.pointer(pointer).and_then(Value::as_str);
        let uuid = text("/workspace/uuid").filter(|uuid| is_uuid(&uuid.to_ascii_lowercase()))?;
        let slug = text("/workspace/slug")?;
        // By its slug, which messages show; all that a member's entry names exists.
        let workspace = Workspace::parse(slug).ok().filter(|w| !w.is_all())?;
        Some(Self {
            owner: Owner {
                id: uuid.to_owned(),
                name: slug.to_owned(),
            },
            workspace,
            administrator: entry.get("administrator") == Some(&Value::Bool(true)),
        })
    }

    /// How much of the workspace the credentials see, as far as is known.
    pub(crate) fn sees(&self) -> OwnerSeen {
        OwnerSeen {
            id: self.owner.id.clone(),
            name: self.owner.name.clone(),
            sees: match self.administrator {
                true => Sees::All,
                false => Sees::Other,
            },
            error: None,
        }
    }
}
