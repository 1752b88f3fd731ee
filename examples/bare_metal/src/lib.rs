//! A node of a group on a microcontroller: no operating system, no standard library, an allocator of
//! a few kilobytes. This library is all of it but the board: [`Board`] says what a board must offer,
//! [`Node`] is the loop, [`Saved`] keeps the durable state in flash. `src/main.rs` is a program around
//! it, on a board whose drivers are stubs.
//!
//! ```text
//! rustup target add thumbv7em-none-eabi
//! cd examples/bare_metal
//! cargo build --release --target thumbv7em-none-eabi
//! cargo run --release --target thumbv7em-none-eabi --features emulated    # with qemu-system-arm
//! cargo test --lib    # on this machine: flash that loses power, three boards in one room
//! ```
//!
//! The program takes some 84 KB of flash, and 8 KB of memory for the heap. It needs no atomics, so it is
//! built for `thumbv6m-none-eabi` too.
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
