//! What the author of a Forgekeep hoster plugin writes against.
