//! Alerts and dashboard ask for metrics that exist, in expressions that can be evaluated.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::recordings::Recording;

fn example(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/monitoring").join(name)).unwrap()
}

/// The names of metrics in `text`.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    words.filter(|word| word.starts_with("quorate_"))
}

fn expressions(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn alerts_and_dashboard_ask_for_metrics_that_a_node_has() {
    let mut run = Recording::new(&[&[1]], Duration::ZERO);
    run.record(10).await;
    let has = |name: &str| {
        // A channel has no datagrams.
        name == "quorate_datagrams_total"
            || run.series().any(|(series, _)| series.starts_with(&format!("{name}{{")))
    };
    let dashboard: Value = serde_json::from_str(&example("dashboard.json")).unwrap();
    let asked = [example("alerts.yml"), expressions(&dashboard).join("\n")].join("\n");
    let unknown: Vec<&str> = names(&asked).filter(|name| !has(name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert!(names(&asked).count() > 30);
}

#[test]
fn the_expressions_of_the_dashboard_can_be_evaluated() {
    let dashboard: Value = serde_json::from_str(&example("dashboard.json")).unwrap();
    let rule = |expression: &String| {
        let expression = expression.replace("$group", ".*").replace("$__rate_interval", "1m");
        json!({ "record": "test", "expr": expression })
    };
    let expressions = expressions(&dashboard);
    let rules: Vec<Value> = expressions.iter().map(rule).collect();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dashboard-rules.json");
    fs::write(&file, json!({ "groups": [{ "name": "dashboard", "rules": rules }] }).to_string()).unwrap();
    let Ok(output) = Command::new("promtool").args(["check", "rules", "--lint=none"]).arg(&file).output()
    else {
        return println!("SKIPPED: no promtool (Debian's package prometheus)");
    };
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success() && expressions.len() > 15, "{said}");
}
