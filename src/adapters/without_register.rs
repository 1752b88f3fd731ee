//! What hosts have in the place of a register's agent, where the feature `register` is off: nothing.

use core::convert::Infallible;
use core::marker::PhantomData;

use super::random::JitterRng;
use crate::election::Election;
use crate::message::Message;
use crate::status::Status;
use crate::types::Timestamp;

/// There is none.
pub(super) struct Attendant<I> {
    never: Infallible,
    _id: PhantomData<I>,
}

/// No call ever ends.
#[derive(Debug)]
pub(super) struct Called {
    never: Infallible,
}

impl<I> Attendant<I> {
    pub(super) fn voter(&self) -> I {
        match self.never {}
    }

    pub(super) fn ask(&mut self, _: &Election<I, JitterRng>, _: Message<I>, _: Timestamp) {
        match self.never {}
    }

    pub(super) fn tick(&mut self, _: &Election<I, JitterRng>, _: Timestamp) {
        match self.never {}
    }

    pub(super) fn deadline(&self) -> Timestamp {
        match self.never {}
    }

    pub(super) fn complete(&mut self, called: Called, _: Timestamp) {
        match called.never {}
    }

    pub(super) fn is_calling(&self) -> bool {
        match self.never {}
    }

    pub(super) fn show(&self, _: &mut Status<I>) {
        match self.never {}
    }

    pub(super) fn take_message(&mut self) -> Option<Message<I>> {
        match self.never {}
    }
}
