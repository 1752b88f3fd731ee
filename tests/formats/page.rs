//! The golden vectors of the page `guide::formats`. The tests of each format read theirs from the page, so that the
//! bytes which the page shows are those that the code reads and writes.
//!
//! A vector is a block of the page that begins with a line `vector NAME`. Each line after that is bytes in hexadecimal,
//! and what they are behind a bar. `of` them, as in `00 of 160`, is so many of the same byte.
#![allow(clippy::panic, dead_code, reason = "a test that fails should panic, and not each needs all of this")]

use std::borrow::ToOwned;
use std::format;
use std::string::String;
use std::vec::Vec;

const PAGE: &str = include_str!("../../src/guide/formats.md");

/// Bytes of the page, and their name.
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// The vectors whose names begin with `family/`, in the order of the page.
pub(crate) fn vectors(family: &str) -> Vec<Vector> {
    let prefix = format!("{family}/");
    let found: Vec<Vector> =
        all(PAGE).into_iter().filter(|vector| vector.name.starts_with(&prefix)).collect();
    assert!(!found.is_empty(), "the page has no vector {prefix}...");
    found
}

/// The bytes of the vector with this name.
pub(crate) fn vector(name: &str) -> Vec<u8> {
    let mut found = all(PAGE).into_iter().filter(|vector| vector.name == name);
    let (Some(vector), None) = (found.next(), found.next()) else {
        panic!("the page has not one vector {name}")
    };
    vector.bytes
}

/// Asserts that the vectors of a family are those with these names, so that none is left untested.
pub(crate) fn assert_names<'a>(family: &str, tested: impl IntoIterator<Item = &'a str>) {
    let mut named: Vec<String> = vectors(family).into_iter().map(|vector| vector.name).collect();
    let mut tested: Vec<String> = tested.into_iter().map(str::to_owned).collect();
    named.sort_unstable();
    tested.sort_unstable();
    assert_eq!(named, tested, "vectors of the page, and those that are tested");
}

fn all(page: &str) -> Vec<Vector> {
    // Every other part is inside a block, and begins with the language of that.
    let blocks = page.split("```").skip(1).step_by(2);
    blocks.filter_map(|block| parse(block.split_once('\n')?.1)).collect()
}

fn parse(block: &str) -> Option<Vector> {
    let mut lines = block.lines();
    let name = lines.next()?.strip_prefix("vector ")?;
    let bytes = lines.flat_map(|line| parse_line(name, line.split('|').next().unwrap_or_default())).collect();
    Some(Vector { name: name.to_owned(), bytes })
}

fn parse_line(name: &str, line: &str) -> Vec<u8> {
    let byte = |text: &str| match u8::from_str_radix(text, 16) {
        Ok(byte) if text.len() == 2 => byte,
        _ => panic!("{name}: {text:?} in {line:?} is no byte"),
    };
    match line.split_once(" of ") {
        Some((repeated, count)) => match count.trim().parse() {
            Ok(count) => std::vec![byte(repeated.trim()); count],
            Err(_) => panic!("{name}: {line:?} says no number of bytes"),
        },
        None => line.split_whitespace().map(byte).collect(),
    }
}
