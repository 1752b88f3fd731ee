//! What the manifests say: the program's own parser accepts each command line, and the parts of an object name each other.

use std::process::Command;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::Failure;
use crate::manifest::{Workload, object, objects, path, stateful_set, unit};

const MANIFESTS: [&str; 2] = ["kubernetes/with-volumes.yaml", "kubernetes/without-volumes.yaml"];
const UNIT: &str = "systemd/quorate-scheduler.service";

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, check: fn() -> Result<(), Failure>| {
        Trial::test(name, move || check().map_err(|failure| Failed::from(failure.to_string())))
    };
    vec![
        trial("the_program_accepts_the_command_lines_of_the_manifests", the_program_accepts),
        trial("a_stateful_set_fits_its_service_its_budget_and_its_volumes", the_parts_fit),
        trial("both_stateful_sets_differ_in_their_volumes_and_their_first_pods_alone", both_are_alike),
        trial("systemd_accepts_the_unit", systemd_accepts),
    ]
}

fn workloads() -> Result<Vec<Workload>, Failure> {
    let sets = MANIFESTS.into_iter().map(stateful_set);
    sets.chain([unit(UNIT, "machine")]).collect()
}

/// Without a file of keys the program goes no further than to look for it, which it does once its command line is right.
fn the_program_accepts() -> Result<(), Failure> {
    for workload in workloads()? {
        let node = format!("{}-{}", workload.name, workload.first);
        let args = workload.args_of(&node);
        let missing = |arg: &String| arg.replace("/etc/quorate", "/nonexistent/quorate");
        let mut program = Command::new(env!("CARGO_BIN_EXE_quorate"));
        let output = program.args(args.iter().map(missing)).args(["--", "true"]).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("/nonexistent/quorate/keys") && said.lines().count() == 1, "{node}: {said}");
        assert!(args.contains(&format!("--id={node}")), "{args:?}");
        for listed in workload.option("first-rollout").ok_or("no list")?.split(',') {
            let peer = format!("--peer={listed}={listed}.");
            assert!(args.iter().any(|arg| arg.starts_with(&peer)), "no {peer}");
        }
        let listed = workload.option("first-rollout").map_or(0, |list| list.split(',').count());
        assert_eq!(listed, workload.replicas, "the first roll-out of {node}");
        // The formula of 'quorate run --help', without hooks.
        let number = |name: &str| workload.option(name).unwrap_or_default().parse::<u64>();
        let longest_stop = 17 * number("promise-ms")? + number("grace-ms")? + 3_000;
        assert!(workload.option("on-elected").or(workload.option("on-stepped-down")).is_none(), "{args:?}");
        assert!(workload.grace_s * 1_000 >= longest_stop, "{node} is killed before it has stopped");
    }
    Ok(())
}

fn the_parts_fit() -> Result<(), Failure> {
    for name in MANIFESTS {
        let objects = objects(name)?;
        let (service, set) = (object(&objects, "Service")?, object(&objects, "StatefulSet")?);
        let (budget, template) = (object(&objects, "PodDisruptionBudget")?, &set["spec"]["template"]);
        let policy = object(&objects, "NetworkPolicy")?;
        let labels = &template["metadata"]["labels"];
        assert!(labels.is_object(), "{name}");
        for selector in [
            &service["spec"]["selector"],
            &set["spec"]["selector"]["matchLabels"],
            &budget["spec"]["selector"]["matchLabels"],
            &policy["spec"]["podSelector"]["matchLabels"],
            &policy["spec"]["ingress"][0]["from"][0]["podSelector"]["matchLabels"],
        ] {
            assert_eq!(selector, labels, "{name}");
        }
        assert_eq!(service["metadata"]["name"], set["spec"]["serviceName"], "{name}");
        assert_eq!(service["spec"]["clusterIP"], "None", "{name}");
        assert_eq!(service["spec"]["publishNotReadyAddresses"], true, "{name}");
        assert_eq!(set["spec"]["podManagementPolicy"], "Parallel", "{name}");
        let container = &template["spec"]["containers"][0];
        let names = |list: &Value, key: &str| -> Vec<String> {
            let list = list.as_array().into_iter().flatten();
            list.filter_map(|part| part.pointer(key)?.as_str().map(str::to_owned)).collect()
        };
        let ports = names(&container["ports"], "/name");
        for (probe, path) in [("readinessProbe", "/readyz"), ("livenessProbe", "/livez")] {
            let get = &container[probe]["httpGet"];
            assert_eq!(get["path"], path, "{name}");
            assert!(ports.iter().any(|port| get["port"] == **port), "{name}: {probe}");
        }
        for (port, rule) in container["ports"].as_array().into_iter().flatten().zip([0, 1]) {
            let opened = &policy["spec"]["ingress"][rule]["ports"][0];
            assert_eq!(opened["port"], port["containerPort"], "{name}");
            assert_eq!(opened["protocol"], *port.get("protocol").unwrap_or(&"TCP".into()), "{name}");
        }
        let mut volumes = names(&template["spec"]["volumes"], "/name");
        volumes.extend(names(&set["spec"]["volumeClaimTemplates"], "/metadata/name"));
        let mut mounted = names(&container["volumeMounts"], "/name");
        volumes.sort();
        mounted.sort();
        assert_eq!(volumes, mounted, "{name}");
        the_ports_are_those_of_the_options(&stateful_set(name)?, container);
    }
    Ok(())
}

fn the_ports_are_those_of_the_options(workload: &Workload, container: &Value) {
    for (port, option) in container["ports"].as_array().into_iter().flatten().zip(["listen", "probes"]) {
        let address = workload.option(option).unwrap_or_default();
        assert_eq!(address, format!("0.0.0.0:{}", port["containerPort"]), "{option}");
    }
}

fn both_are_alike() -> Result<(), Failure> {
    let [with, without] = MANIFESTS.map(|name| -> Result<Value, Failure> {
        let mut set = object(&objects(name)?, "StatefulSet")?.clone();
        set["spec"]["replicas"].take();
        set["spec"]["volumeClaimTemplates"].take();
        let pod = &mut set["spec"]["template"]["spec"];
        if let Some(volumes) = pod["volumes"].as_array_mut() {
            volumes.retain(|volume| volume["name"] != "data");
        }
        if let Some(mounts) = pod["containers"][0]["volumeMounts"].as_array_mut() {
            mounts.retain(|mount| mount["name"] != "data");
        }
        if let Some(args) = pod["containers"][0]["args"].as_array_mut() {
            let differs = |arg: &str| {
                ["--first-rollout", "--data", "--no-disk"].iter().any(|option| arg.starts_with(option))
            };
            args.retain(|arg| !arg.as_str().is_some_and(differs));
        }
        Ok(set)
    });
    assert_eq!(with?, without?);
    Ok(())
}

/// The program of the unit is not where the unit says, so that of the test takes its place.
fn systemd_accepts() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join("quorate-scheduler.service");
    let text = std::fs::read_to_string(path(UNIT))?;
    std::fs::write(&copy, text.replace("/usr/local/bin/quorate", env!("CARGO_BIN_EXE_quorate")))?;
    match Command::new("systemd-analyze").arg("verify").arg(&copy).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.trim().is_empty(), "{said}");
        }
        Err(error) => println!("skipped: systemd-analyze cannot be run: {error}"),
    }
    Ok(())
}
