//! Runs the examples of the guide's pages on fencing, which need a database, and on operations, which need an HTTP
//! server. They are documentation tests of this package and not of `quorate`, so that nothing that builds the tests or
//! examples of `quorate` has to build SQLite and axum.

#[cfg(doctest)]
#[doc = include_str!("../../../src/guide/fencing.md")]
mod fencing {}

#[cfg(doctest)]
#[doc = include_str!("../../../src/guide/operations.md")]
mod operations {}
