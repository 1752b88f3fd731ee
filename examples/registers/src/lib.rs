//! Registers for the voters of `quorate` in stores that are in use, each behind a feature that bears its name.
//!
//! A file for each store implements [`AsyncCell`](quorate::adapters::register::AsyncCell) or [`Cell`]: take the one that
//! you need into your program, with the client that you have already. What differs between stores is what their errors
//! mean: whether a write was certainly not made, or nobody knows. Each file says why it sorts them as it does.
//!
//! [`open`] makes one of a URL, and the program `quorate-register` serves one over standard input and output, to
//! programs that are not to be linked with the clients of all stores.

#[cfg(feature = "awaited")]
mod blocking;
#[cfg(feature = "kubernetes")]
mod kubernetes;
mod memory;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "object")]
mod object;
mod open;
#[cfg(feature = "postgres")]
mod postgres;
mod service;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "awaited")]
pub use blocking::Blocking;
#[cfg(feature = "kubernetes")]
pub use kubernetes::ConfigMapCell;
pub use memory::MemoryCell;
#[cfg(feature = "nats")]
pub use nats::NatsCell;
#[cfg(feature = "object")]
pub use object::{ObjectCell, bounded};
pub use open::{OpenError, open};
#[cfg(feature = "postgres")]
pub use postgres::PostgresCell;
pub use service::{MAX_LINE, serve};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteCell;

// For the links of the documentation, and for those who use a cell.
pub use quorate::adapters::register::{Cell, CellError, Tag};
