//! Hosts of a seat as tasks, in tokio's paused time: every length is exact.

use std::future::pending;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use quorate::adapters::register::{SeatConfig, SeatHostConfig, SeatNotice};
use quorate::adapters::tokio::{SeatHandle, Stopped};
use quorate::{Event, StepDown, Term, Timestamp};
use tokio::time::{Instant, sleep, timeout};

use crate::seat_memory::{Awaited, Client, GROUP, Memory, Mood};

const LENGTH: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_secs(2);
/// So long a contender waits at most once the seat is free.
const DELAY: Duration = Duration::from_millis(940);
const MARGIN: Duration = Duration::from_millis(1_500);
const CALL: Duration = Duration::from_millis(2_500);
/// What the timers of tokio and the clock make of it.
const GRAIN: Duration = Duration::from_millis(50);

/// A contender, and the clock that all of them go by.
fn start(name: u32, client: &Client, clock: Instant) -> SeatHandle<u32> {
    let config =
        SeatHostConfig::new(SeatConfig { length: LENGTH, look: LOOK, ..SeatConfig::new(name, GROUP) });
    assert_eq!((config.margin, config.call_timeout), (MARGIN, CALL));
    let now = move || Timestamp::from(clock.elapsed());
    SeatHandle::start_with_clock(config, Awaited(client.clone()), now).unwrap()
}

/// Returns the term in which the seat is held, within this time.
async fn held(seat: &SeatHandle<u32>, most: Duration) -> Option<Term> {
    timeout(most, seat.run_while_leader(|term| async move { term })).await.ok()?.ok()
}

#[tokio::test(start_paused = true)]
async fn a_seat_that_is_given_up_is_taken_at_the_next_look() {
    let (memory, clock) = (Memory::new(), Instant::now());
    let first = start(1, &Client::of(&memory), clock);
    assert_eq!(held(&first, LOOK).await, Some(Term(1)));
    let second = start(2, &Client::of(&memory), clock);
    sleep(LENGTH * 3).await;
    assert_eq!((first.lease().map(|lease| lease.term), second.lease()), (Some(Term(1)), None));
    assert_eq!(second.leader().map(|leader| (leader.id, leader.term)), Some((1, Term(1))));
    first.shutdown().await.unwrap();
    assert!(matches!(first.closed().await, Stopped::Shutdown));
    assert_eq!(held(&second, LOOK + GRAIN).await, Some(Term(2)));
    // The last handle that is dropped gives the seat up, too.
    let third = start(3, &Client::of(&memory), clock);
    sleep(LOOK).await;
    drop(second);
    assert_eq!(held(&third, LOOK + GRAIN).await, Some(Term(3)));
}

#[tokio::test(start_paused = true)]
async fn a_register_that_is_not_reached_at_a_shutdown_is_asked_again() {
    let (memory, clock) = (Memory::new(), Instant::now());
    let client = Client::of(&memory);
    let first = start(1, &client, clock);
    assert_eq!(held(&first, LOOK).await, Some(Term(1)));
    client.set(Mood::Fails);
    let (ending, second) = (first.clone(), start(2, &Client::of(&memory), clock));
    let shutdown = tokio::spawn(async move { ending.shutdown().await });
    sleep(CALL).await;
    assert_eq!(first.lease(), None);
    client.set(Mood::Works);
    shutdown.await.unwrap().unwrap();
    assert_eq!(held(&second, LOOK + GRAIN).await, Some(Term(2)));
}

