//! An agent whose register is in the hands of the fuzzer: whatever it holds, and whatever becomes of a call, the agent
//! neither panics nor calls twice at once, says nothing while it is silent, and writes only what can be read.
//!
//! `cargo +nightly fuzz run register`, or on stable
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none register`.
#![no_main]

use std::time::Duration;

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use quorate::adapters::register::{
    self, Agent, AgentConfig, Outcome, Reads, Seat, SeatConfig, SeatStep, Step, Tag, Use, inspect,
};
use quorate::{ClusterId, Config, Election, HardState, Nanos, Position, Term, Timestamp};
use quorate_fuzz::{message, option, state};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

const NODE: u64 = 1;
const VOTER: u64 = 9;
const CLUSTER: ClusterId = ClusterId(7);
/// A run ends after so many events, however many bytes are left.
const MOST_EVENTS: usize = 256;

fuzz_target!(|data: &[u8]| {
    let mut u = Unstructured::new(data);
    // The bytes of an event may not be enough for one.
    let _ = match u.arbitrary::<bool>() {
        Ok(true) => contend(u),
        _ => speak(u),
    };
});

/// What the register has held, and what the fuzzer puts there.
struct Contents {
    held: Vec<Vec<u8>>,
}

impl Contents {
    fn any(&mut self, u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
        match u.int_in_range(0..=3)? {
            0 => {
                let rest = u.arbitrary_len::<u8>()?.min(64);
                self.held.push(framed(*u.choose(b"\x1c\x1d")?, u.bytes(rest)?));
            }
            1 => {
                let promise = option(u, |u| {
                    Ok((
                        u.int_in_range(0..=9)?,
                        Term(u.arbitrary()?),
                        Term(u.arbitrary()?),
                        Nanos(u.arbitrary()?),
                    ))
                })?;
                let signatures = option(u, |_| Ok(vec![1_u64, 2]))?.unwrap_or_default();
                let state = HardState { cluster: CLUSTER, ..state::<u64>(u)? };
                let (sequence, written_by): (u64, (u64, u64)) = (u.arbitrary()?, u.arbitrary()?);
                let content =
                    (VOTER, state, promise, sequence, written_by, u.arbitrary::<bool>()?, signatures);
                self.held.push(framed(0x1c, &postcard::to_allocvec(&("u64", content)).expect("a content")));
            }
            2 => {
                let mut damaged = self.held.last().cloned().unwrap_or_default();
                if let Some(byte) = damaged.get_mut(u.int_in_range(0..=200)?) {
                    *byte = u.arbitrary()?;
                }
                self.held.push(damaged);
            }
            _ => {}
        }
        let place = u.int_in_range(0..=self.held.len().saturating_sub(1))?;
        Ok(self.held.get(place).cloned().unwrap_or_default())
    }

    fn outcome(&mut self, u: &mut Unstructured<'_>) -> Result<Outcome> {
        Ok(match u.int_in_range(0..=7)? {
            0 => Outcome::Missing,
            1 => Outcome::Refused,
            2 => Outcome::Failed,
            3 => Outcome::Unknown,
            4 => Outcome::Swapped(tag(u)?),
            _ => Outcome::Found { tag: tag(u)?, bytes: self.any(u)? },
        })
    }
}

fn tag(u: &mut Unstructured<'_>) -> Result<Tag> {
    Ok(Tag::from(u64::from(u.arbitrary::<u8>()?)))
}

/// Bytes with a valid header.
fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    let (magic, format) = ([&b"quorate"[..], &[kind]].concat(), 1_u32.to_le_bytes());
    let mut hasher = crc32fast::Hasher::new();
    [&magic[..], &format, body].into_iter().for_each(|part| hasher.update(part));
    [&magic[..], &format, &hasher.finalize().to_le_bytes(), body].concat()
}

fn later(now: Timestamp, u: &mut Unstructured<'_>) -> Result<Timestamp> {
    Ok(now.saturating_add(Duration::from_millis(u.arbitrary::<u16>()?.into())))
}

fn reads(u: &mut Unstructured<'_>) -> Result<Reads> {
    Ok(if u.arbitrary()? { Reads::Fresh } else { Reads::MayBeStale })
}

fn speak(mut u: Unstructured<'_>) -> Result<()> {
    let first = HardState::bootstrap(CLUSTER, [NODE, 2, VOTER]).expect("a group");
    let mut contents = Contents { held: vec![register::create(&first, VOTER).expect("a register")] };
    let look = Duration::from_secs(1);
    let usage = if u.arbitrary()? { Use::Spare { look } } else { Use::Always { look } };
    let config = AgentConfig { reads: reads(&mut u)?, ..AgentConfig::new(NODE, VOTER, CLUSTER, usage) };
    let rng = ChaCha8Rng::seed_from_u64;
    let mut agent = Agent::new(config, &mut rng(1)).expect("an agent");
    let node = Election::new(Config::new(NODE), first, Timestamp::ORIGIN, rng(2)).expect("a node");
    let (mut now, mut calls, mut steps) = (Timestamp::ORIGIN, 0_usize, Vec::new());
    for _ in 0..MOST_EVENTS {
        now = later(now, &mut u)?;
        match u.int_in_range(0..=4)? {
            0 => agent.tick(&node, now, &mut steps),
            1 => agent.record_position(
                &node,
                Position { term: u.arbitrary()?, index: u.arbitrary()? },
                now,
                &mut steps,
            ),
            2 => agent.ask(&node, message(&mut u)?, now, &mut steps),
            _ => {
                calls = calls.saturating_sub(1);
                agent.complete(contents.outcome(&mut u)?, now, &mut steps);
            }
        }
        for step in steps.drain(..) {
            match step {
                Step::Read => calls += 1,
                Step::Swap { bytes, .. } => {
                    calls += 1;
                    assert!(inspect::<u64>(&bytes).is_ok_and(|held| held.state.cluster == CLUSTER));
                    contents.held.push(bytes);
                }
                Step::Deliver(_) => assert_eq!(agent.status().silence, None),
                Step::Remember(_) | Step::Event(_) => {}
            }
        }
        assert!(calls <= 1, "two calls at once");
        assert!(agent.deadline() >= Timestamp::ORIGIN);
    }
    Ok(())
}

fn contend(mut u: Unstructured<'_>) -> Result<()> {
    let mut contents = Contents { held: vec![register::create_seat(CLUSTER)] };
    let config = SeatConfig { reads: reads(&mut u)?, ..SeatConfig::new(NODE, CLUSTER) };
    let mut seat = Seat::new(config, &mut ChaCha8Rng::seed_from_u64(1)).expect("a contender");
    let (mut now, mut calls, mut steps, mut term) = (Timestamp::ORIGIN, 0_usize, Vec::new(), Term(0));
    for _ in 0..MOST_EVENTS {
        now = later(now, &mut u)?;
        match u.int_in_range(0..=5)? {
            0 | 1 => seat.tick(now, &mut steps),
            2 => seat.resign(now, &mut steps),
            _ => {
                calls = calls.saturating_sub(1);
                seat.complete(contents.outcome(&mut u)?, now, &mut steps);
            }
        }
        for step in steps.drain(..) {
            match step {
                SeatStep::Read => calls += 1,
                SeatStep::Swap { bytes, .. } => {
                    calls += 1;
                    contents.held.push(bytes);
                }
                SeatStep::Event(_) | SeatStep::Remember(_) | SeatStep::Silent(_) => {}
            }
        }
        assert!(calls <= 1, "two calls at once");
        if let Some(lease) = seat.lease() {
            assert!(lease.until > now, "a lease that is over");
            assert!(lease.term >= term, "terms run backwards");
            term = lease.term;
        }
    }
    Ok(())
}
