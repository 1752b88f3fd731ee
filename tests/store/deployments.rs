//! What a folder and the statement of a deployment make of a start.

use quorate::adapters::store::{Deployment, DeploymentError};
use quorate::{Blank, Limits, RoleKind};

use super::*;

const GROUP: ClusterId = ClusterId(7);

fn limits() -> Limits {
    Limits { min_members: 2, max_members: 3 }
}

fn blank_of(state: &HardState<u64>) -> Blank {
    state.blank.unwrap()
}

/// The deployments that serve every start of node 1, the first one too.
fn lasting() -> [(&'static str, Deployment<u64>, bool); 3] {
    [
        ("first roll-out", Deployment::first_rollout(GROUP, [1, 2, 3]), true),
        ("joins", Deployment::joins(GROUP, [1, 2, 3]), false),
        ("may have forgotten", Deployment::may_have_forgotten(GROUP, [1, 2, 3]), false),
    ]
}

#[test]
fn a_folder_without_a_state_makes_a_node_blank_at_the_first_start_and_after_every_loss() {
    for (what, deployment, may_found) in lasting() {
        let folder = tempfile::tempdir().unwrap();
        let (store, first) = deployment.open(1, folder.path()).unwrap();
        assert_eq!(blank_of(&first).may_found, may_found, "{what}");
        assert_eq!(first.membership.voters(), [1, 2, 3], "{what}");
        let path = store.path().to_path_buf();
        drop(store);
        // The node takes part and votes, then its disk is lost.
        let (mut store, again) = deployment.open(1, folder.path()).unwrap();
        assert_eq!(again, first, "{what}: a restart is no other start");
        store.save(&at_term(9)).unwrap();
        drop(store);
        assert_eq!(deployment.open(1, folder.path()).unwrap().1, at_term(9), "{what}");
        fs::remove_file(&path).unwrap();
        let (_store, lost) = deployment.open(1, folder.path()).unwrap();
        assert!(blank_of(&lost).incarnation > blank_of(&first).incarnation, "{what}: another start");
        let rng = rand_chacha::ChaCha8Rng::seed_from_u64(0);
        let election = Election::new(Config::new(1), lost, Timestamp::ORIGIN, rng).unwrap();
        assert_eq!(election.status().role, RoleKind::Recovering, "{what}: it gives no vote");
    }
}

#[test]
fn a_node_that_forms_is_started_without_a_state_only_when_told_that_it_has_never_run() {
    let folder = tempfile::tempdir().unwrap();
    let forms = Deployment::<u64>::forms(GROUP, limits());
    let refused = forms.open(1, folder.path()).unwrap_err();
    assert!(matches!(refused, DeploymentError::NoState { .. }), "{refused}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "not even a lock is left");
    let (store, first) = forms.clone().first_start().open(1, folder.path()).unwrap();
    assert_eq!(first, HardState::forming(GROUP, limits()).unwrap());
    drop(store);
    assert_eq!(forms.open(1, folder.path()).unwrap().1, first);
}

#[test]
fn the_state_of_another_node_or_group_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let deployment = Deployment::first_rollout(GROUP, [1_u64, 2, 3]);
    let (store, _) = deployment.open(1, folder.path()).unwrap();
    let path = store.path().to_path_buf();
    drop(store);
    let before = fs::read(&path).unwrap();
    let refused = deployment.open(2, folder.path()).unwrap_err();
    assert!(matches!(refused, DeploymentError::OtherNode { .. }), "{refused}");
    for other in
        [Deployment::first_rollout(ClusterId(8), [1_u64, 2, 3]), Deployment::forms(ClusterId(8), limits())]
    {
        let refused = other.open(1, folder.path()).unwrap_err();
        assert!(
            matches!(refused, DeploymentError::OtherGroup { found: GROUP, expected: ClusterId(8), .. }),
            "{refused}"
        );
    }
    assert_eq!(fs::read(&path).unwrap(), before);
    assert!(deployment.open(1, folder.path()).is_ok(), "the lock has gone with the refusal");
}

#[test]
fn a_state_that_names_no_node_is_of_the_node_that_opens_it_first() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::create(folder.path().join("state"), &at_term(5)).unwrap());
    let deployment = Deployment::may_have_forgotten(GROUP, [1_u64, 2, 3]);
    assert_eq!(deployment.open(2, folder.path()).unwrap().1, at_term(5));
    assert!(matches!(deployment.open(1, folder.path()), Err(DeploymentError::OtherNode { .. })));
}

