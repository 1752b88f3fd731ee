//! A node of a group on a microcontroller: no operating system, no standard library, and a heap of a few
//! kilobytes. The library is everything but the board: [`Board`] is what a board must offer, [`Node`] is
//! the loop, and [`Saved`] keeps the durable state in flash. `src/main.rs` is a program around the
//! library, for a board whose drivers are stubs.
//!
//! ```text
//! rustup target add thumbv7em-none-eabi
//! cd examples/bare_metal
//! cargo build --release --target thumbv7em-none-eabi
//! cargo run --release --target thumbv7em-none-eabi --features emulated    # with qemu-system-arm
//! cargo test --lib    # on this machine: flash that loses power, three boards in one room
//! ```
//!
//! The program takes about 84 KB of flash, and 8 KB of memory for the heap. The program needs no atomics,
//! so it is built for `thumbv6m-none-eabi` too.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod board;
mod node;
mod saved;
#[cfg(test)]
mod tests;

pub use board::{Board, Clock, Duty, FRAME, Flash, Id, Radio, Random, SLOT, Slot};
pub use node::{Failure, Node};
pub use saved::{Saved, provision};
