//! How the hosts wait, and how exactly.
//!
//! | system | thread host, to | tokio host, to |
//! |---|---|---|
//! | Linux, Android, FreeBSD | 0.2 ms (`ppoll`) | 1 ms |
//! | other Unix | 1 ms (`poll`) | 1 ms |
//! | Windows | 16 ms, a tick of its scheduler | 16 ms |
//!
//! Each timer of an operating system runs by a clock that NTP may slow down, by up to a tenth on Linux, and on
//! most systems it stands still while the machine is suspended. So a wait consists of legs, and the clock is
//! read after each. While the rate of the timer is unknown, a leg is seven eighths of what is left. A host that waits
//! all the time measures the rate from wait to wait ([`Legs`]), so that one leg will do, and one wake-up. Only the wait
//! in which NTP begins to slow the timer down may then end late, by as much as the timer was slowed down.

use std::ops::RangeInclusive;
use std::time::Duration;
#[cfg(feature = "udp")]
use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, UdpSocket},
};

#[cfg(feature = "udp")]
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::config::Timing;
use crate::types::{Nanos, Timestamp};

/// The longest leg: a machine that was suspended notices after so long, at the latest, that time is up. A node that leads,
/// and so may have lost its lease, looks sooner than one that follows.
const LONGEST_LEG: Duration = Duration::from_millis(250);
const LONGEST_LEG_OF_LEADER: Duration = Duration::from_millis(50);

/// The longest leg of a node that leads or not.
pub(super) const fn longest_leg(leads: bool) -> Duration {
    if leads { LONGEST_LEG_OF_LEADER } else { LONGEST_LEG }
}

/// Over how long the rate of a timer is measured, at least and at most. A longer time has a suspension in it.
const MEASUREMENT: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(1);

/// The slowest rate of a timer that is taken for one, in parts per million of the rate of the clock, and the fastest
/// that counts: a timer that is over too early costs a wake-up, and one that is over too late costs time.
const RATES: RangeInclusive<u64> = 875_000..=1_000_000;

/// [`Timing::stagger`] is shorter than the timer of the host can tell apart, so that elections would split.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("stagger is {stagger:?}, and this host's timer needs at least {least:?}")]
pub struct StaggerTooShort {
    /// The stagger of the configuration.
    pub stagger: Duration,
    /// The shortest that this host can keep on this system.
    pub least: Duration,
}

/// How exact the timer of a host is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Precision {
    /// The rest of a wait that needs no further leg: a tenth of it is below the grain of the timer.
    last_leg: Duration,
    /// The shortest stagger between election deadlines that the timer can tell apart.
    least_stagger: Duration,
}

impl Precision {
    /// A thread that waits for a socket, or on a condition variable.
    #[cfg(any(feature = "udp", feature = "seat"))]
    pub(super) const THREAD: Precision =
        if cfg!(any(target_os = "linux", target_os = "android", target_os = "freebsd")) {
            Precision::new(Duration::from_millis(1), Duration::from_micros(500))
        } else {
            Precision::COARSE
        };

    /// A timer of tokio's, which counts milliseconds.
    #[cfg(feature = "tokio")]
    pub(super) const TOKIO: Precision = Precision::COARSE;

    const COARSE: Precision = if cfg!(windows) {
        Precision::new(Duration::from_millis(16), Duration::from_millis(16))
    } else {
        Precision::new(Duration::from_millis(8), Duration::from_millis(2))
    };

    /// Whether the timer can tell apart the election deadlines that `timing` asks for.
    pub(super) fn check(self, timing: &Timing) -> Result<(), StaggerTooShort> {
        let (stagger, least) = (timing.stagger, self.least_stagger);
        if stagger < least { Err(StaggerTooShort { stagger, least }) } else { Ok(()) }
    }

    const fn new(last_leg: Duration, least_stagger: Duration) -> Self {
        Precision { last_leg, least_stagger }
    }

