//! Files of keys: a new one, and which keys are in one.

use std::io::{self, Write};
use std::path::PathBuf;

use quorate::adapters::seal::Keyring;

use crate::failure::{BadInput, Failure};

/// Draws a key for a group, and writes it to a new file
///
/// Only the owner of the file may read it. Copy it to all machines of the group, over a channel that keeps it
/// secret: whoever has it can take part in the group.
#[derive(clap::Args)]
pub(crate) struct KeygenArgs {
    /// The file, which must not exist yet
    file: PathBuf,
}

/// Shows which keys are in a file, and never the keys themselves
///
/// Prints the id of each key on a line, the key that seals first. All machines of a group must have one key in
/// common, and each must have the key that another one seals with.
#[derive(clap::Args)]
pub(crate) struct KeysArgs {
    /// The file of keys
    file: PathBuf,
}

pub(crate) fn keygen(KeygenArgs { file }: &KeygenArgs) -> Result<(), Failure> {
    print_ids(&Keyring::create(file).map_err(BadInput::says)?)
}

pub(crate) fn keys(KeysArgs { file }: &KeysArgs) -> Result<(), Failure> {
    print_ids(&Keyring::read(file).map_err(BadInput::says)?)
}

fn print_ids(keys: &Keyring) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    for id in keys.ids() {
        writeln!(out, "{id:016x}")?;
    }
    Ok(())
}
