//! The imports of the files form no circle: each file imports only files that the list in the head of
//! `lib.rs` or `main.rs` names before it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

/// The module of each file below `directory`, such as `cost::group`.
fn modules(directory: &Path) -> BTreeMap<String, PathBuf> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        // The programs that `cost --build` builds are no modules.
        if path.is_dir() && !path.ends_with("programs") {
            found.extend(modules(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.with_extension("");
            let name =
                name.strip_prefix(SOURCES).expect("a source file").to_string_lossy().replace('/', "::");
            found.insert(name, path);
        }
    }
    found
}

/// The modules that the lists name, in order.
fn listed(file: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(SOURCES).join(file)).expect("a file");
    let items = text.lines().filter_map(|line| line.strip_prefix("//! - "));
    let named = items.filter_map(|item| Some(item.split_once(": ")?.0.to_owned()));
    named
        .flat_map(|names| names.split(", ").map(|name| name.trim_matches('`').to_owned()).collect::<Vec<_>>())
        .collect()
}

/// The paths of the `use` declarations of a file, with groups taken apart.
fn uses(text: &str) -> Vec<String> {
    let text: String = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).collect();
    let declarations = text.split(';').filter_map(|part| {
        let (before, path) = part.rsplit_once("use ")?;
        let is_declaration = before.chars().last().is_none_or(|last| !last.is_alphanumeric());
        is_declaration.then(|| path.split_whitespace().collect::<String>())
    });
    declarations.flat_map(|path| expand(&path)).collect()
}

/// Takes `a::{b, c::d}` apart, one level deep.
fn expand(path: &str) -> Vec<String> {
    match path.split_once("::{") {
        None => vec![path.to_owned()],
        Some((head, tail)) => {
            tail.trim_end_matches('}').split(',').map(|item| format!("{head}::{item}")).collect()
        }
    }
}

/// The module of this crate that a path names, seen from `module`.
fn target(path: &str, module: &str, all: &BTreeMap<String, PathBuf>) -> Option<String> {
    let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
    let absolute = if let Some(rest) = path.strip_prefix("crate::").or(path.strip_prefix("quorate_versus::"))
    {
        rest.to_owned()
    } else if let Some(rest) = path.strip_prefix("super::") {
        format!("{parent}::{rest}")
    } else {
        format!("{module}::{path}")
    };
    // The longest prefix that is a module: the rest names an item in it.
    let mut prefix = absolute.as_str();
    loop {
        if all.contains_key(prefix) {
            return Some(prefix.to_owned());
        }
        prefix = prefix.rsplit_once("::")?.0;
    }
}

#[test]
fn a_file_imports_only_files_that_are_listed_before_it() {
    let all = modules(Path::new(SOURCES));
    let order: Vec<String> = [listed("lib.rs"), listed("main.rs")].concat();
    let place = |module: &str| order.iter().position(|listed| listed == module);
    let mut imports = 0;
    for (module, path) in all.iter().filter(|(module, _)| *module != "lib") {
        let own = place(module).unwrap_or_else(|| panic!("{module} is not listed"));
        for path in uses(&fs::read_to_string(path).expect("a file")) {
            let Some(imported) = target(&path, module, &all).filter(|imported| imported != module) else {
                continue;
            };
            imports += 1;
            assert!(place(&imported) < Some(own), "{module} imports {imported}, which is not above it");
        }
    }
    assert!(imports > 60, "{imports} imports were found");
    assert_eq!(order.len(), all.len() - 1, "a module is listed that does not exist, or twice");
}
