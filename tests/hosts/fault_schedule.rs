//! What goes wrong, in which order: decided by the seed alone, before anything runs.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::disk::Damage;
use crate::netns::PLACES;

/// After so many faults all is mended, and the group has to be well again.
pub(crate) const ROUND: usize = 10;

/// So many at a time.
const OVERLAP: usize = 3;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    Break(Fault),
    Wait(Duration),
    /// The fault of this number, counted from 0.
    Mend(usize),
    MendAll,
}

/// Whom it befalls: these, in this order, but first the leader if it says so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Pick {
    pub(crate) leader: bool,
    pub(crate) order: Vec<usize>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// `size` of them and the rest do not hear each other.
    Partition {
        side: Pick,
        size: usize,
        at_sender: bool,
    },
    /// The rest do not hear them, or they do not hear the rest.
    OneWay {
        side: Pick,
        size: usize,
        outward: bool,
        at_sender: bool,
    },
    /// What they send and what is sent to them is lost at random.
    Loss {
        side: Pick,
        size: usize,
        percent: u32,
    },
    /// It is late, out of order, and comes twice.
    Delay {
        side: Pick,
        size: usize,
        most: Duration,
        doubled: bool,
    },
    Kill(Pick),
    Freeze(Pick),
    FullDisk(Pick),
    ReadOnly(Pick),
    /// Killed, and its file damaged. It comes back under a new id, or with a copy of the file that was
    /// taken after its death.
    Damage {
        victim: Pick,
        how: Damage,
        new_id: bool,
    },
}

impl Fault {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Fault::Partition { .. } => "partition",
            Fault::OneWay { .. } => "one-way cut",
            Fault::Loss { .. } => "loss",
            Fault::Delay { .. } => "delay",
            Fault::Kill(_) => "SIGKILL",
            Fault::Freeze(_) => "SIGSTOP",
            Fault::FullDisk(_) => "full disk",
            Fault::ReadOnly(_) => "read-only folder",
            Fault::Damage { .. } => "damaged file",
        }
    }
}

/// So many faults.
pub(crate) fn fault_schedule(seed: u64, faults: usize) -> Vec<Step> {
    let mut dice = Dice(ChaCha8Rng::seed_from_u64(seed));
    let (mut steps, mut open) = (Vec::new(), Vec::new());
    for number in 0..faults {
        let fault = dice.fault();
        // A frozen leader's lease is over before it goes on.
        let least = if matches!(fault, Fault::Freeze(_)) { 250 } else { 60 };
        steps.push(Step::Break(fault));
        steps.push(Step::Wait(dice.millis(least, least + 300)));
        open.push(number);
        while open.len() >= OVERLAP || (!open.is_empty() && dice.chance(35)) {
            let which = dice.below(open.len());
            steps.push(Step::Mend(open.swap_remove(which)));
        }
        if (number + 1) % ROUND == 0 || number + 1 == faults {
            steps.push(Step::MendAll);
            open.clear();
        }
    }
    steps
}

struct Dice(ChaCha8Rng);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        (self.0.next_u64() % end as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.0.next_u64() % (to - from))
    }

    fn pick(&mut self) -> Pick {
        let mut order: Vec<usize> = (0..PLACES).collect();
        for place in (1..PLACES).rev() {
            order.swap(place, self.below(place + 1));
        }
        Pick { leader: self.chance(50), order }
    }

    fn fault(&mut self) -> Fault {
        let (side, size, at_sender) = (self.pick(), 1 + self.below(2), self.chance(50));
        match self.below(100) {
            0..15 => Fault::Partition { side, size, at_sender },
            15..27 => Fault::OneWay { side, size, outward: self.chance(50), at_sender },
            27..36 => Fault::Loss { side, size, percent: 10 + self.below(60) as u32 },
            36..48 => {
                let (most, doubled) = (self.millis(10, 200), self.chance(50));
                Fault::Delay { side, size: 1 + self.below(PLACES), most, doubled }
            }
            48..62 => Fault::Kill(side),
            62..74 => Fault::Freeze(side),
            74..82 => Fault::FullDisk(side),
            82..90 => Fault::ReadOnly(side),
            _ => Fault::Damage { victim: side, how: self.damage(), new_id: self.chance(50) },
        }
    }

    fn damage(&mut self) -> Damage {
        let kinds = [Damage::Flipped, Damage::Cut, Damage::Emptied, Damage::Overwritten, Damage::Lost];
        kinds[self.below(kinds.len())]
    }
}
