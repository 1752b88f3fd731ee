//! Serves one register over standard input and output: a request a line, an answer a line, until the input is closed.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;
use std::{env, io};

use quorate_register::{open, serve};

/// A third of the `promise_limit` of `Timing::wan`.
const TIMEOUT: Duration = Duration::from_millis(1200);

const HELP: &str = "\
Serves one register over standard input and output: a request a line, an answer a line, until the input is closed

Usage: quorate-register URL

  sqlite:PATH#NAME
          A row of a file, for the processes of one machine
  postgres://USER@HOST/DATABASE?register=NAME
          A row of the table quorate_register. PGPASSWORD is the password
  nats://USER@HOST:PORT/BUCKET/KEY
          A key of a bucket of JetStream. NATS_PASSWORD is the password, or NATS_CREDS the file of credentials
  s3://BUCKET/KEY
          An object. AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT, or the role of the machine
  gs://BUCKET/KEY
          An object. GOOGLE_SERVICE_ACCOUNT is the file of credentials, or the role of the machine
  az://CONTAINER/KEY
          An object. AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY, or the role of the machine
  kubernetes://NAMESPACE/CONFIGMAP
          A ConfigMap that holds nothing else, of the cluster of this pod or of KUBECONFIG

A call ends within QUORATE_REGISTER_TIMEOUT_MS milliseconds, 1200 unless it is set.
";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quorate-register: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(url), None) = (arguments.next(), arguments.next()) else {
        return Err("one argument is expected, the URL of a register: see quorate-register --help".into());
    };
    if url == "--help" || url == "-h" {
        return Ok(io::stdout().write_all(HELP.as_bytes())?);
    }
    let timeout = match env::var("QUORATE_REGISTER_TIMEOUT_MS") {
        Ok(text) => Duration::from_millis(
            text.parse().map_err(|_| format!("QUORATE_REGISTER_TIMEOUT_MS is {text:?}, not milliseconds"))?,
        ),
        Err(_) => TIMEOUT,
    };
    let mut cell = open(&url, timeout)?;
    match serve(&mut *cell, io::stdin().lock(), io::stdout().lock()) {
        // The program that asked is gone.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        served => Ok(served?),
    }
}
