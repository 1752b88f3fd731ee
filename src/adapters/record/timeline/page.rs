//! A timeline as JSON, whole or in chunks, and as a page.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::encoding::string;
use super::{Source, Timeline};
use crate::types::NodeId;

/// The page that draws a timeline, without one.
pub(super) const VIEWER: &str = include_str!("../viewer.html");
/// The element of the page that a timeline is put into.
pub(super) const PLACE: &str = "<script type=\"application/json\" id=\"timeline\">";

impl<I: NodeId> Timeline<I> {
    /// The whole timeline as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let texts = list(self.texts.all());
        format!("{{{},\"texts\":{texts},\"events\":[\n{}\n]}}", self.head_fields(), self.events.json())
    }

    /// What is known before anything has happened, as JSON: the same as the whole timeline, without texts and events.
    #[must_use]
    pub fn head(&self) -> String {
        format!("{{{},\"texts\":[],\"events\":[]}}", self.head_fields())
    }

    /// Takes the events since the last chunk, with the texts that are new in them, as JSON. There is room for as many
    /// events again.
    #[must_use]
    pub fn take_chunk(&mut self) -> String {
        let events = self.events.take();
        let (now, violation) = (self.events.now(), self.violation_json());
        let texts = list(self.texts.take_new());
        format!("{{\"texts\":{texts},\"events\":[{events}],\"now\":{now},\"violation\":{violation}}}")
    }

    /// A page that draws the timeline: one HTML file, which loads nothing else.
    #[must_use]
    pub fn page(&self) -> String {
        let (before, after) = VIEWER.split_once(PLACE).unwrap_or((VIEWER, ""));
        [before, PLACE, &self.to_json(), after].concat()
    }

    fn head_fields(&self) -> String {
        let names: Vec<String> = self.nodes.iter().map(|node| format!("{:?}", node.id)).collect();
        let command = self.command.as_deref().map_or_else(null, string);
        format!(
            "\"timeline\":1,\"title\":{},\"source\":\"{}\",\"command\":{command},\"nodes\":{},\"end\":{},\"violation\":{}",
            string(&self.title),
            match self.source {
                Source::Simulation => "simulation",
                Source::Record => "record",
                Source::Playground => "playground",
            },
            list(&names),
            self.events.now(),
            self.violation_json(),
        )
    }

    fn violation_json(&self) -> String {
        let object = |(at, text): &(u64, String)| format!("{{\"at\":{at},\"text\":{}}}", string(text));
        self.violation.as_ref().map_or_else(null, object)
    }
}

fn null() -> String {
    "null".to_string()
}

fn list(texts: &[String]) -> String {
    let strings: Vec<String> = texts.iter().map(|text| string(text)).collect();
    format!("[{}]", strings.join(","))
}
