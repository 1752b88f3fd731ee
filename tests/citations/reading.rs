//! How numbers of rules are read, from comments, from lists and from the rules themselves.

use std::fmt;

/// A rule: its section and its number in that, both from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Rule(pub(crate) u8, pub(crate) u8);

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// A place where a rule, or a part of it, is cited.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Citation {
    pub(crate) line: usize,
    pub(crate) rule: Rule,
    pub(crate) part: Option<char>,
}

/// What stands in backticks on a line.
pub(crate) fn quoted(line: &str) -> impl Iterator<Item = String> {
    line.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// The number at the start of a text, such as "4.10", and the rest.
pub(crate) fn number(text: &str) -> Option<(Rule, &str)> {
    let (section, rest) = text.split_once('.')?;
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (rule, rest) = rest.split_at(digits);
    let is_more = rest.starts_with(|c: char| c.is_alphanumeric());
    let parsed = |part: &str| part.parse().ok().filter(|_| part.len() <= 2 && !part.starts_with('0'));
    Some((Rule(parsed(section)?, parsed(rule).filter(|_| !is_more)?), rest))
}

/// The letter in parentheses at the start of a text, such as "(b)", and the rest.
pub(crate) fn letter(text: &str) -> Option<(char, &str)> {
    let mut chars = text.strip_prefix('(')?.chars();
    let letter = chars.next().filter(char::is_ascii_lowercase)?;
    Some((letter, chars.as_str().strip_prefix(')')?))
}

/// What is cited with the word before it, or in a list.
enum Item {
    Rule(Rule),
    /// A part of the rule before.
    Part(char),
}

fn item(text: &str) -> Option<(Item, &str)> {
    let rule = || number(text).map(|(rule, rest)| (Item::Rule(rule), rest));
    rule().or_else(|| letter(text).map(|(part, rest)| (Item::Part(part), rest)))
}

/// What stands between two items of a list, and whether all between the two are meant.
fn separator(text: &str) -> Option<(bool, &str)> {
    let others = [", and ", " and ", " or ", ", ", " "].map(|between| (between, false));
    let mut all = [(" to ", true)].into_iter().chain(others);
    all.find_map(|(between, through)| Some((through, text.strip_prefix(between)?)))
}

/// The list of citations at the start of a text, and the rest.
fn list(line: usize, mut text: &str) -> (Vec<Citation>, &str) {
    let (mut cited, mut through, mut rest) = (Vec::new(), false, text);
    while let Some((item, after)) = item(text) {
        add(&mut cited, item, through, line);
        rest = after;
        let Some(next) = separator(rest) else { break };
        (through, text) = next;
    }
    (cited, rest)
}

/// Adds an item to those before it, with all between `through` which it ends.
fn add(cited: &mut Vec<Citation>, item: Item, through: bool, line: usize) {
    match (item, cited.last_mut()) {
        (Item::Rule(rule), last) => {
            let before = last.filter(|last| through && last.rule.0 == rule.0).map(|last| last.rule.1);
            let numbers = before.map_or(rule.1, |before| before + 1)..=rule.1;
            cited.extend(numbers.map(|number| Citation { line, rule: Rule(rule.0, number), part: None }));
        }
        (Item::Part(part), Some(last)) => match last.part {
            None => last.part = Some(part),
            Some(before) => {
                let (rule, first) = (last.rule, if through { before } else { part });
                let parts = (first..=part).filter(|part| *part != before);
                cited.extend(parts.map(|part| Citation { line, rule, part: Some(part) }));
            }
        },
        (Item::Part(_), None) => {}
    }
}

/// A text in one line, without the marks of comments, and where each of its lines begins.
fn flattened(text: &str) -> (String, Vec<usize>) {
    let (mut flat, mut starts) = (String::new(), Vec::new());
    for line in text.lines() {
        starts.push(flat.len());
        let line = line.trim_start_matches([' ', '/', '!', '#', '*']).trim_end();
        flat.extend([line, " "]);
    }
    (flat, starts)
}

fn line_at(starts: &[usize], position: usize) -> usize {
    starts.partition_point(|&start| start <= position)
}

/// Whatever follows the words "rule" and "rules".
pub(crate) fn citations(text: &str) -> Vec<Citation> {
    let (flat, starts) = flattened(text);
    let words = flat.match_indices("ule").map(|(position, _)| position);
    let is_rule = |&position: &usize| {
        flat[..position].ends_with(['R', 'r']) && !flat[..position - 1].ends_with(char::is_alphanumeric)
    };
    let cited = words.filter(is_rule).flat_map(|position| {
        let after = flat[position..].trim_start_matches("ule").trim_start_matches('s');
        let numbers = after.strip_prefix(' ').unwrap_or_default();
        list(line_at(&starts, position), numbers).0
    });
    cited.collect()
}

/// The titles of the patches that break the rules.
pub(crate) fn titles(text: &str) -> Vec<Citation> {
    let titled = (1..).zip(text.lines()).filter_map(|(line, text)| Some((line, text.strip_prefix("# ")?)));
    titled.flat_map(|(line, title)| list(line, title).0).collect()
}

/// All numbers of the protocol's text, which cites its own rules without the word.
pub(crate) fn numbers(text: &str) -> Vec<Citation> {
    let starts = text.find("# The protocol").map_or(text.len(), |start| start);
    let before = text[..starts].lines().count();
    let (flat, starts) = flattened(&text[starts..]);
    let mut cited = Vec::new();
    let mut from = 0;
    while let Some(next) = flat[from..].find(|c: char| c.is_ascii_digit()) {
        let start = from + next;
        let is_ours = !flat[..start].ends_with(|c: char| c.is_alphanumeric() || "§.,".contains(c));
        let (found, rest) = if is_ours { list(0, &flat[start..]) } else { (Vec::new(), &flat[start..]) };
        let end = flat.len() - rest.len();
        cited.extend(
            found.into_iter().map(|found| Citation { line: before + line_at(&starts, start) - 1, ..found }),
        );
        from = end.max(start + flat[start..].find(|c: char| !c.is_ascii_digit()).unwrap_or(1));
    }
    cited
}

#[test]
fn citations_are_read_as_they_are_written() {
    for (text, expected) in [
        ("/// Rule 4.9: early.", "1:4.9"),
        ("as rules 8.1 and 8.2 have it", "1:8.1 1:8.2"),
        ("// Rule 2.1, and 2.2: a promise", "1:2.1 1:2.2"),
        ("/// Rules 6.1 to 6.3: handing over", "1:6.1 1:6.2 1:6.3"),
        ("/// Rule 8.1 (a). Rule 6.1: no", "1:8.1a 1:6.1"),
        ("(rule 8.3 (b) to (d), 5.1)", "1:8.3b 1:8.3c 1:8.3d 1:5.1"),
        ("code\n    /// by the rule\n    /// 4.10). Never", "2:4.10"),
        ("Raft §5.2, a ruler of 3.1, rule 5, schedule 2.2, rule 2.53a", ""),
    ] {
        let read = citations(text);
        let part = |cited: &Citation| cited.part.map(String::from).unwrap_or_default();
        let read: Vec<_> =
            read.iter().map(|cited| format!("{}:{}{}", cited.line, cited.rule, part(cited))).collect();
        assert_eq!(read.join(" "), expected, "{text}");
    }
    let own = "//! # The protocol\n//! arXiv 2102.11960, Raft §5.2\n\
               //! **1.1 One.** As 1.2, S1 and\n//! 10,000 (1.2 (b)).";
    let read: Vec<_> = numbers(own).iter().map(|cited| (cited.line, cited.rule.1, cited.part)).collect();
    assert_eq!(read, [(3, 1, None), (3, 2, None), (4, 2, Some('b'))]);
}
