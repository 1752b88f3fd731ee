//! What every start of a node is told, so that one configuration serves the first start and each later one.

use std::format;
use std::path::{Path, PathBuf};
use std::prelude::rust_2024::*;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Store, StoreError};
use crate::adapters::wall_clock::blank_now;
use crate::hard_state::HardState;
use crate::membership::{Limits, MembershipError};
use crate::types::{ClusterId, Life, NodeId};

/// The name of the state file in the folder of a node.
const STATE: &str = "state";

/// What a deployment is: a statement that is true at every start of a node, so that the same configuration serves the
/// first start and each later one, on whatever machine. The state of the node is kept in a folder.
///
/// | statement | the folder holds a state | it holds none |
/// |---|---|---|
/// | [`first_rollout`](Self::first_rollout) | the node goes on from it | the node is [blank](HardState::blank): it comes back to the group, or founds it if all are blank |
/// | [`joins`](Self::joins), [`may_have_forgotten`](Self::may_have_forgotten) | likewise | the node is blank, and comes back to the group, but [founds none](HardState::without_founding) |
/// | [`forms`](Self::forms) | likewise | refused, unless this is the [first start](Self::first_start) |
///
/// A disk that is lost, or not mounted, never becomes a second vote: who has nothing asks the others first.
///
/// ```
/// use quorate::adapters::store::Deployment;
/// use quorate::ClusterId;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// let deployment = Deployment::first_rollout(ClusterId::from_name("backup"), [1_u64, 2, 3]);
/// let (store, first) = deployment.open(2, folder)?;
/// assert!(first.blank.is_some());
/// drop(store);
/// let (store, again) = deployment.open(2, folder)?;
/// assert_eq!(again, first);
/// drop(store);
/// // The disk of another node is mounted here:
/// let refused = deployment.open(3, folder).unwrap_err();
/// assert!(refused.to_string().ends_with("holds the state of node 2, and this is node 3"));
/// # Ok(())
/// # }
/// ```
///
/// `udp::Host::start_in` and `tokio::Handle::start_in` start a node with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deployment<I> {
    cluster: ClusterId,
    start: Start<I>,
}

/// What a node starts from that finds nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Start<I> {
    Blank { members: Vec<I>, may_found: bool },
    Forming { limits: Limits, is_first: bool },
}

/// Why a node was not started. Nothing was stored.
///
/// Non-exhaustive: a later version may check more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeploymentError {
    /// The state cannot be read or stored, or the node cannot start as blank ([`StoreError::Blank`]).
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder holds the state of another node: the disks of two nodes were exchanged, or a folder was copied.
    /// Give each node its own.
    #[error("{} holds the state of node {found}, and this is node {expected}", path.display())]
    OtherNode {
        /// The file.
        path: PathBuf,
        /// The node that the state is of.
        found: String,
        /// The node that was to be started.
        expected: String,
    },
    /// The folder holds the state of a node of another group. Give the node a folder of its own, or name the right group.
    #[error("{} is of group {found}, and this is group {expected}", path.display())]
    OtherGroup {
        /// The file.
        path: PathBuf,
        /// The group that the state is of.
        found: ClusterId,
        /// The group of the deployment.
        expected: ClusterId,
    },
    /// A node of a group that [forms](Deployment::forms) has no state, and nobody has said that this is its first start.
    /// If it has run before, it [may have forgotten](Deployment::may_have_forgotten); if it has not, say so
    /// [once](Deployment::first_start).
    #[error(
        "{} does not exist: if this node has never run, say once that this is its first start; \
         if it has, start it as one that may have forgotten",
        path.display()
    )]
    NoState {
        /// The file.
        path: PathBuf,
    },
    /// The limits of a group that forms are none.
    #[error(transparent)]
    Limits(#[from] MembershipError),
}

impl<I: NodeId> Deployment<I> {
    /// The first roll-out of the group `cluster` with these `members`, and every later start of one of them: the nodes
    /// found the group when all of them are there. Each is given the same list, for as long as the group lives.
    pub fn first_rollout(cluster: ClusterId, members: impl IntoIterator<Item = I>) -> Self {
        Self::blank(cluster, members, true)
    }

    /// A node that joins a group which exists, or will: it waits until the group adds it. `members` are nodes of the
    /// group, those of its first roll-out for example. One that takes part has to be among them, to be asked.
    pub fn joins(cluster: ClusterId, members: impl IntoIterator<Item = I>) -> Self {
        Self::blank(cluster, members, false)
    }

