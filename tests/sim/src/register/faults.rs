//! What goes wrong, and what operators want meanwhile.

use std::time::Duration;

use quorate::{ClusterId, Force, HardState, Input, Target, Urgency};

use super::world::{Scheduled, World};
use crate::clock::{Instant, MS, SECOND};

impl World {
    /// Lets time pass until `end`, with a fault every two seconds on average.
    pub(super) fn run_with_faults(&mut self, end: Instant) {
        while self.now < end && !self.has_ended() {
            let until = self.now + self.dice.below(4 * SECOND);
            self.run_until(until.min(end));
            if self.profile.hunts {
                self.hunt();
            } else {
                self.disturb();
            }
            if self.profile.reconfigures && self.dice.below(2) == 0 {
                self.reconfigure();
            }
            if self.profile.rolls_back && self.dice.below(8) == 0 {
                self.roll_back();
            }
        }
    }

    fn disturb(&mut self) {
        let machine = self.dice.below(self.machines.len() as u64) as usize;
        let other = self.dice.below(self.machines.len() as u64) as usize;
        match self.dice.below(13) {
            0 | 1 => self.set_link(machine, other, false),
            2 => {
                self.set_link(machine, other, false);
                self.set_link(other, machine, false);
            }
            3 => self.cut_from_register(machine),
            4 | 5 => self.crash(machine),
            6 | 7 => self.freeze(machine),
            8 => self.is_register_down = true,
            9 => self.command(machine, Input::Resign { successor: None, urgency: Urgency::WhenReady }),
            _ => self.mend(),
        }
    }

    /// The machines are apart most of the time, and what keeps a leader from the register is undone after a while.
    fn hunt(&mut self) {
        let machine = self.dice.below(self.machines.len() as u64) as usize;
        match self.dice.below(12) {
            0 => self.mend(),
            1 => self.crash(machine),
            2 => self.freeze(machine),
            3..=6 => {
                let machines = &mut self.machines;
                machines.iter_mut().for_each(|machine| machine.reaches_register = true);
                self.log(|| "all reach the register".into());
            }
            _ => {
                for other in 0..self.machines.len() {
                    self.set_link(machine, other, false);
                    self.set_link(other, machine, false);
                }
            }
        }
    }

    pub(super) fn set_link(&mut self, from: usize, to: usize, up: bool) {
        self.log(|| format!("n{} to n{}: {}", from + 1, to + 1, if up { "mended" } else { "cut" }));
        self.links.set(from, to, up);
    }

    pub(super) fn cut_from_register(&mut self, machine: usize) {
        self.log(|| format!("n{} is cut from the register", machine + 1));
        self.machines[machine].reaches_register = false;
    }

    fn crash(&mut self, machine: usize) {
        self.log(|| format!("n{} crashes", machine + 1));
        self.machines[machine].process = None;
        if self.profile.forgets && self.dice.chance(400_000) {
            self.lose_disk(machine);
        }
        let back = 10 * MS + self.dice.below(4 * SECOND);
        self.schedule(back, Scheduled::Restart { machine });
    }

    /// The machine has nothing any more. No other one may have forgotten: it counts on all others.
    fn lose_disk(&mut self, machine: usize) {
        if self.machines.iter().any(|machine| machine.durable.blank.is_some()) {
            return;
        }
        self.log(|| format!("n{} loses its disk", machine + 1));
        let since_1970 = Duration::from_secs(1_800_000_000) + Duration::from_nanos(self.now);
        let blank = HardState::blank(ClusterId(7), 1..=self.voter(), since_1970);
        let machine = &mut self.machines[machine];
        machine.durable = blank.expect("a list, and a clock that is set").without_founding();
        machine.remembered = 0;
        self.safety.forget(machine.id);
    }

    fn freeze(&mut self, machine: usize) {
        let process = self.machines[machine].processes;
        let Some(running) = &mut self.machines[machine].process else { return };
        if running.is_frozen {
            return;
        }
        running.is_frozen = true;
        self.log(|| format!("n{} freezes", machine + 1));
        let length = self.dice.below(4 * SECOND);
        self.schedule(length, Scheduled::Thaw { machine, process });
    }

    fn mend(&mut self) {
        self.log(|| "all is mended".into());
        self.is_register_down = false;
        for from in 0..self.machines.len() {
            self.machines[from].reaches_register = true;
            (0..self.machines.len()).for_each(|to| self.links.set(from, to, true));
        }
    }

    /// The leader is told to change the members, the voter of the register among them.
    fn reconfigure(&mut self) {
        let Some(leader) = self.leader() else { return };
        let all = 1..=self.voter();
        let voters: Vec<u64> = all.filter(|_| self.dice.below(4) > 0).collect();
        if let Ok(target) = Target::new(voters, []) {
            self.command(leader, Input::Reconfigure { target, force: Force::Never });
        }
    }
}
