//! What takes the lines of a record: a buffer of bounded length, and a thread that empties it.

use std::boxed::Box;
use std::fmt;
use std::format;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::prelude::rust_2024::*;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::record_end::{RecordEnd, RecorderError};

/// For how long lines are collected before they are written together.
const PAUSE: Duration = Duration::from_millis(20);

/// How many bytes wait for a slow disk at most, unless told otherwise: for minutes, if the node is at rest.
const BUFFER: usize = 4 << 20;

/// How long a record becomes, unless told otherwise.
const LIMIT: u64 = 1 << 30;

/// Records one node. Clones are the same recorder.
///
/// The host appends each line to a buffer in memory. A thread of the recorder's own writes the lines, some 20 ms later, to
/// what it was given: a file, a pipe, a connection. The host never waits for that, however long it takes. While it takes too
/// long, so that the buffer is full, lines are dropped; a line says how many, and a replay ends there. If it fails, the record
/// has ended, and the node runs on.
///
/// A process that is killed takes the lines of the last 20 ms with it, and leaves a record that is cut in a line, which a
/// replay understands. One that ends waits for its last lines with [`Recording::wait`].
///
/// There are no keys in a record, and no addresses but for ids that are some.
#[derive(Clone)]
pub struct Recorder {
    name: Option<String>,
    limit: u64,
    buffer: usize,
    parts: Arc<Mutex<Parts>>,
    shared: Arc<Shared>,
}

/// What is used once.
struct Parts {
    /// None once a host records.
    out: Option<Box<dyn Write + Send>>,
    /// What is already there.
    length: u64,
    on_end: Option<OnEnd>,
}

type OnEnd = Box<dyn FnOnce(&RecordEnd) + Send>;

/// How a recorder gets on. Clones show the same.
#[derive(Clone, Debug)]
pub struct Recording(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Lines came into an empty buffer, or no more will come.
    filled: Condvar,
    /// The record has ended.
    ended: Condvar,
    written: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    pending: Vec<u8>,
    /// How many lines the buffer had no room for since the last one that it had room for.
    missing: u64,
    lines: u64,
    dropped: u64,
    /// No more lines will come.
    closed: bool,
    end: Option<RecordEnd>,
}

impl Recorder {
    /// Records to `out`, which is written to by a thread of the recorder's own, some kilobytes at a time.
    #[must_use]
    pub fn new(out: impl Write + Send + 'static) -> Self {
        Self::appending_to(Box::new(out), 0)
    }

    /// Records to this file, behind what is in it: the record of a process that ran before, perhaps.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn to_file(path: impl AsRef<Path>) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let length = finish_last_line(&mut file)?;
        Ok(Self::appending_to(Box::new(file), length))
    }

    fn appending_to(out: Box<dyn Write + Send>, length: u64) -> Self {
        Recorder {
            name: None,
            limit: LIMIT,
            buffer: BUFFER,
            parts: Arc::new(Mutex::new(Parts { out: Some(out), length, on_end: None })),
            shared: Arc::new(Shared::new()),
        }
    }

    /// How pictures are to call the node: by its id, unless told otherwise.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How many bytes the record may have, those included that were in the file before: 1 GiB unless told otherwise. Then a
    /// last line says that it ends there.
    #[must_use]
    pub fn limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    /// How many bytes may wait to be written: 4 MiB unless told otherwise.
    #[must_use]
    pub fn buffer(mut self, bytes: usize) -> Self {
        self.buffer = bytes;
        self
    }

    /// Has `told` called with the end of the record, once, on the thread of the recorder.
    #[must_use]
    pub fn on_end(self, told: impl FnOnce(&RecordEnd) + Send + 'static) -> Self {
        lock(&self.parts).on_end = Some(Box::new(told));
        self
    }

    /// How the recorder gets on, for after it was given to a host.
    #[must_use]
    pub fn recording(&self) -> Recording {
        Recording(Arc::clone(&self.shared))
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Begins to write. Lines go to what is returned.
    pub(super) fn begin(&self) -> Result<Stream, RecorderError> {
        let mut parts = lock(&self.parts);
        let out = parts.out.take().ok_or(RecorderError::InUse)?;
        let on_end = parts.on_end.take();
        let writer =
            Writer { shared: Arc::clone(&self.shared), out, length: parts.length, limit: self.limit };
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new().name("quorate-record".into());
        let thread = thread.spawn(move || {
            // What was given to write to is code of the program.
            let end = catch_unwind(AssertUnwindSafe(|| writer.write_all()));
            let end = end.unwrap_or_else(|_| failed(io::Error::other("the writer panicked")));
            shared.end(&end);
            if let Some(told) = on_end {
                told(&end);
            }
        });
        thread.map_err(RecorderError::Thread)?;
        Ok(Stream { shared: Arc::clone(&self.shared), capacity: self.buffer })
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("name", &self.name)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl Recording {
    /// How many lines were recorded, whether they are written by now or not.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.0.lock().lines
    }

    /// How many lines were dropped, as they could not be written in time.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.lock().dropped
    }

    /// How many bytes are written.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.written.load(Ordering::Relaxed)
    }

    /// Why the record has ended, if it has.
    #[must_use]
    pub fn end(&self) -> Option<RecordEnd> {
        self.0.lock().end.clone()
    }

    /// Waits until the record has ended, but no longer than `timeout`: before the process ends, after its host has.
    /// Returns why it has ended, if it has.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> Option<RecordEnd> {
        let (began, mut state) = (Instant::now(), self.0.lock());
        loop {
            if state.end.is_some() {
                return state.end.clone();
            }
            let left = timeout.saturating_sub(began.elapsed());
            if left.is_zero() {
                return None;
            }
            let waited = self.0.ended.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Where a host puts lines. No more will come when it is dropped.
#[derive(Debug)]
pub(super) struct Stream {
    shared: Arc<Shared>,
    capacity: usize,
}

impl Stream {
    /// Appends a line, or drops it if there is no room. The caller waits for nothing but memory.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.shared.lock();
        if state.end.is_some() || state.closed {
            return;
        }
        if state.pending.len().saturating_add(line.len()) > self.capacity {
            state.missing = state.missing.saturating_add(1);
            state.dropped = state.dropped.saturating_add(1);
            return;
        }
        let was_empty = state.pending.is_empty();
        state.tell_of_missing();
        state.pending.extend_from_slice(line);
        state.lines = state.lines.saturating_add(1);
        drop(state);
        if was_empty {
            self.shared.filled.notify_all();
        }
    }

    /// Appends the last line, for which there is always room.
    pub(super) fn close(&self, line: &[u8]) {
        let mut state = self.shared.lock();
        if !state.closed {
            state.tell_of_missing();
            state.pending.extend_from_slice(line);
            state.lines = state.lines.saturating_add(u64::from(!line.is_empty()));
            state.closed = true;
        }
        self.shared.filled.notify_all();
    }

    /// The record ends, as what is to be recorded cannot be written.
    pub(super) fn fail(&self, error: io::Error) {
        self.shared.lock().end.get_or_insert(failed(error));
        self.close(&[]);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.close(&[]);
    }
}

