//! Recorders whose disk is slow, full, or too small.

use std::convert::Infallible;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use quorate::adapters::record::{Ending, RecordEnd, Recorder};
use quorate::adapters::udp::{Host, HostConfig};
use quorate::{ClusterId, Config, HardState};

use super::support::{PATIENCE, Paper, complete, lines, replayed, wait};

type Id = u16;

/// A host that is alone, and writes a line about every tenth of a second.
fn start(recorder: Recorder) -> Host<Id> {
    let config = HostConfig::new(Config::new(1), "127.0.0.1:0".parse().unwrap()).record(recorder);
    let first = HardState::bootstrap(ClusterId(1), [1_u16]).unwrap();
    Host::start(config, first, |_| Ok::<_, Infallible>(())).unwrap()
}

/// A disk that answers no write before it is told to.
struct Stuck {
    paper: Paper,
    answers: Receiver<()>,
}

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _gone = self.answers.recv();
        self.paper.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn stuck() -> (Paper, Stuck, Sender<()>) {
    let (paper, (answer, answers)) = (Paper::default(), channel());
    (paper.clone(), Stuck { paper, answers }, answer)
}

#[test]
fn a_disk_that_never_answers_keeps_no_node_from_leading_and_what_is_missing_is_said() {
    let (paper, disk, answer) = stuck();
    let recorder = Recorder::new(disk).buffer(4_096);
    let recording = recorder.recording();
    let host = start(recorder);
    wait("a leader", || host.lease());
    wait("lines that are dropped", || {
        let _rejected_or_not = host.campaign();
        (recording.dropped() > 10).then_some(())
    });
    assert!(host.lease().is_some(), "it leads on");
    assert!(host.status().pending_write.is_none());
    host.shutdown().unwrap();
    assert!(recording.wait(Duration::ZERO).is_none(), "the host has not waited either");
    drop(answer);
    assert!(matches!(recording.wait(PATIENCE), Some(RecordEnd::Complete)));
    let (_, endings) = lines(replayed::<Id>(&paper.text()));
    assert_eq!(endings, [Ending::Dropped(recording.dropped())]);
}

#[test]
fn lines_go_on_after_those_that_are_missing() {
    let (paper, disk, answer) = stuck();
    let recorder = Recorder::new(disk).buffer(4_096);
    let recording = recorder.recording();
    let host = start(recorder);
    wait("lines that are dropped", || {
        let _rejected_or_not = host.campaign();
        (recording.dropped() > 0).then_some(())
    });
    drop(answer);
    let before = recording.lines();
    wait("more lines", || (recording.lines() > before).then_some(()));
    drop(host);
    assert!(recording.wait(PATIENCE).is_some());
    let text = String::from_utf8(paper.text()).unwrap();
    let (_, after) = text.split_once("{\"dropped\":{\"lines\":").unwrap();
    assert!(after.lines().count() > 1 && after.ends_with("}}\n"), "{text}");
}

#[test]
fn a_disk_that_is_full_ends_the_record_with_a_notice_and_not_the_node() {
    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::new(io::ErrorKind::StorageFull, "no space is left"))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let (tell, told) = channel();
    let recorder = Recorder::new(Full).on_end(move |end| tell.send(end.to_string()).unwrap());
    let recording = recorder.recording();
    let host = start(recorder);
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), "it cannot be written: no space is left");
    assert!(matches!(recording.end(), Some(RecordEnd::Failed(_))));
    wait("a leader", || host.lease());
    assert!(host.failure().is_none());
}

#[test]
fn a_writer_that_panics_ends_the_record_and_not_the_node() {
    struct Broken;

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            panic!("a writer that panics, as the test wants")
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let recorder = Recorder::new(Broken);
    let recording = recorder.recording();
    let host = start(recorder);
    assert!(matches!(recording.wait(PATIENCE), Some(RecordEnd::Failed(_))));
    wait("a leader", || host.lease());
}

#[test]
fn a_record_that_is_as_long_as_it_may_be_ends_with_a_line_that_says_so() {
    let whole = {
        let paper = Paper::default();
        let recorder = paper.recorder();
        let recording = recorder.recording();
        let host = start(recorder);
        wait("a leader", || host.lease());
        drop(host);
        complete(&recording);
        paper.text().len()
    };
    let (paper, limit) = (Paper::default(), whole + 2_000);
    let recorder = paper.recorder().limit(limit as u64);
    let recording = recorder.recording();
    let host = start(recorder);
    wait("the end of the record", || {
        let _rejected_or_not = host.campaign();
        recording.end()
    });
    assert!(matches!(recording.end(), Some(RecordEnd::Full { .. })));
    wait("a leader", || host.lease());
    let text = paper.text();
    assert!(text.len() <= limit && text.len() > limit - 1_000, "{} of {limit}", text.len());
    let (_, endings) = lines(replayed::<Id>(&text));
    assert_eq!(endings, [Ending::Full]);
}
