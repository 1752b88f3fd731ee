//! A register in a file of SQLite.

use std::path::PathBuf;
use std::time::Duration;

use quorate::adapters::register::{Cell, CellError, Tag};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};

/// A row of the table `quorate_register` in a file, for the processes of one machine.
#[derive(Debug)]
pub struct SqliteCell {
    path: PathBuf,
    name: String,
    timeout: Duration,
}

impl SqliteCell {
    /// The register `name` in the file at `path`, which [`create`](Cell::create) makes. A call waits for others for no
    /// longer than `timeout`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, name: impl Into<String>, timeout: Duration) -> Self {
        SqliteCell { path: path.into(), name: name.into(), timeout }
    }
}

// page: sqlite
impl SqliteCell {
    /// Opens the file for one call, so that nothing is kept open of a file that was replaced.
    fn connect(&self, flags: OpenFlags) -> Result<Connection, rusqlite::Error> {
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(self.timeout)?;
        // `FULL` does not sync the folder when the journal is unlinked: a loss of power could undo the last write.
        connection.pragma_update(None, "synchronous", "EXTRA")?;
        Ok(connection)
    }

    /// The file, unless there is none or it has no such table.
    fn existing(&self) -> Result<Option<Connection>, rusqlite::Error> {
        if !self.path.exists() {
            return Ok(None);
        }
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        Ok(connection.table_exists(None, "quorate_register")?.then_some(connection))
    }
}

impl Cell for SqliteCell {
    fn read(&mut self) -> Result<Option<(Tag, Vec<u8>)>, CellError> {
        let Some(connection) = self.existing().map_err(CellError::not_done)? else { return Ok(None) };
        let found = connection.query_row(
            "SELECT seq, content FROM quorate_register WHERE name = ?1",
            [&self.name],
            |row| Ok((Tag::from(row.get::<_, i64>(0)?.cast_unsigned()), row.get(1)?)),
        );
        found.optional().map_err(CellError::not_done)
    }

    fn swap(&mut self, tag: &Tag, bytes: &[u8]) -> Result<Option<Tag>, CellError> {
        let Some(number) = tag.number() else { return Ok(None) };
        let Some(connection) = self.existing().map_err(CellError::not_done)? else { return Ok(None) };
        let swapped = connection.execute(
            "UPDATE quorate_register SET seq = seq + 1, content = ?3 WHERE name = ?1 AND seq = ?2",
            params![self.name, number.cast_signed(), bytes],
        );
        let rows = swapped.map_err(sorted)?;
        Ok((rows == 1).then(|| Tag::from(number.saturating_add(1))))
    }

    fn create(&mut self, bytes: &[u8]) -> Result<Option<Tag>, CellError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let connection = self.connect(flags).map_err(CellError::not_done)?;
        let table = "CREATE TABLE IF NOT EXISTS quorate_register
            (name TEXT PRIMARY KEY, seq INTEGER NOT NULL, content BLOB NOT NULL)";
        connection.execute(table, []).map_err(CellError::not_done)?;
        let row = "INSERT INTO quorate_register VALUES (?1, 1, ?2) ON CONFLICT DO NOTHING";
        let rows = connection.execute(row, params![self.name, bytes]).map_err(sorted)?;
        Ok((rows == 1).then(|| Tag::from(1)))
    }
}

fn sorted(error: rusqlite::Error) -> CellError {
    match error.sqlite_error_code() {
        // SQLite has rolled back what it could not commit: another process has the lock, or the disk is full.
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull) => {
            CellError::not_done(error)
        }
        // Nothing can be written at all.
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::NotADatabase) => {
            CellError::not_done(error)
        }
        // After an error of the disk, what the next process finds in the journal decides.
        _ => CellError::unknown(error),
    }
}
// page: end
