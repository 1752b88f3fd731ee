use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder};
use object_store::path::Path;
use object_store::{ClientOptions, RetryConfig, StaticCredentialProvider};
use quorate::adapters::register::{Cell, CellError, Tag};
use quorate_register::{Blocking, ObjectCell, bounded};

use crate::contract::{self, PATIENCE};
use crate::double::{Double, Reply};
use crate::server::{Server, find_program, free_port, wait_until};

/// What the program finds in its environment, and the tests give to the client.
fn s3_environment(endpoint: &str) -> [(&'static str, String); 5] {
    let [id, secret, region] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"];
    [(id, "a"), (secret, "b"), (region, "us-east-1"), ("AWS_ENDPOINT", endpoint), ("AWS_ALLOW_HTTP", "true")]
        .map(|(name, value)| (name, value.to_owned()))
}

/// What [`bounded`] returns, once it is chosen which TLS there is.
fn options() -> (ClientOptions, RetryConfig) {
    drop(rustls::crypto::ring::default_provider().install_default());
    let (options, retry) = bounded(PATIENCE);
    (options.with_allow_http(true), retry)
}

fn s3(endpoint: &str) -> Box<dyn Cell> {
    let mut builder = AmazonS3Builder::new().with_bucket_name("votes");
    for (name, value) in s3_environment(endpoint) {
        builder = builder.with_config(name.to_ascii_lowercase().parse().unwrap(), value);
    }
    let (options, retry) = options();
    let store = builder.with_client_options(options).with_retry(retry).build().unwrap();
    Box::new(Blocking::new(ObjectCell::new(store, Path::from("group-7")), PATIENCE).unwrap())
}

/// moto, a double of S3: what it does with a condition is checked here before the client is.
#[test]
fn a_register_in_a_double_of_s3_keeps_the_contract() {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/moto/bin");
    let Some(program) = find_program("moto_server", &[own]) else {
        println!("SKIPPED: registers in S3, as there is no moto_server: pip install 'moto[server]'");
        return;
    };
    let port = free_port();
    let mut command = Command::new(program);
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
    let mut server = Server::new(command);
    server.start();
    wait_until("moto", || (request(port, "PUT /votes", "", "")?.0 == 200).then_some(()));

    let (_, head) = request(port, "PUT /votes/probe", "", "one").unwrap();
    let tag = head.lines().find_map(|line| Some(line.split_once("ETag: ")?.1.to_owned())).unwrap();
    let status = |condition: &str| request(port, "PUT /votes/probe", condition, "two").unwrap().0;
    assert_eq!(
        status("If-Match: \"00000000000000000000000000000000\"\r\n"),
        412,
        "moto does not honour If-Match"
    );
    assert_eq!(status("If-None-Match: *\r\n"), 412, "moto does not honour If-None-Match");
    assert_eq!(status(&format!("If-Match: {tag}\r\n")), 200, "moto refuses the tag that it gave");

    let endpoint = format!("http://127.0.0.1:{port}");
    contract::keep(&|| s3(&endpoint));

    let mut program = Command::new(env!("CARGO_BIN_EXE_quorate-register"));
    program
        .arg("s3://votes/by-url")
        .envs(s3_environment(&endpoint))
        .env("QUORATE_REGISTER_TIMEOUT_MS", "60000");
    let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"{\"create\":{\"bytes\":\"00\"}}\n{\"read\":{}}\n").unwrap();
    let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    assert!(
        lines[0].starts_with(r#"{"swapped":{"tag":""#) && lines[1].starts_with(r#"{"found":{"tag":""#),
        "{said}"
    );
}

/// The status and the head of the answer.
fn request(port: u16, line: &str, headers: &str, body: &str) -> Option<(u16, String)> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    let length = body.len();
    // It checks no signature, but takes a request without one for a stranger's.
    let signature =
        "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
    let text = format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: {signature}\r\n\
         Content-Length: {length}\r\n{headers}\r\n{body}"
    );
    server.write_all(text.as_bytes()).ok()?;
    let mut said = String::new();
    server.read_to_string(&mut said).ok()?;
    Some((said.split(' ').nth(1)?.parse().ok()?, said))
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    Refused,
    NotDone,
    Unknown,
}

