//! Each candidacy and each leadership is one span of the crate `tracing`.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quorate::adapters::tokio::{Handle, MemoryStorage, Network, Options};
use quorate::adapters::trace::Spans;
use quorate::message::{Body, Phase};
use quorate::{ClusterId, Config, HardState, RoleKind, Timing, Urgency};
use quorate_sim::{Mail, ManualNetwork};
use tokio::time::Instant;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::format::FmtSpan;

const MS: Duration = Duration::from_millis(1);

/// Collects the beginnings and the ends of spans.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Collects what this thread does while the guard lives.
    fn begin(&self) -> DefaultGuard {
        let writer = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .without_time()
            .with_target(false)
            .with_span_events(FmtSpan::NEW | FmtSpan::CLOSE)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    /// The lines, without how long each span lasted.
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| line.split(" time.").next().unwrap().trim().to_owned()).collect()
    }
}

/// Lets time pass, one message after the other, while the `lost` ones are lost.
fn run(network: &mut ManualNetwork, spans: &mut Spans, length: Duration, lost: impl Fn(&Mail) -> bool) {
    for _ in 0..length.as_millis() {
        network.pass(MS);
        spans.observe(network.node(1));
        loop {
            network.lose(&lost);
            let Some(first) = network.mail.first().cloned() else { break };
            let is_first = std::cell::Cell::new(true);
            network.deliver(|mail| mail.to == first.to && is_first.replace(false));
            spans.observe(network.node(1));
        }
    }
}

fn asks_for_votes(mail: &Mail) -> bool {
    matches!(&mail.message.body(), Body::VoteRequest(request) if request.phase == Phase::Real)
}

#[test]
fn a_candidacy_that_is_lost_and_one_that_is_won_and_the_leadership_are_spans() {
    let (log, mut spans) = (Log::default(), Spans::new());
    let _guard = log.begin();
    let mut network = ManualNetwork::new(3, Timing::lan());
    // Only 1 has a majority to campaign with, and nobody hears it ask for votes.
    let mut is_candidate_after_a_while = || {
        run(&mut network, &mut spans, MS, |mail| mail.from != 1 && mail.to != 1 || asks_for_votes(mail));
        network.node(1).role() == RoleKind::Candidate
    };
    while !is_candidate_after_a_while() {}
    assert_eq!(log.lines(), ["INFO candidacy{node=1 term=1}: new"]);
    while is_candidate_after_a_while() {}
    let lost = ["INFO candidacy{node=1 term=1}: new", "INFO candidacy{node=1 term=1 won=false}: close"];
    assert_eq!(log.lines(), lost);
    network.elect(1);
    spans.observe(network.node(1));
    let term = network.node(1).term();
    let won = log.lines();
    let expected = [
        format!("INFO candidacy{{node=1 term={term} won=true}}: close"),
        format!("INFO leadership{{node=1 term={term}}}: new"),
    ];
    assert_eq!(won[won.len() - 2..], expected);
    network.elect(2);
    spans.observe(network.node(1));
    assert_eq!(log.lines()[won.len()..], [format!("INFO leadership{{node=1 term={term}}}: close")]);
}

#[tokio::test(start_paused = true)]
async fn a_host_keeps_the_spans_of_its_node() {
    let log = Log::default();
    let _guard = log.begin();
    let first = HardState::bootstrap(ClusterId(1), [1_u64]).unwrap();
    let origin = Instant::now();
    let options = Options::new(Config::new(1)).clock(move || origin.elapsed().into()).save_on_blocking_pool();
    let node = Handle::start(options, first, MemoryStorage::new(), Network::new().join(1)).unwrap();
    node.wait_for_leader().await.unwrap();
    node.resign(None, Urgency::Now).await.unwrap();
    tokio::time::sleep(100 * MS).await;
    node.shutdown().await.unwrap();
    let lines = log.lines();
    assert_eq!(
        lines[..4],
        [
            "INFO candidacy{node=1 term=1}: new",
            "INFO candidacy{node=1 term=1 won=true}: close",
            "INFO leadership{node=1 term=1}: new",
            "INFO leadership{node=1 term=1}: close",
        ]
    );
    let count = |end: &str| lines.iter().filter(|line| line.ends_with(end)).count();
    assert_eq!(count(": new"), count(": close"), "none outlives its node: {lines:?}");
}
