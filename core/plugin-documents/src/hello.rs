use crate::macros::document;
use crate::read::Document;

/// The protocol that these documents are.
pub const PROTOCOL: u32 = 1;

document! {
    /// The protocols that one side speaks, from the oldest to the newest.
    pub struct Protocols {
        /// The oldest.
        pub from: u32,
        /// The newest.
        pub to: u32,
    }
}

impl Protocols {
    /// Those of this version.
    pub fn ours() -> Self {
        Self {
            from: PROTOCOL,
            to: PROTOCOL,
        }
    }

    /// The newest that both sides speak.
    pub fn common(&self, other: &Self) -> Option<u32> {
        let newest = self.to.min(other.to);
        (newest >= self.from.max(other.from)).then_some(newest)
    }
}

document! {
    /// The first document: what the host speaks.
    pub struct HelloRequest {
        /// Its protocols.
        pub protocols: Protocols,
        /// What it can do beyond its newest protocol, by name.
        pub features: Vec<String>,
        /// Its version, for messages.
        pub host: String,
    }
}

document! {
    /// What the plugin speaks.
    pub struct Hello {
        /// Its protocols.
        pub protocols: Protocols,
        /// What it can do beyond its newest protocol, by name.
        pub features: Vec<String>,
        /// How it was built.
        pub built: Built,
    }
}

document! {
    /// How a plugin was built.
    pub struct Built {
        /// The SDK and its version, such as `forgekeep-plugin-sdk 1.0.0`.
        pub sdk: String,
        /// What a panic does: `unwind` or `abort`. A host refuses `abort`.
        pub panic: String,
        /// The processor, the system and its C library, such as `x86_64-linux-gnu`.
        pub target: String,
    }
}

impl Document for HelloRequest {}
impl Document for Hello {}
