//! A register in a row of PostgreSQL.

use std::time::Duration;

use quorate::adapters::register::{AsyncCell, CellError, Tag};
use tokio::task::JoinSet;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

// page: postgres
/// A row of the table `quorate_register`.
pub struct PostgresCell {
    config: Config,
    tls: MakeRustlsConnect,
    name: String,
    session: Option<Session>,
}

/// A connection, which ends when this is dropped.
struct Session {
    client: Client,
    _connection: JoinSet<()>,
}

impl PostgresCell {
    /// The register `name` in the database that `config` leads to. A statement ends after `timeout`, and so does an
    /// attempt to connect.
    #[must_use]
    pub fn new(
        mut config: Config,
        tls: MakeRustlsConnect,
        name: impl Into<String>,
        timeout: Duration,
    ) -> Self {
        // What a session asks for wins over what is set for the server, the database or the role. With
        // `synchronous_commit` off, an acknowledged write could be undone. The time-out lets the server give up a
        // statement that waits for a lock, which could else be made long after; it does not end the wait for a standby.
        let given = config.get_options().unwrap_or_default();
        let milliseconds = timeout.as_millis();
        let options = format!("{given} -c synchronous_commit=on -c statement_timeout={milliseconds}");
        config.options(options).connect_timeout(timeout).tcp_user_timeout(timeout);
        // A spare register is asked nothing for long, and what lies between forgets connections that say nothing.
        config.keepalives_idle(Duration::from_secs(15));
        // A standby refuses every write, and its reads are old.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        PostgresCell { config, tls, name: name.into(), session: None }
    }

    /// Takes the connection out of `self`, or makes one. Whoever is through puts it back; a call that is dropped halfway
    /// takes it along, so that none waits behind a statement of which nobody knows how far it is.
    async fn session(&mut self) -> Result<Session, CellError> {
        if let Some(session) = self.session.take().filter(|session| !session.client.is_closed()) {
            return Ok(session);
        }
        // Whatever fails here, no statement was sent.
        let (client, connection) =
            self.config.connect(self.tls.clone()).await.map_err(CellError::not_done)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(async { drop(connection.await) });
        Ok(Session { client, _connection: tasks })
    }

    /// The number of rows that the statement has changed. `execute_typed` returns when the server is ready for the next
    /// statement, which is after the commit.
    async fn execute(&mut self, sql: &str, params: &[(&(dyn ToSql + Sync), Type)]) -> Result<u64, CellError> {
        let session = self.session().await?;
        let rows = session.client.execute_typed(sql, params).await.map_err(sorted)?;
        self.session = Some(session);
        Ok(rows)
    }
}

impl AsyncCell for PostgresCell {
    async fn read(&mut self) -> Result<Option<(Tag, Vec<u8>)>, CellError> {
        let session = self.session().await?;
        let sql = "SELECT seq, content FROM quorate_register WHERE name = $1";
        match session.client.query_typed_opt(sql, &[(&self.name, Type::TEXT)]).await {
            Ok(row) => {
                self.session = Some(session);
                let Some(row) = row else { return Ok(None) };
                let number: i64 = row.try_get(0).map_err(CellError::not_done)?;
                Ok(Some((Tag::from(number.cast_unsigned()), row.try_get(1).map_err(CellError::not_done)?)))
            }
            Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => Ok(None),
            Err(error) => Err(sorted(error)),
        }
    }

    async fn swap(&mut self, tag: &Tag, bytes: &[u8]) -> Result<Option<Tag>, CellError> {
        let Some(number) = tag.number() else { return Ok(None) };
        let sql = "UPDATE quorate_register SET seq = seq + 1, content = $3 WHERE name = $1 AND seq = $2";
        let (name, seq) = (self.name.clone(), number.cast_signed());
        let params: [(&(dyn ToSql + Sync), Type); 3] =
            [(&name, Type::TEXT), (&seq, Type::INT8), (&bytes, Type::BYTEA)];
        let rows = self.execute(sql, &params).await?;
        Ok((rows == 1).then(|| Tag::from(number.saturating_add(1))))
    }

    async fn create(&mut self, bytes: &[u8]) -> Result<Option<Tag>, CellError> {
        let table = "CREATE TABLE IF NOT EXISTS quorate_register
            (name text PRIMARY KEY, seq bigint NOT NULL, content bytea NOT NULL)";
        self.execute(table, &[]).await?;
        let sql = "INSERT INTO quorate_register VALUES ($1, 1, $2) ON CONFLICT DO NOTHING";
        let name = self.name.clone();
        let rows = self.execute(sql, &[(&name, Type::TEXT), (&bytes, Type::BYTEA)]).await?;
        Ok((rows == 1).then(|| Tag::from(1)))
    }
}

/// What went wrong once a statement was sent.
fn sorted(error: Error) -> CellError {
    // What is said by databases that speak this protocol and have more than one server.
    let ambiguous = [SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN, SqlState::TRANSACTION_RESOLUTION_UNKNOWN];
    match error.as_db_error() {
        Some(said) if ambiguous.contains(said.code()) => CellError::unknown(error),
        // The server has rolled the statement back: no permission, no such table, a time-out, a deadlock.
        Some(said) if said.parsed_severity() == Some(Severity::Error) => CellError::not_done(error),
        // `FATAL`: the session was ended, maybe after the commit while it waited for a standby. No answer: the
        // connection broke before the commit or after it.
        _ => CellError::unknown(error),
    }
}
// page: end
