//! A register in a key of NATS.

use std::error::Error;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::kv::{Operation, Store, UpdateError, UpdateErrorKind};
use async_nats::{Client, ConnectOptions};
use quorate::adapters::register::{AsyncCell, CellError, Tag};

/// A key of a bucket of JetStream, which the operator makes: with `file` storage, without a time to live.
pub struct NatsCell {
    servers: String,
    options: ConnectOptions,
    bucket: String,
    key: String,
    timeout: Duration,
    store: Option<(Client, Store)>,
}

// page: nats
impl NatsCell {
    /// The key `key` of the bucket `bucket`. A call, and an attempt to connect, ends after `timeout`.
    #[must_use]
    pub fn new(
        servers: impl Into<String>,
        options: ConnectOptions,
        bucket: impl Into<String>,
        key: impl Into<String>,
        timeout: Duration,
    ) -> Self {
        let options = options
            .connection_timeout(timeout)
            .request_timeout(Some(timeout))
            // A connection that is lost takes along what waits in it: a write that was given up is not to be sent
            // hours later. The fewest attempts that can be set.
            .max_reconnects(1)
            .reconnect_delay_callback(|_| Duration::ZERO);
        let (servers, bucket, key) = (servers.into(), bucket.into(), key.into());
        NatsCell { servers, options, bucket, key, timeout, store: None }
    }

    async fn store(&mut self) -> Result<&Store, CellError> {
        let kept = self.store.take();
        let store = match kept.filter(|(client, _)| client.connection_state() == State::Connected) {
            Some(store) => store,
            // Whatever fails here, nothing was published.
            None => self.connect().await.map_err(CellError::NotDone)?,
        };
        Ok(&self.store.insert(store).1)
    }

    async fn connect(&self) -> Result<(Client, Store), Box<dyn Error + Send + Sync>> {
        let client = self.options.clone().connect(&self.servers).await?;
        let mut context = async_nats::jetstream::new(client.clone());
        context.set_timeout(self.timeout);
        let store = context.get_key_value(&self.bucket).await?;
        Ok((client, store))
    }

    async fn update(&mut self, revision: u64, bytes: &[u8]) -> Result<Option<Tag>, CellError> {
        let key = self.key.clone();
        match self.store().await?.update(&key, bytes.to_vec().into(), revision).await {
            Ok(revision) => Ok(Some(Tag::from(revision))),
            Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => Ok(None),
            Err(error) => Err(sorted(error)),
        }
    }
}

impl AsyncCell for NatsCell {
    async fn read(&mut self) -> Result<Option<(Tag, Vec<u8>)>, CellError> {
        let key = self.key.clone();
        let entry = self.store().await?.entry(&key).await.map_err(CellError::not_done)?;
        let entry = entry.filter(|entry| entry.operation == Operation::Put);
        Ok(entry.map(|entry| (Tag::from(entry.revision), entry.value.into())))
    }

    async fn swap(&mut self, tag: &Tag, bytes: &[u8]) -> Result<Option<Tag>, CellError> {
        let Some(revision) = tag.number() else { return Ok(None) };
        self.update(revision, bytes).await
    }

    async fn create(&mut self, bytes: &[u8]) -> Result<Option<Tag>, CellError> {
        // The client's own `create` would take the place of a key that was deleted.
        self.update(0, bytes).await
    }
}

fn sorted(error: UpdateError) -> CellError {
    let published = error.source().and_then(|source| source.downcast_ref::<PublishError>());
    match published.map(PublishError::kind) {
        // Nobody listened on the subject (no such bucket, JetStream is down), or the client refused to send it.
        Some(PublishErrorKind::StreamNotFound | PublishErrorKind::MaxPayloadExceeded) => {
            CellError::not_done(error)
        }
        // No answer: maybe it is lost, maybe the question. A missing permission looks like that, too. An error of the
        // store of the stream does not say what the other servers of a cluster have done.
        _ => CellError::unknown(error),
    }
}
// page: end
