//! What the user of a page can do to a group.

use serde::Deserialize;

/// One deed. A node is an index, from 0.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Deed {
    /// The process is killed.
    Crash {
        node: usize,
    },
    /// A process is started.
    Restart {
        node: usize,
    },
    Freeze {
        node: usize,
    },
    Thaw {
        node: usize,
    },
    /// The process is killed, and its disk is lost.
    Forget {
        node: usize,
    },
    /// The link from one node to another is cut, or that in both directions.
    Cut {
        from: usize,
        to: usize,
        #[serde(default)]
        both: bool,
    },
    Mend {
        from: usize,
        to: usize,
        #[serde(default)]
        both: bool,
    },
    /// All links of a node are cut.
    Isolate {
        node: usize,
    },
    /// Nodes of different groups cannot talk; those that no group lists are a group, too.
    Partition {
        groups: Vec<Vec<usize>>,
    },
    /// All links are mended.
    Heal {},
    /// So many of a million messages are lost.
    Loss {
        ppm: u32,
    },
    /// So many of a million messages arrive twice.
    Duplicates {
        ppm: u32,
    },
    /// So many of a million messages arrive seconds late.
    Late {
        ppm: u32,
    },
    /// The shortest and the longest delay of a message.
    Delay {
        us: (u64, u64),
    },
    /// A burst of old messages to a node and from it.
    Old {
        node: usize,
    },
    /// The clock of a node runs fast by so many millionths, beyond what is declared if that is wanted.
    Clock {
        node: usize,
        ppm: i32,
        #[serde(default)]
        beyond: bool,
    },
    /// The shortest and the longest write of a node.
    Disk {
        node: usize,
        us: (u64, u64),
    },
    /// No write of a node ends any more.
    Fill {
        node: usize,
    },
    Empty {
        node: usize,
    },
    Campaign {
        node: usize,
    },
    Resign {
        node: usize,
        #[serde(default)]
        successor: Option<usize>,
        #[serde(default)]
        now: bool,
    },
    Priority {
        node: usize,
        value: u8,
    },
    Position {
        node: usize,
        index: u64,
    },
    Discovered {
        node: usize,
        other: usize,
    },
    Lost {
        node: usize,
        other: usize,
    },
    Reconfigure {
        node: usize,
        voters: Vec<usize>,
        #[serde(default)]
        learners: Vec<usize>,
        #[serde(default)]
        force: bool,
    },
    Leave {
        node: usize,
    },
}

/// The longest text of a deed that is read.
const LONGEST_TEXT: usize = 10_000;

impl Deed {
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST_TEXT {
            return Err(format!("A deed has {LONGEST_TEXT} bytes at the most, and this one has more."));
        }
        if !text.trim_start().starts_with('{') {
            return Err("A deed is a JSON object.".into());
        }
        serde_json::from_str(text).map_err(|error| format!("This deed cannot be read: {error}."))
    }
}
