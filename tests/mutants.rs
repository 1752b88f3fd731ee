//! `.cargo/mutants.toml` hides mutants that no test can notice. Each entry names the function and, where
//! only some of its mutants are meant, the operators: an entry whose function or operator is gone would
//! hide nothing, or something else. The test programs that it lists must exist too.
#![allow(clippy::expect_used, clippy::panic, reason = "a test that fails should panic")]

use std::fs;
use std::path::Path;

const CONFIGURATION: &str = include_str!("../.cargo/mutants.toml");

/// The strings of the list of that name in the configuration.
fn list(name: &str) -> Vec<String> {
    let (_, after) = CONFIGURATION.split_once(&format!("\n{name} = [")).expect("a list of that name");
    let (list, _) = after.split_once("\n]").expect("the list ends");
    let quoted = |line: &str| {
        Some(line.trim().strip_prefix('"')?.trim_end_matches(',').strip_suffix('"')?.replace("\\\\", "\\"))
    };
    list.lines().filter_map(quoted).collect()
}

/// The text of all files with rules.
fn rules(folder: &Path) -> String {
    let entries = fs::read_dir(folder).expect("a folder of sources");
    let paths = entries.map(|entry| entry.expect("an entry of it").path());
    let of_rules = |path: &std::path::PathBuf| {
        !["adapters", "adapters.rs", "guide", "guide.rs", "tests.rs"].iter().any(|&name| path.ends_with(name))
    };
    paths.filter(of_rules).map(|path| if path.is_dir() { rules(&path) } else { read(&path) }).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a source")
}

/// The function that an entry is about: `replace … in Type::name`, `replace name -> …`, or `name`.
fn function(entry: &str) -> &str {
    let (_, after) = entry.rsplit_once(" in ").unwrap_or(("", entry));
    let name = after.strip_prefix("replace ").unwrap_or(after).split(" -> ").next().unwrap_or(after);
    name.rsplit("::").next().unwrap_or(name)
}

/// The operators whose mutants are hidden: `replace (a with b|c with d) in …` gives a and c.
fn operators(entry: &str) -> Vec<String> {
    let Some((changes, _)) = entry.strip_prefix("replace ").and_then(|entry| entry.rsplit_once(" in "))
    else {
        return Vec::new();
    };
    let plain = changes.trim_matches(['(', ')']).replace("\\|", "\u{1}");
    let changed = plain.split('|').filter_map(|change| change.split(" with ").next());
    changed.map(|operator| operator.replace('\u{1}', "|")).collect()
}

/// The text of each function of that name, from there on.
fn bodies<'a>(rules: &'a str, name: &str) -> Vec<&'a str> {
    let head = format!("fn {name}(");
    let body = |at: usize| {
        let (before, after) = rules.split_at(at);
        let line = before.rsplit('\n').next().unwrap_or(before);
        let indentation: String = line.chars().take_while(|&c| c == ' ').collect();
        let (body, _) = after.split_once(&format!("\n{indentation}}}\n")).expect("a function ends");
        body
    };
    rules.match_indices(&head).map(|(at, _)| body(at)).collect()
}

#[test]
fn each_hidden_mutant_exists() {
    let rules = rules(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let entries = list("exclude_re");
    assert!(!entries.is_empty(), "the list was not understood");
    for entry in entries {
        let bodies = bodies(&rules, function(&entry));
        assert!(!bodies.is_empty(), "{entry:?} hides nothing: there is no such function");
        for operator in operators(&entry) {
            let used = bodies.iter().any(|body| body.contains(&format!(" {operator} ")));
            assert!(used, "{entry:?} hides nothing: {operator:?} is not used there");
        }
    }
}

#[test]
fn each_test_program_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let programs: Vec<_> = list("additional_cargo_test_args")
        .iter()
        .filter_map(|arg| Some(arg.strip_prefix("--test=")?.to_owned()))
        .collect();
    assert!(!programs.is_empty(), "the list was not understood");
    for program in programs {
        // A file, a folder, or a test of a package that is named for what it tests.
        let paths =
            ["tests/*.rs", "tests/*/main.rs", "tests/*/tests/*.rs"].map(|path| path.replace('*', &program));
        assert!(paths.iter().any(|path| root.join(path).is_file()), "there is no test program {program:?}");
    }
}
