//! Copies of the sources.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::Error;
use std::path::Path;

/// What cargo needs of the sources, besides the manifest.
const SOURCES: [&str; 6] = ["Cargo.lock", "README.md", "src", "tests", "examples", "benches"];

const MANIFEST: &str = "Cargo.toml";

/// Makes `to` a copy of the sources in `from`. Files that are the same already stay untouched, so that
/// cargo builds little again. Without the adapters, which hold no rules, a build takes a third of the time.
pub(super) fn copy_sources(from: &Path, to: &Path, with_adapters: bool) -> Result<(), String> {
    fs::create_dir_all(to).map_err(|error| describe(to, error))?;
    SOURCES.iter().try_for_each(|name| copy(&from.join(name), &to.join(name)))?;
    let manifest = read(&from.join(MANIFEST))?;
    let manifest = if with_adapters { manifest } else { without_adapters(&manifest) };
    write_if_new(&to.join(MANIFEST), manifest.as_bytes())
}

/// The manifest, whose tests depend on the library and on the simulator without any features.
fn without_adapters(manifest: &str) -> String {
    let shorten = |line: &str| {
        let is_ours = line.starts_with("quorate = {") || line.starts_with("quorate-sim = {");
        let features = line.split_once(", features = [").filter(|_| is_ours);
        match features.and_then(|(before, features)| Some((before, features.split_once(']')?.1))) {
            Some((before, after)) => format!("{before}{after}\n"),
            None => format!("{line}\n"),
        }
    };
    manifest.lines().map(shorten).collect()
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    if from.is_dir() {
        return copy_folder(from, to);
    }
    write_if_new(to, &fs::read(from).map_err(|error| describe(from, error))?)
}

fn write_if_new(file: &Path, bytes: &[u8]) -> Result<(), String> {
    if fs::read(file).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    fs::write(file, bytes).map_err(|error| describe(file, error))
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), String> {
    fs::create_dir_all(to).map_err(|error| describe(to, error))?;
    let mut names = names(from)?;
    // What has been built is no source.
    names.remove(&OsString::from("target"));
    // A source that was deleted must not be built as if it were there.
    for stale in self::names(to)?.difference(&names) {
        remove(&to.join(stale))?;
    }
    names.iter().try_for_each(|name| copy(&from.join(name), &to.join(name)))
}

fn names(folder: &Path) -> Result<BTreeSet<OsString>, String> {
    let entries =
        fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect());
    entries.map_err(|error| describe(folder, error))
}

fn remove(path: &Path) -> Result<(), String> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.map_err(|error| describe(path, error))
}

pub(super) fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| describe(file, error))
}

pub(super) fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|error| describe(file, error))
}

pub(super) fn describe(file: &Path, error: Error) -> String {
    format!("{}: {error}", file.display())
}
