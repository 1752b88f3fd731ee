//! A register in an object of a bucket.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use object_store::client::{HttpError, HttpErrorKind};
use object_store::path::Path;
use object_store::{
    ClientOptions, Error, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutResult, RetryConfig,
    UpdateVersion,
};
use quorate::adapters::register::{AsyncCell, CellError, Tag};

// page: object_store
/// An object in S3, Google Cloud Storage or Azure.
pub struct ObjectCell {
    store: Arc<dyn ObjectStore>,
    path: Path,
    condition: Condition,
}

/// What a write can be made conditional on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Condition {
    /// S3 and Azure: `If-Match`.
    EntityTag,
    /// Google Cloud Storage: `x-goog-if-generation-match`.
    Generation,
}

/// What the client of a bucket has to be told: it ends a call after `timeout`, and repeats none.
///
/// A client that repeats takes its own write for another's. This one, as it is set by default, repeats a write also when the
/// server has closed the connection without an answer.
#[must_use]
pub fn bounded(timeout: Duration) -> (ClientOptions, RetryConfig) {
    let options = ClientOptions::new().with_timeout(timeout).with_connect_timeout(timeout);
    (options, RetryConfig { max_retries: 0, retry_timeout: timeout, ..RetryConfig::default() })
}

impl ObjectCell {
    /// The object at `path`, in a store of S3 or Azure that was built with what [`bounded`] returns.
    #[must_use]
    pub fn new(store: impl ObjectStore, path: Path) -> Self {
        ObjectCell { store: Arc::new(store), path, condition: Condition::EntityTag }
    }

    /// The same for a store that goes by generations, as Google's.
    #[must_use]
    pub fn by_generation(store: impl ObjectStore, path: Path) -> Self {
        ObjectCell { condition: Condition::Generation, ..ObjectCell::new(store, path) }
    }

    fn tag(&self, e_tag: Option<String>, generation: Option<String>) -> Result<Tag, CellError> {
        let tag = match self.condition {
            Condition::EntityTag => e_tag,
            Condition::Generation => generation,
        };
        // A write without a tag may have been made.
        tag.map(|tag| Tag::from(tag.as_str())).ok_or_else(|| CellError::unknown("the answer bears no tag"))
    }

    async fn put(&self, mode: PutMode, bytes: &[u8]) -> Result<Option<Tag>, CellError> {
        match self.store.put_opts(&self.path, bytes.to_vec().into(), mode.into()).await {
            Ok(PutResult { e_tag, version, .. }) => self.tag(e_tag, version).map(Some),
            // 412, and 409 of S3: another write was under way.
            Err(Error::Precondition { .. } | Error::AlreadyExists { .. } | Error::NotModified { .. }) => {
                Ok(None)
            }
            Err(error) => Err(sorted(error)),
        }
    }
}

impl AsyncCell for ObjectCell {
    async fn read(&mut self) -> Result<Option<(Tag, Vec<u8>)>, CellError> {
        let found = match self.store.get(&self.path).await {
            Ok(found) => found,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(sorted(error)),
        };
        let ObjectMeta { e_tag, version, .. } = found.meta.clone();
        let tag = self.tag(e_tag, version)?;
        Ok(Some((tag, found.bytes().await.map_err(CellError::not_done)?.into())))
    }

    async fn swap(&mut self, tag: &Tag, bytes: &[u8]) -> Result<Option<Tag>, CellError> {
        // The client panics at what no header can bear.
        let text = str::from_utf8(tag.as_bytes()).ok().filter(|text| {
            !text.is_empty() && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
        });
        let Some(text) = text else { return Ok(None) };
        let condition = match self.condition {
            Condition::EntityTag => UpdateVersion { e_tag: Some(text.to_owned()), version: None },
            Condition::Generation => UpdateVersion { e_tag: None, version: Some(text.to_owned()) },
        };
        self.put(PutMode::Update(condition), bytes).await
    }

    async fn create(&mut self, bytes: &[u8]) -> Result<Option<Tag>, CellError> {
        self.put(PutMode::Create, bytes).await
    }
}

fn sorted(error: Error) -> CellError {
    match &error {
        // The store has looked at the request and refused it: 401, 403, 404 of the bucket, or the client has not sent it.
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } | Error::NotFound { .. } => {}
        Error::NotImplemented { .. } | Error::NotSupported { .. } | Error::InvalidPath { .. } => {}
        // There was no connection, so nothing was sent. Of the other kinds `Request` says so as well, but is also what
        // a connection is said to be that was closed before the answer.
        _ if transport(&error) == Some(HttpErrorKind::Connect) => {}
        // The store says that it has dropped the request. The client does not give out the status but in the text; if that
        // is ever another one, nobody knows, which is safe.
        _ if ["non-2xx status code: 429", "non-2xx status code: 400", "<Code>SlowDown</Code>"]
            .iter()
            .any(|word| error.to_string().contains(word)) => {}
        // 500, 502, 503 and 504 without such a word, a time-out, a connection that broke.
        _ => return CellError::unknown(error),
    }
    CellError::not_done(error)
}

fn transport(error: &Error) -> Option<HttpErrorKind> {
    let mut sources = std::iter::successors(error.source(), |&error| error.source());
    sources.find_map(|error| Some(error.downcast_ref::<HttpError>()?.kind()))
}
// page: end
