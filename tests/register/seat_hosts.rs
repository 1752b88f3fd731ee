//! Hosts of a seat on threads. Nothing is asserted on how long anything takes: what has to be soon is soon beside an hour.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use quorate::adapters::register::{
    SeatConfig, SeatFailure, SeatHost, SeatHostConfig, SeatNotice, SeatStartError, SeatStopped,
};
use quorate::{Event, StepDown, Term};

use crate::seat_memory::{Client, GROUP, Memory, Mood};

/// How long a busy machine may take for what takes a moment.
const PATIENCE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

fn config(name: u32, length: Duration) -> SeatHostConfig<u32> {
    let look = Duration::from_millis(20);
    let config = SeatHostConfig::new(SeatConfig { length, look, ..SeatConfig::new(name, GROUP) });
    SeatHostConfig { call_timeout: config.call_timeout.min(PATIENCE), ..config }
}

#[track_caller]
fn until<T>(what: &str, mut seen: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(seen) = seen() {
            return seen;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until the process holds the seat, and returns the term.
#[track_caller]
fn held(host: &SeatHost<u32>) -> Term {
    until("the seat", || host.lease().map(|lease| lease.term))
}

#[test]
fn a_seat_that_is_given_up_is_taken_by_another_process_long_before_its_length_has_passed() {
    let memory = Memory::new();
    let first = SeatHost::start(config(1, HOUR), Client::of(&memory)).unwrap();
    assert_eq!(held(&first), Term(1));
    assert_eq!(first.run_while_leader(|term, may_go_on| may_go_on().then_some(term)), Ok(Term(1)));
    let second = SeatHost::start(config(2, HOUR), Client::of(&memory)).unwrap();
    until("the holder to be seen", || {
        second.leader().filter(|leader| (leader.id, leader.term) == (1, Term(1)))
    });
    assert_eq!(second.lease(), None);
    first.shutdown().unwrap();
    assert_eq!(held(&second), Term(2));
    // A host that is dropped gives the seat up, too.
    let third = SeatHost::start(config(3, HOUR), Client::of(&memory)).unwrap();
    drop(second);
    assert_eq!(held(&third), Term(3));
}

#[test]
fn the_seat_is_not_given_up_before_watchers_and_work_have_stopped() {
    let memory = Memory::new();
    let host = SeatHost::start(config(1, HOUR), Client::of(&memory)).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (told, shown, register) = (Arc::clone(&seen), Arc::clone(&seen), memory.clone());
    host.watch_term(move |term| told.lock().unwrap().push((term, register.writes())));
    let (worker, (begun, begins), register) = (host.worker(), channel(), memory.clone());
    let work = thread::spawn(move || {
        let stopped: Result<(), _> = worker.run_while_leader(|_, may_go_on| {
            let _tells_once = begun.send(());
            until("the end of the lease", || (!may_go_on()).then_some(()));
            // A piece of the work that takes a while.
            thread::sleep(Duration::from_millis(100));
            seen.lock().unwrap().push((None, register.writes()));
            None
        });
        (stopped, seen)
    });
    begins.recv_timeout(PATIENCE).unwrap();
    until("the watcher to be told", || (!shown.lock().unwrap().is_empty()).then_some(()));
    host.shutdown().unwrap();
    let (stopped, seen) = work.join().unwrap();
    assert_eq!(stopped, Err(SeatStopped));
    assert_eq!(
        *seen.lock().unwrap(),
        [(Some(Term(1)), 1), (None, 1), (None, 1)],
        "the seat was taken, not given up"
    );
    assert_eq!(memory.writes(), 2, "it was given up");
}

#[test]
fn a_call_that_hangs_keeps_the_lease_from_nothing() {
    let (memory, length) = (Memory::new(), Duration::from_secs(6));
    let client = Client::of(&memory);
    let host = SeatHost::start(config(1, length), client.clone()).unwrap();
    let (events, (told, tells)) = (host.events(), channel());
    host.watch_term(move |term| told.send(term).unwrap());
    held(&host);
    let stopped = host.run_while_leader(|term, may_go_on| {
        client.set(Mood::Hangs);
        until("the end of the lease", || (!may_go_on()).then_some(Some(term)))
    });
    assert_eq!(stopped, Ok(Term(1)));
    assert_eq!([tells.recv_timeout(PATIENCE), tells.recv_timeout(PATIENCE)], [Ok(Some(Term(1))), Ok(None)]);
    let end = until("the news", || match events.recv_timeout(PATIENCE) {
        Ok(SeatNotice::Event(Event::SteppedDown { term, reason })) => Some((term, reason)),
        Ok(_) => None,
        Err(error) => panic!("{error}"),
    });
    assert_eq!(end, (Term(1), StepDown::LeaseLapsed));
    assert_eq!(host.lease(), None);
    // Once the client answers again, the seat is taken again.
    client.set(Mood::Works);
    assert_eq!(held(&host), Term(2));
}

#[test]
fn a_shutdown_waits_no_longer_than_it_is_told_to_for_a_register_that_hangs() {
    let client = Client::of(&Memory::new());
    let host = SeatHost::start(config(1, HOUR), client.clone()).unwrap();
    held(&host);
    client.set(Mood::Hangs);
    host.resign().unwrap();
    until("the end of the lease", || host.lease().is_none().then_some(()));
    host.shutdown_within(Duration::from_millis(10)).unwrap();
    client.set(Mood::Works);
}

#[test]
fn a_client_that_panics_ends_the_host_and_the_lease() {
    let client = Client::of(&Memory::new());
    let host = SeatHost::start(config(1, Duration::from_secs(5)), client.clone()).unwrap();
    let events = host.events();
    held(&host);
    client.set(Mood::Panics);
    until("the end", || host.failure());
    assert_eq!(host.worker().wait_for_end(), Err(SeatFailure::Cell));
    assert_eq!((host.lease(), host.failure()), (None, Some(SeatFailure::Cell)));
    assert_eq!(host.run_while_leader(|_, _| Some(())), Err(SeatStopped));
    let last = std::iter::from_fn(|| events.try_recv()).last();
    assert!(matches!(last, Some(SeatNotice::Failed(SeatFailure::Cell))), "{last:?}");
    assert!(matches!(events.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected)));
}

#[test]
fn a_watcher_that_panics_ends_the_host() {
    let host = SeatHost::start(config(1, HOUR), Client::of(&Memory::new())).unwrap();
    host.watch(|_| panic!("a watcher that is broken"));
    until("the end", || host.failure());
    assert_eq!(host.worker().wait_for_end(), Err(SeatFailure::Watcher));
    assert_eq!(host.lease(), None);
}

#[test]
fn lengths_that_do_not_fit_together_are_refused() {
    let second = Duration::from_secs(1);
    let start = |config| SeatHost::start(config, Client::of(&Memory::new())).map(drop);
    let margin = SeatHostConfig { margin: second / 2, ..config(1, second) };
    assert!(matches!(start(margin), Err(SeatStartError::Margin { .. })));
    for call_timeout in [Duration::ZERO, second / 2] {
        let slow = SeatHostConfig { call_timeout, ..config(1, second) };
        assert!(matches!(start(slow), Err(SeatStartError::CallTimeout { .. })));
    }
    assert!(matches!(start(config(1, Duration::from_millis(9))), Err(SeatStartError::Seat(_))));
}
