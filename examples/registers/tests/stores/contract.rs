//! What a register of any store has to do.

use std::collections::HashSet;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use quorate::adapters::register::{Cell, CellError, MAX_CONTENT, Tag};

/// Long enough for a machine that does much else, so that no call ends without an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

const CLIENTS: usize = 4;
const ROUNDS: usize = 12;

/// Runs the contract. Each call of `client` returns another client of the same register, which does not exist yet.
pub(crate) fn keep(client: &(dyn Fn() -> Box<dyn Cell> + Sync)) {
    let (mut one, mut other) = (client(), client());
    is_missing_before_it_is_created(&mut *one);
    let first = is_created_only_once(&mut *one, &mut *other);
    let second = refuses_an_old_tag(&mut *one, &mut *other, &first);
    let third = holds_what_is_longest(&mut *one, &mut *other, &second);
    let mut tags = HashSet::from([first, second, third]);
    let before = tags.len();
    let swaps = lets_one_of_many_win(client, &mut tags);
    assert_eq!((before, tags.len()), (3, 3 + swaps), "two contents had one tag");
    println!("contract kept, with {swaps} races of {CLIENTS} clients");
}

fn is_missing_before_it_is_created(cell: &mut dyn Cell) {
    assert!(cell.read().unwrap().is_none(), "nothing was created yet");
    // A tag of each form, as none of them can be that of what is not there.
    for tag in [Tag::from(1), Tag::from("\"d41d8cd98f00b204e9800998ecf8427e\""), Tag::from("1")] {
        let swapped = cell.swap(&tag, b"nothing to replace");
        assert!(matches!(swapped, Ok(None) | Err(CellError::NotDone(_))), "{swapped:?}");
    }
    assert!(cell.read().unwrap().is_none(), "a swap makes no register");
}

fn is_created_only_once(one: &mut dyn Cell, other: &mut dyn Cell) -> Tag {
    let tag = one.create(b"first").unwrap().expect("there was none");
    assert_eq!(other.create(b"again").unwrap(), None);
    assert_eq!(other.read().unwrap(), Some((tag.clone(), b"first".to_vec())), "the first stays");
    tag
}

fn refuses_an_old_tag(one: &mut dyn Cell, other: &mut dyn Cell, first: &Tag) -> Tag {
    let second = one.swap(first, b"second").unwrap().expect("nobody else writes");
    assert_eq!(other.swap(first, b"late").unwrap(), None);
    assert_eq!(other.swap(&Tag::new(*b"\xff no tag"), b"strange").unwrap(), None);
    assert_eq!(other.swap(&Tag::new(*b""), b"no condition").unwrap(), None);
    assert_eq!(other.read().unwrap(), Some((second.clone(), b"second".to_vec())), "nothing changed");
    second
}

fn holds_what_is_longest(one: &mut dyn Cell, other: &mut dyn Cell, tag: &Tag) -> Tag {
    let bytes: Vec<u8> = (0..MAX_CONTENT).map(|at| at.to_le_bytes()[0]).collect();
    let tag = other.swap(tag, &bytes).unwrap().expect("nobody else writes");
    assert!(one.read().unwrap() == Some((tag.clone(), bytes)), "the content is another");
    tag
}

/// Lets all clients replace the same content at the same time, and returns how often.
fn lets_one_of_many_win(client: &(dyn Fn() -> Box<dyn Cell> + Sync), tags: &mut HashSet<Tag>) -> usize {
    let barrier = Barrier::new(CLIENTS);
    let won: Vec<Vec<Option<Tag>>> = thread::scope(|scope| {
        let barrier = &barrier;
        let clients: Vec<_> =
            (0..CLIENTS).map(|id| scope.spawn(move || race(id, &mut *client(), barrier))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    for round in 0..ROUNDS {
        let winners: Vec<&Tag> = won.iter().filter_map(|rounds| rounds[round].as_ref()).collect();
        assert_eq!(winners.len(), 1, "winners of round {round}: {winners:?}");
        tags.extend(winners.into_iter().cloned());
    }
    ROUNDS
}

/// The tags by which this client has won, for each round.
fn race(id: usize, cell: &mut dyn Cell, barrier: &Barrier) -> Vec<Option<Tag>> {
    (0..ROUNDS)
        .map(|round| {
            barrier.wait();
            let (tag, _) = cell.read().unwrap().expect("it was created");
            barrier.wait();
            let mine = format!("round {round} of client {id}").into_bytes();
            let won = match cell.swap(&tag, &mine) {
                Ok(won) => won,
                // Another one was under way, and the store would not wait.
                Err(CellError::NotDone(error)) => {
                    println!("not done: {error}");
                    None
                }
                Err(CellError::Unknown(error)) => panic!("nothing is broken, and yet: {error:?}"),
            };
            barrier.wait();
            if won.is_some() {
                assert_eq!(
                    cell.read().unwrap().map(|(tag, bytes)| (Some(tag), bytes)),
                    Some((won.clone(), mine))
                );
            }
            won
        })
        .collect()
}
