//! Each object of the manifests is one of the Kubernetes API: it has the fields that its kind requires, of their types, and
//! none that the API does not have. An API server takes an object with a field that it does not know, and leaves the field
//! out: a limit or a probe that is misspelt would be missed when it is needed.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const MANIFESTS: [&str; 2] = ["with-volumes.yaml", "without-volumes.yaml"];

/// The objects, as Kubernetes reads YAML: 0440 is octal.
fn objects(name: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/kubernetes");
    let text = fs::read_to_string(folder.join(name)).unwrap();
    let as_kubernetes = serde_saphyr::options! { legacy_octal_numbers: true };
    serde_saphyr::from_multiple_with_options(&text, as_kubernetes).unwrap()
}

/// What is wrong with an object, by the types of the API.
fn mistakes(object: &Value) -> Vec<String> {
    let check = match (object["apiVersion"].as_str(), object["kind"].as_str()) {
        (Some("v1"), Some("Service")) => read_and_write::<Service>,
        (Some("apps/v1"), Some("StatefulSet")) => read_and_write::<StatefulSet>,
        (Some("policy/v1"), Some("PodDisruptionBudget")) => read_and_write::<PodDisruptionBudget>,
        (Some("networking.k8s.io/v1"), Some("NetworkPolicy")) => read_and_write::<NetworkPolicy>,
        other => return vec![format!("no object of this version and kind is checked: {other:?}")],
    };
    match check(object.clone()) {
        Ok(known) => differences("", object, &known),
        Err(error) => vec![error.to_string()],
    }
}

/// What is left of an object whose unknown fields are ignored.
fn read_and_write<T: DeserializeOwned + Serialize>(object: Value) -> serde_json::Result<Value> {
    serde_json::to_value(serde_json::from_value::<T>(object)?)
}

/// The fields of `object` that `known` lacks, or has otherwise.
fn differences(path: &str, object: &Value, known: &Value) -> Vec<String> {
    match (object, known) {
        (Value::Object(fields), Value::Object(known)) => {
            let field = |(name, value): (&String, &Value)| match known.get(name) {
                Some(known) => differences(&format!("{path}/{name}"), value, known),
                None => vec![format!("the API has no {path}/{name}")],
            };
            fields.iter().flat_map(field).collect()
        }
        (Value::Array(items), Value::Array(known)) if items.len() == known.len() => {
            let pairs = items.iter().zip(known).enumerate();
            pairs
                .flat_map(|(place, (item, known))| differences(&format!("{path}/{place}"), item, known))
                .collect()
        }
        _ if object == known => Vec::new(),
        _ => vec![format!("{path} is {object}, and {known} by the API")],
    }
}

#[test]
fn each_object_of_the_manifests_is_one_of_the_api_and_has_no_field_that_the_api_lacks() {
    for name in MANIFESTS {
        let objects = objects(name);
        assert_eq!(objects.len(), 4, "{name}");
        for object in &objects {
            assert_eq!(mistakes(object), [""; 0], "{name}: {}", object["kind"]);
        }
    }
}

#[test]
fn a_field_that_is_misspelt_missing_or_of_another_type_is_found() {
    let set = objects(MANIFESTS[0]).into_iter().find(|object| object["kind"] == "StatefulSet").unwrap();
    let cases: [(&str, Value, &str); 4] = [
        ("/spec/template/spec/terminationGracePeriodSecond", json!(30), "terminationGracePeriodSecond"),
        ("/spec/template/spec/containers/0/readinessProbe/httpGet/pth", json!("/readyz"), "pth"),
        ("/spec/replicas", json!("3"), "invalid type"),
        ("/spec/template/spec/containers/0/ports/0/protocol", json!(17), "invalid type"),
    ];
    for (path, value, says) in cases {
        let mut wrong = set.clone();
        let (parent, name) = path.rsplit_once('/').unwrap();
        wrong.pointer_mut(parent).unwrap()[name] = value;
        let found = mistakes(&wrong);
        assert!(found.len() == 1 && found[0].contains(says), "{path}: {found:?}");
    }
    let mut wrong = set;
    wrong["kind"] = json!("Statefulset");
    assert_eq!(mistakes(&wrong).len(), 1);
}
