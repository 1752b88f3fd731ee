//! Runs the examples of the guide's page on fencing, which need a database. They are documentation
//! tests of this package and not of `quorate`, so that nothing that builds the tests or examples of
//! `quorate` has to build SQLite.

#[cfg(doctest)]
#[doc = include_str!("../../../src/guide/fencing.md")]
mod fencing {}
