//! A timer of the system that kills the process that holds it, even if that process is frozen.

use std::time::Duration;

use nix::sys::signal::{SigEvent, SigevNotify, Signal};
use nix::sys::time::TimeSpec;
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::{ClockId, clock_gettime};
use quorate::Timestamp;
use quorate::adapters::clock::BootClock;

pub(crate) struct KillTimer(Timer);

impl KillTimer {
    /// A timer on the boot clock: if it expires while the machine sleeps, it fires when the machine wakes.
    pub(crate) fn new() -> nix::Result<KillTimer> {
        let kill = SigevNotify::SigevSignal { signal: Signal::SIGKILL, si_value: 0 };
        Timer::new(ClockId::CLOCK_BOOTTIME, SigEvent::new(kill)).map(KillTimer)
    }

    /// Has the timer fire at the reading `at` of `clock`, which NTP does not slew as it may slew the timer's clock:
    /// by a twelfth with the configuration that chrony comes with. Half a margin, a twelfth of a promise, makes up
    /// for that.
    pub(crate) fn set(&mut self, at: Timestamp, clock: BootClock) -> nix::Result<()> {
        // A process that is kept from running between the two readings sets the timer too early, not too late.
        let boot = Duration::from(clock_gettime(ClockId::CLOCK_BOOTTIME)?);
        let left = at.saturating_duration_since(clock.now());
        let at = Expiration::OneShot(TimeSpec::from_duration(boot.saturating_add(left)));
        self.0.set(at, TimerSetTimeFlags::TFD_TIMER_ABSTIME)
    }
}