    /// A node of a group that was started in another way, by [`HardState::bootstrap`] or [`HardState::forming`], and
    /// that may have lost its state: it comes back as soon as a quorum has told it what it may have forgotten. `members`
    /// are the nodes of the group.
    pub fn may_have_forgotten(cluster: ClusterId, members: impl IntoIterator<Item = I>) -> Self {
        Self::blank(cluster, members, false)
    }

    fn blank(cluster: ClusterId, members: impl IntoIterator<Item = I>, may_found: bool) -> Self {
        Deployment { cluster, start: Start::Blank { members: members.into_iter().collect(), may_found } }
    }

    /// A node of a new group whose nodes find each other: see [`HardState::forming`]. There is no list to ask, so
    /// nothing can tell a first start from the loss of a disk but the [`first_start`](Self::first_start) that you state.
    #[must_use]
    pub fn forms(cluster: ClusterId, limits: Limits) -> Self {
        Deployment { cluster, start: Start::Forming { limits, is_first: false } }
    }

    /// The node of a group that [`forms`](Self::forms) has never run under its id. State it once, by hand, and never in
    /// a configuration that serves every start: a node whose disk is lost could vote twice. A state that exists is used
    /// all the same. For a deployment of another kind nothing changes.
    #[must_use]
    pub fn first_start(self) -> Self {
        let start = match self.start {
            Start::Forming { limits, .. } => Start::Forming { limits, is_first: true },
            blank @ Start::Blank { .. } => blank,
        };
        Deployment { start, ..self }
    }

    /// The group.
    #[must_use]
    pub fn cluster(&self) -> ClusterId {
        self.cluster
    }

    /// The store of node `id` in `folder`, and the state to start from. The folder has to exist, so that a disk which is
    /// not mounted is noticed where that leaves no folder.
    ///
    /// A blank node that has made no pledge, and was started with another list or statement before, is blank anew, with this
    /// one: the first may have been wrong.
    ///
    /// # Errors
    /// [`DeploymentError`]. Nothing is stored then.
    pub fn open(&self, id: I, folder: impl AsRef<Path>) -> Result<(Store<I>, HardState<I>), DeploymentError>
    where
        I: Serialize + DeserializeOwned,
    {
        let path = folder.as_ref().join(STATE);
        match Store::open(&path) {
            Ok((store, saved)) => self.resume(id, store, saved),
            Err(StoreError::NotFound { .. }) => {
                let first = self.first_state(&path)?;
                Ok((Store::create_for(Some(id), &path, &first)?, first))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn first_state(&self, path: &Path) -> Result<HardState<I>, DeploymentError> {
        match &self.start {
            &Start::Forming { limits, is_first: true } => Ok(HardState::forming(self.cluster, limits)?),
            Start::Forming { .. } => Err(DeploymentError::NoState { path: path.into() }),
            Start::Blank { members, may_found } => {
                let blank = blank_now(self.cluster, members.iter().copied())
                    .map_err(|source| StoreError::Blank { path: path.into(), source })?;
                Ok(if *may_found { blank } else { blank.without_founding() })
            }
        }
    }

    /// A state that names no node was stored by a program that did not say which; it is this one's from now on.
    fn resume(
        &self,
        id: I,
        mut store: Store<I>,
        saved: HardState<I>,
    ) -> Result<(Store<I>, HardState<I>), DeploymentError>
    where
        I: Serialize,
    {
        let path = || store.path().to_path_buf();
        if saved.cluster != self.cluster {
            let (found, expected) = (saved.cluster, self.cluster);
            return Err(DeploymentError::OtherGroup { path: path(), found, expected });
        }
        if let Some(found) = store.owner.filter(|&owner| owner != id) {
            let (found, expected) = (format!("{found:?}"), format!("{id:?}"));
            return Err(DeploymentError::OtherNode { path: path(), found, expected });
        }
        let state = match &self.start {
            Start::Blank { .. } if self.corrects(&saved) => self.first_state(store.path())?,
            Start::Blank { may_found: false, .. } => saved.clone().without_founding(),
            Start::Blank { .. } | Start::Forming { .. } => saved.clone(),
        };
        if store.owner.replace(id).is_none() || state != saved {
            store.save(&state)?;
        }
        Ok((store, state))
    }

    /// Whether the node has never taken part, is pledged to nothing, and was started with another list or statement than
    /// now.
    fn corrects(&self, saved: &HardState<I>) -> bool {
        let (Start::Blank { members, may_found }, Some(blank)) = (&self.start, saved.blank) else {
            return false;
        };
        let mut list = members.clone();
        list.sort_unstable();
        let is_unused = saved.life == Life::NONE && blank.pledge.is_none();
        is_unused && (saved.membership.voters() != list || blank.may_found != *may_found)
    }
}
