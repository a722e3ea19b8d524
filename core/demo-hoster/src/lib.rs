//! A small Bitbucket look-alike on loopback, with real repositories, for the demo and for tests.
