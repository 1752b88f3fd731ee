//! A group whose messages arrive at once, in order.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Contender, Letter, Letters, Place};

/// More rounds than any library needs to replace a leader.
const PATIENCE: usize = 20;

pub struct Group<C: Contender> {
    pub nodes: Vec<C>,
    pub now: Duration,
    pub letters: Letters<C>,
    /// What one node said: the same list for ever.
    pub said: Vec<C::Said>,
    /// Hears nothing any more.
    pub dead: Option<Place>,
    /// Who led before it died.
    pub leader: Place,
    /// Messages taken from the queue, to the dead too.
    pub carried: usize,
    /// Whom each was seen to follow, and how many each leader had; the last place is nobody.
    follows: Vec<Place>,
    following: Vec<usize>,
}

impl<C: Contender> Group<C> {
    /// A leader is elected and has been followed for a while.
    #[must_use]
    pub fn settled(members: usize) -> Self {
        let nodes = C::start(members);
        let mut group = Group {
            nodes,
            now: Duration::ZERO,
            letters: VecDeque::with_capacity(8 * members),
            said: Vec::with_capacity(2 * members),
            dead: None,
            leader: 0,
            carried: 0,
            follows: Vec::new(),
            following: vec![0; members + 1],
        };
        C::settle(&mut group);
        assert!(group.letters.is_empty(), "all has been said");
        group.leader = group.nodes[0].leader().expect("a settled group has a leader");
        assert!(group.all_follow(group.leader), "{}, {members} nodes: not settled", C::NAME);
        group
    }

    /// Without its leader, and at the end of somebody's patience.
    #[must_use]
    pub fn bereaved(members: usize) -> (Self, Vec<Place>) {
        let mut group = Self::settled(members);
        group.dead = Some(group.leader);
        group.follows = vec![group.leader; members];
        group.following[group.leader] = members;
        let awake = C::expire(&mut group);
        assert!(group.letters.is_empty() && !awake.is_empty(), "nobody has spoken yet");
        group.carried = 0;
        (group, awake)
    }

    pub fn tick(&mut self, place: Place) {
        self.nodes[place].tick(self.now, &mut self.said);
        self.act(place);
    }

    /// Does what `place` has said.
    pub fn act(&mut self, place: Place) {
        self.nodes[place].act(&mut self.said, &mut self.letters);
    }

    /// Ticks all that live.
    pub fn tick_all(&mut self) {
        for place in 0..self.nodes.len() {
            if self.dead != Some(place) {
                self.tick(place);
            }
        }
    }

    /// Hands over the next message, and says to whom.
    pub fn hand_over(&mut self) -> Option<Place> {
        let Letter { from, to, message } = self.letters.pop_front()?;
        self.carried += 1;
        if self.dead != Some(to) {
            self.nodes[to].receive(self.now, from, message, &mut self.said);
        }
        Some(to)
    }

    /// The same, and does what it leads to.
    pub fn deliver(&mut self) -> Option<Place> {
        let to = self.hand_over()?;
        self.act(to);
        Some(to)
    }

    /// Delivers all messages, and those that answer them.
    pub fn drain(&mut self) {
        while self.deliver().is_some() {}
    }

    /// Ticks those of `awake`, when they want to be, and delivers messages, until all who live follow one
    /// new leader.
    pub fn fail_over(&mut self, awake: &[Place]) {
        for _ in 0..PATIENCE {
            for &place in awake {
                self.now = self.nodes[place].due().map_or(self.now, |due| self.now.max(due));
                self.tick(place);
                self.is_over(place);
            }
            while let Some(to) = self.deliver() {
                if self.dead != Some(to) && self.is_over(to) {
                    return;
                }
            }
            C::wait(self, awake);
        }
        panic!("{}, {} nodes: no new leader", C::NAME, self.nodes.len());
    }

    /// Looks whom `place` follows now: whether all who live follow the same, a new one.
    fn is_over(&mut self, place: Place) -> bool {
        let nobody = self.nodes.len();
        let leader = self.nodes[place].leader().unwrap_or(nobody);
        let before = self.follows[place];
        if leader == before {
            return false;
        }
        self.follows[place] = leader;
        self.following[before] -= 1;
        self.following[leader] += 1;
        leader != nobody && self.following[leader] == nobody - 1
    }

    /// What the failover took: also what was on its way to the dead, but no answer to the news that
    /// arrived too late to matter.
    #[must_use]
    pub fn messages(&self) -> usize {
        let lost = self.letters.iter().filter(|letter| self.dead == Some(letter.to)).count();
        self.carried + lost
    }

    /// Bytes of each node, on average.
    #[must_use]
    pub fn bytes(self) -> f64 {
        let members = self.nodes.len() as f64;
        self.nodes.into_iter().map(C::bytes).sum::<usize>() as f64 / members
    }

    /// Whether all who live take `leader` for the leader.
    #[must_use]
    pub fn all_follow(&self, leader: Place) -> bool {
        let lives = |place: &Place| self.dead != Some(*place);
        (0..self.nodes.len()).filter(lives).all(|place| self.nodes[place].leader() == Some(leader))
    }
}
