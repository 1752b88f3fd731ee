//! The documentation of `src/lib.rs` numbers the rules, and the project cites them. What is cited exists;
//! each rule is cited where it is implemented and where it is tested, and is broken on purpose; and the two
//! lists of the files of each section agree.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that fails should panic"
)]

mod reading;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use reading::{Citation, Rule, citations, letter, number, numbers, quoted, titles};

const RULES: &str = "src/lib.rs";
const PATCHES: &str = "tests/sabotage.txt";
const PAGE: &str = "README.md";

/// A file that may cite rules, named relative to the repository.
struct Source {
    name: String,
    text: String,
}

impl Source {
    fn citations(&self) -> Vec<Citation> {
        match self.name.as_str() {
            PATCHES => [citations(&self.text), titles(&self.text)].concat(),
            RULES => numbers(&self.text),
            _ => citations(&self.text),
        }
    }

    /// Whether it implements rules.
    fn is_code(&self) -> bool {
        let name = &self.name;
        name.starts_with("src/") && name.ends_with(".rs") && name != RULES && !name.ends_with("tests.rs")
    }

    fn is_test(&self) -> bool {
        self.name.starts_with("tests/") && self.name.ends_with(".rs")
    }
}

/// The rules, by the documentation of the crate.
struct Rulebook {
    rules: BTreeMap<Rule, Entry>,
    sections: BTreeMap<String, Files>,
}

/// The line on which a rule begins, and the letters of its parts.
struct Entry {
    line: usize,
    parts: Vec<char>,
}

/// The line on which a list of files begins, and the list.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Files {
    line: usize,
    names: Vec<String>,
}

impl Rulebook {
    fn read() -> Self {
        Rulebook::of(&read(RULES))
    }

    fn of(text: &str) -> Self {
        let mut book = Rulebook { rules: BTreeMap::new(), sections: BTreeMap::new() };
        let (mut section, mut last, mut lists_files) = (String::new(), None, false);
        for (line, text) in documentation(text) {
            if let Some(title) = text.strip_prefix("## ") {
                (section, last) = (title.to_owned(), None);
            }
            lists_files = text.starts_with("Files:") || (lists_files && !text.is_empty());
            if lists_files {
                let files = Files { line, names: Vec::new() };
                book.sections.entry(section.clone()).or_insert(files).names.extend(quoted(text));
            }
            if let Some((rule, _)) = text.strip_prefix("**").and_then(number) {
                assert!(
                    section.starts_with(&format!("{} ", rule.0)),
                    "{RULES}:{line}: rule {rule} is misplaced"
                );
                let before = book.rules.insert(rule, Entry { line, parts: Vec::new() });
                assert!(before.is_none(), "{RULES}:{line}: rule {rule} is there already");
                last = Some(rule);
            }
            let part = text.strip_prefix("- ").and_then(letter);
            if let (Some(entry), Some((part, _))) = (last.and_then(|last| book.rules.get_mut(&last)), part) {
                entry.parts.push(part);
            }
        }
        book
    }

    fn lacks(&self, cited: &Citation) -> bool {
        let entry = self.rules.get(&cited.rule);
        entry.is_none_or(|entry| cited.part.is_some_and(|part| !entry.parts.contains(&part)))
    }

    /// What is cited and is not there.
    fn unknown(&self, sources: &[Source]) -> Vec<String> {
        let wrong = |source: &Source| {
            let wrong = source.citations().into_iter().filter(|cited| self.lacks(cited));
            let told = wrong.map(|Citation { line, rule, part }| {
                let part = part.map(|part| format!(" ({part})")).unwrap_or_default();
                format!("{}:{line} cites rule {rule}{part}, which {RULES} does not have", source.name)
            });
            told.collect::<Vec<_>>()
        };
        sources.iter().flat_map(wrong).collect()
    }

