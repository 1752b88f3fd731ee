//! The files of the page `guide::formats`, byte by byte.

use quorate::adapters::store::Deployment;
use quorate::{Blank, Incarnation, Membership, MembershipVersion, Position};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::page::{self, vector};
use super::*;

/// The vectors of files that this release writes.
const WRITTEN: [&str; 4] = ["file/voter", "file/founder", "file/blank", "file/upgraded"];

/// The state in the file `name` of the page, and the bytes that a save of it makes.
fn reopen<I>(name: &str) -> (HardState<I>, Vec<u8>)
where
    I: quorate::NodeId + Serialize + DeserializeOwned,
{
    let (_folder, path) = folder();
    fs::write(&path, vector(name)).unwrap();
    let (mut store, state) = Store::<I>::open(&path).unwrap();
    store.save(&state).unwrap();
    (state, fs::read(&path).unwrap())
}

/// A changed format must have a new number, so that an older file is refused with its number.
#[test]
fn files_are_the_bytes_of_the_page() {
    let (_folder, path) = folder();
    drop(Store::create(&path, &at_term(300)).unwrap());
    assert_eq!(fs::read(&path).unwrap(), vector("file/voter"));
    assert_eq!(reopen("file/voter"), (at_term(300), vector("file/voter")));
    page::assert_names("file", WRITTEN.into_iter().chain(["file/of-release-0.1"]));
    for name in WRITTEN {
        assert_eq!(vector(name)[8..12], [7, 0, 0, 0], "{name}");
    }
}

#[test]
fn a_file_names_its_node_its_founders_and_when_its_learners_were_added() {
    let (state, again) = reopen::<Name<16>>("file/founder");
    assert_eq!(again, vector("file/founder"));
    let [a, b, c] = names(["web-0", "web-1", "web-2"]);
    let members = &state.membership;
    assert_eq!(
        (members.voters(), members.learners(), members.founders()),
        (&[a, b][..], &[c][..], &[a, b][..])
    );
    assert_eq!((members.version(), members.quorum()), (MembershipVersion { term: Term(5), number: 2 }, 2));
    assert_eq!((state.cluster, state.life, state.term), (ClusterId(7), Life(300), Term(5)));
    assert_eq!((state.voted_for, state.promised), (Some(b), Duration::from_millis(1_450)));
    assert!(state.committed && state.blank.is_none());
    assert_eq!(state.position_floor, Position { term: 3, index: 9 });

    // The node that the file names: a folder that was given to another one is refused.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("state"), vector("file/founder")).unwrap();
    let deployment = Deployment::first_rollout(ClusterId(7), [a, b]);
    assert!(deployment.open(b, folder.path()).is_err());
    assert_eq!(deployment.open(a, folder.path()).unwrap().1, state);
}

#[test]
fn the_file_of_a_blank_node_has_its_incarnation_and_its_pledge() {
    let (state, again) = reopen::<u64>("file/blank");
    assert_eq!(again, vector("file/blank"));
    let since_1970 = Duration::from_millis(1_700_000_000_000);
    let incarnation = Incarnation(1_700_000_000_000 << 20);
    let blank = Blank { incarnation, pledge: Some(Life(300)), may_found: true };
    let first = HardState::blank(ClusterId(7), [1, 2, 3], since_1970).unwrap();
    assert_eq!(state, HardState { blank: Some(blank), ..first });
}

/// The life is derived from the number of the group. Each node derives it by itself, so no release may derive another.
#[test]
fn a_file_of_release_0_1_is_stored_in_the_format_of_today() {
    let (state, again) = reopen::<u64>("file/of-release-0.1");
    assert_eq!(again, vector("file/upgraded"));
    let version = MembershipVersion { term: Term(2), number: 4 };
    let expected = Membership::new(version, vec![1, 2, 3], vec![9], 2).unwrap();
    assert_eq!(state.membership, expected);
    assert_eq!((state.term, state.voted_for, state.committed), (Term(300), Some(2), true));
    assert_eq!(reopen("file/upgraded"), (state, again));
}

/// A node is not started by a release that cannot read its file, and the file stays for the release that can.
#[test]
fn a_file_of_a_later_release_is_refused_with_its_format_and_kept() {
    let (_folder, path) = folder();
    let later = with_format(&vector("file/voter"), 8);
    assert_eq!(fault_of(&path, &later), Fault::UnknownFormat { found: 8 });
    let error = Store::<u64>::open(&path).unwrap_err();
    let source = error.source().unwrap().to_string();
    assert_eq!(source, "it has format 8, not 7: run this node with the release that wrote it");
    assert_eq!(fs::read(&path).unwrap(), later);
}