#[test]
fn a_list_that_is_mended_before_the_group_exists_counts_and_not_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let [wrong, right] = [[1_u64, 2, 4], [1, 2, 3]].map(|list| Deployment::first_rollout(GROUP, list));
    drop(wrong.open(1, folder.path()).unwrap());
    let (mut store, mended) = right.open(1, folder.path()).unwrap();
    assert_eq!(mended.membership.voters(), [1, 2, 3]);
    let pledged = Blank { pledge: Some(Life(5)), ..blank_of(&mended) };
    let pledged = HardState { blank: Some(pledged), ..mended };
    store.save(&pledged).unwrap();
    drop(store);
    assert_eq!(wrong.open(1, folder.path()).unwrap().1, pledged, "what is pledged is not forgotten");
    let (mut store, _) = right.open(1, folder.path()).unwrap();
    store.save(&at_term(5)).unwrap();
    drop(store);
    assert_eq!(wrong.open(1, folder.path()).unwrap().1, at_term(5));
}

#[test]
fn a_node_that_was_to_found_may_not_once_its_deployment_says_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    drop(Deployment::first_rollout(GROUP, [1_u64, 2, 3]).open(1, folder.path()).unwrap());
    let (store, state) = Deployment::joins(GROUP, [1, 2, 3]).open(1, folder.path()).unwrap();
    assert!(!blank_of(&state).may_found);
    let path = store.path().to_path_buf();
    drop(store);
    let (store, again) = Store::open(&path).unwrap();
    assert_eq!(again, state, "and not at a later start either");
    drop(store);
    let (_, corrected) = Deployment::first_rollout(GROUP, [1, 2, 3]).open(1, folder.path()).unwrap();
    assert!(blank_of(&corrected).may_found, "unless that was the mistake");
}

#[test]
fn a_pledged_node_may_not_found_once_its_deployment_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, first) = Deployment::first_rollout(GROUP, [1_u64, 2, 3]).open(1, folder.path()).unwrap();
    let pledged = Blank { pledge: Some(Life(5)), ..blank_of(&first) };
    store.save(&HardState { blank: Some(pledged), ..first }).unwrap();
    drop(store);
    let (_, state) = Deployment::joins(GROUP, [1, 2, 3]).open(1, folder.path()).unwrap();
    assert_eq!(blank_of(&state), Blank { may_found: false, ..pledged });
}

#[test]
fn what_cannot_start_is_refused_and_nothing_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let no_list = Deployment::first_rollout(GROUP, Vec::<u64>::new());
    let no_limits = Deployment::<u64>::forms(GROUP, Limits { min_members: 3, max_members: 2 }).first_start();
    let refused = [no_list, no_limits].map(|deployment| deployment.open(1, folder.path()).unwrap_err());
    assert!(matches!(refused[0], DeploymentError::Store(StoreError::Blank { .. })), "{}", refused[0]);
    assert!(matches!(refused[1], DeploymentError::Limits(_)), "{}", refused[1]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let not_mounted = folder.path().join("not").join("mounted");
    let refused = Deployment::first_rollout(GROUP, [1_u64]).open(1, not_mounted).unwrap_err();
    assert!(matches!(refused, DeploymentError::Store(StoreError::Io { .. })), "{refused}");
}
