//! A node on a runtime and a thread of its own.

use std::boxed::Box;
use std::error::Error;
use std::io;
use std::prelude::rust_2024::*;
use std::sync::mpsc::sync_channel;
use std::thread;

use tokio::runtime::Builder;

use super::{Handle, Options, StartError, Storage, Transport};
use crate::hard_state::HardState;
use crate::types::NodeId;

impl<I: NodeId + Send + Sync + 'static> Handle<I> {
    /// Starts a node as [`start`](Self::start) does, on a runtime of its own that a thread of its own drives.
    ///
    /// This is the way to run a node beside other work: on a runtime that they share, one handler that blocks for as
    /// long as a promise costs the leader its lease. The handle is used from the program's own runtime, and work
    /// by [`run_while_leader`](Self::run_while_leader) runs there.
    ///
    /// `transport` makes the transport on that thread, within the runtime:
    ///
    /// ```no_run
    /// use quorate::adapters::seal::Keyring;
    /// use quorate::adapters::store::Store;
    /// use quorate::adapters::tokio::{Handle, Udp};
    /// use quorate::Config;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (store, saved) = Store::<u32>::open("node-1")?;
    /// let (listen, keys) = ("10.0.0.1:7000".parse()?, Keyring::read("group.key")?);
    /// let node = Handle::start_on_thread(Config::new(1), saved, store, move || Udp::bind_sealed(listen, keys))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`StartError`], if it is configured wrongly, its transport cannot be made or used, or there is no thread.
    pub fn start_on_thread<T, E>(
        options: impl Into<Options<I>>,
        saved: HardState<I>,
        storage: impl Storage<I>,
        transport: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<Self, StartError>
    where
        T: Transport<I>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let options = options.into();
        let (report, started) = sync_channel(1);
        let run = move || {
            let runtime = match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(report.send(Err(StartError::Thread(error)))),
            };
            runtime.block_on(async move {
                let node = transport().map_err(|error| StartError::Transport(io::Error::other(error)));
                let node = node.and_then(|transport| Handle::start(options, saved, storage, transport));
                let closed = node.as_ref().ok().map(Handle::closed);
                let _starter_waits = report.send(node);
                if let Some(closed) = closed {
                    closed.await;
                }
            });
        };
        thread::Builder::new().name("quorate-node".into()).spawn(run).map_err(StartError::Thread)?;
        let ended = |_| StartError::Thread(io::Error::other("the thread panicked"));
        started.recv().map_err(ended)?
    }
}
