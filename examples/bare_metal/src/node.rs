//! The host's contract on a board: receive, then read the clock, tick, and step; act on the outputs in
//! order; work as leader only under the lease.

use core::convert::Infallible;
use core::time::Duration;

use alloc::vec::Vec;

use quorate::adapters::wire;
use quorate::{Config, ConfigError, Election, Event, Message, Output, Timing};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::board::{Board, FRAME, Id, Radio};
use crate::saved::Saved;

/// Lengths for a radio that takes up to 100 ms for a frame, flash that takes up to a second to erase, and
/// clocks with crystals that count milliseconds. A leader whose battery is empty is replaced within about three seconds.
const TIMING: Timing = Timing {
    promise: Duration::from_secs(3),
    tuned_from: None,
    promise_limit: Duration::from_secs(9),
    heartbeat_interval: Duration::from_secs(1),
    retry_interval: Duration::from_millis(250),
    stagger: Duration::from_millis(300),
    takeover_delay: Duration::from_secs(60),
    clock_drift_ppm: 500,
    clock_resolution: Duration::from_millis(1),
};

/// Why a node cannot go on. A reset may start it again, from the state that it stored last.
#[derive(Debug)]
pub enum Failure<E> {
    /// No slot holds a state: the device was never set up, or has lost it. See
    /// [`provision`](crate::provision).
    NoState,
    /// The state has too many members to fit into a slot, or the write numbers are exhausted.
    Full,
    /// The flash failed.
    Flash(E),
    /// The state or the timing is invalid.
    Config(ConfigError),
}

/// This node's part in the election.
#[derive(Debug)]
pub struct Node {
    election: Election<Id, ChaCha8Rng>,
    saved: Saved,
    outputs: Vec<Output<Id>>,
    frame: Vec<u8>,
}

impl Node {
    /// Starts the node that the flash holds.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn start<B: Board>(id: Id, board: &mut B) -> Result<Self, Failure<B::Error>> {
        let (saved, state) = Saved::load(board)?;
        let config = Config { timing: TIMING, ..Config::new(id) };
        let rng = ChaCha8Rng::from_seed(board.seed());
        let election = Election::new(config, state, board.now(), rng).map_err(Failure::Config)?;
        Ok(Node { election, saved, outputs: Vec::new(), frame: Vec::new() })
    }

    /// Runs for ever.
    ///
    /// # Errors
    /// [`Failure::Flash`] or [`Failure::Full`], when all work has ended.
    pub fn run<B: Board>(mut self, board: &mut B) -> Result<Infallible, Failure<B::Error>> {
        loop {
            if let Err(failure) = self.run_once(board) {
                board.stop_leading();
                return Err(failure);
            }
        }
    }

    /// Waits for a frame until the election's deadline, and does what is to be done.
    ///
    /// # Errors
    /// [`Failure::Flash`] or [`Failure::Full`]. The node must not go on: call
    /// [`Duty::stop_leading`](crate::Duty::stop_leading), and reset it.
    pub fn run_once<B: Board>(&mut self, board: &mut B) -> Result<(), Failure<B::Error>> {
        let mut buffer = [0; FRAME];
        let received = board.receive(self.election.deadline(), &mut buffer);
        // The clock is read after the receipt.
        let now = board.now();
        // A frame that is no message is noise.
        let message =
            received.and_then(|(from, length)| Some((from, wire::decode(buffer.get(..length)?).ok()?)));
        match message {
            Some((from, message)) => self.election.receive_into(now, from, &message, &mut self.outputs),
            None => self.election.tick_into(now, &mut self.outputs),
        }
        self.act_on_outputs(board)?;
        let now = board.now();
        if let Some(lease) = self.election.lease().filter(|lease| lease.holds_at(now)) {
            board.lead(lease);
        }
        Ok(())
    }

    fn act_on_outputs<B: Board>(&mut self, board: &mut B) -> Result<(), Failure<B::Error>> {
        for output in self.outputs.drain(..) {
            match output {
                // The state is durable when this returns. If the write fails, nothing after it is sent.
                Output::Persist(state) => self.saved.save(board, &state)?,
                Output::Send { to, message } => send(board, &mut self.frame, to, &message),
                // The outputs after this one wait until the node has stopped acting as leader.
                Output::Event(Event::SteppedDown { .. }) => board.stop_leading(),
                // Show the other events where your device shows such things. None of them needs a reaction.
                Output::Event(_) | Output::Rejected(_) => {}
            }
        }
        Ok(())
    }

    /// The election, for its status.
    #[must_use]
    pub fn election(&self) -> &Election<Id, ChaCha8Rng> {
        &self.election
    }
}

/// Sends a message. One that does not fit into a frame is lost, as any message may be.
fn send(radio: &mut impl Radio, frame: &mut Vec<u8>, to: Id, message: &Message<Id>) {
    frame.clear();
    if wire::encode_into(message, frame).is_ok() && frame.len() <= FRAME {
        radio.send(to, frame);
    }
}
