//! HTTP without a socket: whatever a client sends, it gets one whole response, and nobody is harmed.

use std::cell::RefCell;

use proptest::prelude::*;
use quorate::Timing;
use quorate::adapters::counters::ElectionCounters;
use quorate::adapters::metrics::Metrics;
use quorate::adapters::probes::{LONGEST_REQUEST, Response, Vitals, answer, respond};
use quorate_sim::ManualNetwork;

/// What a node shows that leads alone.
fn answer_of_a_leader(path: &str) -> Response {
    let mut network = ManualNetwork::new(1, Timing::lan());
    network.elect(1);
    let status = network.node(1).status();
    let (counters, now) = (ElectionCounters::new(status.now), status.now);
    answer(path, &Vitals::new(Metrics::new(status, counters, now)))
}

/// The status, the headers and the body that a client is sent.
fn split(response: &[u8]) -> (u16, String, String) {
    let text = String::from_utf8(response.to_vec()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let (line, headers) = head.split_once("\r\n").unwrap();
    let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap();
    (status.parse().unwrap(), format!("{headers}\r\n"), body.to_owned())
}

fn send(request: &str) -> (u16, String, String) {
    let response = respond(request.as_bytes(), answer_of_a_leader);
    split(&response.unwrap_or_else(|| panic!("{request:?} is complete")))
}

#[test]
fn each_path_is_answered_and_no_other_one() {
    for (path, body) in [("/livez", "ok\n"), ("/readyz", "ok\n"), ("/leader", "leader 1\nterm 1\n")] {
        let (status, headers, got) = send(&format!("GET {path} HTTP/1.1\r\nHost: n\r\n\r\n"));
        assert_eq!((status, got.as_str()), (200, body));
        assert!(headers.contains(&format!("Content-Length: {}\r\n", body.len())), "{headers}");
        assert!(headers.contains("Content-Type: text/plain") && headers.contains("Connection: close"));
    }
    let (status, headers, body) = send("GET /metrics HTTP/1.0\r\n\r\n");
    assert!(status == 200 && body.ends_with("# EOF\n"), "{body}");
    assert!(headers.contains("Content-Type: application/openmetrics-text; version=1.0.0"), "{headers}");
    for path in ["/", "/livez/", "/LIVEZ", "/metrics/quorate", "*", "/..//livez", "/%6civez"] {
        assert_eq!(send(&format!("GET {path} HTTP/1.1\r\n\r\n")).0, 404, "{path}");
    }
}

#[test]
fn a_query_is_ignored_and_a_whole_address_is_a_path() {
    for target in ["/livez?verbose", "http://node-1:9600/livez", "http://node-1/livez?a=/b#c"] {
        assert_eq!(send(&format!("GET {target} HTTP/1.1\r\n\r\n")).0, 200, "{target}");
    }
    assert_eq!(send("GET http://livez HTTP/1.1\r\n\r\n").0, 404);
}

#[test]
fn the_answer_to_head_has_the_headers_of_that_to_get_and_no_body() {
    let (status, headers, body) = send("HEAD /leader HTTP/1.1\r\n\r\n");
    let get = send("GET /leader HTTP/1.1\r\n\r\n");
    assert_eq!((status, headers, body.as_str()), (get.0, get.1, ""));
}

#[test]
fn what_is_no_request_for_a_probe_is_refused_by_its_reason() {
    let headers = "A: b\r\n".repeat(65);
    let many_headers = format!("GET /livez HTTP/1.1\r\n{headers}\r\n");
    let cases: [(&[u8], u16); 9] = [
        (b"POST /livez HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 405),
        (b"DELETE / HTTP/1.1\r\n\r\n", 405),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"qr\x06\x01\x01\x00", 400),
        (b"GET /livez\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\nA b\r\n\r\n", 400),
        (many_headers.as_bytes(), 431),
        (&[b'a'; LONGEST_REQUEST], 431),
    ];
    for (request, status) in cases {
        let response = respond(request, |path| panic!("{path} is asked for"));
        let (got, headers, _) = split(&response.unwrap());
        assert_eq!(got, status, "{}", String::from_utf8_lossy(request));
        assert_eq!(headers.contains("Allow: GET, HEAD"), status == 405);
    }
}

/// What clients may send: requests, requests with damage, and anything.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let anything = prop::collection::vec(any::<u8>(), 0..200);
    let parts = prop::sample::select(vec![
        "GET ",
        "HEAD ",
        "POST ",
        "/livez",
        "/metrics",
        "?",
        " HTTP/1.1",
        " HTTP/1.0",
        "\r\n",
        "\n",
        "\r\n\r\n",
        "Host: n\r\n",
        ": ",
        "\0",
        "é",
        " ",
    ]);
    let damaged = prop::collection::vec(parts, 0..12).prop_map(|parts| parts.concat().into_bytes());
    let long = (any::<u8>(), 0..2 * LONGEST_REQUEST).prop_map(|(byte, length)| vec![byte; length]);
    prop_oneof![anything, damaged, long]
}

proptest! {
    #[test]
    fn any_bytes_are_answered_whole_or_waited_for_and_never_beyond_the_longest_request(bytes in bytes()) {
        let asked = RefCell::new(Vec::new());
        let take = |path: &str| {
            asked.borrow_mut().push(path.to_owned());
            answer_of_a_leader(path)
        };
        let is_head = bytes.trim_ascii_start().starts_with(b"HEAD ");
        match respond(&bytes, take) {
            None => prop_assert!(bytes.len() < LONGEST_REQUEST && asked.borrow().is_empty()),
            Some(response) => {
                let (status, headers, body) = split(&response);
                prop_assert!([200, 400, 404, 405, 431, 505].contains(&status));
                let length = format!("Content-Length: {}\r\n", body.len());
                prop_assert!(headers.contains(&length) || is_head && body.is_empty());
                prop_assert_eq!(asked.borrow().len(), usize::from([200, 404].contains(&status)));
            }
        }
    }

    /// However a request is cut into pieces, nothing is answered before its end.
    #[test]
    fn a_request_is_answered_at_its_end_and_not_before(headers in prop::collection::vec("[A-Za-z-]{1,20}: [ -~]{0,40}", 0..20)) {
        let headers: String = headers.into_iter().map(|header| header + "\r\n").collect();
        let request = format!("GET /livez HTTP/1.1\r\n{headers}\r\n");
        let response = |bytes: &[u8]| respond(bytes, answer_of_a_leader);
        for end in 0..request.len() {
            prop_assert_eq!(response(&request.as_bytes()[..end]), None, "{}", end);
        }
        prop_assert!(response(request.as_bytes()).is_some());
    }
}
