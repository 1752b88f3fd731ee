//! Names behave as the texts that they are.

extern crate std;

use core::fmt::Debug;
use std::collections::BTreeMap;
use std::format;
use std::hash::{BuildHasher, RandomState};
use std::string::{String, ToString};
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::fingerprint::{Fingerprint, Kind};

#[allow(clippy::unwrap_used, reason = "a test that panics has found something")]
fn name<const N: usize>(text: &str) -> Name<N> {
    text.parse().unwrap()
}

#[test]
fn names_of_pods_hosts_and_addresses_are_taken_as_they_are() {
    let longest = "x".repeat(63);
    for text in
        ["a", "web-0", "db-1.db.prod.svc.cluster.local", "10.0.0.1:7000", "[::1]:9", "A_b~c/d@e", &longest]
    {
        let name: Name<63> = name(text);
        assert_eq!(
            (name.as_str(), name.to_string().as_str(), format!("{name:?}").as_str()),
            (text, text, text)
        );
        assert_eq!(Name::try_from(text), Ok(name));
    }
    assert_eq!(format!("{:>6}|{:<6?}|", name::<4>("web"), name::<4>("web")), "   web|web   |");
}

#[test]
fn what_is_no_name_is_refused_with_the_reason() {
    let refused = |text: &str| text.parse::<Name<4>>();
    assert_eq!(refused(""), Err(NameError::Empty));
    assert_eq!(refused("web-0"), Err(NameError::TooLong { length: 5, longest: 4 }));
    assert_eq!("a".parse::<Name<0>>(), Err(NameError::TooLong { length: 1, longest: 0 }));
    let bad =
        [' ', '\t', '\n', '\r', '\0', '\u{1b}', '\u{7f}', '\u{85}', '\u{a0}', 'é', '\u{200b}', '\u{202e}'];
    for character in bad {
        for text in [format!("{character}"), format!("{character}b"), format!("a{character}")] {
            assert_eq!(refused(&text), Err(NameError::BadCharacter(character)), "{text:?}");
        }
    }
    assert_eq!(NameError::BadCharacter('\n').to_string().lines().count(), 1, "the text shows it escaped");
}

/// Nodes of different releases and processors derive the life of a group from these numbers, so they never change.
#[test]
fn the_fingerprint_of_a_name_is_the_same_everywhere_and_does_not_depend_on_its_room() {
    let of =
        |part: &dyn Fn(Fingerprint) -> Fingerprint| part(Fingerprint::of_kind(Kind::Bootstrapped)).number();
    let of_text = of(&|fingerprint| fingerprint.with(&"pod-0"));
    assert_eq!(of(&|fingerprint| fingerprint.with(&name::<5>("pod-0"))), of_text);
    assert_eq!(of(&|fingerprint| fingerprint.with(&name::<63>("pod-0"))), of_text);
    assert_eq!(of_text, 9_460_439_188_234_519_000);
}

#[test]
fn a_map_finds_a_name_by_its_text() {
    let map: BTreeMap<Name<8>, u32> = [(name("b"), 2), (name("a"), 1)].into();
    assert_eq!((map.get("a"), map.get("b"), map.get("c")), (Some(&1), Some(&2), None));
}

fn agree<T: PartialEq + Debug>(names: T, texts: T) -> Result<(), TestCaseError> {
    prop_assert_eq!(names, texts);
    Ok(())
}

proptest! {
    #[test]
    fn names_are_compared_and_hashed_as_their_texts(texts in prop::collection::vec("[!-~]{1,9}", 2)) {
        let names: Vec<Name<9>> = texts.iter().map(|text| name(text)).collect();
        let ([one, other], [one_text, other_text]) = (&names[..], &texts[..]) else { return Ok(()) };
        agree(one.cmp(other), one_text.cmp(other_text))?;
        agree(one == other, one_text == other_text)?;
        let hasher = RandomState::new();
        agree(hasher.hash_one(one), hasher.hash_one(one_text))?;
    }

    #[test]
    fn any_text_is_refused_or_comes_back_as_it_was(text in any::<String>()) {
        if let Ok(name) = text.parse::<Name<16>>() {
            prop_assert_eq!(name.as_str(), text);
        }
    }
}
