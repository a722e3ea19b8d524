//! What all documents and words have in common, written once.

/// A part of a document: every field may be absent or null, and is left out where it is the default.
macro_rules! document {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        pub struct $name {
            $(
                $(#[$field_meta])*
                #[serde(
                    deserialize_with = "crate::read::field",
                    skip_serializing_if = "crate::write::is_default"
                )]
                pub $field: $type,
            )*
        }

        impl crate::read::Read for $name {
            fn read<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                serde::Deserialize::deserialize(from)
            }
        }
    };
}

/// Whether a word is written as all are: lower-case letters, with `-` between them.
pub(crate) const fn is_kebab(word: &str) -> bool {
    let bytes = word.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_lowercase() && bytes[at] != b'-' {
            return false;
        }
        at += 1;
    }
    true
}

/// Words of which one informs. One that is not known counts as `Other`.
macro_rules! words_that_inform {
    (
        $(#[$meta:meta])*
        pub enum $name:ident, by default $default:ident {
            $($(#[$word_meta:meta])* $variant:ident = $word:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$word_meta])* $variant,)*
            /// Something else, or a word of a newer version.
            Other,
        }

        const _: () = {
            $(assert!(crate::macros::is_kebab($word), "words are written `like-this`");)*
        };

        impl $name {
            /// The word in documents.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Other => "other",
                }
            }

            /// What a word stands for.
            pub fn of(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)*
                    _ => Self::Other,
                }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::$default
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.word())
            }
        }

        impl crate::read::Read for $name {
            fn read<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                Ok(Self::of(&<String as serde::Deserialize>::deserialize(from)?))
            }
        }
    };
}

/// Words of which one decides. One that is not known is refused.
macro_rules! words_that_decide {
    (
        $(#[$meta:meta])*
        pub enum $name:ident, by default $default:ident {
            $($(#[$word_meta:meta])* $variant:ident = $word:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$word_meta])* $variant,)*
        }

        const _: () = {
            $(assert!(crate::macros::is_kebab($word), "words are written `like-this`");)*
        };

        impl $name {
            /// The word in documents.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// What a word stands for.
            pub fn of(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::$default
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.word())
            }
        }

        impl crate::read::Read for $name {
            fn read<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                Self::of(&<String as serde::Deserialize>::deserialize(from)?).ok_or_else(|| {
                    serde::de::Error::custom(concat!("an unknown word for ", stringify!($name)))
                })
            }
        }
    };
}

/// How many of something may stand in a list.
macro_rules! items {
    ($($type:ty: $most:expr, $many:literal;)*) => {
        $(impl crate::read::Item for $type {
            const MOST: usize = $most;
            const MANY: &'static str = $many;
        })*
    };
}

pub(crate) use {document, items, words_that_decide, words_that_inform};
