//! The machine on which the costs are measured, and how busy it is.

use std::fs;
use std::process::Command;
use std::thread;

pub(crate) fn description() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, name)| name.trim());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc.map_or_else(|_| String::new(), |out| String::from_utf8_lossy(&out.stdout).into());
    format!("{model}, {cores} cores, {}", rustc.trim())
}

/// The processes that wanted to run in the last minute, on average, this one among them; `None` where the
/// system does not say.
pub(crate) fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

/// A sentence on the load from the begin to the end of a measurement.
pub(crate) fn load_between(begin: Option<f64>, end: Option<f64>) -> String {
    match (begin, end) {
        (Some(begin), Some(end)) => format!("load average {begin:.1} before, {end:.1} after"),
        _ => "load unknown".to_owned(),
    }
}
