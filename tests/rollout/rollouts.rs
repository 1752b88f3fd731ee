//! What befalls the groups of the manifests, and the table of what that cost.

use std::fmt::Write as _;
use std::time::Instant;

use crate::Failure;
use crate::dns::Dns;
use crate::group::Group;
use crate::manifest::{stateful_set, unit};
use crate::network::{GATEWAY, Network};
use crate::worker::now;
use crate::works::{audit, gaps, runs};

/// The port of the DNS.
const DNS: u16 = 53;

/// Plays all rollouts, and returns the table.
pub(crate) fn play() -> Result<String, Failure> {
    let mut network = Network::build()?;
    let dns = Dns::serve((GATEWAY, DNS))?;
    let mut table = format!(
        "{:<46}| without the command, ms | after the last start, ms | elections | look-ups | all ready after\n",
        "what happens"
    );
    for (title, workload, folder) in [
        ("a StatefulSet with volumes", stateful_set("kubernetes/with-volumes.yaml")?, "with-volumes"),
        (
            "a StatefulSet without volumes",
            stateful_set("kubernetes/without-volumes.yaml")?,
            "without-volumes",
        ),
        ("three machines with systemd", unit("systemd/quorate-scheduler.service", "machine")?, "systemd"),
    ] {
        let mut group = Group::new(workload, folder, &mut network, &dns)?;
        let limit = group.promise_limit.as_millis();
        writeln!(table, "{title}, a longest promise of {limit} ms")?;
        let mut rollout = Rollout { group: &mut group, table: &mut table };
        match folder {
            "with-volumes" => rollout.with_volumes()?,
            "without-volumes" => rollout.without_volumes()?,
            _ => rollout.with_systemd()?,
        }
        let files = group.files.clone();
        group.kill_all()?;
        for number in group.first_nodes() {
            group.forget_name(number);
        }
        let audit = audit(&files)?;
        if let violations @ [_, ..] = &audit.violations()[..] {
            return Err(format!("{title}: {}", violations.join("\n")).into());
        }
        let (terms, records) = audit.size();
        writeln!(table, "  {terms} terms and {records} records: one worker at a time, in growing terms")?;
    }
    Ok(table)
}

struct Rollout<'a, 'b> {
    group: &'a mut Group<'b>,
    table: &'a mut String,
}

impl Rollout<'_, '_> {
    fn with_volumes(&mut self) -> Result<(), Failure> {
        self.first_rollout()?;
        self.row("3 to 5 pods, two members more", Rollout::grow)?;
        self.row("all five are killed, and get new addresses", |rollout| rollout.replace_all(false))?;
        self.rolling_update()?;
        self.row("a follower's volume is lost", Rollout::lose_one_volume)?;
        self.row("5 to 3 pods, two members less", Rollout::shrink)?;
        self.row("3 to 5 pods again, on their old volumes", Rollout::grow)?;
        self.row("5 to 3 pods again", Rollout::shrink)?;
        self.row("the volumes of all are lost", |rollout| rollout.replace_all(true))
    }

    fn without_volumes(&mut self) -> Result<(), Failure> {
        self.first_rollout()?;
        self.rolling_update()?;
        self.row("three of five are made anew at once", Rollout::replace_most)?;
        self.row("all five are killed, and get new addresses", |rollout| rollout.replace_all(false))
    }

    fn with_systemd(&mut self) -> Result<(), Failure> {
        self.first_rollout()?;
        self.rolling_update()?;
        self.row("all machines lose their power", |rollout| rollout.replace_all(false))
    }

    fn first_rollout(&mut self) -> Result<(), Failure> {
        self.row("the first roll-out", |rollout| {
            let nodes = rollout.group.first_nodes();
            rollout.group.start(&nodes)?;
            rollout.group.until_ready(&nodes)
        })
    }

    /// As a StatefulSet does: from the last pod to the first, each once the one before is ready.
    fn rolling_update(&mut self) -> Result<(), Failure> {
        self.row("a rolling update of all", |rollout| {
            for number in rollout.group.nodes().into_iter().rev() {
                rollout.group.stop(number)?;
                rollout.group.start(&[number])?;
                rollout.group.until_ready(&[number])?;
            }
            Ok(())
        })
    }

    fn grow(&mut self) -> Result<(), Failure> {
        let group = &mut *self.group;
        group.start(&[3, 4])?;
        for number in [3, 4] {
            group.until_known(number)?;
            let node = group.node(number);
            let newcomer = format!("{node}={node}.{}:7000", group.workload.name);
            group.operate(&["members", "add", &newcomer])?;
        }
        group.until_ready(&[3, 4])
    }

    fn shrink(&mut self) -> Result<(), Failure> {
        for number in [4, 3] {
            let node = self.group.node(number);
            self.group.operate(&["members", "remove", &node])?;
            self.group.stop(number)?;
            self.group.forget_name(number);
        }
        self.group.until_ready(&self.group.nodes())
    }

    fn lose_one_volume(&mut self) -> Result<(), Failure> {
        let leader = self.group.leader()?;
        let follower = self.group.nodes().into_iter().find(|&number| number != leader);
        let follower = follower.ok_or("there is no follower")?;
        self.group.stop(follower)?;
        self.group.files.lose_volume(&self.group.node(follower))?;
        self.group.start(&[follower])?;
        self.group.until_ready(&[follower])
    }

    /// The others are no quorum without those that have forgotten: they give up, and all found the group again.
    fn replace_most(&mut self) -> Result<(), Failure> {
        let nodes: Vec<_> = self.group.nodes().into_iter().take(3).collect();
        self.group.kill(&nodes)?;
        self.group.start(&nodes)?;
        self.group.until_ready(&nodes)
    }

    fn replace_all(&mut self, lose_volumes: bool) -> Result<(), Failure> {
        let nodes = self.group.nodes();
        self.group.kill_all()?;
        for &number in nodes.iter().filter(|_| lose_volumes) {
            self.group.files.lose_volume(&self.group.node(number))?;
        }
        self.group.start(&nodes)?;
        self.group.until_ready(&nodes)
    }

    /// Has something happen, and adds what it cost to the table.
    fn row(
        &mut self,
        what: &str,
        happen: impl FnOnce(&mut Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let (since, began) = (now()?, Instant::now());
        happen(self).map_err(|failure| format!("{what}: {failure}\n{}", self.table))?;
        let ready = began.elapsed();
        self.group.until_it_runs(now()?)?;
        let runs = runs(&self.group.files)?;
        let gaps = gaps(&runs, since);
        let without: Vec<_> = gaps.iter().map(|gap| gap.as_millis().to_string()).collect();
        let without = if without.is_empty() { "0".into() } else { without.join(" ") };
        // Only where all have been started at once, a run begins after that.
        let last_start = self.group.last_start();
        let next = runs.iter().find(|run| run.from > since.max(last_start));
        let after = next.map_or("-".into(), |run| ((run.from - last_start) / 1_000_000).to_string());
        let (elections, asked) = (gaps.len(), self.group.dns.most_asked(&self.group.addresses()));
        let ready = ready.as_secs_f64();
        writeln!(
            self.table,
            "  {what:<44}| {without:<23} | {after:>24} | {elections:>9} | {asked:>8} | {ready:.1} s"
        )?;
        Ok(())
    }
}