    /// For how long to set the timer when `left` is left to wait: for seven eighths, unless that is little. A
    /// timer that runs by a tenth too slowly is over before `left` is.
    pub(super) fn leg(self, left: Duration) -> Duration {
        if left <= self.last_leg {
            return left;
        }
        left.saturating_sub(left.checked_div(8).unwrap_or_default()).min(LONGEST_LEG)
    }
}

/// The legs of a host that waits all the time: it measures how fast its timer runs.
#[derive(Debug)]
pub(super) struct Legs {
    precision: Precision,
    /// What the host's clock and that of the timer read when a measurement began.
    began: Option<(Timestamp, Duration)>,
    /// How much the clock of the timer goes on in a million units of the host's clock, as of the last measurement.
    rate: Option<u64>,
}

impl Legs {
    pub(super) fn new(precision: Precision) -> Self {
        Legs { precision, began: None, rate: None }
    }

    /// For how long to set the timer when `left` is left to wait, and no longer than `longest`. The clock reads `now`, and
    /// that of the timer `timer`.
    pub(super) fn leg(
        &mut self,
        left: Duration,
        longest: Duration,
        now: Timestamp,
        timer: Duration,
    ) -> Duration {
        self.measure(now, timer);
        let leg = match self.rate {
            Some(rate) if left > self.precision.last_leg => part(left, rate),
            Some(_) | None => self.precision.leg(left),
        };
        leg.min(longest)
    }

    fn measure(&mut self, now: Timestamp, timer: Duration) {
        let (clock_began, timer_began) = *self.began.get_or_insert((now, timer));
        let (clock, timer_passed) =
            (now.saturating_duration_since(clock_began), timer.saturating_sub(timer_began));
        if clock < *MEASUREMENT.start() {
            return;
        }
        self.began = Some((now, timer));
        let rate = Nanos::from(timer_passed).0.saturating_mul(*RATES.end()).checked_div(Nanos::from(clock).0);
        let rate = rate.map(|rate| rate.min(*RATES.end()));
        self.rate = rate.filter(|rate| clock <= *MEASUREMENT.end() && RATES.contains(rate));
    }
}

/// So many millionths of a length.
fn part(length: Duration, millionths: u64) -> Duration {
    let nanos = Nanos::from(length.min(LONGEST_LEG.saturating_mul(2))).0;
    Nanos(nanos.saturating_mul(millionths).checked_div(*RATES.end()).unwrap_or(nanos)).as_duration()
}

/// How long before its end a lease is taken away, unless the program says otherwise: a tenth of a promise, the
/// shortest if they are tuned.
pub(super) fn default_margin(timing: &Timing) -> Duration {
    timing.tuned_from.unwrap_or(timing.promise).checked_div(10).unwrap_or_default()
}

