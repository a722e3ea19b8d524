//! Scripted services to test a Forgekeep hoster plugin without a network.
