//! What a node did in a step, in words, and the rules by which it did so.

use alloc::string::String;
use alloc::vec::Vec;

/// One thing that a node did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Act {
    /// What it did.
    pub(super) words: String,
    /// The rules that say so, in the order in which they are to be read.
    pub(super) rules: Vec<&'static str>,
    /// Whether it went on with what was so before, as nearly all steps do.
    pub(super) is_ordinary: bool,
}

impl Act {
    pub(super) fn new(words: String, rules: &[&'static str]) -> Self {
        let mut act = Act { words, rules: Vec::new(), is_ordinary: false };
        act.cite(rules);
        act
    }

    pub(super) fn ordinary(words: String, rules: &[&'static str]) -> Self {
        Act { is_ordinary: true, ..Act::new(words, rules) }
    }

    /// Adds rules that are not named yet.
    pub(super) fn cite(&mut self, rules: &[&'static str]) {
        for &rule in rules {
            if !self.rules.contains(&rule) {
                self.rules.push(rule);
            }
        }
    }

    /// The same, with further rules if `also`.
    pub(super) fn citing_if(mut self, also: bool, rules: &[&'static str]) -> Self {
        if also {
            self.cite(rules);
        }
        self
    }
}
