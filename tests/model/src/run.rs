//! Runs a search and says what it found.

use std::fmt;
use std::time::{Duration, Instant};

use stateright::{Checker, Expectation, HasDiscoveries, Model};

use super::group::{Action, Group};
use super::instance::Instance;
use super::state::State;

/// How the states are gone through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Search {
    /// Takes little memory.
    DepthFirst,
    /// Finds the shortest way to a violation.
    BreadthFirst,
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Found {
    /// What was searched.
    pub instance: Instance,
    /// How many different states there are.
    pub states: usize,
    /// How many steps were taken to find them.
    pub steps: usize,
    /// The length of the longest way that was gone.
    pub depth: usize,
    /// How long it took.
    pub took: Duration,
    /// The properties that fell.
    pub violations: Vec<Violation>,
    /// What should have been come upon, and was not.
    pub missed: Vec<&'static str>,
}

/// A property that fell.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Which.
    pub property: &'static str,
    /// What happened.
    pub way: Vec<Action>,
    /// Where it led.
    pub end: State,
}

/// Searches all of `instance`, or until a property falls.
#[must_use]
pub fn check(instance: Instance, search: Search, threads: usize) -> Found {
    let begun = Instant::now();
    let group = Group(instance.clone());
    let properties = group.properties();
    let checker = group.checker().threads(threads).finish_when(HasDiscoveries::AnyFailures);
    match search {
        Search::DepthFirst => report(instance, &checker.spawn_dfs().join(), &properties, begun),
        Search::BreadthFirst => report(instance, &checker.spawn_bfs().join(), &properties, begun),
    }
}

fn report(
    instance: Instance,
    checker: &impl Checker<Group>,
    properties: &[stateright::Property<Group>],
    begun: Instant,
) -> Found {
    let mut found = Found {
        instance,
        states: checker.unique_state_count(),
        steps: checker.state_count(),
        depth: checker.max_depth(),
        took: begun.elapsed(),
        violations: Vec::new(),
        missed: Vec::new(),
    };
    for property in properties {
        let way = checker.discovery(property.name);
        match (&property.expectation, way) {
            (Expectation::Always, Some(way)) => {
                let end = way.last_state().clone();
                found.violations.push(Violation { property: property.name, way: way.into_actions(), end });
            }
            (Expectation::Sometimes, None) => found.missed.push(property.name),
            _ => {}
        }
    }
    found
}

impl Found {
    /// Whether all properties stood and all was reached.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.violations.is_empty() && self.missed.is_empty()
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Found { instance, states, steps, depth, took, .. } = self;
        let seconds = took.as_secs_f64();
        writeln!(
            f,
            "{}: unique states {states}, max depth {depth}, {steps} steps, {seconds:.1} s",
            instance.name
        )?;
        writeln!(f, "  bounds: {instance}")?;
        for missed in &self.missed {
            writeln!(f, "  NOT REACHED: {missed}")?;
        }
        for Violation { property, way, end } in &self.violations {
            writeln!(f, "  VIOLATED after {} steps: {property}", way.len())?;
            way.iter().try_for_each(|action| writeln!(f, "    {action:?}"))?;
            write!(f, "{end}")?;
        }
        Ok(())
    }
}
