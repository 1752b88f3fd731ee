//! Breaks a copy of the sources on purpose, one rule at a time, and shows which tests notice.

use std::fs;
#[cfg(unix)]
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::Args;
#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process_group};

/// Breaks one rule after another in a copy of the sources; fails if the tests do not notice.
#[derive(Args)]
pub(crate) struct Sabotage {
    /// Only entries whose title contains this.
    #[arg(default_value = "")]
    only: String,
    /// List the titles and check that each entry still applies, without running anything.
    #[arg(long)]
    list: bool,
    /// Run the simulator's suites too, which takes minutes for each entry.
    #[arg(long)]
    slow: bool,
}

/// The suites that are quick enough to run for every entry.
const QUICK: &[&str] =
    &["--lib", "--test=rules", "--test=config", "--test=scenarios", "--test=quorums", "--test=properties"];
const SLOW: &[&str] = &["--test=simulation", "--test=model"];
/// The parts of the quick suites that are slow or wait for real sockets.
const SLOW_PARTS: &[&str] = &["--", "--skip=connectivity::", "--skip=recovery::"];

/// The time limit of the tests, since a broken rule may cause an endless loop.
const LIMIT: Duration = Duration::from_secs(120);

/// One broken rule: its edits apply together.
struct Patch {
    title: String,
    edits: Vec<Edit>,
}

struct Edit {
    file: PathBuf,
    from: String,
    to: String,
}

enum Verdict {
    Noticed(Vec<String>),
    Unnoticed,
    DoesNotBuild,
}

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
        let text = read(&root.join("tests/sabotage.txt"))?;
        let patches: Vec<_> =
            parse(&text)?.into_iter().filter(|patch| patch.title.contains(&self.only)).collect();
        let stale = patches.iter().filter_map(|patch| Some((patch, patch.missing(&root)?)));
        let stale: Vec<_> =
            stale.map(|(patch, file)| format!("{}: {}", patch.title, file.display())).collect();
        if !stale.is_empty() {
            return Err(format!("these entries do not apply any more:\n  {}", stale.join("\n  ")));
        }
        if self.list {
            patches.iter().for_each(|patch| println!("{}", patch.title));
            return Ok(true);
        }
        let copy = root.join("target/sabotage");
        copy_tree(&root, &copy)?;
        match self.test(&copy)? {
            Verdict::Unnoticed => {}
            Verdict::Noticed(tests) => {
                return Err(format!("these tests fail without any change: {}", tests.join(", ")));
            }
            Verdict::DoesNotBuild => return Err("the copy does not build".into()),
        }
        let mut unnoticed = 0;
        for patch in &patches {
            patch.apply(&copy)?;
            let verdict = self.test(&copy)?;
            patch.undo(&root, &copy)?;
            unnoticed += u32::from(!matches!(verdict, Verdict::Noticed(_)));
            println!("{:<60} {verdict}", patch.title);
        }
        println!("{} rules broken, {unnoticed} not noticed", patches.len());
        Ok(unnoticed == 0)
    }

    fn test(&self, copy: &Path) -> Result<Verdict, String> {
        let log = copy.join("sabotage.log");
        let out = fs::File::create(&log).map_err(|error| describe(&log, error))?;
        let again = out.try_clone().map_err(|error| describe(&log, error))?;
        let mut command = Command::new(env!("CARGO"));
        command.args(["test", "--offline", "--no-fail-fast"]).args(QUICK);
        command.args(if self.slow { SLOW } else { SLOW_PARTS });
        command.current_dir(copy).env("CARGO_TARGET_DIR", copy.join("target")).env("PROPTEST_CASES", "64");
        command.stdin(Stdio::null()).stdout(out).stderr(again);
        // The tests have their own process group, so that a test that never ends can be killed.
        #[cfg(unix)]
        command.process_group(0);
        let finished = finish(command.spawn().map_err(|error| error.to_string())?);
        let log = read(&log)?;
        let failed = |line: &str| Some(line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?.to_owned());
        let mut failed: Vec<String> = log.lines().filter_map(failed).collect();
        Ok(match finished {
            Some(true) => Verdict::Unnoticed,
            _ if log.contains("could not compile") => Verdict::DoesNotBuild,
            Some(false) => Verdict::Noticed(failed),
            None => {
                failed.push("a test that never ends".into());
                Verdict::Noticed(failed)
            }
        })
    }
}

