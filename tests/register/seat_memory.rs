//! A register in memory, which processes share, and whose calls do what a test wants.

use std::future::pending;
use std::sync::{Arc, Condvar, Mutex};

use quorate::ClusterId;
use quorate::adapters::register::{AsyncCell, Cell, CellError, Tag, create_seat};

pub(crate) const GROUP: ClusterId = ClusterId(3);

/// What becomes of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mood {
    Works,
    /// It is not done.
    Fails,
    /// It is not answered, and not done, until the mood changes.
    Hangs,
    /// A swap is done, and not answered until the mood changes.
    IsSilent,
    Panics,
}

/// The content, the number of its tag, and how often it was swapped. Clones are the same register.
#[derive(Clone)]
pub(crate) struct Memory(Arc<Mutex<(u64, Vec<u8>)>>);

impl Memory {
    pub(crate) fn new() -> Self {
        Memory(Arc::new(Mutex::new((0, create_seat(GROUP)))))
    }

    /// How often it was written.
    pub(crate) fn writes(&self) -> u64 {
        self.0.lock().unwrap().0
    }

    fn read(&self) -> (Tag, Vec<u8>) {
        let (number, bytes) = &*self.0.lock().unwrap();
        (Tag::from(*number), bytes.clone())
    }

    fn swap(&self, tag: &Tag, bytes: &[u8]) -> Option<Tag> {
        let mut content = self.0.lock().unwrap();
        if *tag != Tag::from(content.0) {
            return None;
        }
        *content = (content.0 + 1, bytes.to_vec());
        Some(Tag::from(content.0))
    }
}

/// A client of the register, whose mood a test sets. Clones are the same client.
#[derive(Clone)]
pub(crate) struct Client(Arc<Shared>);

struct Shared {
    memory: Memory,
    mood: Mutex<Mood>,
    changed: Condvar,
}

impl Client {
    pub(crate) fn of(memory: &Memory) -> Self {
        let (memory, mood) = (memory.clone(), Mutex::new(Mood::Works));
        Client(Arc::new(Shared { memory, mood, changed: Condvar::new() }))
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.0.mood.lock().unwrap() = mood;
        self.0.changed.notify_all();
    }

    fn mood(&self) -> Mood {
        *self.0.mood.lock().unwrap()
    }

    /// Returns when no call hangs any more.
    fn wait(&self) {
        let hangs = |mood: &mut Mood| matches!(mood, Mood::Hangs | Mood::IsSilent);
        drop(self.0.changed.wait_while(self.0.mood.lock().unwrap(), hangs).unwrap());
    }

    /// What a call of this mood comes to, unless it is done.
    fn fail(&self) -> Result<(), CellError> {
        match self.mood() {
            Mood::Fails => Err(CellError::not_done("no connection")),
            Mood::Panics => panic!("a client that is broken"),
            Mood::Works | Mood::Hangs | Mood::IsSilent => Ok(()),
        }
    }
}

impl Cell for Client {
    fn read(&mut self) -> Result<Option<(Tag, Vec<u8>)>, CellError> {
        self.wait();
        self.fail()?;
        Ok(Some(self.0.memory.read()))
    }

    fn swap(&mut self, tag: &Tag, bytes: &[u8]) -> Result<Option<Tag>, CellError> {
        if self.mood() == Mood::IsSilent {
            let swapped = self.0.memory.swap(tag, bytes);
            self.wait();
            return Ok(swapped);
        }
        self.wait();
        self.fail()?;
        Ok(self.0.memory.swap(tag, bytes))
    }

    fn create(&mut self, _: &[u8]) -> Result<Option<Tag>, CellError> {
        panic!("no contender creates a register");
    }
}

/// The same, awaited. Whoever awaits a call that hangs waits for good: the host drops it.
pub(crate) struct Awaited(pub(crate) Client);

impl AsyncCell for Awaited {
    async fn read(&mut self) -> Result<Option<(Tag, Vec<u8>)>, CellError> {
        match self.0.mood() {
            Mood::Hangs => pending().await,
            _ => {
                self.0.fail()?;
                Ok(Some(self.0.0.memory.read()))
            }
        }
    }

    async fn swap(&mut self, tag: &Tag, bytes: &[u8]) -> Result<Option<Tag>, CellError> {
        self.0.fail()?;
        match self.0.mood() {
            Mood::Hangs => pending().await,
            Mood::IsSilent => {
                self.0.0.memory.swap(tag, bytes);
                pending().await
            }
            _ => Ok(self.0.0.memory.swap(tag, bytes)),
        }
    }

    async fn create(&mut self, _: &[u8]) -> Result<Option<Tag>, CellError> {
        panic!("no contender creates a register");
    }
}
