//! OpenMetrics text as the parser of Python's `prometheus_client` reads it, which is strict.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

/// One sample: its name, its labels and its value.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// One metric.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) unit: String,
    pub(crate) help: String,
    pub(crate) samples: Vec<Sample>,
}

/// All metrics of a node.
#[derive(Debug)]
pub(crate) struct Exposition(pub(crate) Vec<Family>);

impl Exposition {
    /// Every sample of that name.
    pub(crate) fn samples(&self, name: &str) -> Vec<&Sample> {
        self.0.iter().flat_map(|family| &family.samples).filter(|sample| sample.name == name).collect()
    }

    /// The value of the only sample of that name.
    #[track_caller]
    pub(crate) fn value(&self, name: &str) -> f64 {
        let samples = self.samples(name);
        assert_eq!(samples.len(), 1, "{name}: {samples:?}");
        samples[0].value
    }

    /// All samples of that name together.
    pub(crate) fn sum(&self, name: &str) -> f64 {
        self.samples(name).iter().map(|sample| sample.value).sum()
    }

    /// The values that `label` has in the samples of that name.
    pub(crate) fn label_values(&self, name: &str, label: &str) -> Vec<&str> {
        self.samples(name).iter().filter_map(|sample| Some(sample.labels.get(label)?.as_str())).collect()
    }
}

/// Reads `text`; `None`, with the reason in the output of the test, if there is no parser.
pub(crate) fn parse(text: &str) -> Option<Exposition> {
    let Some(python) = python() else {
        println!("SKIPPED: no Python with prometheus_client (Debian's python3-prometheus-client)");
        return None;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/monitoring/parse.py");
    let mut command = Command::new(python);
    let command = command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\nof\n{text}", String::from_utf8_lossy(&output.stderr));
    let families: Value = serde_json::from_slice(&output.stdout).unwrap();
    Some(Exposition(families.as_array().unwrap().iter().map(family).collect()))
}

/// A Python that has the parser: the first one in the path may be another than that of the distribution.
fn python() -> Option<&'static str> {
    let has_parser = |python: &&str| {
        let output =
            Command::new(python).args(["-c", "import prometheus_client.openmetrics.parser"]).output();
        output.is_ok_and(|output| output.status.success())
    };
    ["python3", "/usr/bin/python3"].into_iter().find(has_parser)
}

fn family(value: &Value) -> Family {
    let samples = value["samples"].as_array().unwrap().iter().map(sample).collect();
    Family {
        name: text(&value["name"]),
        kind: text(&value["kind"]),
        unit: text(&value["unit"]),
        help: text(&value["help"]),
        samples,
    }
}

fn sample(value: &Value) -> Sample {
    let labels = value["labels"].as_object().unwrap().iter();
    Sample {
        name: text(&value["name"]),
        labels: labels.map(|(name, value)| (name.clone(), text(value))).collect(),
        value: text(&value["value"]).parse().unwrap(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