/// Waits until `socket` has something to receive, for no longer than `left`, and receives it. Returns `None` if
/// there was nothing. The socket does not block.
#[cfg(feature = "udp")]
pub(super) fn receive_within(
    socket: &UdpSocket,
    left: Duration,
    buffer: &mut [u8],
) -> io::Result<Option<(usize, SocketAddr)>> {
    let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
    let mut descriptors = [PollFd::new(socket, PollFlags::IN)];
    let received = match poll(&mut descriptors, Some(&timeout)) {
        Ok(0) => return Ok(None),
        Ok(_) => socket.recv_from(buffer),
        Err(error) => Err(error.into()),
    };
    match received {
        Ok(datagram) => Ok(Some(datagram)),
        // A datagram whose checksum is wrong is gone when it is to be received.
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use std::vec::Vec;

    use super::*;

    /// A wait of `left` by a timer of which `rate` parts in a hundred pass in a unit of the clock: how many legs it
    /// has, and how late it ends.
    fn wait(precision: Precision, left: Duration, rate: u32) -> (u32, Duration) {
        let (mut waited, mut legs) = (Duration::ZERO, 0);
        while waited < left {
            waited += precision.leg(left - waited) * 100 / rate;
            legs += 1;
        }
        (legs, waited - left)
    }

    #[test]
    fn a_wait_is_exact_in_a_few_legs_though_the_timer_is_slowed_by_a_tenth() {
        for micros in 1..50_000 {
            let left = Duration::from_micros(micros);
            for precision in [Precision::new(millis(1), millis(1)), Precision::new(millis(8), millis(2))] {
                let grain = precision.last_leg / 8;
                for rate in [90, 91, 100] {
                    let (legs, late) = wait(precision, left, rate);
                    assert!(legs <= 4 && late <= grain, "{left:?} at {rate}: {legs} legs, {late:?} late");
                }
            }
        }
    }

    /// Waits of `left` one after another, by a timer of which `rate(wait)` parts in a thousand pass in a unit of the
    /// clock: how many legs each has, and how late it ends.
    fn waits(left: Duration, count: u64, rate: impl Fn(u64) -> u32) -> Vec<(u32, Duration)> {
        let mut legs = Legs::new(Precision::new(millis(1), millis(1)));
        let (mut now, mut timer) = (Timestamp::ORIGIN, Duration::ZERO);
        let wait = |number| {
            let due = now.saturating_add(left);
            let mut count = 0;
            while now < due {
                let leg = legs.leg(due.saturating_duration_since(now), LONGEST_LEG, now, timer);
                timer += leg;
                now = now.saturating_add(leg * 1_000 / rate(number));
                count += 1;
            }
            (count, now.saturating_duration_since(due))
        };
        (0..count).map(wait).collect()
    }

    #[test]
    fn one_leg_is_enough_once_the_rate_of_the_timer_was_measured() {
        let grain = Duration::from_micros(100);
        for left in [20, 50, 150, 240].map(millis) {
            for rate in [900, 917, 999, 1_000] {
                let all = waits(left, 20, |_| rate);
                assert!(all.iter().all(|&(_, late)| late <= grain), "{left:?} at {rate}: {all:?}");
                let settled = all.iter().skip(1).all(|&(legs, _)| legs <= 2);
                assert!(settled, "{left:?} at {rate}: {all:?}");
            }
            let steady = waits(left, 20, |_| 1_000);
            assert!(steady.iter().skip(1).all(|&(legs, _)| legs == 1), "{steady:?}");
        }
    }

    #[test]
    fn only_the_wait_in_which_a_timer_slows_down_ends_late() {
        let slowed = waits(millis(50), 20, |wait| if (5..10).contains(&wait) { 917 } else { 1_000 });
        for (wait, &(_, late)) in slowed.iter().enumerate() {
            let allowed = if wait == 5 { millis(5) } else { Duration::from_micros(100) };
            assert!(late <= allowed, "wait {wait}: {slowed:?}");
        }
    }

    #[test]
    fn a_suspension_is_noticed_within_the_longest_leg_and_is_no_rate_of_the_timer() {
        let mut legs = Legs::new(Precision::new(millis(1), millis(1)));
        let at = |millis: u64| (Timestamp::ORIGIN.saturating_add(self::millis(millis)), self::millis(millis));
        let (now, timer) = at(0);
        legs.leg(millis(50), LONGEST_LEG, now, timer);
        let (now, timer) = at(50);
        assert_eq!(legs.leg(millis(50), LONGEST_LEG, now, timer), millis(50));
        for longest in [longest_leg(true), longest_leg(false)] {
            assert_eq!(legs.leg(Duration::from_secs(3_600), longest, now, timer), longest);
        }
        let (now, _) = at(600_000);
        let leg = legs.leg(millis(40), LONGEST_LEG, now, timer + millis(50));
        assert_eq!(leg, millis(35), "its rate is unknown");
    }

    #[test]
    fn a_stagger_that_the_timer_cannot_keep_is_refused_by_name() {
        let precision = Precision::new(millis(8), millis(2));
        let timing = Timing { stagger: millis(2), ..Timing::lan() };
        assert_eq!(precision.check(&timing), Ok(()));
        let refused = precision.check(&Timing { stagger: Duration::from_micros(1_999), ..timing });
        assert_eq!(refused, Err(StaggerTooShort { stagger: Duration::from_micros(1_999), least: millis(2) }));
    }

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }
}
