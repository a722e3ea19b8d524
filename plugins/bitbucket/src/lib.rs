//! Forgekeep's plugin for Bitbucket Cloud.