impl State {
    /// Says how many lines are missing here, if any are.
    fn tell_of_missing(&mut self) {
        let missing = mem::take(&mut self.missing);
        if missing > 0 {
            self.pending.extend_from_slice(format!("{{\"dropped\":{{\"lines\":{missing}}}}}\n").as_bytes());
        }
    }
}

impl Shared {
    fn new() -> Self {
        let (filled, ended) = (Condvar::new(), Condvar::new());
        Shared { state: Mutex::default(), filled, ended, written: AtomicU64::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn end(&self, end: &RecordEnd) {
        let mut state = self.lock();
        state.end.get_or_insert_with(|| end.clone());
        state.pending = Vec::new();
        drop(state);
        self.ended.notify_all();
    }
}

struct Writer {
    shared: Arc<Shared>,
    out: Box<dyn Write + Send>,
    /// How many bytes there are by now.
    length: u64,
    limit: u64,
}

impl Writer {
    /// Writes until no more lines will come or can be written.
    fn write_all(mut self) -> RecordEnd {
        let mut lines = Vec::new();
        loop {
            self.take(&mut lines);
            if lines.is_empty() {
                return RecordEnd::Complete;
            }
            match self.write(&lines) {
                Ok(true) => lines.clear(),
                Ok(false) => return RecordEnd::Full { limit: self.limit },
                Err(error) => return failed(error),
            }
        }
    }

    /// Takes the lines that were collected; none if no more will come.
    fn take(&self, lines: &mut Vec<u8>) {
        let mut state = self.shared.lock();
        while state.pending.is_empty() && !state.closed {
            state = self.shared.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        // The first line is written at once, so that a process that is killed soon after its start is known to have run.
        let has_begun = self.shared.written.load(Ordering::Relaxed) > 0;
        if has_begun && !state.closed {
            let waited = self.shared.filled.wait_timeout_while(state, PAUSE, |state| !state.closed);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        mem::swap(&mut state.pending, lines);
    }

    /// Writes these lines, as far as the limit permits. Returns whether more may follow.
    fn write(&mut self, lines: &[u8]) -> io::Result<bool> {
        let last = format!("{{\"stopped\":{{\"limit\":{}}}}}\n", self.limit);
        let room = self.limit.saturating_sub(self.length).saturating_sub(last.len() as u64);
        let fits = lines.len() as u64 <= room;
        let lines = if fits { lines } else { whole_lines(lines, room) };
        self.put(lines)?;
        if !fits {
            self.put(last.as_bytes())?;
        }
        self.out.flush()?;
        Ok(fits)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.length = self.length.saturating_add(bytes.len() as u64);
        self.shared.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

/// The lines among these that fit into so many bytes.
fn whole_lines(lines: &[u8], room: u64) -> &[u8] {
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    let cut = lines.get(..room).unwrap_or(lines);
    let end = cut.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last.saturating_add(1));
    cut.get(..end).unwrap_or_default()
}

/// Ends a line that a process has left unfinished. Returns how long the file is.
fn finish_last_line(file: &mut File) -> io::Result<u64> {
    let length = file.seek(SeekFrom::End(0))?;
    if length == 0 {
        return Ok(0);
    }
    let mut last = [0];
    // What cannot be read back, a pipe for one, has no last line.
    let is_read = file.seek(SeekFrom::End(-1)).and_then(|_| file.read_exact(&mut last)).is_ok();
    if is_read && last != *b"\n" {
        file.write_all(b"\n")?;
        return Ok(length.saturating_add(1));
    }
    Ok(length)
}

fn failed(error: io::Error) -> RecordEnd {
    RecordEnd::Failed(Arc::new(error))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