/// Waits for the tests. Returns whether they passed, or `None` if they exceed the limit.
fn finish(mut child: Child) -> Option<bool> {
    let began = Instant::now();
    while began.elapsed() < LIMIT {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status.success());
        }
        sleep(Duration::from_millis(100));
    }
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ended_meanwhile = kill_process_group(group, Signal::KILL);
    }
    let _ended_meanwhile = child.kill();
    let _reaped = child.wait();
    None
}

impl Patch {
    /// The first file in which the text to be replaced is not found exactly once.
    fn missing(&self, root: &Path) -> Option<&Path> {
        let lacks = |edit: &&Edit| {
            let found =
                fs::read_to_string(root.join(&edit.file)).map_or(0, |text| text.matches(&edit.from).count());
            found != 1
        };
        self.edits.iter().find(lacks).map(|edit| edit.file.as_path())
    }

    fn apply(&self, copy: &Path) -> Result<(), String> {
        self.edits.iter().try_for_each(|edit| {
            let file = copy.join(&edit.file);
            write(&file, &read(&file)?.replacen(&edit.from, &edit.to, 1))
        })
    }

    fn undo(&self, root: &Path, copy: &Path) -> Result<(), String> {
        self.edits.iter().try_for_each(|edit| write(&copy.join(&edit.file), &read(&root.join(&edit.file))?))
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Verdict::Noticed(tests) => {
                let first = tests.first().map_or("a failure", String::as_str);
                write!(f, "{} tests, among them {first}", tests.len())
            }
            Verdict::Unnoticed => f.write_str("NOT NOTICED"),
            Verdict::DoesNotBuild => f.write_str("DOES NOT BUILD"),
        }
    }
}

/// Parses entries: `# title`, then for each edit the file, `<<<<`, the old text, `====`, the new text,
/// `>>>>`.
fn parse(text: &str) -> Result<Vec<Patch>, String> {
    let mut patches: Vec<Patch> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(title) = line.strip_prefix("# ") {
            patches.push(Patch { title: title.into(), edits: Vec::new() });
        } else if let Some(patch) = patches.last_mut().filter(|_| line.starts_with("src/")) {
            let from = block(&mut lines, "<<<<", "====")
                .ok_or_else(|| format!("{}: no <<<< or ====", patch.title))?;
            let to =
                lines.by_ref().take_while(|&line| line != ">>>>").map(|line| format!("{line}\n")).collect();
            patch.edits.push(Edit { file: line.into(), from, to });
        }
    }
    Ok(patches)
}

fn block<'a>(lines: &mut impl Iterator<Item = &'a str>, begin: &str, end: &str) -> Option<String> {
    if lines.next()? != begin {
        return None;
    }
    let mut text = String::new();
    loop {
        match lines.next()? {
            line if line == end => return Some(text),
            line => text.extend([line, "\n"]),
        }
    }
}

/// Copies what cargo needs. Only changed files are written, so that little is built again.
fn copy_tree(from: &Path, to: &Path) -> Result<(), String> {
    for name in ["Cargo.toml", "Cargo.lock", "README.md", "src", "tests", "examples", "benches"] {
        copy(&from.join(name), &to.join(name))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    if from.is_dir() {
        for entry in fs::read_dir(from).map_err(|error| describe(from, error))? {
            let name = entry.map_err(|error| describe(from, error))?.file_name();
            copy(&from.join(&name), &to.join(&name))?;
        }
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(|error| describe(folder, error))?;
    }
    let new = fs::read(from).map_err(|error| describe(from, error))?;
    if fs::read(to).is_ok_and(|old| old == new) {
        return Ok(());
    }
    fs::write(to, new).map_err(|error| describe(to, error))
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| describe(file, error))
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|error| describe(file, error))
}

fn describe(file: &Path, error: std::io::Error) -> String {
    format!("{}: {error}", file.display())
}
