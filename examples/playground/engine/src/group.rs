//! The group, and the time that passes for it.

use std::time::Duration;

use quorate::Input;
use quorate_sim::Cluster;
use serde_json::json;

use crate::deed::Deed;
use crate::settings::Settings;

/// The last instant of a run, in microseconds: a year.
const LAST: u64 = 31_536_000_000_000;
/// The most events of the simulator in one chunk.
const MOST_EVENTS: u64 = 100_000;

/// A group in virtual time, and the timeline of what happens to it, in chunks. The same settings, and the same deeds at the
/// same times, give the same timeline, however the time between is divided into chunks.
///
/// A chunk is JSON: `{"texts":[…],"events":[…],"now":…,"violation":…}`, as
/// [`Timeline::take_chunk`](quorate::adapters::record::Timeline::take_chunk) says.
#[derive(Clone, Debug)]
pub struct Group {
    pub(crate) cluster: Cluster,
}

impl Group {
    /// A group of these settings, as a JSON object:
    ///
    /// ```
    /// use quorate_playground::Group;
    ///
    /// let mut group = Group::new(
    ///     r#"{
    ///         "seed": 1, "nodes": 5, "starts": "bootstrapped", "memory": "durable", "spares": 2,
    ///         "promise_ms": 150, "tuned_from_ms": null, "delay_us": [2000, 8000], "disk_us": [0, 0],
    ///         "loss": 0, "duplicates": 0, "drift_ppm": 500
    ///     }"#,
    /// )?;
    /// assert!(group.run(1_000_000, 10_000).contains("elected in term #"));
    /// // Each key has this value if it is left out.
    /// let mut same = Group::new("{}")?;
    /// assert_eq!(group.run(2_000_000, 10_000).len(), {
    ///     let _ = same.run(1_000_000, 10_000);
    ///     same.run(2_000_000, 10_000).len()
    /// });
    /// # Ok::<(), String>(())
    /// ```
    ///
    /// `starts` is `bootstrapped`, `forming` or `blank`, `memory` is `durable` or `volatile`. Of a million messages `loss`
    /// are lost and `duplicates` arrive twice. Spare nodes do not run until they are started; then a leader can add them.
    ///
    /// # Errors
    /// A sentence, if the text is no JSON object, has other keys, or a value out of its range.
    pub fn new(settings: &str) -> Result<Self, String> {
        let settings = Settings::read(settings)?;
        let mut cluster = Cluster::stopped(settings.seed(), settings.size(), settings.options());
        settings.first().for_each(|node| cluster.restart(node));
        if settings.forms_itself() {
            for node in settings.first() {
                for other in settings.first().filter(|&other| other != node) {
                    cluster.step(node, Input::Discovered(other));
                }
            }
        }
        Ok(Group { cluster })
    }

    /// The timeline without events, as JSON.
    #[must_use]
    pub fn head(&self) -> String {
        self.cluster.timeline().map(quorate::adapters::record::Timeline::head).unwrap_or_default()
    }

    /// The virtual time in microseconds, rounded down.
    #[must_use]
    pub fn now(&self) -> u64 {
        u64::try_from(self.cluster.now().as_micros()).unwrap_or(u64::MAX)
    }

    /// Lets virtual time pass until so many microseconds, and returns the chunk of what happens. There may be less time and
    /// more to come if more than `most_events` events happen until then; the chunk says what the time is. After a violation
    /// no time passes any more.
    pub fn run(&mut self, until: u64, most_events: u64) -> String {
        let until = Duration::from_micros(until.min(LAST));
        let _has_passed = self.cluster.run_some(until, most_events.min(MOST_EVENTS));
        self.take_chunk()
    }

    /// Lets the next event of the simulator happen, and returns its chunk.
    pub fn step(&mut self) -> String {
        if self.now() < LAST {
            let _has_happened = self.cluster.run_one();
        }
        self.take_chunk()
    }

    /// Does a deed now, and returns the chunk of what follows at once. Between two microseconds it is done at the next one, so
    /// that a deed is always done at a whole microsecond. The deeds:
    ///
    /// | `do` | more keys |
    /// |---|---|
    /// | `crash`, `restart`, `freeze`, `thaw`, `forget`, `isolate`, `old`, `fill`, `empty`, `campaign`, `leave` | `node` |
    /// | `cut`, `mend` | `from`, `to`, `both` |
    /// | `partition` | `groups`: lists of nodes; those that none lists are one more |
    /// | `heal` | |
    /// | `loss`, `duplicates`, `late` | `ppm` of the messages |
    /// | `delay` | `us`: the shortest and the longest |
    /// | `clock` | `node`, `ppm`, `beyond` if it may exceed what is declared |
    /// | `disk` | `node`, `us`: the shortest and the longest write |
    /// | `resign` | `node`, `successor`, `now` |
    /// | `priority` | `node`, `value` |
    /// | `position` | `node`, `index` |
    /// | `discovered`, `lost` | `node`, `other` |
    /// | `reconfigure` | `node`, `voters`, `learners`, `force` |
    ///
    /// # Errors
    /// A sentence, if the deed cannot be read or done. Nothing has changed.
    pub fn act(&mut self, deed: &str) -> Result<String, String> {
        let deed = Deed::read(deed)?;
        if self.cluster.violation().is_some() {
            return Err("The run has ended with a violation: nothing can be done any more.".into());
        }
        let mut changed = self.clone();
        changed.settle();
        changed.perform(&deed)?;
        *self = changed;
        Ok(self.take_chunk())
    }

    /// Lets time pass until the next whole microsecond, with all that happens until then.
    fn settle(&mut self) {
        let micros = self.cluster.now().as_nanos().div_ceil(1_000);
        let until = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
        while !self.cluster.run_some(until, MOST_EVENTS) && self.cluster.violation().is_none() {}
    }

    /// The status of the node at index `node`, in words, or a sentence that it does not run.
    #[must_use]
    pub fn status(&self, node: usize) -> String {
        let Some(id) = self.cluster.nodes().nth(node) else { return "There is no such node.".into() };
        let status = self.cluster.election(id).map(|election| election.status().to_string());
        status.unwrap_or_else(|| format!("Node {id} does not run."))
    }

    /// Whether all promises were kept so far, as JSON: `{"violation":null,"checks":…,"leader":…,"term":…}`. `checks` is the
    /// number of events after each of which all was checked, `leader` the node that holds a lease now, and `term` that of
    /// the lease.
    #[must_use]
    pub fn verdict(&self) -> String {
        let leader = self.cluster.leader();
        let counts = self.cluster.counts();
        json!({
            "violation": self.cluster.violation().map(ToString::to_string),
            "checks": counts.events,
            "leader": leader.map(|(node, _)| node.saturating_sub(1)),
            "term": leader.map(|(_, lease)| lease.term.0),
            "elections": counts.elections,
            "messages": counts.messages,
        })
        .to_string()
    }

    fn take_chunk(&mut self) -> String {
        self.cluster.timeline_mut().map(quorate::adapters::record::Timeline::take_chunk).unwrap_or_default()
    }
}
