//! What the processes did, drawn from what they have recorded.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quorate::adapters::record::{Deed, Records};
use tempfile::TempDir;

use super::Id;
use crate::Id as Name;
use crate::failure::Failure;

/// The picture of a group, if there is to be one.
#[derive(Default)]
pub(crate) struct Pictures {
    page: Option<PathBuf>,
    title: &'static str,
    folder: Option<TempDir>,
    deeds: Vec<(Duration, Deed<Name>)>,
}

impl Pictures {
    pub(crate) fn of(page: Option<PathBuf>, title: &'static str) -> Pictures {
        Pictures { page, title, folder: None, deeds: Vec::new() }
    }

    /// Where the processes are to record; nowhere, if there is to be no picture.
    pub(crate) fn folder(&mut self) -> Result<Option<&Path>, Failure> {
        if self.page.is_some() && self.folder.is_none() {
            self.folder = Some(TempDir::with_prefix("quorate-demo-records-")?);
        }
        Ok(self.folder.as_ref().map(TempDir::path))
    }

    /// Something was done to a process just now.
    pub(crate) fn deed(&mut self, deed: impl FnOnce(Name) -> Deed<Name>, id: Id) -> Result<(), Failure> {
        if self.page.is_some() {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.deeds.push((now, deed(id.to_string().parse()?)));
        }
        Ok(())
    }

    /// Writes the page.
    pub(crate) fn draw(&self) -> Result<(), Failure> {
        let (Some(page), Some(folder)) = (&self.page, &self.folder) else { return Ok(()) };
        let mut files =
            fs::read_dir(folder.path())?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        files.sort();
        let records = Records::<Name>::new(self.title).command("quorate demo --html FILE");
        let records = files.into_iter().fold(records, Records::file);
        let records = self.deeds.iter().fold(records, |records, (at, deed)| records.deed(*at, deed.clone()));
        let merged = records.merge(|_| {})?;
        crate::replay::draw(&merged, Some(page), None)?;
        if let Some(failure) = merged.failures.first() {
            return Err(format!("a record cannot be replayed: {failure}").into());
        }
        Ok(writeln!(io::stdout(), "  drawn in {}: {}\n", page.display(), merged.messages)?)
    }
}
