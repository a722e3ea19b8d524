//! The types that cross the boundary between Forgekeep and its hoster plugins.
