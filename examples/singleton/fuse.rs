//! A timer of the system that kills the process that holds it, though it be frozen.

use std::time::Duration;

use nix::sys::signal::{SigEvent, SigevNotify, Signal};
use nix::sys::time::TimeSpec;
use nix::sys::timer::{Expiration, Timer, TimerSetTimeFlags};
use nix::time::ClockId;
use quorate::Timestamp;

pub(crate) struct Fuse(Timer);

impl Fuse {
    /// On the boot clock: if the machine sleeps meanwhile, it fires when it wakes.
    pub(crate) fn new() -> nix::Result<Fuse> {
        let kill = SigevNotify::SigevSignal { signal: Signal::SIGKILL, si_value: 0 };
        Timer::new(ClockId::CLOCK_BOOTTIME, SigEvent::new(kill)).map(Fuse)
    }

    pub(crate) fn set(&mut self, at: Timestamp) -> nix::Result<()> {
        // Zero would disarm it.
        let at = Expiration::OneShot(TimeSpec::from_duration(at.since_origin().max(Duration::from_nanos(1))));
        self.0.set(at, TimerSetTimeFlags::TFD_TIMER_ABSTIME)
    }
}
