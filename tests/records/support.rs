//! What the tests of records share: where records are kept, and how they are replayed.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use quorate::adapters::record::{Ending, Line, Moment, Recorder, Recording, Replay, ReplayError};
use quorate::{Input, NodeId};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A record in memory. Clones are the same record.
#[derive(Clone, Default)]
pub(crate) struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    pub(crate) fn recorder(&self) -> Recorder {
        Recorder::new(self.clone())
    }

    pub(crate) fn text(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

/// Waits until `seen` returns a value, for [`PATIENCE`] at most.
#[track_caller]
pub(crate) fn wait<T>(what: &str, mut seen: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = seen() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Waits until all lines are written.
#[track_caller]
pub(crate) fn complete(recording: &Recording) {
    let end = recording.wait(PATIENCE);
    assert_eq!(end.map(|end| end.to_string()).as_deref(), Some("complete"));
    assert_eq!(recording.dropped(), 0);
}

/// All that a record says, or why it cannot be replayed.
pub(crate) fn replay<I>(record: &[u8]) -> Result<Vec<Moment<I>>, ReplayError>
where
    I: NodeId + Serialize + DeserializeOwned,
{
    Replay::<_, I>::new(record).collect()
}

/// The same of a record that is as it should be.
#[track_caller]
pub(crate) fn replayed<I: NodeId + Serialize + DeserializeOwned>(record: &[u8]) -> Vec<Moment<I>> {
    replay(record).unwrap_or_else(|error| panic!("{error}\n{}", String::from_utf8_lossy(record)))
}

/// The lines of these moments, and the endings among them.
pub(crate) fn lines<I: NodeId>(moments: Vec<Moment<I>>) -> (Vec<Line<I>>, Vec<Ending>) {
    let (mut lines, mut endings) = (Vec::new(), Vec::new());
    for moment in moments {
        match moment {
            Moment::Line { line, .. } => lines.push(line),
            Moment::Ending { ending, .. } => endings.push(ending),
        }
    }
    (lines, endings)
}

/// Whether a command like this was recorded.
pub(crate) fn has_input<I: NodeId>(lines: &[Line<I>], is_wanted: impl Fn(&Input<I>) -> bool) -> bool {
    lines.iter().any(|line| matches!(line, Line::Step { input, .. } if is_wanted(input)))
}
