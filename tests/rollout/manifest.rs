//! The manifests: what they have a node run, and how.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Failure;

/// What a workload says of its nodes.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    /// The nodes are this name, a hyphen and a number.
    pub(crate) name: String,
    /// The number of the first node.
    pub(crate) first: usize,
    pub(crate) replicas: usize,
    /// What follows the name of the program, up to the command that it runs.
    pub(crate) args: Vec<String>,
    pub(crate) has_volumes: bool,
    /// For how long a node may take to end.
    pub(crate) grace_s: u64,
    /// The domain that follows the name of a node in the DNS.
    pub(crate) domain: &'static str,
}

impl Workload {
    /// The command line of a node.
    pub(crate) fn args_of(&self, node: &str) -> Vec<String> {
        self.args.iter().map(|arg| arg.replace("$(POD_NAME)", node).replace("%l", node)).collect()
    }

    /// The value of an option.
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        self.args.iter().find_map(|arg| arg.strip_prefix("--")?.strip_prefix(name)?.strip_prefix('='))
    }
}

pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

/// The objects of a manifest for Kubernetes.
pub(crate) fn objects(name: &str) -> Result<Vec<Value>, Failure> {
    Ok(serde_saphyr::from_multiple(&fs::read_to_string(path(name))?)?)
}

/// The one object of a kind.
pub(crate) fn object<'a>(objects: &'a [Value], kind: &str) -> Result<&'a Value, Failure> {
    let mut found = objects.iter().filter(|object| object["kind"] == kind);
    match (found.next(), found.next()) {
        (Some(object), None) => Ok(object),
        _ => Err(format!("there is not one {kind}").into()),
    }
}

pub(crate) fn stateful_set(name: &str) -> Result<Workload, Failure> {
    let objects = objects(name)?;
    let set = object(&objects, "StatefulSet")?;
    let (spec, pod) = (&set["spec"], &set["spec"]["template"]["spec"]);
    Ok(Workload {
        name: set["metadata"]["name"].as_str().ok_or("no name")?.to_owned(),
        first: 0,
        replicas: spec["replicas"].as_u64().ok_or("no replicas")?.try_into()?,
        args: before_command(texts(&pod["containers"][0]["args"])?)?,
        has_volumes: spec["volumeClaimTemplates"].is_array(),
        grace_s: pod["terminationGracePeriodSeconds"].as_u64().ok_or("no grace period")?,
        domain: ".scheduler.default.svc.cluster.local",
    })
}

/// The unit for machines of a name.
pub(crate) fn unit(name: &str, machines: &str) -> Result<Workload, Failure> {
    let text = fs::read_to_string(path(name))?.replace("\\\n", " ");
    let setting = |key: &str| {
        let mut lines = text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        lines.next_back().ok_or(format!("no {key}"))
    };
    let words = setting("ExecStart")?.split_whitespace().skip(1).map(str::to_owned).collect();
    if setting("KillMode")? != "mixed" {
        return Err("SIGTERM would not be sent to the supervisor alone".into());
    }
    let mut unit = Workload {
        name: machines.to_owned(),
        first: 1,
        replicas: 0,
        args: before_command(words)?,
        has_volumes: true,
        grace_s: setting("TimeoutStopSec")?.parse()?,
        domain: ".example.net",
    };
    unit.replicas = unit.option("first-rollout").ok_or("no list")?.split(',').count();
    Ok(unit)
}

/// The arguments of the program, without the command and what is before it.
fn before_command(mut args: Vec<String>) -> Result<Vec<String>, Failure> {
    let end = args.iter().position(|arg| arg == "--").ok_or("no command")?;
    args.truncate(end);
    Ok(args)
}

fn texts(list: &Value) -> Result<Vec<String>, Failure> {
    let list = list.as_array().ok_or("no list")?;
    list.iter().map(|text| Ok(text.as_str().ok_or("no text")?.to_owned())).collect()
}
