//! A group at rest after trouble equals one that never had any: in all state of its elections but numbers, in what it
//! shows, and in how much it sends; also when it has lost its quorum.

use std::time::Duration;

use crate::churn;
use crate::clock::SECOND;
use crate::cluster::Cluster;
use crate::faults::Faults;
use crate::harness;
use crate::options::Options;
use crate::rng::Dice;
use crate::scenario::{inject, mend, options};

/// How long the faults last.
const TROUBLE: u64 = 60 * SECOND;

/// How long a group rests until all that it remembers of the trouble has ended. The takeover delay of these groups is
/// short, so that the longest memory is that of what hosts were told: twice the last pause.
const REST: Duration = Duration::from_secs(150);

/// For how long messages are counted.
const COUNTED: Duration = Duration::from_secs(5);

/// What a group shows at rest.
#[derive(PartialEq, Eq, Debug)]
struct Portrait {
    /// The state of the leader, without numbers.
    leader: String,
    /// The states of the others, without numbers, in order.
    others: Vec<String>,
    /// What all nodes show, without numbers, in order.
    shown: Vec<String>,
    messages: u64,
}

/// Troubles a group with faults of these kinds, which `seed` decides, lets it rest, and compares it with the same
/// group after a restart of all nodes.
///
/// # Errors
/// What is left of the trouble.
///
/// # Panics
/// At a violation.
pub fn rest_after_trouble(seed: u64, nodes: usize, faults: &[Faults]) -> Result<(), String> {
    let mut dice = Dice::new(!seed);
    let drawn = options(seed, nodes, |fault| faults.contains(&fault));
    let mut settings = Options { panics: true, ..drawn };
    settings.timing.takeover_delay = Duration::from_millis(200);
    // Tuned intervals follow what was measured, which is not the same twice.
    settings.timing.tuned_from = None;
    let mut cluster = Cluster::stopped(seed, nodes.max(settings.starts.len()), settings);
    churn::begin(&mut cluster, &mut dice);
    while cluster.now().as_nanos() < u128::from(TROUBLE) {
        harness::storm(&mut cluster, &mut dice, |cluster, dice| {
            let fault = dice.pick(faults);
            inject(cluster, dice, fault);
        });
        cluster.run_for(Duration::from_secs(2));
    }
    calm(&mut cluster);
    cluster.run_for(REST);
    let troubled = portrait(&mut cluster)?;
    for node in cluster.nodes() {
        cluster.crash(node);
    }
    for node in cluster.nodes() {
        cluster.restart(node);
    }
    cluster.run_for(Duration::from_secs(60));
    let fresh = portrait(&mut cluster)?;
    let allowed = 4 * cluster.hosts.len() as u64;
    if troubled.messages.abs_diff(fresh.messages) > allowed {
        return Err(format!("seed {seed}: {} messages, and {} afresh", troubled.messages, fresh.messages));
    }
    let pairs = [(&troubled.leader, &fresh.leader)].into_iter();
    let pairs = pairs.chain(troubled.others.iter().zip(&fresh.others));
    let mut pairs = pairs.chain(troubled.shown.iter().zip(&fresh.shown));
    match pairs.find(|(troubled, fresh)| troubled != fresh) {
        Some((troubled, fresh)) => Err(format!("seed {seed}: {}", difference(troubled, fresh))),
        None => lose_quorum(&mut cluster).map_err(|text| format!("seed {seed}: {text}")),
    }
}

/// Rule 4.11: lets as many nodes crash as cost the group its quorum. None of those that are left sends more than a
/// leader at rest.
fn lose_quorum(cluster: &mut Cluster) -> Result<(), String> {
    let (leader, _) = cluster.leader().ok_or("no leader")?;
    let members = cluster.durable(leader).membership.clone();
    let heartbeat = cluster.hosts[leader as usize - 1].config.timing.heartbeat_interval;
    let others = members.voters().iter().copied().filter(|&id| id != leader);
    let left: Vec<u64> = others.take(members.voters().len() - members.quorum()).collect();
    cluster.nodes().filter(|node| !left.contains(node)).for_each(|node| cluster.crash(node));
    cluster.run_for(Duration::from_secs(10));
    let sent = |cluster: &Cluster, node: u64| cluster.hosts[node as usize - 1].sent;
    let before: Vec<u64> = left.iter().map(|&node| sent(cluster, node)).collect();
    cluster.run_for(COUNTED);
    let rounds = COUNTED.as_nanos() / heartbeat.as_nanos();
    let most = rounds as u64 * (members.members().len() as u64 - 1);
    for (&node, before) in left.iter().zip(before) {
        let sent = sent(cluster, node) - before;
        if sent == 0 || sent > most {
            return Err(format!("node {node} without a quorum sends {sent} messages, a leader {most}"));
        }
    }
    Ok(())
}

/// Ends all faults, those of the network and of the disks too.
fn calm(cluster: &mut Cluster) {
    mend(cluster);
    cluster.cancel_pending_faults();
    let net = &mut cluster.net.options;
    (net.loss, net.duplicates, net.late, net.old) = (0, 0, 0, 0);
    cluster.options.disk.stalls = 0;
}

fn portrait(cluster: &mut Cluster) -> Result<Portrait, String> {
    let (before, since) = (cluster.counts().messages, cluster.now());
    cluster.run_for(COUNTED);
    let messages = cluster.counts().messages - before;
    let (leader, _) = cluster.leader().ok_or_else(|| format!("no leader at {since:?}"))?;
    let state = |node| cluster.election(node).map(|election| without_numbers(&format!("{election:?}")));
    let mut others: Vec<String> = cluster.nodes().filter(|&node| node != leader).filter_map(state).collect();
    others.sort_unstable();
    // A restarted follower has heard no other follower yet.
    let status = |node| {
        let text =
            without_numbers(&cluster.election(node)?.status().to_string()).replace(", heard # ago", "");
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        Some(lines.join("\n"))
    };
    let mut shown: Vec<String> = cluster.nodes().filter_map(status).collect();
    shown.sort_unstable();
    Ok(Portrait { leader: state(leader).unwrap_or_default(), others, shown, messages })
}

/// Replaces each number, with its unit, by `#`; a delay of zero stays apart from others. The leader alone has no rank,
/// and may be another node, so ranks are left out. So is the holder of the last promise, which a leader has if it
/// followed another before.
fn without_numbers(text: &str) -> String {
    let text = text.replace("Backoff { length: Nanos(0)", "Backoff { length: none");
    let mut result = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        result.push_str(&rest[..start]);
        result.push('#');
        let tail = rest[start..].trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        rest = ["ms", "µs", "ns", "s"].iter().find_map(|unit| tail.strip_prefix(unit)).unwrap_or(tail);
    }
    let holder = "holder: Some(Holder { id: #, term: #, leads_term: Term(#) })";
    (result + rest).replace("rank: Some(#)", "rank: None").replace(holder, "holder: None")
}

/// Where two texts differ first.
fn difference(troubled: &str, fresh: &str) -> String {
    let at = troubled.bytes().zip(fresh.bytes()).take_while(|(a, b)| a == b).count();
    let excerpt = |text: &str| text.chars().skip(at.saturating_sub(60)).take(200).collect::<String>();
    format!("after trouble …{}…, and afresh …{}…", excerpt(troubled), excerpt(fresh))
}
