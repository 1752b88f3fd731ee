//! The schedule of faults. The seed alone decides it, before anything runs.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::disk::Damage;
use crate::netns::MACHINES;

/// After this many faults everything is mended, and the group has to recover.
pub(crate) const ROUND: usize = 10;

/// At most this many faults are open at a time.
const OVERLAP: usize = 3;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    Break(Fault),
    Wait(Duration),
    /// Mend the fault of this number, counted from 0.
    Mend(usize),
    MendAll,
}

/// The machines that a fault prefers, in this order; before them the leader's, if `leader` is set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Preference {
    pub(crate) leader: bool,
    pub(crate) order: Vec<usize>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// `size` machines and the rest do not hear each other.
    Partition {
        side: Preference,
        size: usize,
        at_sender: bool,
    },
    /// The rest do not hear `size` machines, or these do not hear the rest.
    OneWay {
        side: Preference,
        size: usize,
        outward: bool,
        at_sender: bool,
    },
    /// Datagrams from and to `size` machines are lost at random.
    Loss {
        side: Preference,
        size: usize,
        percent: u32,
    },
    /// Datagrams from and to `size` machines are late, out of order, and some arrive twice.
    Delay {
        side: Preference,
        size: usize,
        most: Duration,
        doubled: bool,
    },
    Kill(Preference),
    /// All processes are killed and started again.
    PowerCut,
    Freeze(Preference),
    FullDisk(Preference),
    ReadOnly(Preference),
    /// A node is killed and its file is damaged.
    Damage {
        victim: Preference,
        how: Damage,
        remedy: Remedy,
    },
}

/// What becomes of a node whose file is damaged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Remedy {
    /// A node with a new id replaces it.
    Replace,
    /// It starts with nothing under its id.
    Forget,
    /// It gets back a copy of the file that was taken after its death.
    PutCopyBack,
}

impl Fault {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Fault::Partition { .. } => "partition",
            Fault::OneWay { .. } => "one-way cut",
            Fault::Loss { .. } => "loss",
            Fault::Delay { .. } => "delay",
            Fault::Kill(_) => "SIGKILL",
            Fault::PowerCut => "power cut",
            Fault::Freeze(_) => "SIGSTOP",
            Fault::FullDisk(_) => "full disk",
            Fault::ReadOnly(_) => "read-only folder",
            Fault::Damage { .. } => "damaged file",
        }
    }

    /// What befalls a node that has no disk instead.
    fn without_disk(self) -> Fault {
        match self {
            Fault::FullDisk(victim) | Fault::ReadOnly(victim) => Fault::Kill(victim),
            Fault::Damage { .. } => Fault::PowerCut,
            other => other,
        }
    }
}

/// What the nodes keep their states in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Storage {
    Files,
    /// A process that is killed has forgotten all.
    None,
}

/// The schedule of this seed, with this many faults.
pub(crate) fn fault_schedule(seed: u64, faults: usize, storage: Storage) -> Vec<Step> {
    let mut dice = Dice(ChaCha8Rng::seed_from_u64(seed));
    let (mut steps, mut open) = (Vec::new(), Vec::new());
    for number in 0..faults {
        let fault = match storage {
            Storage::Files => dice.fault(),
            Storage::None => dice.fault().without_disk(),
        };
        // A leader stays frozen for longer than its lease lasts.
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

    fn preference(&mut self) -> Preference {
        let mut order: Vec<usize> = (0..MACHINES).collect();
        for index in (1..MACHINES).rev() {
            order.swap(index, self.below(index + 1));
        }
        Preference { leader: self.chance(50), order }
    }

    fn fault(&mut self) -> Fault {
        let (side, size, at_sender) = (self.preference(), 1 + self.below(2), self.chance(50));
        match self.below(100) {
            0..15 => Fault::Partition { side, size, at_sender },
            15..27 => Fault::OneWay { side, size, outward: self.chance(50), at_sender },
            27..36 => Fault::Loss { side, size, percent: 10 + self.below(60) as u32 },
            36..48 => {
                let (most, doubled) = (self.millis(10, 200), self.chance(50));
                Fault::Delay { side, size: 1 + self.below(MACHINES), most, doubled }
            }
            48..62 => Fault::Kill(side),
            62..74 => Fault::Freeze(side),
            74..82 => Fault::FullDisk(side),
            82..90 => Fault::ReadOnly(side),
            _ => Fault::Damage { victim: side, how: self.damage(), remedy: self.remedy() },
        }
    }

    fn remedy(&mut self) -> Remedy {
        [Remedy::Replace, Remedy::Forget, Remedy::PutCopyBack][self.below(3)]
    }

    fn damage(&mut self) -> Damage {
        let kinds = [Damage::Flipped, Damage::Cut, Damage::Emptied, Damage::Overwritten, Damage::Lost];
        kinds[self.below(kinds.len())]
    }
}
