//! Records that are cut, changed, foreign or made up.

use std::convert::Infallible;
use std::io::{self, Read};
use std::sync::LazyLock;

use proptest::prelude::*;
use quorate::adapters::record::{Ending, Replay, ReplayError};
use quorate::adapters::udp::{Host, HostConfig};
use quorate::{ClusterId, Config, HardState};

use super::support::{Paper, complete, lines, replay, replayed, wait};

type Id = u16;

/// What a host has recorded that elected itself, wrote, and stepped down when it was stopped.
static RECORD: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let paper = Paper::default();
    let recorder = paper.recorder().named("alone");
    let recording = recorder.recording();
    let config = HostConfig::new(Config::new(1), "127.0.0.1:0".parse().unwrap()).record(recorder);
    let first = HardState::bootstrap(ClusterId(1), [1_u16]).unwrap();
    let host = Host::start(config, first, |_| Ok::<_, Infallible>(())).unwrap();
    wait("a leader", || host.lease());
    drop(host);
    complete(&recording);
    paper.text()
});

/// The record with the first of such texts replaced.
#[track_caller]
fn changed(from: &str, to: &str) -> Vec<u8> {
    let record = String::from_utf8(RECORD.clone()).unwrap();
    assert!(record.contains(from), "{record}");
    record.replacen(from, to, 1).into_bytes()
}

#[test]
fn a_record_that_is_cut_at_any_byte_is_replayed_up_to_there() {
    let whole = lines(replayed::<Id>(&RECORD)).0;
    let mut seen = 0;
    for length in 1..RECORD.len() {
        let cut = &RECORD[..length];
        let (lines, endings) = lines(replayed::<Id>(cut));
        assert!(lines.len() >= seen && lines == whole[..lines.len()], "at byte {length}");
        seen = lines.len();
        let is_line = cut.ends_with(b"\n") || RECORD[length] == b'\n';
        let expected: &[Ending] = match (is_line, lines.len() == whole.len()) {
            (true, true) => &[],
            (true, false) => &[Ending::Open],
            (false, _) => &[Ending::Cut],
        };
        assert_eq!(endings, expected, "at byte {length}: {}", String::from_utf8_lossy(cut));
    }
    assert!(seen > 3);
}

