//! Texts of which each is kept once: the numbers in them are taken out.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The templates so far. A `#` in one stands for a number that each event brings.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    templates: Vec<String>,
    indices: BTreeMap<String, u64>,
    /// How many were handed out as part of a chunk.
    taken: usize,
}

/// A text without its numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Template {
    /// Where the template is in the list of all.
    pub(super) index: u64,
    /// The numbers, in their order.
    pub(super) numbers: Vec<u64>,
}

/// A longer text is cut.
const LONGEST: usize = 2_000;
/// So many digits make a number that every reader of JSON keeps exactly. The rest is the next number.
const DIGITS: usize = 15;
/// More templates than this are left out: their texts are replaced by a word.
const MOST: usize = 100_000;

/// The first template of all.
pub(super) const FULL: u64 = 0;

impl Texts {
    pub(super) fn new() -> Self {
        let mut texts = Texts { templates: Vec::new(), indices: BTreeMap::new(), taken: 0 };
        texts.add("the timeline is full after # events: what follows is left out".to_string());
        texts
    }

    /// The template of a text, and the numbers that the text has in the places of `#`. Zeros before the first other digit
    /// stay in the template, so that `1.05` is `#.0#`, and a `#` of the text itself becomes `＃`.
    pub(super) fn template(&mut self, text: &str) -> Template {
        let (template, numbers) = take_numbers(text);
        if let Some(&index) = self.indices.get(&template) {
            return Template { index, numbers };
        }
        if self.templates.len() >= MOST {
            let index = self.add("another text".to_string());
            return Template { index, numbers: Vec::new() };
        }
        let index = self.add(template);
        Template { index, numbers }
    }

    fn add(&mut self, template: String) -> u64 {
        if let Some(&index) = self.indices.get(&template) {
            return index;
        }
        let index = self.templates.len() as u64;
        self.indices.insert(template.clone(), index);
        self.templates.push(template);
        index
    }

    pub(super) fn all(&self) -> &[String] {
        &self.templates
    }

    /// The templates that no chunk has had yet.
    pub(super) fn take_new(&mut self) -> &[String] {
        let taken = core::mem::replace(&mut self.taken, self.templates.len());
        self.templates.get(taken..).unwrap_or_default()
    }
}

fn take_numbers(text: &str) -> (String, Vec<u64>) {
    let (mut template, mut numbers) = (String::with_capacity(text.len()), Vec::new());
    let mut digits = String::new();
    for symbol in text.chars().take(LONGEST) {
        if symbol.is_ascii_digit() && digits.len() < DIGITS {
            digits.push(symbol);
            continue;
        }
        end_number(&mut template, &mut numbers, &mut digits);
        match symbol {
            '0'..='9' => digits.push(symbol),
            '#' => template.push('＃'),
            _ => template.push(symbol),
        }
    }
    end_number(&mut template, &mut numbers, &mut digits);
    (template, numbers)
}

/// The digits so far are a number.
fn end_number(template: &mut String, numbers: &mut Vec<u64>, digits: &mut String) {
    if digits.is_empty() {
        return;
    }
    let significant = digits.trim_start_matches('0');
    let zeros = digits.len().saturating_sub(significant.len());
    // A zero by itself is a number.
    let (zeros, number) =
        if significant.is_empty() { (zeros.saturating_sub(1), "0") } else { (zeros, significant) };
    template.extend(core::iter::repeat_n('0', zeros));
    template.push('#');
    numbers.push(number.parse().unwrap_or_default());
    digits.clear();
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that panics has found something"
)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use super::*;

    fn fill(template: &str, numbers: &[u64]) -> String {
        let mut numbers = numbers.iter();
        let mut text = String::new();
        for symbol in template.chars() {
            match symbol {
                '#' => text.push_str(&numbers.next().unwrap().to_string()),
                _ => text.push(symbol),
            }
        }
        assert_eq!(numbers.next(), None);
        text
    }

    #[test]
    fn a_template_with_its_numbers_is_the_text() {
        for text in [
            "heartbeat of term 7 for 150ms, rank 0 (membership 7.2, committed, round 41)",
            "1.05ms, 0.000001, 00, 007, 100",
            "round 1825361100801234567890 and life 00f0c35f0a1b2c3d4",
            "no number",
            "",
            "5",
        ] {
            let (template, numbers) = take_numbers(text);
            assert_eq!(fill(&template, &numbers), text);
            assert!(numbers.iter().all(|&number| number < 1 << 53), "{numbers:?}");
        }
    }

    #[test]
    fn texts_that_differ_in_numbers_share_a_template() {
        let mut texts = Texts::new();
        let first = texts.template("elected in term 7");
        let second = texts.template("elected in term 12");
        assert_eq!((first.index, second.index, second.numbers), (1, 1, vec![12]));
        assert_eq!(texts.all()[1..], ["elected in term #"]);
        assert_eq!(texts.take_new().len(), 2);
        assert!(texts.take_new().is_empty());
    }

    #[test]
    fn a_text_cannot_bring_a_place_for_a_number() {
        let (template, numbers) = take_numbers("node \"#1\"");
        assert_eq!((template.as_str(), numbers), ("node \"＃#\"", vec![1]));
    }

    #[test]
    fn the_templates_of_any_texts_are_bounded() {
        let mut texts = Texts::new();
        for number in 0..2 * MOST {
            let letters: String =
                number.to_string().chars().map(|digit| (digit as u8 + 49) as char).collect();
            texts.template(&letters);
        }
        assert_eq!(texts.all().len(), MOST + 1);
        assert!(take_numbers(&"x".repeat(10_000)).0.len() == LONGEST);
    }
}
