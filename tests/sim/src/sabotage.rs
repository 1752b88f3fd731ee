//! Takes one rule after another out of a copy of the sources, and shows which tests notice.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{available_parallelism, scope};

use clap::Args;

use self::files::read;
use self::patch::Patch;
use self::suites::{Copy, Suite, Verdict};

mod files;
mod patch;
mod suites;

/// Takes one rule after another out of a copy of the sources; fails if the tests do not notice.
#[derive(Args)]
pub(crate) struct Sabotage {
    /// Only rules whose title contains one of these texts; all rules unless told otherwise.
    only: Vec<String>,
    /// Lists the titles and checks that each still applies, without running anything.
    #[arg(long)]
    list: bool,
    /// Runs the simulator's suites too, which takes minutes for each rule that the others miss.
    #[arg(long)]
    slow: bool,
    /// Number of copies that are built and tested at the same time; one for each core unless told
    /// otherwise.
    #[arg(long)]
    jobs: Option<usize>,
}

/// The index of a patch in the list, and what became of it.
type Report = (usize, Result<Verdict, String>);

impl Sabotage {
    pub(crate) fn run(&self) -> bool {
        match self.attempt() {
            Ok(well) => well,
            Err(error) => {
                eprintln!("{error}");
                false
            }
        }
    }

    fn attempt(&self) -> Result<bool, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let patches = self.patches(&root)?;
        if self.list {
            patches.iter().for_each(|patch| println!("{}", patch.title));
            return Ok(true);
        }
        let jobs = self.jobs.unwrap_or_else(|| available_parallelism().map_or(1, usize::from));
        let jobs = jobs.clamp(1, patches.len().max(1));
        let (reports, next) = (channel(), AtomicUsize::new(0));
        scope(|scope| {
            for job in 0..jobs {
                let (root, patches, next, reports) = (&root, &patches, &next, reports.0.clone());
                let folder = root.join("target/sabotage").join(job.to_string());
                scope.spawn(move || self.work(root, folder, patches, next, &reports));
            }
            drop(reports.0);
            show(&patches, reports.1)
        })
    }

    /// The patches that were asked for. All of them must still apply.
    fn patches(&self, root: &Path) -> Result<Vec<Patch>, String> {
        let mut patches = Patch::parse_all(&read(&root.join("tests/sabotage.txt"))?)?;
        patches.retain(|patch| self.is_wanted(&patch.title));
        let stale = patches.iter().filter_map(|patch| Some((patch, patch.missing(root)?)));
        let stale: Vec<_> =
            stale.map(|(patch, file)| format!("{}: {}", patch.title, file.display())).collect();
        if stale.is_empty() {
            Ok(patches)
        } else {
            Err(format!("these do not apply any more:\n  {}", stale.join("\n  ")))
        }
    }

    fn is_wanted(&self, title: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|text| title.contains(text))
    }

    /// Tests one patch after another, each suite in a copy of its own, until no patch is left.
    fn work(
        &self,
        root: &Path,
        folder: PathBuf,
        patches: &[Patch],
        next: &AtomicUsize,
        reports: &Sender<Report>,
    ) {
        let mut copies = BTreeMap::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(patch) = patches.get(index) else { return };
            let suite = Suite::of(patch, self.slow);
            let copy = copies.entry(suite).or_insert_with(|| {
                let copy = Copy::of(root, folder.join(suite.name()), suite)?;
                copy.check().map(|()| copy)
            });
            let verdict = match copy {
                Ok(copy) => copy.test_patched(patch),
                Err(error) => Err(error.clone()),
            };
            if reports.send((index, verdict)).is_err() {
                return;
            }
        }
    }
}

/// Prints the verdicts in the order of the list, each as soon as those before it are known. Says whether
/// all rules were noticed.
fn show(patches: &[Patch], reports: Receiver<Report>) -> Result<bool, String> {
    let (mut waiting, mut shown, mut unnoticed) = (BTreeMap::new(), 0, 0);
    for (index, verdict) in reports {
        waiting.insert(index, verdict?);
        while let Some(verdict) = waiting.remove(&shown) {
            unnoticed += u32::from(!matches!(verdict, Verdict::Noticed(_)));
            println!("{:<60} {verdict}", patches[shown].title);
            shown += 1;
        }
    }
    println!("{shown} rules taken out, {unnoticed} not noticed");
    Ok(unnoticed == 0)
}
