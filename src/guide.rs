//! Pages for those who run groups. There is no code in here.

#[doc = include_str!("guide/clocks.md")]
pub mod clocks {}

// The examples of this page need a database; the package in `tests/guide` runs them.
#[cfg_attr(not(doctest), doc = include_str!("guide/fencing.md"))]
pub mod fencing {}

// The page links to items of these features.
#[cfg_attr(all(feature = "endpoint", feature = "store"), doc = include_str!("guide/formats.md"))]
#[cfg_attr(
    not(all(feature = "endpoint", feature = "store")),
    doc = "This page is about the adapters: document the crate with the features `endpoint` and `store` to read it."
)]
pub mod formats {}

#[doc = include_str!("guide/kubernetes.md")]
/// # The manifest
///
/// ```yaml
#[doc = include_str!("../examples/kubernetes/with-volumes.yaml")]
/// ```
///
/// # The unit
///
/// ```ini
#[doc = include_str!("../examples/systemd/quorate-scheduler.service")]
/// ```
pub mod kubernetes {}

#[doc = include_str!("guide/languages.md")]
pub mod languages {}

#[doc = include_str!("guide/many_groups.md")]
pub mod many_groups {}

#[doc = include_str!("guide/membership.md")]
pub mod membership {}

#[doc = include_str!("guide/memory.md")]
pub mod memory {}

// The examples of this page need an HTTP server; the package in `tests/guide` runs them.
#[cfg_attr(not(doctest), doc = include_str!("guide/operations.md"))]
pub mod operations {}

// The page links to items of these features.
#[cfg_attr(
    all(feature = "record", any(feature = "udp", feature = "tokio")),
    doc = include_str!("guide/records.md")
)]
#[cfg_attr(
    not(all(feature = "record", any(feature = "udp", feature = "tokio"))),
    doc = "This page is about an adapter: document the crate with the features `record` and `udp` or `tokio` to read it."
)]
pub mod records {}

// The example of this page needs these features.
#[cfg_attr(any(not(doctest), all(feature = "register", feature = "udp")), doc = include_str!("guide/register.md"))]
pub mod register {}

#[doc = include_str!("guide/replication.md")]
pub mod replication {}

#[doc = include_str!("guide/migrating.md")]
pub mod migrating {}

// The page links to items of these features.
#[cfg_attr(all(feature = "udp", feature = "tokio-udp"), doc = include_str!("guide/security.md"))]
#[cfg_attr(
    not(all(feature = "udp", feature = "tokio-udp")),
    doc = "This page is about the adapters: document the crate with the features `udp` and `tokio-udp` to read it."
)]
pub mod security {}
