//! A register in memory that the hosts of one test share, and whose faults the test commands.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use quorate::adapters::register::{self, AsyncCell, Cell, CellError, Inspection, Tag};
use tokio::sync::Notify;

use super::{Id, R, first};

/// What becomes of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mood {
    Works,
    /// No call ends until the register works again. A swap is made when it begins.
    Hangs,
    /// It cannot be reached.
    Fails,
    Panics,
}

struct State {
    mood: Mood,
    /// The number of the content, and the content.
    content: (u64, Vec<u8>),
    /// How many calls hang.
    hanging: usize,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// The same for those who await.
    woken: Notify,
}

/// Clones are clients of the same register.
#[derive(Clone)]
pub(crate) struct MemoryRegister(Arc<Shared>);

impl MemoryRegister {
    /// As the operator creates it.
    pub(crate) fn new() -> Self {
        let content = (1, register::create(&first(), R).unwrap());
        let state = State { mood: Mood::Works, content, hanging: 0 };
        let shared = Shared { state: Mutex::new(state), changed: Condvar::new(), woken: Notify::new() };
        MemoryRegister(Arc::new(shared))
    }

    pub(crate) fn inspect(&self) -> Inspection<Id> {
        register::inspect(&self.lock().content.1).unwrap()
    }

    pub(crate) fn copy(&self) -> (u64, Vec<u8>) {
        self.lock().content.clone()
    }

    /// Puts a copy back.
    pub(crate) fn restore(&self, copy: (u64, Vec<u8>)) {
        self.lock().content = copy;
    }

    /// From now on no call ends; a swap is made all the same.
    pub(crate) fn hang(&self) {
        self.become_of(Mood::Hangs);
    }

    pub(crate) fn fail(&self) {
        self.become_of(Mood::Fails);
    }

    pub(crate) fn panic(&self) {
        self.become_of(Mood::Panics);
    }

    /// It works from now on, and what hangs ends.
    pub(crate) fn work(&self) {
        self.become_of(Mood::Works);
    }

    /// How many calls hang.
    pub(crate) fn hanging(&self) -> usize {
        self.lock().hanging
    }

    fn become_of(&self, mood: Mood) {
        self.lock().mood = mood;
        self.0.changed.notify_all();
        self.0.woken.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    /// Does what the register does at once.
    fn begin<T>(&self, act: impl FnOnce(&mut State) -> T) -> Result<T, CellError> {
        let mut state = self.lock();
        match state.mood {
            Mood::Fails => Err(CellError::not_done(io::Error::other("unreachable, as the test wants"))),
            Mood::Panics => {
                drop(state);
                panic!("a client that panics, as the test wants")
            }
            Mood::Works | Mood::Hangs => Ok(act(&mut state)),
        }
    }

    fn call<T>(&self, act: impl FnOnce(&mut State) -> T) -> Result<T, CellError> {
        let outcome = self.begin(act)?;
        let mut state = self.lock();
        state.hanging += 1;
        // A test that fails must not hang.
        let patience = Duration::from_secs(120);
        let hangs = |state: &mut State| state.mood == Mood::Hangs;
        state = self.0.changed.wait_timeout_while(state, patience, hangs).unwrap().0;
        state.hanging -= 1;
        Ok(outcome)
    }

    async fn await_call<T>(&self, act: impl FnOnce(&mut State) -> T) -> Result<T, CellError> {
        let outcome = self.begin(act)?;
        let hanging = Hanging::new(self);
        loop {
            let woken = self.0.woken.notified();
            if self.lock().mood != Mood::Hangs {
                break;
            }
            woken.await;
        }
        drop(hanging);
        Ok(outcome)
    }
}

/// A call that is awaited, which may be dropped.
struct Hanging<'a>(&'a MemoryRegister);

impl<'a> Hanging<'a> {
    fn new(register: &'a MemoryRegister) -> Self {
        register.lock().hanging += 1;
        Hanging(register)
    }
}

impl Drop for Hanging<'_> {
    fn drop(&mut self) {
        self.0.lock().hanging -= 1;
    }
}

impl State {
    fn read(&mut self) -> Option<(Tag, Vec<u8>)> {
        Some((Tag::from(self.content.0), self.content.1.clone()))
    }

    fn swap(&mut self, tag: &Tag, bytes: &[u8]) -> Option<Tag> {
        let number = self.content.0;
        if *tag != Tag::from(number) {
            return None;
        }
        self.content = (number + 1, bytes.to_vec());
        Some(Tag::from(number + 1))
    }
}

impl Cell for MemoryRegister {
    fn read(&mut self) -> Result<Option<(Tag, Vec<u8>)>, CellError> {
        self.call(State::read)
    }

    fn swap(&mut self, tag: &Tag, bytes: &[u8]) -> Result<Option<Tag>, CellError> {
        self.call(|state| state.swap(tag, bytes))
    }

    fn create(&mut self, _: &[u8]) -> Result<Option<Tag>, CellError> {
        Ok(None)
    }
}

/// The same, awaited.
pub(crate) struct Awaited(pub(crate) MemoryRegister);

impl AsyncCell for Awaited {
    async fn read(&mut self) -> Result<Option<(Tag, Vec<u8>)>, CellError> {
        self.0.await_call(State::read).await
    }

    async fn swap(&mut self, tag: &Tag, bytes: &[u8]) -> Result<Option<Tag>, CellError> {
        self.0.await_call(|state| state.swap(tag, bytes)).await
    }

    async fn create(&mut self, _: &[u8]) -> Result<Option<Tag>, CellError> {
        Ok(None)
    }
}
