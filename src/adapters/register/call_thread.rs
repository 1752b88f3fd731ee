//! The thread on which the calls of a blocking client run.

use std::boxed::Box;
use std::io;
use std::prelude::rust_2024::*;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::attendant::{Called, Caller};
use super::calls::Call;
use super::cell::Cell;

/// A client that the clones of a configuration share. Each call has it alone.
pub(in crate::adapters) type SharedCell = Arc<Mutex<dyn Cell>>;

pub(in crate::adapters) fn share(cell: impl Cell) -> SharedCell {
    Arc::new(Mutex::new(cell))
}

/// Makes calls on a thread of its own, which ends after the last call once this is dropped. Nobody waits for it: a call
/// may hang. After a client that has panicked no call ends any more.
struct CallThread(SyncSender<Call>);

/// Starts a thread for the calls of `cell`. What comes of each is passed to `report` there.
pub(in crate::adapters) fn call_on_thread(
    cell: SharedCell,
    report: impl FnMut(Called) + Send + 'static,
) -> io::Result<Box<dyn Caller>> {
    let (begin, calls) = sync_channel(1);
    let thread = thread::Builder::new().name("quorate-register".into());
    thread.spawn(move || make_all(calls, &cell, report))?;
    Ok(Box::new(CallThread(begin)))
}

impl Caller for CallThread {
    fn begin(&mut self, call: Call) {
        let _thread_has_panicked = self.0.try_send(call);
    }

    fn cancel(&mut self) {}
}

fn make_all(calls: Receiver<Call>, cell: &Mutex<dyn Cell>, mut report: impl FnMut(Called)) {
    for Call { number, request } in calls {
        let outcome = request.make(&mut *cell.lock().unwrap_or_else(PoisonError::into_inner));
        report(Called { number, outcome: Some(outcome) });
    }
}
