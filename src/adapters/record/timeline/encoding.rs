//! The events of a timeline, each encoded as JSON as soon as it happens: that takes less memory than the event itself.

use alloc::string::String;
use core::fmt::Write as _;
use core::time::Duration;

use super::texts::FULL;

/// Events, as the elements of a JSON array.
#[derive(Clone, Debug)]
pub(super) struct Encoded {
    json: String,
    /// How many events there are in `json`.
    count: usize,
    limit: usize,
    is_full: bool,
    /// The time of the last event, or of the last moment that was told of.
    now: u64,
}

/// The parts of an event behind its kind.
pub(super) struct Parts<'a>(&'a mut String);

/// Whole microseconds, as many as there can be at the most: the largest integer that every reader of JSON knows.
pub(super) fn micros(time: Duration) -> u64 {
    const MOST: u64 = (1 << 53) - 1;
    u64::try_from(time.as_micros()).map_or(MOST, |micros| micros.min(MOST))
}

/// A text as a JSON string, in which no `<` is left: no text can end the element of a page that it is in.
pub(super) fn string(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap_or_else(|_| String::from("\"\""));
    quoted.replace('<', "\\u003c")
}

impl Encoded {
    pub(super) fn new(limit: usize) -> Self {
        Encoded { json: String::new(), count: 0, limit, is_full: false, now: 0 }
    }

    pub(super) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    pub(super) fn now(&self) -> u64 {
        self.now
    }

    /// Time has passed until `at`.
    pub(super) fn pass(&mut self, at: u64) -> u64 {
        self.now = self.now.max(at);
        self.now
    }

    /// Adds an event. If there is no room for another one, the last event says so.
    pub(super) fn push(&mut self, at: u64, kind: char, parts: impl FnOnce(&mut Parts<'_>)) {
        let at = self.pass(at);
        if self.is_full {
            return;
        }
        if self.count < self.limit {
            return self.add(at, kind, parts);
        }
        self.is_full = true;
        let limit = self.limit as u64;
        self.add(at, 'o', |out| {
            out.signed(-1);
            out.number(FULL);
            out.numbers(&[limit]);
        });
    }

    fn add(&mut self, at: u64, kind: char, parts: impl FnOnce(&mut Parts<'_>)) {
        let comma = if self.count == 0 { "" } else { ",\n" };
        let _ = write!(self.json, "{comma}[{at},\"{kind}\"");
        parts(&mut Parts(&mut self.json));
        self.json.push(']');
        self.count = self.count.saturating_add(1);
    }

    pub(super) fn json(&self) -> &str {
        &self.json
    }

    /// Takes all events. There is room again.
    pub(super) fn take(&mut self) -> String {
        (self.count, self.is_full) = (0, false);
        core::mem::take(&mut self.json)
    }
}

impl Parts<'_> {
    pub(super) fn number(&mut self, number: u64) {
        let _ = write!(self.0, ",{number}");
    }

    pub(super) fn signed(&mut self, number: i64) {
        let _ = write!(self.0, ",{number}");
    }

    /// JSON that is encoded already.
    pub(super) fn raw(&mut self, json: &str) {
        self.0.push(',');
        self.0.push_str(json);
    }

    pub(super) fn numbers(&mut self, numbers: &[u64]) {
        self.list(numbers, |json, number| {
            let _ = write!(json, "{number}");
        });
    }

    /// Texts that need no escape.
    pub(super) fn strings(&mut self, texts: &[&'static str]) {
        self.list(texts, |json, text| {
            let _ = write!(json, "\"{text}\"");
        });
    }

    fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut String, &T)) {
        self.0.push_str(",[");
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.0.push(',');
            }
            write(self.0, item);
        }
        self.0.push(']');
    }
}
