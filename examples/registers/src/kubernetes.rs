//! A register in a `ConfigMap` of Kubernetes.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client, Config, Error};
use quorate::adapters::register::{AsyncCell, CellError, Tag};

/// The key in the `ConfigMap` under which the register is.
const KEY: &str = "register";

/// A `ConfigMap` that holds nothing else.
pub struct ConfigMapCell {
    config: Option<Config>,
    namespace: String,
    name: String,
    timeout: Duration,
    api: Option<Api<ConfigMap>>,
}

// page: kubernetes
impl ConfigMapCell {
    /// The `ConfigMap` `name` in `namespace`, of the cluster of `config`, or of the one that this process runs in or
    /// `KUBECONFIG` leads to.
    #[must_use]
    pub fn new(
        config: Option<Config>,
        namespace: impl Into<String>,
        name: impl Into<String>,
        timeout: Duration,
    ) -> Self {
        ConfigMapCell { config, namespace: namespace.into(), name: name.into(), timeout, api: None }
    }

    async fn api(&mut self) -> Result<Api<ConfigMap>, Error> {
        if let Some(api) = &self.api {
            return Ok(api.clone());
        }
        let mut config = match &self.config {
            Some(config) => config.clone(),
            None => Config::infer().await.map_err(Error::InferConfig)?,
        };
        // The client would repeat what the server has answered with 429, 503 and 504.
        config.default_retry = false;
        for limit in [&mut config.connect_timeout, &mut config.read_timeout, &mut config.write_timeout] {
            *limit = Some(self.timeout);
        }
        let api = Api::namespaced(Client::try_from(config)?, &self.namespace);
        Ok(self.api.insert(api).clone())
    }

    fn map(&self, version: Option<String>, bytes: &[u8]) -> ConfigMap {
        ConfigMap {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                resource_version: version,
                ..ObjectMeta::default()
            },
            binary_data: Some(BTreeMap::from([(KEY.to_owned(), ByteString(bytes.to_vec()))])),
            ..ConfigMap::default()
        }
    }
}

impl AsyncCell for ConfigMapCell {
    async fn read(&mut self) -> Result<Option<(Tag, Vec<u8>)>, CellError> {
        // A get without a resource version is answered from etcd, not from the cache of the API server.
        let api = self.api().await.map_err(CellError::not_done)?;
        let map = api.get_opt(&self.name).await.map_err(CellError::not_done)?;
        let found = map.and_then(|map| Some((tag_of(&map)?, map.binary_data?.remove(KEY)?.0)));
        Ok(found)
    }

    async fn swap(&mut self, tag: &Tag, bytes: &[u8]) -> Result<Option<Tag>, CellError> {
        // An empty version would be no condition.
        let version = str::from_utf8(tag.as_bytes()).ok().filter(|version| !version.is_empty());
        let Some(version) = version else { return Ok(None) };
        let map = self.map(Some(version.to_owned()), bytes);
        let api = self.api().await.map_err(CellError::not_done)?;
        written(api.replace(&self.name, &PostParams::default(), &map).await)
    }

    async fn create(&mut self, bytes: &[u8]) -> Result<Option<Tag>, CellError> {
        let map = self.map(None, bytes);
        let api = self.api().await.map_err(CellError::not_done)?;
        written(api.create(&PostParams::default(), &map).await)
    }
}

fn tag_of(map: &ConfigMap) -> Option<Tag> {
    map.metadata.resource_version.as_deref().map(Tag::from)
}

fn written(answer: Result<ConfigMap, Error>) -> Result<Option<Tag>, CellError> {
    match answer {
        Ok(map) => tag_of(&map).map(Some).ok_or_else(|| CellError::unknown("the answer bears no version")),
        // `Conflict` or `AlreadyExists`; 404: there is none.
        Err(Error::Api(status)) if status.code == 409 || status.code == 404 => Ok(None),
        // Refused before anything was written: no permission, not valid, too many requests.
        Err(Error::Api(status)) if (400..500).contains(&status.code) && status.code != 408 => {
            Err(CellError::not_done(Error::Api(status)))
        }
        Err(error) if was_refused(&error) => Err(CellError::not_done(error)),
        // 500 and 504 may be a time-out of etcd, and no answer is no answer.
        Err(error) => Err(CellError::unknown(error)),
    }
}

/// Whether there was no connection. The client may have lost an idle one before, on which nothing had been sent.
fn was_refused(error: &Error) -> bool {
    let mut sources = std::iter::successors(std::error::Error::source(error), |&error| error.source());
    sources.any(|error| {
        error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    })
}
// page: end
