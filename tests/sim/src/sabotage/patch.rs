//! Rules taken out: which text in which file is replaced by what.

use std::fs;
use std::path::{Path, PathBuf};

use super::files::{read, write};

/// One rule taken out: its edits are made all together or not at all.
pub(super) struct Patch {
    pub(super) title: String,
    edits: Vec<Edit>,
}

struct Edit {
    file: PathBuf,
    from: String,
    to: String,
}

impl Patch {
    /// Reads the list: `# title`, then one or more times the file, `<<<<`, what it says, `====`, what it
    /// says instead, `>>>>`.
    pub(super) fn parse_all(text: &str) -> Result<Vec<Patch>, String> {
        let mut patches: Vec<Patch> = Vec::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(title) = line.strip_prefix("# ") {
                patches.push(Patch { title: title.into(), edits: Vec::new() });
            } else if let Some(patch) = patches.last_mut().filter(|_| line.starts_with("src/")) {
                let from = block(&mut lines, "<<<<", "====")
                    .ok_or_else(|| format!("{}: no <<<< or ====", patch.title))?;
                let to = lines
                    .by_ref()
                    .take_while(|&line| line != ">>>>")
                    .map(|line| format!("{line}\n"))
                    .collect();
                patch.edits.push(Edit { file: line.into(), from, to });
            }
        }
        Ok(patches)
    }

    /// Whether its title has no number of a rule, or it edits an adapter: it takes out what an adapter promises.
    pub(super) fn is_of_adapters(&self) -> bool {
        let is_of_a_rule = self.title.starts_with(|first: char| first.is_ascii_digit());
        !is_of_a_rule || self.edits.iter().any(|edit| edit.file.starts_with("src/adapters"))
    }

    /// Whether it is about the program `quorate`.
    pub(super) fn is_of_program(&self) -> bool {
        self.title.starts_with("program: ")
    }

    /// A file that lacks what is to be replaced.
    pub(super) fn missing(&self, root: &Path) -> Option<&Path> {
        let lacks = |edit: &&Edit| {
            let found =
                fs::read_to_string(root.join(&edit.file)).map_or(0, |text| text.matches(&edit.from).count());
            found != 1
        };
        self.edits.iter().find(lacks).map(|edit| edit.file.as_path())
    }

    /// Makes the edits in the copy of the sources in `folder`. Returns what the files said before.
    pub(super) fn apply(&self, folder: &Path) -> Result<Vec<Original>, String> {
        let apply = |edit: &Edit| {
            let file = folder.join(&edit.file);
            let text = read(&file)?;
            write(&file, &text.replacen(&edit.from, &edit.to, 1))?;
            Ok(Original { file, text })
        };
        self.edits.iter().map(apply).collect()
    }
}

/// What a file said before an edit.
pub(super) struct Original {
    file: PathBuf,
    text: String,
}

impl Original {
    /// Undoes edits, of which several may be in one file.
    pub(super) fn restore_all(originals: &[Original]) -> Result<(), String> {
        originals.iter().rev().try_for_each(|original| write(&original.file, &original.text))
    }
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
