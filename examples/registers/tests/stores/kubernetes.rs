//! There is no API server here: a double holds one `ConfigMap`, and checks `resourceVersion` as the documentation says.

use std::sync::{Arc, Mutex};

use kube::Config;
use quorate::adapters::register::{Cell, CellError, Tag};
use quorate_register::{Blocking, ConfigMapCell};
use serde_json::{Value, json};

use crate::contract::{self, PATIENCE};
use crate::double::{Double, Reply, Request};
use crate::server::free_port;

fn cell(url: &str) -> Box<dyn Cell> {
    let config = Config::new(url.parse().unwrap());
    let cell = ConfigMapCell::new(Some(config), "backup", "votes", PATIENCE);
    Box::new(Blocking::new(cell, PATIENCE).unwrap())
}

/// The object, and the version of the last write to the whole cluster.
#[derive(Default)]
struct Cluster {
    map: Option<Value>,
    version: u64,
}

impl Cluster {
    fn answer(&mut self, request: &Request) -> Reply {
        let item = "/api/v1/namespaces/backup/configmaps/votes";
        let (path, _) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let held = self.map.as_ref();
        match (&request.method[..], path) {
            ("GET", path) if path == item => match held {
                Some(map) => Reply::status(200, map.to_string()),
                None => failure(404, "NotFound"),
            },
            ("POST", path) if item.starts_with(path) => match held {
                Some(_) => failure(409, "AlreadyExists"),
                None => self.write(request, 201),
            },
            ("PUT", path) if path == item => {
                let asked: Value = serde_json::from_slice(&request.body).unwrap();
                match held {
                    None => failure(404, "NotFound"),
                    // Without a version there is no condition.
                    Some(map) if asked["metadata"]["resourceVersion"] == Value::Null => {
                        panic!("an update of {map} without a condition: {asked}")
                    }
                    Some(map)
                        if asked["metadata"]["resourceVersion"] != map["metadata"]["resourceVersion"] =>
                    {
                        failure(409, "Conflict")
                    }
                    Some(_) => self.write(request, 200),
                }
            }
            other => panic!("{other:?} is not asked of a ConfigMap"),
        }
    }

    fn write(&mut self, request: &Request, status: u16) -> Reply {
        let mut map: Value = serde_json::from_slice(&request.body).unwrap();
        self.version += 1;
        map["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.map = Some(map.clone());
        Reply::status(status, map.to_string())
    }
}

fn failure(code: u16, reason: &str) -> Reply {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": reason, "reason": reason,
        "code": code,
    });
    Reply::status(code, status.to_string())
}

#[test]
fn a_register_in_a_double_of_kubernetes_keeps_the_contract() {
    let cluster = Arc::new(Mutex::new(Cluster::default()));
    let double = Double::start(move |request| cluster.lock().unwrap().answer(request));
    contract::keep(&|| cell(&double.url()));
}

#[test]
fn each_error_of_kubernetes_is_of_the_right_kind_and_no_call_is_repeated() {
    for (reply, is_known) in [
        (failure(401, "Unauthorized"), true),
        (failure(403, "Forbidden"), true),
        (failure(422, "Invalid"), true),
        (failure(429, "TooManyRequests"), true),
        (failure(500, "InternalError"), false),
        (failure(503, "ServiceUnavailable"), false),
        (failure(504, "Timeout"), false),
        (Reply::status(200, "not an object"), false),
        (Reply::Silence, false),
    ] {
        let double = Double::start(move |_| reply.clone());
        let swapped = cell(&double.url()).swap(&Tag::from("7"), b"second");
        match &swapped {
            Err(CellError::NotDone(_)) => assert!(is_known, "{swapped:?}"),
            Err(CellError::Unknown(_)) => assert!(!is_known, "{swapped:?}"),
            Ok(_) => panic!("{swapped:?}"),
        }
        assert_eq!(double.take_requests().len(), 1, "the client repeats after {swapped:?}");
    }
    let swapped = cell(&format!("http://127.0.0.1:{}", free_port())).swap(&Tag::from("7"), b"second");
    assert!(matches!(swapped, Err(CellError::NotDone(_))), "{swapped:?}");
}
