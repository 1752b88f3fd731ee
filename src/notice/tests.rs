use super::*;
use alloc::vec::Vec;

const SHORTEST: Nanos = Nanos(10);

/// When the host is told of trouble that is seen at these times, with these particulars.
fn told(seen: impl IntoIterator<Item = (u64, u8)>) -> Vec<u64> {
    let mut notice = None;
    let is_told = |&(at, particulars): &(u64, u8)| {
        tell(&mut notice, particulars, Timestamp::ORIGIN.after(Nanos(at)), SHORTEST)
    };
    seen.into_iter().filter(is_told).map(|(at, _)| at).collect()
}

#[test]
fn trouble_that_lasts_is_told_at_pauses_that_double_up_to_the_longest() {
    assert_eq!(told((0..400).map(|at| (at, 0))), [0, 10, 30, 70, 150, 310]);
    let late = told((0..40_000).map(|at| (at, 0)));
    let mut backwards = late.iter().rev();
    let last_pause = backwards.next().zip(backwards.next()).map(|(last, before)| last - before);
    assert_eq!(last_pause, Some(10 * LONGEST));
}

#[test]
fn other_particulars_are_told_after_the_shortest_pause() {
    assert_eq!(told((0..100).map(|at| (at, u8::from(at >= 75)))), [0, 10, 30, 70, 80]);
    // Particulars that change all the time are told no more often than that.
    assert_eq!(told((0..40).map(|at| (at, (at % 7) as u8))), [0, 10, 20, 30]);
}

#[test]
fn trouble_that_comes_back_after_twice_the_pause_is_new() {
    let twice =
        |pause: u64| told((0..35).chain([34 + 2 * pause]).chain([35 + 2 * pause + 9]).map(|at| (at, 0)));
    assert_eq!(twice(40), [0, 10, 30, 114]);
    let seen = (0..35).chain([34 + 81, 34 + 91]).map(|at| (at, 0));
    assert_eq!(told(seen), [0, 10, 30, 115, 125], "the pauses begin anew");
}
