//! Any text gives a replay or a clear error, and any two records one picture. What is fuzzed begins as the record of the page
//! `guide::records`, so that most of it is understood.
//!
//! `cargo +nightly fuzz run record`, or on stable
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none record`.
#![no_main]

use std::io::Cursor;

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use quorate::adapters::record::{Records, Replay};

const PAGE: &str = include_str!("../../src/guide/records.md");

fuzz_target!(|data: &[u8]| {
    let mut u = Unstructured::new(data);
    if u.arbitrary::<bool>().unwrap_or(false) {
        play(u.take_rest(), &[]);
        return;
    }
    if let Ok(records) = (0..2).map(|_| changed(&mut u)).collect::<Result<Vec<_>>>() {
        play(&records[0], &records[1]);
    }
});

/// The record of the page, with a few pieces of it replaced: by numbers, by bytes, by lines of its own.
fn changed(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let (_, example) = PAGE.split_once("```json\n").expect("an example");
    let (example, _) = example.split_once("```").expect("an end of the example");
    let mut record = example.as_bytes().to_vec();
    for _ in 0..u.int_in_range(0..=6)? {
        let start = u.choose_index(record.len().max(1))?.min(record.len());
        match u.int_in_range(0..=3)? {
            0 => {
                let place =
                    record[start..].iter().position(u8::is_ascii_digit).map_or(start, |digit| start + digit);
                let digits = record[place..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                let number = u.arbitrary::<u64>()? >> u.int_in_range(0..=63)?;
                record.splice(place..place + digits, number.to_string().into_bytes());
            }
            1 => record.truncate(start),
            2 => {
                let length = u.int_in_range(0..=8)?.min(record.len() - start);
                record.splice(start..start + length, u.bytes(4)?.to_vec());
            }
            _ => {
                let lines: Vec<&str> = example.lines().collect();
                let line = format!("{}\n", u.choose(&lines)?);
                let place = record[..start].iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
                record.splice(place..place, line.into_bytes());
            }
        }
    }
    Ok(record)
}

fn play(one: &[u8], other: &[u8]) {
    for moment in Replay::<_, u16>::new(one) {
        let _whatever_it_is = moment;
    }
    let sources = [one, other].into_iter().filter(|record| !record.is_empty());
    let records = sources.fold(Records::<u16>::new("fuzzed"), |records, record| {
        let record = record.to_vec();
        records.source("bytes", move || Ok(Cursor::new(record.clone())))
    });
    if let Ok(merged) = records.merge(|seen| drop(seen.to_string())) {
        drop((merged.summary(), merged.timeline.to_json()));
    }
}
