//! Elsewhere there is no clock that programs in any language can read and by which leases can be told.

use std::io;
use std::path::Path;
use std::time::Duration;

use quorate::Lease;
use quorate::adapters::udp::{Host, Notice, Worker};

use crate::Id;
use crate::failure::{BadInput, Failure};

/// No value of this type exists.
pub(crate) enum Bound {}

/// No value of this type exists.
#[derive(Clone)]
pub(crate) enum LocalSocket {}

impl Bound {
    pub(crate) fn bind(_path: &Path) -> Result<Bound, Failure> {
        Err(BadInput::new("--socket needs Linux: leave it out").into())
    }

    pub(crate) fn serve(&self, _group: &str, _margin: Duration, _host: &Host<Id>) -> io::Result<LocalSocket> {
        match *self {}
    }
}

impl LocalSocket {
    pub(crate) fn tell_lease(&self, _lease: Option<Lease>) {
        match *self {}
    }

    pub(crate) fn wait_for_clients(&self) {
        match *self {}
    }

    pub(crate) fn tell(&self, _notice: &Notice<Id>, _worker: &Worker<Id>) {
        match *self {}
    }
}
