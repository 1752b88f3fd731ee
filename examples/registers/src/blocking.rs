//! An awaited cell for threads.

use std::io;
use std::time::Duration;

use quorate::adapters::register::{AsyncCell, Cell, CellError, Tag};
use tokio::runtime::{Builder, Runtime};

/// An [`AsyncCell`] as a [`Cell`], with a runtime of its own and a time-out for each call.
#[derive(Debug)]
pub struct Blocking<C> {
    cell: C,
    timeout: Duration,
    /// `None` only while this is dropped.
    runtime: Option<Runtime>,
}

impl<C: AsyncCell> Blocking<C> {
    /// A cell of which each call ends after `timeout`, with [`CellError::Unknown`].
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn new(cell: C, timeout: Duration) -> io::Result<Self> {
        // One thread beside the caller's answers the server's questions whether the client lives, between the calls too.
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Blocking { cell, timeout, runtime: Some(runtime) })
    }

    fn call<'a, T, F>(&'a mut self, call: impl FnOnce(&'a mut C) -> F) -> Result<T, CellError>
    where
        F: Future<Output = Result<T, CellError>>,
    {
        let Some(runtime) = &self.runtime else { return Err(CellError::not_done("the register is closed")) };
        let (timeout, call) = (self.timeout, call(&mut self.cell));
        // The call is dropped. What it has sent may still reach the register.
        runtime
            .block_on(async { tokio::time::timeout(timeout, call).await })
            .unwrap_or_else(|_| Err(CellError::unknown(format!("no answer within {timeout:?}"))))
    }
}

impl<C: AsyncCell> Cell for Blocking<C> {
    fn read(&mut self) -> Result<Option<(Tag, Vec<u8>)>, CellError> {
        self.call(AsyncCell::read)
    }

    fn swap(&mut self, tag: &Tag, bytes: &[u8]) -> Result<Option<Tag>, CellError> {
        self.call(|cell| cell.swap(tag, bytes))
    }

    fn create(&mut self, bytes: &[u8]) -> Result<Option<Tag>, CellError> {
        self.call(|cell| cell.create(bytes))
    }
}

impl<C> Drop for Blocking<C> {
    fn drop(&mut self) {
        // A look-up of a name cannot be interrupted, and is not waited for.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
