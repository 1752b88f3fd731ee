//! The command `readme`: writes what was measured into the pages.
//!
//! A page shows a text between two lines that name it: `<!-- begin NAME -->` and `<!-- end NAME -->`. The
//! texts are made from the files in `results`, which only the measurements write.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use clap::Args;

use crate::growth::Growth;
use crate::{cost_report, plot};

const HERE: &str = env!("CARGO_MANIFEST_DIR");
const PAGES: [&str; 2] = ["README.md", "../../README.md"];

/// Writes the recorded figures into the pages.
#[derive(Args)]
pub(crate) struct Readme {
    /// Writes nothing, and fails if a page or a drawing differs from what the recorded figures make of it.
    #[arg(long)]
    check: bool,
}

impl Readme {
    pub(crate) fn run(&self) -> bool {
        if self.check { is_well(check()) } else { rewrite() }
    }
}

type Outcome = Result<(), Box<dyn Error>>;

fn is_well(outcome: Outcome) -> bool {
    outcome.inspect_err(|error| eprintln!("{error}")).is_ok()
}

/// Writes all pages and drawings anew. Returns whether that is done.
pub(crate) fn rewrite() -> bool {
    is_well(files().and_then(|files| {
        for (path, text) in files {
            fs::write(path, text)?;
        }
        Ok(())
    }))
}

fn check() -> Outcome {
    for (path, text) in files()? {
        if fs::read_to_string(&path)? != text {
            let path = path.display();
            return Err(format!("{path} is not what the recorded figures make of it: run `readme`").into());
        }
    }
    Ok(())
}

/// The pages and the drawings, as they should be.
fn files() -> Result<Vec<(PathBuf, String)>, Box<dyn Error>> {
    let growth = Growth::recorded()?;
    let mut texts = cost_report::texts()?;
    texts.push(("groups", format!("{}\nMeasured on {}.\n", growth.groups_table(), growth.machine)));
    texts.push(("failover", growth.failover_sentence()));
    let mut files = plot::drawings(&growth)?;
    for page in PAGES {
        let path = PathBuf::from(HERE).join(page);
        let text = filled(&fs::read_to_string(&path)?, &texts)?;
        files.push((path, text));
    }
    Ok(files)
}

/// Replaces all that stands between the lines that name a text.
fn filled(page: &str, texts: &[(&str, String)]) -> Result<String, String> {
    let mut result = String::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("<!-- begin ") {
        let (name, after) = after.split_once(" -->\n").ok_or("a begin without an end of its line")?;
        let end = format!("<!-- end {name} -->");
        let (_, after) = after.split_once(&end).ok_or(format!("no end of {name}"))?;
        let (_, text) = texts.iter().find(|(known, _)| *known == name).ok_or(format!("no text {name}"))?;
        result += &format!("{before}<!-- begin {name} -->\n\n{}\n\n{end}", text.trim_end());
        rest = after;
    }
    Ok(result + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_between_two_lines_is_replaced_and_nothing_else() {
        let page = "a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n<!-- begin y -->\n<!-- end y -->\n";
        let texts = [("x", "new\n".to_owned()), ("y", "other".to_owned())];
        let first = filled(page, &texts).unwrap();
        let expected =
            "a\n<!-- begin x -->\n\nnew\n\n<!-- end x -->\nb\n<!-- begin y -->\n\nother\n\n<!-- end y -->\n";
        assert_eq!(first, expected);
        assert_eq!(filled(&first, &texts).unwrap(), first);
    }

    #[test]
    fn a_page_that_asks_for_an_unknown_text_is_refused() {
        assert!(filled("<!-- begin x -->\n<!-- end x -->\n", &[]).is_err());
        assert!(filled("<!-- begin x -->\n", &[("x", String::new())]).is_err());
    }
}
