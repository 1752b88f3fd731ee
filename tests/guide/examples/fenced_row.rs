//! Two nodes and a row of SQLite that counts the work. The row keeps the highest term: an update with a lower one is
//! refused. Leadership is handed over ten times, each time when an item is finished.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use quorate::adapters::tokio::{Handle, MemoryStorage, Network, Options, StopToken};
use quorate::{ClusterId, Config, HardState, Term, Urgency};
use rusqlite::{Connection, Result};
use tokio::time::sleep;

const HANDOVERS: u32 = 10;

/// Counts one item, unless a later leader has been here: then `false`, and the row stays.
fn count(row: &Connection, term: Term) -> Result<bool> {
    let update = "UPDATE work SET items = items + 1, term = ?1 WHERE term <= ?1";
    Ok(row.execute(update, [term.0 as i64])? > 0)
}

/// Works item by item, until it is told to stop.
async fn work(path: &Path, term: Term, stop: StopToken<u64>) -> Option<Result<()>> {
    let row = match Connection::open(path) {
        Ok(row) => row,
        Err(error) => return Some(Err(error)),
    };
    while !stop.is_requested() {
        match count(&row, term) {
            Ok(true) => sleep(Duration::from_millis(5)).await,
            Ok(false) => return None, // a later leader is at work
            Err(error) => return Some(Err(error)),
        }
    }
    None
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("work.sqlite");
    let row = Connection::open(&path)?;
    row.execute_batch("CREATE TABLE work (items INTEGER, term INTEGER); INSERT INTO work VALUES (0, 0);")?;

    let (network, mut nodes) = (Network::new(), Vec::new());
    for id in [1, 2] {
        let first = HardState::bootstrap(ClusterId(7), [1, 2])?;
        let options = Options::new(Config::new(id));
        let node = Handle::start(options, first, MemoryStorage::new(), network.join(id))?;
        nodes.push(node.clone());
        let path = path.clone();
        tokio::spawn(async move {
            let notice = Duration::from_millis(20);
            let ended = node.run_while_leader_gracefully(notice, |term, stop| work(&path, term, stop)).await;
            println!("the work of node {id} has ended: {ended:?}");
        });
    }
    let first = nodes[0].wait_for_leader().await?;
    let mut handovers = 0;
    while handovers < HANDOVERS {
        sleep(Duration::from_millis(100)).await;
        let leader = nodes[0].wait_for_leader().await?;
        let node = if leader.id == 1 { &nodes[0] } else { &nodes[1] };
        // A successor that has led a moment ago may not be ready yet.
        handovers += u32::from(node.resign(None, Urgency::WhenReady).await.is_ok());
    }
    sleep(Duration::from_millis(200)).await;

    let (items, term): (i64, i64) =
        row.query_row("SELECT items, term FROM work", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    println!("{items} items, the last of them in term {term}");
    assert!(items > 0 && term > first.term.0 as i64);
    assert!(!count(&row, first.term)?, "the write of a former leader is refused, however late it is");
    let same: i64 = row.query_row("SELECT term FROM work", [], |row| row.get(0))?;
    assert!(same >= term);
    println!("an update in term {} was refused", first.term);
    Ok(())
}
