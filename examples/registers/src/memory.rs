//! A register in memory.

use std::sync::{Arc, Mutex, PoisonError};

use quorate::adapters::register::{Cell, CellError, Tag};

/// A register in the memory of this process, for tests. Its clones are clients of the same register.
#[derive(Clone, Debug, Default)]
pub struct MemoryCell(Arc<Mutex<Option<Content>>>);

/// The number of the last write, and what it wrote.
type Content = (u64, Vec<u8>);

// page: memory
impl Cell for MemoryCell {
    fn read(&mut self) -> Result<Option<(Tag, Vec<u8>)>, CellError> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(held.as_ref().map(|(number, bytes)| (Tag::from(*number), bytes.clone())))
    }

    fn swap(&mut self, tag: &Tag, bytes: &[u8]) -> Result<Option<Tag>, CellError> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((number, content)) = held.as_mut().filter(|(number, _)| Tag::from(*number) == *tag) else {
            return Ok(None);
        };
        (*number, *content) = (number.saturating_add(1), bytes.to_vec());
        Ok(Some(Tag::from(*number)))
    }

    fn create(&mut self, bytes: &[u8]) -> Result<Option<Tag>, CellError> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_some() {
            return Ok(None);
        }
        *held = Some((1, bytes.to_vec()));
        Ok(Some(Tag::from(1)))
    }
}
// page: end
