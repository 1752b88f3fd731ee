//! The engine of the playground: a group of real elections in the deterministic simulator, to which the user of a page does
//! what happens to groups in the field. All checks of the simulator's safety run after every event.
//!
//! [`Group`] is the engine, in Rust. [`Playground`] is what the page sees of it, compiled to WebAssembly: texts of JSON go
//! in and come out. `examples/playground/page` draws them.

mod binding;
mod deed;
mod doing;
mod group;
mod settings;

pub use binding::Playground;
pub use group::Group;
