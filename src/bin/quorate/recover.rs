//! Recovers from the loss of a quorum, by changing the durable files of the nodes that are left.
//!
//! While most voters of a group are alive, do not use this: start them, and let the leader remove the lost
//! ones. When most voters are gone **for good**, no node can be elected any more, and the nodes that are
//! left can be made a group of their own by hand. This is unsafe in general; see the warnings of
//! `HardState::recover_unsafely`, which the program prints. The steps, in this order:
//!
//! 1. stop every survivor, and make sure that no other member ever starts again;
//! 2. look at every survivor's file, and note the highest term:
//!    ```text
//!    quorate recover show /tmp/node-1
//!    ```
//! 3. change every survivor's file, with the same survivors and that same term:
//!    ```text
//!    quorate recover unsafely --survivors 1,2 --above 7 /tmp/node-1
//!    ```
//! 4. only then start them.
//!
//! `quorate recover demo` shows it with three files of its own, two of which it loses.
//! The files are those of `quorate run` and `quorate node`; other programs may have other ids.

mod durable_file;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Subcommand;
use quorate::adapters::store::{Store, StoreError};
use quorate::adapters::udp::{Host, HostConfig, Notice};
use quorate::{ClusterId, Config, Event, HardState, RecoveryError, Term};

use self::durable_file::recover_unsafely;
use crate::Id;
use crate::failure::{BadInput, Failure};

/// Shows durable files, and recovers from the loss of a quorum
#[derive(Subcommand)]
pub(crate) enum Task {
    /// Shows what is in a node's file. The node must be stopped
    Show {
        /// The folder of the node, or the file in it
        file: PathBuf,
    },
    /// Makes the survivors a group of their own. Read the warnings first
    Unsafely {
        /// All nodes that are left, the same list for each of them
        #[arg(long, required = true, value_delimiter = ',', value_name = "IDS")]
        survivors: Vec<Id>,
        /// The highest term in any survivor's file, the same for each of them
        #[arg(long, value_name = "TERM")]
        above: u64,
        /// The folder of a survivor, which must be stopped, or the file in it
        file: PathBuf,
    },
    /// Loses two of three files and recovers the third
    Demo,
}

const WARNINGS: &str = "\
  This is unsafe unless you make sure that
  - every member that is not a survivor is destroyed, or never starts again under its old id: two
    groups of one cluster would each have a leader;
  - all survivors are stopped now, and all their files are changed before the first starts;
  - a membership change that was committed and that no survivor has in its file may be lost.";

pub(crate) fn run(task: Task) -> Result<(), Failure> {
    match task {
        Task::Show { file } => show(&file),
        Task::Unsafely { survivors, above, file } => unsafely(&file, &survivors, Term(above)),
        Task::Demo => demo(),
    }
}

/// The file with the state of a node, which may be named by its folder.
fn state_file(path: &Path) -> PathBuf {
    if path.is_dir() { path.join("state") } else { path.to_owned() }
}

fn show(file: &Path) -> Result<(), Failure> {
    let (_lock, state) = Store::<Id>::open(state_file(file)).map_err(BadInput::says)?;
    writeln!(io::stdout(), "{}", file.display())?;
    Ok(print_state(&state)?)
}

fn unsafely(file: &Path, survivors: &[Id], above: Term) -> Result<(), Failure> {
    let file = &state_file(file);
    // Nobody has to be warned of a change that cannot be made.
    drop(Store::<Id>::open(file).map_err(BadInput::says)?);
    writeln!(io::stdout(), "{WARNINGS}\n")?;
    let (state, copy) = recover_unsafely(file, survivors, above).map_err(what_to_correct)?;
    writeln!(
        io::stdout(),
        "{} is changed now; a copy of the old file is {}",
        file.display(),
        copy.display()
    )?;
    Ok(print_state(&state)?)
}

/// Tells apart a file or a list that has to be corrected from what has failed.
fn what_to_correct(failure: Failure) -> Failure {
    let failure = failure.downcast::<StoreError>().map_or_else(
        |other| other,
        |error| match *error {
            StoreError::Io { .. } | StoreError::NotBegun { .. } | StoreError::Failed { .. } => error,
            error => BadInput::says(error).into(),
        },
    );
    failure.downcast::<RecoveryError>().map_or_else(|other| other, |error| BadInput::says(*error).into())
}

fn print_state(state: &HardState<Id>) -> io::Result<()> {
    let members = &state.membership;
    writeln!(io::stdout(), "  cluster     {}", state.cluster.0)?;
    writeln!(io::stdout(), "  term        {}", state.term)?;
    writeln!(
        io::stdout(),
        "  voted for   {}",
        state.voted_for.map_or("no node".into(), |id| id.to_string())
    )?;
    writeln!(io::stdout(), "  promised    {:?}", state.promised)?;
    writeln!(io::stdout(), "  membership  {}", members.version())?;
    writeln!(
        io::stdout(),
        "  voters      {:?}, {} of them make a quorum",
        members.voters(),
        members.quorum()
    )?;
    writeln!(io::stdout(), "  learners    {:?}", members.learners())?;
    if let Some(limits) = members.limits() {
        writeln!(io::stdout(), "  limits      {} to {} members", limits.min_members, limits.max_members)?;
    }
    Ok(())
}

/// Loses two of three nodes, and recovers the third.
fn demo() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let file = |number: u8| folder.path().join(format!("node-{number}"));
    let [one, two, three] = ["1", "2", "3"].map(Id::try_from);
    let (one, two, three) = (one?, two?, three?);
    let first = HardState::bootstrap(ClusterId(1), [one, two, three])?;
    for (number, term) in [(1, 7), (2, 8), (3, 8)] {
        drop(Store::create(
            file(number),
            &HardState { term: Term(term), voted_for: Some(two), ..first.clone() },
        )?);
    }
    fs::remove_file(file(2))?;
    fs::remove_file(file(3))?;
    writeln!(io::stdout(), "Of three nodes, 2 and 3 are lost. The file that is left:\n")?;
    show(&file(1))?;
    writeln!(io::stdout(), "\nThe operator knows that the group had reached term 8.\n")?;
    unsafely(&file(1), &[one], Term(8))?;

    let (mut store, saved) = Store::<Id>::open(file(1))?;
    let config = HostConfig::new(Config::new(one), "127.0.0.1:0".parse()?);
    let host = Host::start(config, saved, move |state| store.save(state))?;
    let (events, began) = (host.events(), Instant::now());
    loop {
        let left = Duration::from_secs(20).saturating_sub(began.elapsed());
        if let Notice::Event(Event::Elected { term }) = events.recv_timeout(left)? {
            writeln!(io::stdout(), "\nNode 1 leads itself in term {term}.")?;
            if term <= Term(9) {
                return Err("the term must exceed that of the recovery".into());
            }
            return Ok(host.shutdown()?);
        }
    }
}
