//! What becomes of a call of the register.

use quorate::adapters::register::Outcome;

use super::profile::Profile;
use crate::clock::SECOND;
use crate::rng::Dice;

/// How late a write may still be done of which nobody knows.
const LATEST_WRITE: u64 = 6 * SECOND;

/// What becomes of one call.
#[derive(Clone, Debug)]
pub(super) struct CallPlan {
    /// How it reaches the store, if it does.
    pub(super) arrival: Option<Arrival>,
    /// What the host is told whatever the store says, and when.
    pub(super) end: Option<(u64, Outcome)>,
}

#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) after: u64,
    /// How long the answer of the store takes, if it reaches the host.
    pub(super) back: Option<u64>,
    /// What the host is told instead of that answer.
    pub(super) told: Option<Outcome>,
}

impl CallPlan {
    fn ended(after: u64, outcome: Outcome) -> Self {
        CallPlan { arrival: None, end: Some((after, outcome)) }
    }

    pub(super) fn draw(profile: &Profile, is_reachable: bool, is_swap: bool, dice: &mut Dice) -> Self {
        let timeout = profile.timeout;
        let nothing_known = if is_swap { Outcome::Unknown } else { Outcome::Failed };
        if !is_reachable {
            let outcome = if dice.below(2) == 0 { Outcome::Failed } else { nothing_known };
            return CallPlan::ended(timeout / 4, outcome);
        }
        let (there, back) = (profile.draw_way(dice), profile.draw_way(dice));
        if dice.chance(profile.failed) {
            return CallPlan::ended(there, Outcome::Failed);
        }
        let arrives = |after, back, told| Some(Arrival { after, back, told });
        if is_swap && dice.chance(profile.unknown) {
            return match dice.below(4) {
                0 => CallPlan::ended(timeout, Outcome::Unknown),
                1 => CallPlan { arrival: arrives(there, None, None), end: Some((timeout, Outcome::Unknown)) },
                // The client repeats the call by itself, and meets its own write.
                2 => CallPlan { arrival: arrives(there, Some(back), Some(Outcome::Refused)), end: None },
                _ => CallPlan {
                    arrival: arrives(dice.below(LATEST_WRITE), None, None),
                    end: Some((timeout / 2, Outcome::Unknown)),
                },
            };
        }
        let is_in_time = there + back < timeout;
        CallPlan {
            arrival: arrives(there, is_in_time.then_some(back), None),
            end: (!is_in_time).then_some((timeout, nothing_known)),
        }
    }
}

impl Profile {
    fn draw_way(&self, dice: &mut Dice) -> u64 {
        let (of_ten, slow) = self.slow;
        let is_slow = dice.below(10) < of_ten;
        dice.between(if is_slow { slow } else { self.way })
    }
}