/// The answers as the documentation of S3 lists them, from a server that says nothing else.
#[test]
fn each_error_of_s3_is_of_the_right_kind_and_no_call_is_repeated() {
    let said = |code: &str| format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
    let answers = [
        (Reply::status(412, said("PreconditionFailed")), Kind::Refused),
        (Reply::status(409, said("ConditionalRequestConflict")), Kind::Refused),
        (Reply::status(404, said("NoSuchKey")), Kind::Refused),
        (Reply::status(400, said("EntityTooLarge")), Kind::NotDone),
        (Reply::status(401, said("InvalidToken")), Kind::NotDone),
        (Reply::status(403, said("AccessDenied")), Kind::NotDone),
        (Reply::status(429, said("TooManyRequests")), Kind::NotDone),
        (Reply::status(503, said("SlowDown")), Kind::NotDone),
        (Reply::status(503, said("ServiceUnavailable")), Kind::Unknown),
        (Reply::status(408, said("RequestTimeout")), Kind::Unknown),
        (Reply::status(500, said("InternalError")), Kind::Unknown),
        (Reply::status(502, "upstream status code: 429"), Kind::Unknown),
        (Reply::status(504, ""), Kind::Unknown),
        (Reply::status(200, ""), Kind::Unknown),
        (Reply::Silence, Kind::Unknown),
    ];
    for (number, (reply, kind)) in answers.into_iter().enumerate() {
        let double = Double::start(move |_| reply.clone());
        let swapped = s3(&double.url()).swap(&Tag::from("\"tag\""), b"second");
        assert_eq!(kind_of(&swapped), Some(kind), "answer {number}: {swapped:?}");
        let requests = double.take_requests();
        assert_eq!(requests.len(), 1, "answer {number} lets the client repeat the call");
        assert_eq!(requests[0].header("if-match"), Some("\"tag\""));
    }
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let swapped = s3(&nobody).swap(&Tag::from("\"tag\""), b"second");
    assert_eq!(kind_of(&swapped), Some(Kind::NotDone), "{swapped:?}");
}

fn kind_of(swapped: &Result<Option<Tag>, CellError>) -> Option<Kind> {
    match swapped {
        Ok(Some(_)) => None,
        Ok(None) => Some(Kind::Refused),
        Err(CellError::NotDone(_)) => Some(Kind::NotDone),
        Err(CellError::Unknown(_)) => Some(Kind::Unknown),
    }
}

fn google(endpoint: &str) -> Box<dyn Cell> {
    let (options, retry) = options();
    let store = GoogleCloudStorageBuilder::new().with_bucket_name("votes").with_base_url(endpoint);
    let token = StaticCredentialProvider::new(GcpCredential { bearer: "token".to_owned() });
    let store = store.with_credentials(Arc::new(token));
    let store = store.with_client_options(options).with_retry(retry).build().unwrap();
    Box::new(Blocking::new(ObjectCell::by_generation(store, Path::from("group-7")), PATIENCE).unwrap())
}

/// There is no store of Google's or Azure's here, nor a double: only that each request bears its condition, and that the
/// tag is taken from where the store gives it.
#[test]
fn requests_to_google_and_azure_bear_the_condition() {
    let (options, retry) = options();
    let refuse = || Double::start(|_| Reply::status(412, ""));

    let double = refuse();
    let mut cell = google(&double.url());
    assert_eq!(cell.swap(&Tag::from("1700"), b"second").unwrap(), None);
    assert_eq!(cell.create(b"first").unwrap(), None);
    let conditions = double
        .take_requests()
        .into_iter()
        .map(|request| request.header("x-goog-if-generation-match").map(str::to_owned));
    assert_eq!(conditions.collect::<Vec<_>>(), [Some("1700".to_owned()), Some("0".to_owned())]);

    let double = refuse();
    let store = MicrosoftAzureBuilder::new().with_account("votes").with_container_name("votes");
    let store = store.with_endpoint(double.url()).with_allow_http(true).with_skip_signature(true);
    let store = store.with_client_options(options).with_retry(retry);
    let mut cell =
        Blocking::new(ObjectCell::new(store.build().unwrap(), Path::from("group-7")), PATIENCE).unwrap();
    assert_eq!(cell.swap(&Tag::from("\"0x8D\""), b"second").unwrap(), None);
    assert_eq!(cell.create(b"first").unwrap(), None);
    let requests = double.take_requests();
    assert_eq!(requests[0].header("if-match"), Some("\"0x8D\""));
    assert_eq!(requests[1].header("if-none-match"), Some("*"));

    let answer = |_: &_| {
        let headers = vec![("ETag", "\"e\"".to_owned()), ("x-goog-generation", "1701".to_owned())];
        Reply::Answer(200, headers, String::new())
    };
    let double = Double::start(answer);
    let mut cell = google(&double.url());
    assert_eq!(cell.swap(&Tag::from("1700"), b"second").unwrap(), Some(Tag::from("1701")));
}