    /// The rules that are not among those `cited`, and what they lack.
    fn without(&self, cited: &[Citation], lack: &str) -> Vec<String> {
        let cited: BTreeSet<Rule> = cited.iter().map(|cited| cited.rule).collect();
        let missing = self.rules.iter().filter(|(rule, _)| !cited.contains(rule));
        missing.map(|(rule, entry)| format!("{RULES}:{}: rule {rule} {lack}", entry.line)).collect()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// All files that may cite rules but those of this test, whose examples are wrong on purpose.
fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder that can be read") {
            let path = entry.expect("an entry that can be read").path();
            let name = path.strip_prefix(root()).expect("a path below the root");
            let name = name.to_string_lossy().replace('\\', "/");
            let is_text = [".rs", ".md", ".txt", ".toml"].iter().any(|end| name.ends_with(end));
            if path.is_dir() && !["target", ".git"].iter().any(|other| path.ends_with(other)) {
                folders.push(path);
            } else if is_text && !name.starts_with("tests/citations/") {
                found.push(Source { text: read(&name), name });
            }
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

fn cited_by(sources: &[Source], which: impl Fn(&Source) -> bool) -> Vec<Citation> {
    sources.iter().filter(|source| which(source)).flat_map(Source::citations).collect()
}

/// The documentation at the head of a file, line by line.
fn documentation(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = (1..).zip(text.lines());
    let doc = lines.filter_map(|(line, text)| Some((line, text.strip_prefix("//!")?)));
    doc.map(|(line, text)| (line, text.strip_prefix(' ').unwrap_or(text)))
}

/// The files of each section by the table of a page; none if the page has no such table.
fn table(page: &str) -> BTreeMap<String, Files> {
    let lines = (1..).zip(page.lines()).skip_while(|(_, text)| *text != "## Where each rule is");
    let rows = lines.skip(1).take_while(|(_, text)| !text.starts_with("## "));
    let cells = rows.filter_map(|(line, text)| Some((line, text.strip_prefix("| ")?.split_once(" | ")?)));
    let cells =
        cells.skip(1).map(|(line, (title, files))| (title, Files { line, names: quoted(files).collect() }));
    cells.map(|(title, files)| (title.to_owned(), files)).collect()
}

/// Where the page and the documentation name different files for a section.
fn differences(book: &Rulebook, page: &str) -> Vec<String> {
    let table = table(page);
    if table.is_empty() && page.contains(RULES) {
        return Vec::new();
    }
    let titles: BTreeSet<&String> = table.keys().chain(book.sections.keys()).collect();
    let differ = |title: &&String| match (table.get(title.as_str()), book.sections.get(title.as_str())) {
        (Some(theirs), Some(ours)) if theirs.names == ours.names => None,
        (Some(theirs), Some(ours)) => Some(format!(
            "{PAGE}:{} and {RULES}:{} name different files for '{title}'",
            theirs.line, ours.line
        )),
        (Some(theirs), None) => Some(format!("{PAGE}:{}: {RULES} has no section '{title}'", theirs.line)),
        (None, Some(ours)) => Some(format!("{RULES}:{}: {PAGE} has no row for '{title}'", ours.line)),
        (None, None) => None,
    };
    titles.iter().filter_map(differ).collect()
}

/// What is named and is not there, and what is there and is not named.
fn misnamed(book: &Rulebook, core: &BTreeSet<String>) -> Vec<String> {
    let named = book.sections.values().flat_map(|files| files.names.iter().map(|name| (files.line, name)));
    let named: Vec<_> = named.collect();
    let wrong = named.iter().filter(|(_, name)| !core.contains(*name));
    let wrong = wrong.map(|(line, name)| format!("{RULES}:{line}: there is no src/{name}"));
    let missing = core.iter().filter(|name| named.iter().all(|(_, other)| other != name));
    wrong.chain(missing.map(|name| format!("src/{name}: no section of {RULES} names it"))).collect()
}

/// The files below `src` that a section has to name: all of the core but its entrance.
fn core(sources: &[Source]) -> BTreeSet<String> {
    let names = sources.iter().filter(|source| source.is_code()).map(|source| &source.name["src/".len()..]);
    let others = ["adapters.rs", "adapters/", "bin/", "guide.rs"];
    names.filter(|name| !others.iter().any(|other| name.starts_with(other))).map(str::to_owned).collect()
}

fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn what_is_cited_exists() {
    assert_none(&Rulebook::read().unknown(&sources()));
}

#[test]
fn each_rule_is_cited_where_it_is_implemented() {
    let cited = cited_by(&sources(), Source::is_code);
    assert_none(&Rulebook::read().without(&cited, "is cited by no other file of src"));
}

#[test]
fn each_rule_is_cited_by_a_test() {
    let cited = cited_by(&sources(), Source::is_test);
    assert_none(&Rulebook::read().without(&cited, "is cited by no test"));
}

#[test]
fn each_rule_is_broken_on_purpose() {
    let broken = titles(&read(PATCHES));
    assert_none(&Rulebook::read().without(&broken, &format!("has no entry in {PATCHES}")));
}

#[test]
fn rules_and_their_parts_are_numbered_without_gaps() {
    let book = Rulebook::read();
    assert!(!book.rules.is_empty(), "{RULES} has no rules");
    for (&rule, entry) in &book.rules {
        let place = format!("{RULES}:{}: rule {rule}", entry.line);
        let follows = rule.1 == 1 || book.rules.contains_key(&Rule(rule.0, rule.1 - 1));
        assert!(follows, "{place} follows no other");
        let letters: Vec<char> = ('a'..='z').take(entry.parts.len()).collect();
        assert_eq!(entry.parts, letters, "{place}");
        assert_ne!(entry.parts.len(), 1, "{place} has one part, which needs no letter");
    }
}

#[test]
fn the_sections_name_all_files_of_the_core_and_no_others() {
    assert_none(&misnamed(&Rulebook::read(), &core(&sources())));
}

#[test]
fn the_page_names_the_same_files_for_each_section() {
    assert_none(&differences(&Rulebook::read(), &read(PAGE)));
}

const SMALL: &str = "//! ## 1 One (x)\n//! Files: `a.rs`,\n//! `b.rs`\n//!\n\
                     //! **1.1 First.**\n//!\n//! - (a) x\n//! - (b) y\n//! **1.2 Second.**";

#[test]
fn a_citation_of_nothing_and_a_rule_that_is_not_cited_are_found() {
    let source = |name: &str, text: &str| Source { name: name.to_owned(), text: text.to_owned() };
    let sources =
        [source("src/a.rs", "// Rule 1.1 (b)."), source("tests/a.rs", "\n// Rules 1.1 (c) and 1.3")];
    let book = Rulebook::of(SMALL);
    let expected = [
        "tests/a.rs:2 cites rule 1.1 (c), which src/lib.rs does not have",
        "tests/a.rs:2 cites rule 1.3, which src/lib.rs does not have",
    ];
    assert_eq!(book.unknown(&sources), expected);
    assert_eq!(
        book.without(&cited_by(&sources, Source::is_code), "is not"),
        ["src/lib.rs:9: rule 1.2 is not"]
    );
}

#[test]
fn lists_of_files_that_differ_are_found() {
    let book = Rulebook::of(SMALL);
    let page =
        |row: &str| format!("## Where each rule is\n\n| section | files |\n|---|---|\n{row}\n\n## Else");
    assert_eq!(differences(&book, &page("| 1 One (x) | `a.rs`, `b.rs` |")), [""; 0]);
    let differ = ["README.md:5 and src/lib.rs:2 name different files for '1 One (x)'"];
    assert_eq!(differences(&book, &page("| 1 One (x) | `a.rs` |")), differ);
    let others =
        ["src/lib.rs:2: README.md has no row for '1 One (x)'", "README.md:5: src/lib.rs has no section '2'"];
    assert_eq!(differences(&book, &page("| 2 | `a.rs` |")), others);
    let core = BTreeSet::from(["a.rs".to_owned(), "c.rs".to_owned()]);
    let misnamed = misnamed(&book, &core);
    assert_eq!(
        misnamed,
        ["src/lib.rs:2: there is no src/b.rs", "src/c.rs: no section of src/lib.rs names it"]
    );
}
