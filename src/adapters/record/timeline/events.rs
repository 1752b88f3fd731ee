//! What happens to the nodes of a timeline from outside, and between them.

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;

use super::encoding::micros;
use super::{MessageNumber, Timeline};
use crate::message::Message;
use crate::types::NodeId;

impl<I: NodeId> Timeline<I> {
    /// Time has passed until `at`, and nothing need have happened.
    pub fn pass(&mut self, at: Duration) {
        self.events.pass(micros(at));
    }

    /// The process of a node ends, or is killed.
    pub fn end(&mut self, at: Duration, node: I) {
        self.tell_of_node(at, node, 'd');
        self.forget_view(node);
    }

    /// The process of a node, if it has one, ends, and all that the node has stored is lost.
    pub fn forget(&mut self, at: Duration, node: I) {
        self.tell_of_node(at, node, 'F');
        self.forget_view(node);
    }

    /// The process of a node does nothing from now on, and does not notice.
    pub fn freeze(&mut self, at: Duration, node: I) {
        self.tell_of_node(at, node, 'f');
    }

    /// The process of a node goes on where it was.
    pub fn thaw(&mut self, at: Duration, node: I) {
        self.tell_of_node(at, node, 'h');
    }

    /// The clock of a node runs fast from now on, by that many millionths; slow, if that is below zero.
    pub fn set_clock_rate(&mut self, at: Duration, node: I, ppm: i64) {
        let Some(node) = self.index_of(node) else { return };
        self.events.push(micros(at), 'c', |out| {
            out.number(node as u64);
            out.signed(ppm);
        });
    }

    /// The link from one node to another is up from now on, or down.
    pub fn set_link(&mut self, at: Duration, from: I, to: I, is_up: bool) {
        let (Some(from), Some(to)) = (self.index_of(from), self.index_of(to)) else { return };
        self.events.push(micros(at), 'l', |out| {
            out.number(from as u64);
            out.number(to as u64);
            out.number(u64::from(is_up));
        });
    }

    /// A node begins to write its state.
    pub fn begin_write(&mut self, at: Duration, node: I) {
        self.tell_of_node(at, node, 'w');
    }

    /// The state of a node is durable.
    pub fn finish_write(&mut self, at: Duration, node: I) {
        self.tell_of_node(at, node, 'W');
    }

    /// A message is sent. The number that is returned is for [`receive`](Self::receive) and [`lose`](Self::lose).
    pub fn send(&mut self, at: Duration, from: I, to: I, message: &Message<I>) -> MessageNumber {
        self.tell_message(at, (from, to), message, None)
    }

    /// A message is sent, of which it is known when its copies are due to arrive: none, if it is lost. What really happens
    /// is told as well when it does.
    pub fn send_arriving(
        &mut self,
        at: Duration,
        from: I,
        to: I,
        message: &Message<I>,
        due: &[Duration],
    ) -> MessageNumber {
        self.tell_message(at, (from, to), message, Some(due))
    }

    /// The number that the next message will have.
    #[must_use]
    pub fn next_message(&self) -> MessageNumber {
        MessageNumber(self.messages.saturating_add(1))
    }

    fn tell_message(
        &mut self,
        at: Duration,
        (from, to): (I, I),
        message: &Message<I>,
        due: Option<&[Duration]>,
    ) -> MessageNumber {
        let number = self.next_message();
        self.messages = number.0;
        let (Some(from), Some(to)) = (self.index_of(from), self.index_of(to)) else { return number };
        if self.events.is_full() {
            self.pass(at);
            return number;
        }
        let text = self.texts.template(&message.to_string());
        self.events.push(micros(at), 'm', |out| {
            out.number(number.0);
            out.number(from as u64);
            out.number(to as u64);
            out.number(text.index);
            out.numbers(&text.numbers);
            if let Some(due) = due {
                let due: Vec<u64> = due.iter().map(|&due| micros(due)).collect();
                out.numbers(&due);
            }
        });
        number
    }

    /// A message arrives. One that the network doubles arrives twice.
    pub fn receive(&mut self, at: Duration, message: MessageNumber) {
        self.events.push(micros(at), 'r', |out| out.number(message.0));
    }

    /// A message is lost.
    pub fn lose(&mut self, at: Duration, message: MessageNumber) {
        self.events.push(micros(at), 'x', |out| out.number(message.0));
    }

    /// Something was done to a node from outside, or to the whole group if there is no node; or something was noticed.
    pub fn note(&mut self, at: Duration, node: Option<I>, text: &str) {
        let node = node.and_then(|node| self.index_of(node));
        let text = self.texts.template(text);
        self.events.push(micros(at), 'o', |out| {
            match node {
                Some(node) => out.number(node as u64),
                None => out.signed(-1),
            }
            out.number(text.index);
            out.numbers(&text.numbers);
        });
    }

    /// A promise was broken. Only the first one counts.
    pub fn violate(&mut self, at: Duration, text: &str) {
        if self.violation.is_none() {
            let at_micros = self.events.pass(micros(at));
            self.violation = Some((at_micros, text.to_string()));
            self.note(at, None, &format!("broken: {text}"));
        }
    }

    pub(super) fn tell_start(&mut self, at: Duration, node: usize) {
        self.events.push(micros(at), 'u', |out| out.number(node as u64));
        if let Some(entry) = self.nodes.get_mut(node) {
            (entry.view, entry.named) = (None, None);
        }
    }

    fn tell_of_node(&mut self, at: Duration, node: I, kind: char) {
        let Some(node) = self.index_of(node) else { return };
        self.events.push(micros(at), kind, |out| out.number(node as u64));
    }

    fn forget_view(&mut self, node: I) {
        if let Some(entry) = self.nodes.iter_mut().find(|entry| entry.id == node) {
            (entry.view, entry.named) = (None, None);
        }
    }
}
