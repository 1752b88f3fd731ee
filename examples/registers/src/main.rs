//! Serves one register over standard input and output: a request a line, an answer a line, until the input is closed.

use std::process::ExitCode;
use std::time::Duration;
use std::{env, io};

use quorate_register::{open, serve};

/// A third of the `promise_limit` of `Timing::wan`.
const TIMEOUT: Duration = Duration::from_millis(1200);

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
        return Err("usage: quorate-register URL, with QUORATE_REGISTER_TIMEOUT_MS in the environment".into());
    };
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
