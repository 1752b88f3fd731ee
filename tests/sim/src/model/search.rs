//! Runs a search and reports the result.

use std::fmt;
use std::time::{Duration, Instant};

use stateright::{Checker, Expectation, HasDiscoveries, Model};

use super::bounds::Instance;
use super::group::{Action, Group};
use super::group_state::State;

/// The order in which the states are searched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Search {
    /// Depth first, which takes little memory.
    DepthFirst,
    /// Breadth first, which finds the shortest path to a violation.
    BreadthFirst,
}

/// The result of a search.
#[derive(Clone, Debug)]
pub struct Found {
    /// The instance.
    pub instance: Instance,
    /// The number of different states.
    pub states: usize,
    /// The number of steps that were taken to find them.
    pub steps: usize,
    /// The length of the longest path.
    pub depth: usize,
    /// How long the search took.
    pub took: Duration,
    /// The violated properties.
    pub violations: Vec<Violation>,
    /// The goals that were not reached.
    pub missed: Vec<&'static str>,
}

/// A violated property.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The name of the property.
    pub property: &'static str,
    /// The actions up to the violation.
    pub path: Vec<Action>,
    /// The state after them.
    pub end: State,
}

/// Searches all of `instance`, or until a property is violated.
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
        let path = checker.discovery(property.name);
        match (&property.expectation, path) {
            (Expectation::Always, Some(path)) => {
                let end = path.last_state().clone();
                found.violations.push(Violation { property: property.name, path: path.into_actions(), end });
            }
            (Expectation::Sometimes, None) => found.missed.push(property.name),
            _ => {}
        }
    }
    found
}

impl Found {
    /// Whether no property was violated and all goals were reached.
    #[must_use]
    pub fn passed(&self) -> bool {
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
        for Violation { property, path, end } in &self.violations {
            writeln!(f, "  VIOLATED after {} steps: {property}", path.len())?;
            path.iter().try_for_each(|action| writeln!(f, "    {action:?}"))?;
            write!(f, "{end}")?;
        }
        Ok(())
    }
}
