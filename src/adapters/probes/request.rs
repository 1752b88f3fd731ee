//! HTTP without a socket: bytes of a request go in, bytes of a response come out.

use std::format;
use std::prelude::rust_2024::*;

use httparse::{EMPTY_HEADER, Error, Request, Status};

use super::Response;

/// The longest request that is read, in bytes.
pub const LONGEST_REQUEST: usize = 8 * 1_024;

/// How many headers a request may have.
const MOST_HEADERS: usize = 64;

/// Why a request is not answered as it asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Refused {
    Malformed,
    Method,
    TooLong,
    Version,
}

/// What a client is sent that has sent these bytes so far: `None` while its request is not complete. `answer` is asked
/// for the path of a `GET` or `HEAD`, without its query. The connection is to be closed afterwards.
///
/// ```
/// use quorate::adapters::probes::{Vitals, answer, respond};
/// # use quorate::adapters::{counters::ElectionCounters, metrics::Metrics};
/// # use quorate::{ClusterId, Config, Election, HardState, Timestamp};
/// # use rand_chacha::ChaCha8Rng;
/// # use rand_chacha::rand_core::SeedableRng;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let first = HardState::bootstrap(ClusterId(7), [1_u64])?;
/// # let (now, rng) = (Timestamp::ORIGIN, ChaCha8Rng::seed_from_u64(0));
/// # let election = Election::new(Config::new(1), first, now, rng)?;
/// # let metrics = Metrics::new(election.status(), ElectionCounters::new(now), now);
/// let vitals = Vitals::new(metrics);
/// assert_eq!(respond(b"GET /livez HTTP/1.1\r\nHost: n", |path| answer(path, &vitals)), None);
/// let response = respond(b"GET /livez HTTP/1.1\r\nHost: node-1\r\n\r\n", |path| answer(path, &vitals));
/// assert!(response.is_some_and(|bytes| bytes.starts_with(b"HTTP/1.1 200 OK\r\n")));
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn respond(request: &[u8], answer: impl FnOnce(&str) -> Response) -> Option<Vec<u8>> {
    let mut headers = [EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = Request::new(&mut headers);
    let request = match parsed.parse(request) {
        Ok(Status::Complete(_)) => read_line(&parsed),
        Ok(Status::Partial) if request.len() < LONGEST_REQUEST => return None,
        Ok(Status::Partial) | Err(Error::TooManyHeaders) => Err(Refused::TooLong),
        Err(Error::Version) => Err(Refused::Version),
        Err(_) => Err(Refused::Malformed),
    };
    Some(match request {
        Ok((path, has_body)) => write(&answer(path), has_body),
        Err(refused) => write(&refused.response(), true),
    })
}

/// The path that is asked for, and whether the answer to the method has a body.
fn read_line<'a>(request: &Request<'_, 'a>) -> Result<(&'a str, bool), Refused> {
    let has_body = match request.method {
        Some("GET") => true,
        Some("HEAD") => false,
        Some(_) | None => return Err(Refused::Method),
    };
    Ok((path_of(request.path.unwrap_or_default()), has_body))
}

/// The path of a target, which is a path and a query, or a whole address.
fn path_of(target: &str) -> &str {
    let target = target.split(['?', '#']).next().unwrap_or_default();
    match target.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|start| rest.get(start..)).unwrap_or("/"),
        None => target,
    }
}

impl Refused {
    fn response(self) -> Response {
        match self {
            Refused::Malformed => Response::line(400, "this is no request of HTTP/1.1"),
            Refused::Method => Response::line(405, "only GET and HEAD are answered"),
            Refused::TooLong => Response::line(431, "the request is too long"),
            Refused::Version => Response::line(505, "only HTTP/1.1 and HTTP/1.0 are spoken"),
        }
    }
}

fn write(response: &Response, has_body: bool) -> Vec<u8> {
    let Response { status, content_type, body } = response;
    let (reason, length) = (reason(*status), body.len());
    let allow = if *status == 405 { "Allow: GET, HEAD\r\n" } else { "" };
    let body = if has_body { body } else { "" };
    format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\
         Cache-Control: no-store\r\n{allow}Connection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}
