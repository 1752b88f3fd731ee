//! Writes, while the server is killed and started again: what was acknowledged stays, and what was not done is never
//! seen.

use std::sync::mpsc::channel;
use std::time::Duration;

use quorate::adapters::register::{Cell, CellError, Tag};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::server::{Server, wait_until};

/// The number of times that a server is killed, unless `QUORATE_REGISTER_KILLS` says another.
const KILLS: u64 = 8;

/// The time-out of a client whose server is killed: a client that does not notice waits as long.
pub(crate) const IMPATIENCE: Duration = Duration::from_secs(2);

/// What came of the writes.
#[derive(Default)]
struct Tally {
    acknowledged: u64,
    not_done: u64,
    unknown: u64,
    /// Writes of which nobody knew, and which had been made.
    made: u64,
}

/// Kills the server again and again in the middle of writes. `cell` is the only client that writes.
pub(crate) fn survive_kills(store: &str, cell: &mut dyn Cell, server: &mut Server) {
    let given = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let kills = given("QUORATE_REGISTER_KILLS").unwrap_or(KILLS);
    let seed = given("QUORATE_REGISTER_SEED").unwrap_or(1);
    println!("{store}: QUORATE_REGISTER_SEED={seed} QUORATE_REGISTER_KILLS={kills}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut tally = Tally::default();

    cell.create(&0_u64.to_be_bytes()).unwrap().expect("it is new");
    // The content is a number, and no number is written twice.
    let mut last = 0;
    let mut numbers = 1..;
    for _ in 0..kills {
        let tag = current(cell, last, None);
        let delay = Duration::from_millis(1 + rng.next_u64() % 80);
        let (acknowledged, tried, error) = write_until_killed(cell, tag, &mut numbers, server, delay);
        tally.acknowledged += acknowledged.len() as u64;
        last = acknowledged.last().copied().unwrap_or(last);
        server.start();
        let maybe = match error {
            CellError::Unknown(_) => Some(tried),
            CellError::NotDone(_) => None,
        };
        let (made, tag) = (content(cell, last, maybe), current(cell, last, maybe));
        *(if maybe.is_some() { &mut tally.unknown } else { &mut tally.not_done }) += 1;
        tally.made += u64::from(made == tried);
        last = made;

        // A server that is down: as soon as the client has noticed, it knows that nothing is done.
        server.kill();
        let never = numbers.next().unwrap();
        wait_until("the client to notice", || match cell.swap(&tag, &never.to_be_bytes()) {
            Err(CellError::NotDone(_)) => Some(()),
            Err(CellError::Unknown(_)) => None,
            Ok(done) => panic!("there is no server, and yet {done:?}"),
        });
        server.start();
        current(cell, last, None);
    }
    let Tally { acknowledged, not_done, unknown, made } = tally;
    println!(
        "{store}: killed {kills} times in the middle of writes, and {kills} times at rest: {acknowledged} writes were \
         acknowledged and none was undone; {not_done} not done, {unknown} unknown, of which {made} were made"
    );
    assert!(acknowledged > 0);
}

/// Writes one number after the other, and kills the server after a while. Returns the numbers that were acknowledged, and
/// the one that was not, with the error.
fn write_until_killed(
    cell: &mut dyn Cell,
    mut tag: Tag,
    numbers: &mut impl Iterator<Item = u64>,
    server: &mut Server,
    delay: Duration,
) -> (Vec<u64>, u64, CellError) {
    let (begin, begun) = channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            begun.recv().unwrap();
            std::thread::sleep(delay);
            server.kill();
        });
        begin.send(()).unwrap();
        let mut acknowledged = Vec::new();
        loop {
            let number = numbers.next().unwrap();
            match cell.swap(&tag, &number.to_be_bytes()) {
                Ok(Some(new)) => {
                    tag = new;
                    acknowledged.push(number);
                }
                Ok(None) => panic!("nobody else writes, and yet {number} was refused"),
                Err(error) => return (acknowledged, number, error),
            }
        }
    })
}

/// What the register holds, once the server answers: `last`, or what nobody knew of.
fn content(cell: &mut dyn Cell, last: u64, maybe: Option<u64>) -> u64 {
    let (_, bytes) = wait_until("an answer", || cell.read().ok()).expect("a register does not go away");
    let found = u64::from_be_bytes(bytes.try_into().unwrap());
    assert!(found == last || Some(found) == maybe, "{found} is there after {last}, with {maybe:?} unknown");
    found
}

/// Its tag.
fn current(cell: &mut dyn Cell, last: u64, maybe: Option<u64>) -> Tag {
    content(cell, last, maybe);
    cell.read().unwrap().unwrap().0
}
