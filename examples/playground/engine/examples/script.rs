//! Runs groups by scripts, and writes their timelines: `script LIST FOLDER`.
//!
//! LIST is a file of JSON: a list of scripts, each with a `name`, the `settings` of a group, `deeds`, each with the time in
//! milliseconds at which it is done, and `end_ms`. The timeline of each is written to FOLDER/NAME.json.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use quorate_playground::Group;
use serde::Deserialize;
use serde_json::Value;

/// A group, and what is done to it.
#[derive(Deserialize)]
struct Script {
    name: String,
    settings: Value,
    deeds: Vec<(u64, Value)>,
    end_ms: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let (Some(list), Some(folder)) = (env::args().nth(1), env::args().nth(2)) else {
        return Err("usage: script LIST FOLDER".into());
    };
    let scripts: Vec<Script> = serde_json::from_str(&fs::read_to_string(list)?)?;
    fs::create_dir_all(&folder)?;
    for script in scripts {
        let timeline = run(&script).map_err(|error| format!("{}: {error}", script.name))?;
        fs::write(Path::new(&folder).join(format!("{}.json", script.name)), timeline.to_string())?;
    }
    Ok(())
}

fn run(script: &Script) -> Result<Value, Box<dyn Error>> {
    let mut group = Group::new(&script.settings.to_string())?;
    let mut timeline: Value = serde_json::from_str(&group.head())?;
    for (at, deed) in &script.deeds {
        add(&mut timeline, &group.run(micros(*at), u64::MAX))?;
        add(&mut timeline, &group.act(&deed.to_string())?)?;
    }
    add(&mut timeline, &group.run(micros(script.end_ms), u64::MAX))?;
    match timeline.get("violation") {
        None | Some(Value::Null) => Ok(timeline),
        Some(violation) => Err(format!("a promise was broken: {violation}").into()),
    }
}

fn micros(milliseconds: u64) -> u64 {
    milliseconds.saturating_mul(1_000)
}

/// Adds to a timeline what has happened since.
fn add(timeline: &mut Value, chunk: &str) -> Result<(), Box<dyn Error>> {
    let Value::Object(mut chunk) = serde_json::from_str(chunk)? else {
        return Err("a chunk is no object".into());
    };
    for part in ["texts", "events"] {
        if let (Some(all), Some(Value::Array(mut new))) = (timeline.get_mut(part), chunk.remove(part)) {
            if all.is_null() {
                *all = Value::Array(Vec::new());
            }
            all.as_array_mut().ok_or("a part of the timeline is no list")?.append(&mut new);
        }
    }
    timeline["end"] = chunk.remove("now").unwrap_or_default();
    timeline["violation"] = chunk.remove("violation").unwrap_or_default();
    Ok(())
}
