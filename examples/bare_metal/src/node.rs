//! The host's contract on a board: receive, then read the clock, tick, step; act on what comes out, in
//! order; lead under the lease only.

use core::convert::Infallible;
use core::time::Duration;

use alloc::vec::Vec;

use quorate::adapters::wire;
use quorate::{Config, ConfigError, Election, Event, Input, Message, Output, Timing};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::board::{Board, FRAME, Id, Radio};
use crate::saved::Saved;

/// For a radio that takes up to 100 ms for a frame, flash that takes up to a second to erase, and
/// crystals. A leader whose battery is empty is replaced within three seconds or so.
const TIMING: Timing = Timing {
    promise: Duration::from_secs(3),
    tuned_from: None,
    promise_limit: Duration::from_secs(9),
    heartbeat_interval: Duration::from_secs(1),
    retry_interval: Duration::from_millis(250),
    stagger: Duration::from_millis(300),
    takeover_delay: Duration::from_secs(60),
    clock_drift_ppm: 500,
};

/// Why a node cannot go on. It may be started again, by a reset: what it stored is what it knows.
#[derive(Debug)]
pub enum Failure<E> {
    /// No slot holds a state: the device was never set up, or has lost it. See
    /// [`provision`](crate::provision).
    NoState,
    /// The state, of so many members, does not fit; or there is no number left.
    Full,
    /// Of the flash itself.
    Flash(E),
    /// The state or the timing makes no node.
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
            if let Err(failure) = self.turn(board) {
                board.rest();
                return Err(failure);
            }
        }
    }

    /// Waits for a frame, until the election is due, and does what is to be done.
    ///
    /// # Errors
    /// [`Failure::Flash`] or [`Failure::Full`]: this node is done. Let it rest, and reset it.
    pub fn turn<B: Board>(&mut self, board: &mut B) -> Result<(), Failure<B::Error>> {
        let mut buffer = [0; FRAME];
        let received = board.receive(self.election.deadline(), &mut buffer);
        self.election.tick_into(board.now(), &mut self.outputs);
        if let Some((from, length)) = received {
            // Whatever is no message is noise.
            if let Ok(message) = wire::decode(buffer.get(..length).unwrap_or_default()) {
                self.election.step_into(Input::Receive { from, message }, &mut self.outputs);
            }
        }
        self.act(board)?;
        let now = board.now();
        if let Some(lease) = self.election.lease().filter(|lease| lease.holds_at(now)) {
            board.lead(lease);
        }
        Ok(())
    }

    fn act<B: Board>(&mut self, board: &mut B) -> Result<(), Failure<B::Error>> {
        for output in self.outputs.drain(..) {
            match output {
                // Durable when this returns; if it fails, nothing that follows is sent.
                Output::Persist(state) => self.saved.save(board, &state)?,
                Output::Send { to, message } => send(board, &mut self.frame, to, &message),
                // What follows waits until this node has stopped acting as leader.
                Output::Event(Event::SteppedDown { .. }) => board.rest(),
                // Show the others where your device shows such things; none needs an answer.
                Output::Event(_) | Output::Rejected(_) => {}
            }
        }
        Ok(())
    }

    /// The election, to be asked for its status and told what the device wants.
    #[must_use]
    pub fn election(&self) -> &Election<Id, ChaCha8Rng> {
        &self.election
    }
}

/// A message that makes no frame is lost, as any may be.
fn send(radio: &mut impl Radio, frame: &mut Vec<u8>, to: Id, message: &Message<Id>) {
    frame.clear();
    if wire::encode_into(message, frame).is_ok() && frame.len() <= FRAME {
        radio.send(to, frame);
    }
}
