//! Which numbers have been seen.

/// How far behind the highest a number may be and still be told from one seen before.
const WIDTH: u32 = u128::BITS;

/// Takes each number once. Numbers may come in any order; one that is so late that it is not known
/// whether it has been seen is taken for seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// One more than the highest.
    end: u64,
    /// Bit `n`: whether `end - 1 - n` has been seen.
    seen: u128,
}

impl Window {
    /// The window of a reader that takes `number` first: all numbers below it count as seen.
    pub(super) fn starting_at(number: u64) -> Self {
        Window { end: number.saturating_add(1), seen: u128::MAX }
    }

    /// Whether `number` is new. The last there is never is: nothing could follow it.
    pub(super) fn admit(&mut self, number: u64) -> bool {
        let Some(next) = number.checked_add(1) else { return false };
        let ahead = next.saturating_sub(self.end);
        if ahead > 0 {
            self.end = next;
            self.seen = shifted(self.seen, ahead) | 1;
            return true;
        }
        let bit = shifted(1, self.end.saturating_sub(next));
        let new = bit != 0 && self.seen & bit == 0;
        self.seen |= bit;
        new
    }
}

fn shifted(bits: u128, by: u64) -> u128 {
    u32::try_from(by).ok().filter(|&by| by < WIDTH).map_or(0, |by| bits.wrapping_shl(by))
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test that overflows has found something")]
mod tests {
    use std::collections::BTreeSet;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    /// Numbers near each other, with leaps and the ends of the range among them.
    fn numbers() -> impl Strategy<Value = Vec<u64>> {
        let near = (any::<u32>(), -200_i64..200)
            .prop_map(|(base, off)| u64::from(base % 3).wrapping_mul(1 << 40).wrapping_add_signed(off));
        proptest::collection::vec(prop_oneof![20 => near, 4 => 0..400_u64, 1 => any::<u64>()], 1..400)
    }

    proptest! {
        #[test]
        fn each_number_is_taken_once_and_none_that_is_new_and_near_is_refused(numbers in numbers()) {
            let (mut window, mut seen) = (Window::starting_at(0), BTreeSet::from([0]));
            for number in numbers {
                let highest = seen.last().copied().unwrap_or(0);
                let near = number.saturating_add(u64::from(WIDTH)) > highest && number < u64::MAX;
                let expected = near && !seen.contains(&number);
                prop_assert_eq!(window.admit(number), expected, "{} after {}", number, highest);
                if expected {
                    seen.insert(number);
                }
            }
        }
    }

    #[test]
    fn what_is_below_the_first_number_counts_as_seen() {
        let mut window = Window::starting_at(1_000);
        assert!((0..=1_000).all(|number| !window.admit(number)));
        assert!(window.admit(1_002) && window.admit(1_001) && !window.admit(1_000) && !window.admit(999));
    }

    #[test]
    fn the_oldest_that_is_known_and_the_first_that_is_not() {
        let mut window = Window::starting_at(0);
        assert!(!window.admit(0) && window.admit(200));
        assert!(window.admit(73), "128 numbers are known: 73 to 200");
        assert!(!window.admit(73) && !window.admit(72) && !window.admit(0) && !window.admit(200));
        assert!(window.admit(201) && !window.admit(73), "too old now");
        assert!(!window.admit(u64::MAX) && window.admit(u64::MAX - 1) && !window.admit(201));
    }
}