#[tokio::test(start_paused = true)]
async fn work_is_dropped_a_margin_before_the_lease_ends_though_a_call_hangs_and_before_another_works() {
    let (memory, clock) = (Memory::new(), Instant::now());
    let client = Client::of(&memory);
    let first = start(1, &client, clock);
    let second = start(2, &Client::of(&memory), clock);
    let dropped = Arc::new(Mutex::new(None));
    struct Working(Arc<Mutex<Option<Instant>>>);
    impl Drop for Working {
        fn drop(&mut self) {
            *self.0.lock().unwrap() = Some(Instant::now());
        }
    }
    let (holder, other) = match held(&first, Duration::from_millis(1)).await {
        Some(_) => (first, second),
        None => panic!("the first is first"),
    };
    let mut events = holder.events();
    let (worker, working) = (holder.clone(), Arc::clone(&dropped));
    tokio::spawn(async move {
        let work = |_| {
            let working = Working(Arc::clone(&working));
            async move {
                let _working = working;
                pending::<()>().await
            }
        };
        worker.run_while_leader(work).await
    });
    sleep(LENGTH).await;
    client.set(Mood::Hangs);
    sleep(Duration::from_millis(1)).await;
    let until = holder.lease().unwrap().until;
    assert_eq!(other.run_while_leader(|term| async move { term }).await.unwrap(), Term(2));
    let taken = Timestamp::from(clock.elapsed());
    let dropped = Timestamp::from(dropped.lock().unwrap().expect("no work is left").duration_since(clock));
    let due = until.saturating_sub(MARGIN);
    assert!(due <= dropped && dropped <= due.saturating_add(GRAIN), "{dropped}, due at {due}");
    assert!(until < taken && taken < until.saturating_add(LOOK + DELAY + GRAIN), "{taken}, after {until}");
    let mut lapsed = false;
    while let Ok(notice) = events.try_recv() {
        let end = Event::SteppedDown { term: Term(1), reason: StepDown::LeaseLapsed };
        lapsed |= matches!(notice, SeatNotice::Event(event) if event == end);
    }
    assert!(lapsed);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_is_done_and_never_answered_is_found_out_and_the_lease_goes_on() {
    let (memory, clock) = (Memory::new(), Instant::now());
    let client = Client::of(&memory);
    let seat = start(1, &client, clock);
    assert_eq!(held(&seat, LOOK).await, Some(Term(1)));
    let first = seat.lease().unwrap();
    client.set(Mood::IsSilent);
    sleep(LENGTH / 3 + CALL + GRAIN).await;
    assert_eq!(seat.status().calls.unknown, 1, "it took longer than the time-out");
    client.set(Mood::Works);
    sleep(LENGTH).await;
    let lease = seat.lease().unwrap();
    assert_eq!((lease.term, lease.until > first.until), (Term(1), true));
}

#[tokio::test(start_paused = true)]
async fn a_seat_that_was_resigned_is_left_to_others_for_two_lengths() {
    let (memory, clock) = (Memory::new(), Instant::now());
    let seat = start(1, &Client::of(&memory), clock);
    assert_eq!(held(&seat, LOOK).await, Some(Term(1)));
    seat.resign().await.unwrap();
    sleep(LENGTH * 2 - GRAIN).await;
    assert_eq!(seat.lease(), None);
    assert_eq!(memory.writes(), 2, "it was given up");
    assert_eq!(held(&seat, LOOK + GRAIN * 2).await, Some(Term(2)));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_panics_ends_the_task_and_the_lease() {
    let client = Client::of(&Memory::new());
    let seat = start(1, &client, Instant::now());
    assert_eq!(held(&seat, LOOK).await, Some(Term(1)));
    client.set(Mood::Panics);
    assert!(matches!(seat.closed().await, Stopped::Panicked));
    assert_eq!(seat.lease(), None);
    assert!(matches!(seat.resign().await, Err(Stopped::Panicked)));
}

/// A subscriber that asks for the lease whenever it is told of an election.
#[derive(Clone, Default)]
struct AsksForTheLease {
    seat: Arc<OnceLock<SeatHandle<u32>>>,
    found: Arc<Mutex<Vec<bool>>>,
}

impl Write for AsksForTheLease {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if String::from_utf8_lossy(line).contains("elected") {
            let lease = self.seat.get().and_then(SeatHandle::lease);
            self.found.lock().unwrap().push(lease.is_some());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_program_that_is_told_of_its_election_finds_the_lease() {
    let asks = AsksForTheLease::default();
    let writer = asks.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let seat = start(1, &Client::of(&Memory::new()), Instant::now());
    asks.seat.set(seat.clone()).unwrap();
    assert_eq!(held(&seat, LOOK).await, Some(Term(1)));
    assert_eq!(*asks.found.lock().unwrap(), [true]);
}
