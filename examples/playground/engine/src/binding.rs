//! What the page sees of the engine.

use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsError, JsValue};

use crate::group::Group;

/// A group that the page drives. What cannot be done throws an `Error` whose message is a sentence, and changes nothing.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Playground {
    group: Group,
}

#[wasm_bindgen]
impl Playground {
    /// A group of these settings, as JSON: see [`Group::new`].
    ///
    /// # Errors
    /// A sentence that says which setting cannot be used.
    #[wasm_bindgen(constructor)]
    pub fn new(settings: &str) -> Result<Playground, JsValue> {
        Group::new(settings).map(|group| Playground { group }).map_err(|sentence| error(&sentence))
    }

    /// The timeline of the group without events: see [`Group::head`].
    #[must_use]
    pub fn head(&self) -> String {
        self.group.head()
    }

    /// The virtual time in microseconds: see [`Group::now`].
    #[must_use]
    pub fn now(&self) -> f64 {
        self.group.now() as f64
    }

    /// Lets virtual time pass until so many microseconds: see [`Group::run`].
    pub fn run(&mut self, until: f64, most_events: f64) -> String {
        // A number that is none becomes zero, and one that is too large the largest there is.
        self.group.run(until as u64, most_events as u64)
    }

    /// Lets the next event happen: see [`Group::step`].
    pub fn step(&mut self) -> String {
        self.group.step()
    }

    /// Does a deed, given as JSON: see [`Group::act`].
    ///
    /// # Errors
    /// A sentence that says why it cannot be done.
    pub fn act(&mut self, deed: &str) -> Result<String, JsValue> {
        self.group.act(deed).map_err(|sentence| error(&sentence))
    }

    /// The status of the node at this index: see [`Group::status`].
    #[must_use]
    pub fn status(&self, node: f64) -> String {
        self.group.status(node as usize)
    }

    /// Whether all promises were kept so far: see [`Group::verdict`].
    #[must_use]
    pub fn verdict(&self) -> String {
        self.group.verdict()
    }
}

fn error(sentence: &str) -> JsValue {
    JsError::new(sentence).into()
}
