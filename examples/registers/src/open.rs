//! A register by its URL.

use std::time::Duration;

use quorate::adapters::register::Cell;

/// Why a URL leads to no register. Nothing was connected to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no store of this scheme.
    #[error(
        "{0:?} is no register: one begins with sqlite:, postgres://, nats://, s3://, gs://, az:// or kubernetes://"
    )]
    Scheme(String),
    /// This program was built without the client of that store.
    #[error("this program was built without the feature {0:?}")]
    LeftOut(&'static str),
    /// The URL is not of the form that its scheme has.
    #[error("a register of this kind is written {form}: {reason}")]
    Form {
        /// The form.
        form: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The client of the store cannot be set up.
    #[error("the client cannot be set up: {0}")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Returns the register at `url`, of which each call ends after `timeout`. Nothing is connected to before the first call.
///
/// | URL | register |
/// |---|---|
/// | `sqlite:PATH` or `sqlite:PATH#NAME` | a row of the file, `register` if no name is given |
/// | `postgres://USER@HOST/DATABASE` or `…?register=NAME` | a row; `PGPASSWORD` is the password if the URL has none |
/// | `nats://USER@HOST:PORT/BUCKET/KEY` | a key; `NATS_PASSWORD` is the password if the URL has none, and without a user `NATS_CREDS` is the file of credentials |
/// | `s3://BUCKET/KEY` | an object; `AWS_ENDPOINT`, `AWS_REGION` and so on as `object_store` reads them |
/// | `gs://BUCKET/KEY` | an object; `GOOGLE_SERVICE_ACCOUNT` and so on |
/// | `az://CONTAINER/KEY` | an object; `AZURE_STORAGE_ACCOUNT_NAME` and so on |
/// | `kubernetes://NAMESPACE/CONFIGMAP` | a `ConfigMap` of the cluster of this pod, or of `KUBECONFIG` |
///
/// # Errors
/// [`OpenError`] if the URL has another form, or the environment is not that of the client.
pub fn open(url: &str, timeout: Duration) -> Result<Box<dyn Cell>, OpenError> {
    let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
    match scheme {
        "sqlite" => sqlite(rest, timeout),
        "postgres" | "postgresql" => postgres(url, timeout),
        "nats" => nats(rest, timeout),
        "s3" | "gs" | "az" => object(scheme, url, rest, timeout),
        "kubernetes" => kubernetes(rest, timeout),
        _ => Err(OpenError::Scheme(scheme.to_owned())),
    }
}

fn wrong<T>(form: &'static str, reason: impl Into<String>) -> Result<T, OpenError> {
    Err(OpenError::Form { form, reason: reason.into() })
}

#[cfg(feature = "awaited")]
fn blocking<C: quorate::adapters::register::AsyncCell>(
    cell: C,
    timeout: Duration,
) -> Result<Box<dyn Cell>, OpenError> {
    Ok(Box::new(crate::Blocking::new(cell, timeout).map_err(client_error)?))
}

#[cfg(feature = "awaited")]
fn client_error(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> OpenError {
    OpenError::Client(error.into())
}

/// Two names, with a slash between them.
fn two_names(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix("//")?.split_once('/').filter(|(first, second)| !first.is_empty() && !second.is_empty())
}

fn sqlite(rest: &str, timeout: Duration) -> Result<Box<dyn Cell>, OpenError> {
    let (path, name) = rest.split_once('#').unwrap_or((rest, "register"));
    if path.is_empty() || name.is_empty() {
        return wrong("sqlite:PATH#NAME", "the path or the name is empty");
    }
    #[cfg(feature = "sqlite")]
    return Ok(Box::new(crate::SqliteCell::new(path, name, timeout)));
    #[cfg(not(feature = "sqlite"))]
    return left_out("sqlite", timeout);
}

fn postgres(url: &str, timeout: Duration) -> Result<Box<dyn Cell>, OpenError> {
    const FORM: &str = "postgres://USER@HOST/DATABASE?register=NAME";
    // The name is this crate's, and the client would refuse it.
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let (own, others): (Vec<_>, Vec<_>) =
        query.split('&').filter(|part| !part.is_empty()).partition(|part| part.starts_with("register="));
    let name = own.first().map_or("register", |part| part.trim_start_matches("register="));
    if name.is_empty() || own.len() > 1 {
        return wrong(FORM, "there is to be one name of a register, or none");
    }
    let config = [base, &others.join("&")].join("?");
    #[cfg(feature = "postgres")]
    {
        use rustls_platform_verifier::BuilderVerifierExt;
        use std::sync::Arc;

        let mut config: tokio_postgres::Config = match config.parse() {
            Ok(config) => config,
            Err(error) => return wrong(FORM, with_sources(&error)),
        };
        if let (None, Ok(password)) = (config.get_password(), std::env::var("PGPASSWORD")) {
            config.password(password);
        }
        let tls =
            rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(client_error)?;
        let tls = if config.get_ssl_mode() == tokio_postgres::config::SslMode::Disable {
            tls.with_root_certificates(rustls::RootCertStore::empty())
        } else {
            tls.with_platform_verifier().map_err(client_error)?
        };
        let tls = tokio_postgres_rustls::MakeRustlsConnect::new(tls.with_no_client_auth());
        blocking(crate::PostgresCell::new(config, tls, name, timeout), timeout)
    }
    #[cfg(not(feature = "postgres"))]
    return left_out("postgres", (config, timeout));
}

fn nats(rest: &str, timeout: Duration) -> Result<Box<dyn Cell>, OpenError> {
    const FORM: &str = "nats://HOST:PORT/BUCKET/KEY";
    let names = two_names(rest).and_then(|(servers, path)| Some((servers, path.split_once('/')?)));
    let Some((servers, (bucket, key))) =
        names.filter(|(_, (bucket, key))| !bucket.is_empty() && !key.is_empty())
    else {
        return wrong(FORM, "the server, the bucket or the key is missing");
    };
    #[cfg(feature = "nats")]
    {
        let options = async_nats::ConnectOptions::new();
        let options = match std::env::var("NATS_CREDS") {
            Ok(path) => options
                .credentials(&std::fs::read_to_string(path).map_err(client_error)?)
                .map_err(client_error)?,
            Err(_) => options,
        };
        // The client does not look for a user in the URL.
        let (options, servers) = match servers.rsplit_once('@') {
            Some((user, servers)) => {
                let (user, password) = user.split_once(':').unwrap_or((user, ""));
                let password = match std::env::var("NATS_PASSWORD") {
                    Ok(given) if password.is_empty() => given,
                    _ => password.to_owned(),
                };
                (options.user_and_password(user.to_owned(), password), servers)
            }
            None => (options, servers),
        };
        let servers = format!("nats://{servers}");
        blocking(crate::NatsCell::new(servers, options, bucket, key, timeout), timeout)
    }
    #[cfg(not(feature = "nats"))]
    return left_out("nats", (servers, bucket, key, timeout));
}

#[cfg_attr(not(feature = "object"), allow(unused_variables))]
fn object(scheme: &str, url: &str, rest: &str, timeout: Duration) -> Result<Box<dyn Cell>, OpenError> {
    let Some((_, key)) = two_names(rest) else {
        return wrong(
            "s3://BUCKET/KEY, gs://BUCKET/KEY or az://CONTAINER/KEY",
            "the bucket or the key is missing",
        );
    };
    #[cfg(feature = "object")]
    {
        let path = match object_store::path::Path::parse(key) {
            Ok(path) => path,
            Err(error) => return wrong("s3://BUCKET/KEY", error.to_string()),
        };
        let (options, retry) = crate::bounded(timeout);
        // The client takes what was chosen for the whole process, and another choice is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        match scheme {
            #[cfg(feature = "s3")]
            "s3" => {
                let store = object_store::aws::AmazonS3Builder::from_env().with_url(url);
                let store =
                    store.with_client_options(options.with_allow_http(allows_http())).with_retry(retry);
                return blocking(crate::ObjectCell::new(store.build().map_err(client_error)?, path), timeout);
            }
            #[cfg(feature = "gcs")]
            "gs" => {
                let store = object_store::gcp::GoogleCloudStorageBuilder::from_env().with_url(url);
                let store = store.with_client_options(options).with_retry(retry);
                let store = store.build().map_err(client_error)?;
                return blocking(crate::ObjectCell::by_generation(store, path), timeout);
            }
            #[cfg(feature = "azure")]
            "az" => {
                let store = object_store::azure::MicrosoftAzureBuilder::from_env().with_url(url);
                let store = store.with_client_options(options).with_retry(retry);
                return blocking(crate::ObjectCell::new(store.build().map_err(client_error)?, path), timeout);
            }
            _ => {}
        }
    }
    #[allow(unreachable_code)]
    left_out(
        match scheme {
            "s3" => "s3",
            "gs" => "gcs",
            _ => "azure",
        },
        (),
    )
}

/// `AWS_ALLOW_HTTP`, for a store on a network that is trusted: the client would forget it with its other options.
#[cfg(feature = "s3")]
fn allows_http() -> bool {
    std::env::var("AWS_ALLOW_HTTP").is_ok_and(|value| value.eq_ignore_ascii_case("true"))
}

fn kubernetes(rest: &str, timeout: Duration) -> Result<Box<dyn Cell>, OpenError> {
    let Some((namespace, name)) = two_names(rest).filter(|(_, name)| !name.contains('/')) else {
        return wrong("kubernetes://NAMESPACE/CONFIGMAP", "there are to be two names");
    };
    #[cfg(feature = "kubernetes")]
    return blocking(crate::ConfigMapCell::new(None, namespace, name, timeout), timeout);
    #[cfg(not(feature = "kubernetes"))]
    return left_out("kubernetes", (namespace, name, timeout));
}

#[allow(dead_code)]
fn left_out<T>(feature: &'static str, _unused: T) -> Result<Box<dyn Cell>, OpenError> {
    Err(OpenError::LeftOut(feature))
}

/// The message of an error, and those of what it comes from.
#[cfg(feature = "postgres")]
fn with_sources(error: &dyn std::error::Error) -> String {
    let all = std::iter::successors(Some(error), |&error| error.source());
    all.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
