//! A library the plugin loader has to cope with: misbehaving.
