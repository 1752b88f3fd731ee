//! A timer of the system that kills the process that holds it, even if that process is frozen.

use std::time::Duration;

use nix::sys::signal::{SigEvent, SigevNotify, Signal};
use nix::sys::time::TimeSpec;
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;
use quorate::Timestamp;

pub(crate) struct KillTimer(Timer);

impl KillTimer {
    /// A timer on the boot clock: if it expires while the machine sleeps, it fires when the machine wakes.
    pub(crate) fn new() -> nix::Result<KillTimer> {
        let kill = SigevNotify::SigevSignal { signal: Signal::SIGKILL, si_value: 0 };
        Timer::new(ClockId::CLOCK_BOOTTIME, SigEvent::new(kill)).map(KillTimer)
    }

    pub(crate) fn set(&mut self, at: Timestamp) -> nix::Result<()> {
        // Zero would disarm the timer.
        let at = Expiration::OneShot(TimeSpec::from_duration(at.since_origin().max(Duration::from_nanos(1))));
        self.0.set(at, TimerSetTimeFlags::TFD_TIMER_ABSTIME)
    }
}
