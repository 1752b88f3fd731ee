//! Pages for those who run groups. There is no code in here.

#[doc = include_str!("guide/clocks.md")]
pub mod clocks {}

// The examples of this page need a database; the package in `tests/guide` runs them.
#[cfg_attr(not(doctest), doc = include_str!("guide/fencing.md"))]
pub mod fencing {}

#[doc = include_str!("guide/membership.md")]
pub mod membership {}

#[doc = include_str!("guide/replication.md")]
pub mod replication {}

#[doc = include_str!("guide/migrating.md")]
pub mod migrating {}

#[doc = include_str!("guide/security.md")]
pub mod security {}