#[test]
fn an_output_that_was_changed_is_found_and_named() {
    let error = replay::<Id>(&changed(r#"{"Elected":{"term":"#, r#"{"Elected":{"term":7"#)).unwrap_err();
    let ReplayError::Differs(difference) = &error else { panic!("{error}") };
    let text = String::from_utf8(RECORD.clone()).unwrap();
    let line = text.lines().position(|line| line.contains("Elected")).unwrap() as u64 + 1;
    assert_eq!((difference.line, difference.node.as_str()), (line, "alone"));
    let said = error.to_string();
    assert!(said.contains("node alone") && said.contains("s after its start"), "{said}");
    assert!(said.contains("says event: elected in term 7"), "{said}");
    assert!(said.contains("the replay event: elected in term "), "{said}");
}

#[test]
fn an_output_that_was_left_out_is_found() {
    let text = String::from_utf8(RECORD.clone()).unwrap();
    let line = text.lines().find(|line| line.contains("Elected")).unwrap();
    let out = line.find(r#","out":"#).unwrap();
    let silent = format!("{}}}}}", &line[..out]);
    let error = replay::<Id>(&changed(line, &silent)).unwrap_err();
    assert!(matches!(&error, ReplayError::Differs(it) if it.recorded.is_none()), "{error}");
}

/// Of a node that is alone, the seed decides when it campaigns, and nothing else.
#[test]
fn the_seed_of_a_record_decides_what_its_node_draws() {
    let deadline = |record: &[u8]| {
        let mut replay = Replay::<_, Id>::new(record);
        replay.next().unwrap().unwrap();
        replay.election().unwrap().deadline()
    };
    let text = String::from_utf8(RECORD.clone()).unwrap();
    let (before, rest) = text.split_once(r#""seed":"#).unwrap();
    let after = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
    let of = |seed: u64| deadline(format!(r#"{before}"seed":{seed}{after}"#).as_bytes());
    assert_eq!(of(7), of(7));
    assert_ne!(of(7), of(8));
}

#[test]
fn the_record_in_the_guide_is_replayed_without_a_difference() {
    let page = include_str!("../../src/guide/records.md");
    let (_, example) = page.split_once("```json\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let (lines, endings) = lines(replayed::<Id>(example.as_bytes()));
    assert_eq!((lines.len(), endings.len()), (9, 0));
    // The page describes each kind of line.
    for kind in ["start", "tick", "step", "writing", "durable", "withdrawn", "dropped", "stopped", "end"] {
        assert!(page.contains(&format!("| `{kind}` |")), "{kind}");
    }
}

#[test]
fn what_is_no_record_is_said_to_be_none() {
    for foreign in
        ["hello\n", "{}\n", "{\"start\":7}\n", "\u{7f}ELF\0\0\n", "[[[[[[[[[[", "\"", "{\"timeline\":1}"]
    {
        let error = replay::<Id>(foreign.as_bytes()).unwrap_err();
        assert!(matches!(error, ReplayError::NotARecord { line: 1 }), "{foreign:?}: {error}");
    }
    let error = replay::<Id>(&changed(r#""format":1,"#, r#""format":2,"#)).unwrap_err();
    assert_eq!(error.to_string(), "line 1 is of format 2, and this release reads format 1");
    let error = replay::<u32>(&RECORD).unwrap_err();
    assert!(error.to_string().contains("\"u16\"") && error.to_string().contains("\"u32\""), "{error}");
    assert!(replayed::<Id>(b"").is_empty() && replayed::<Id>(b"\n\n").is_empty());
}

#[test]
fn what_no_host_does_is_said_to_make_no_sense() {
    for (from, to, why) in [
        ("{\"writing\":", "{\"durable\":", "no state was being written"),
        ("{\"durable\":", "{\"withdrawn\":", "no lease was being withdrawn"),
        ("{\"writing\":", "{\"reading\":", "unknown variant `reading`"),
        ("{\"end\":{\"at\":", "{\"end\":{\"at\":0,\"was\":", "the clock runs backwards"),
        ("{\"tick\":{\"at\":", "{\"tick\":{\"at\":-", "expected u64"),
    ] {
        let error = replay::<Id>(&changed(from, to)).unwrap_err();
        let ReplayError::Nonsense { why: said, .. } = &error else { panic!("{to}: {error}") };
        assert!(said.contains(why), "{to}: {error}");
    }
    let error =
        replay::<Id>(&changed("\"promise\":{\"secs\":0", "\"promise\":{\"secs\":9000000")).unwrap_err();
    assert!(matches!(error, ReplayError::Config { line: 1, .. }), "{error}");
}

/// A line without an end.
#[test]
fn a_line_that_does_not_end_is_refused_before_it_fills_the_memory() {
    let endless = RECORD.as_slice().chain(io::repeat(b' '));
    let error = Replay::<_, Id>::new(io::BufReader::new(endless)).find_map(Result::err).unwrap();
    assert!(matches!(error, ReplayError::TooLong { .. }), "{error}");
}

proptest! {
    /// Bytes that were changed anywhere, in any way, are answered by an error or by a replay.
    #[test]
    fn a_record_with_other_bytes_never_makes_a_replay_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..4),
    ) {
        let mut record = RECORD.clone();
        for (place, byte, is_digit) in changes {
            let place = place.index(record.len());
            record[place] = if is_digit { b'0' + byte % 10 } else { byte };
        }
        let _whatever_it_is = replay::<Id>(&record);
    }

    /// Numbers that are as large, small or negative as JSON can say.
    #[test]
    fn a_record_with_other_numbers_never_makes_a_replay_panic(
        place in any::<prop::sample::Index>(),
        number in prop_oneof![any::<u64>(), Just(0), Just(u64::MAX), Just(i64::MAX as u64), 0..1_000_u64],
    ) {
        let text = String::from_utf8(RECORD.clone()).unwrap();
        let digits = text.char_indices().filter(|(at, c)| {
            c.is_ascii_digit() && !text[..*at].ends_with(|before: char| before.is_ascii_digit())
        });
        let numbers: Vec<usize> = digits.map(|(at, _)| at).collect();
        let at = numbers[place.index(numbers.len())];
        let end = at + text[at..].find(|c: char| !c.is_ascii_digit()).unwrap();
        let record = format!("{}{number}{}", &text[..at], &text[end..]);
        let _whatever_it_is = replay::<Id>(record.as_bytes());
    }
}
