//! A node that speaks for the voter of a register.

use std::boxed::Box;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime;
use tokio::select;
use tokio::sync::{Mutex, broadcast, mpsc, oneshot};

use super::handle::Command;
use super::{CommandError, Handle, Options, StartError, Stopped};
use crate::adapters::attendant::{Attendant, Called, Caller};
use crate::adapters::random;
use crate::adapters::register::call_thread::{SharedCell, call_on_thread, share};
use crate::adapters::register::calls::{Call, Request};
use crate::adapters::register::hosted::Hosted;
use crate::adapters::register::{AsyncCell, Cell, Outcome, RegisterConfig, RegisterEvent, RegisterStatus};
use crate::config::Config;
use crate::types::{ClusterId, NodeId, Position};

/// A client that the clones of the options share. Each call has it alone.
#[derive(Clone)]
pub(super) enum Client {
    Awaited(Arc<Mutex<dyn AnyCell>>),
    Blocking(SharedCell),
}

/// An [`AsyncCell`] whose futures are of no type of their own.
pub(super) trait AnyCell: Send {
    fn make<'a>(&'a mut self, request: &'a Request) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;
}

impl<C: AsyncCell> AnyCell for C {
    fn make<'a>(&'a mut self, request: &'a Request) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>> {
        Box::pin(async move {
            match request {
                Request::Read => Outcome::of_read(self.read().await),
                Request::Swap { tag, bytes } => Outcome::of_swap(self.swap(tag, bytes).await),
            }
        })
    }
}

impl<I: NodeId + Serialize + DeserializeOwned + Send + 'static> Options<I> {
    /// Speaks for a voter whose state is in a register. The calls of its client are awaited by a task of their own, one at a
    /// time; one that takes too long is dropped. Clones of these options share the client.
    ///
    /// ```no_run
    /// # #[cfg(feature = "tokio-udp")]
    /// # async fn start(
    /// #     cell: impl quorate::adapters::register::AsyncCell,
    /// #     store: quorate::adapters::store::Store<u32>,
    /// #     saved: quorate::HardState<u32>,
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// use quorate::adapters::register::{RegisterConfig, Use};
    /// use quorate::adapters::seal::Keyring;
    /// use quorate::adapters::tokio::{Handle, Options, Udp};
    /// use quorate::{Config, Timing};
    /// use std::time::Duration;
    ///
    /// // The machines 1 and 2, and the voter 9 in the register whose client is `cell`.
    /// let usage = Use::Spare { look: Duration::from_secs(10) };
    /// let config = Config { timing: Timing::wan(), ..Config::new(1_u32) };
    /// let options = Options::new(config).register(RegisterConfig::new(9, usage, cell));
    /// let transport = Udp::bind_sealed("10.0.0.1:7000".parse()?, Keyring::read("group.key")?)?
    ///     .peer(2, "10.0.0.2:7000".parse()?)?;
    /// let node = Handle::start(options, saved, store, transport)?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn register(mut self, register: RegisterConfig<I, impl AsyncCell>) -> Self {
        self.register = Some(Hosted::new(register.map(|cell| Client::Awaited(Arc::new(Mutex::new(cell))))));
        self
    }

    /// The same with a client whose calls block: they run on a thread of their own.
    #[must_use]
    pub fn blocking_register(mut self, register: RegisterConfig<I, impl Cell>) -> Self {
        self.register = Some(Hosted::new(register.map(|cell| Client::Blocking(share(cell)))));
        self
    }
}

#[cfg(feature = "store")]
impl<I: NodeId> Options<I> {
    /// Keeps the number of the last content of the register in this folder, unless a file was named for it.
    pub(super) fn remember_register_in(&mut self, folder: &std::path::Path) {
        self.register.iter_mut().for_each(|register| register.remember_in(folder.join("register")));
    }
}

/// The agent of a node, and where the ends of its calls come from.
pub(super) fn start<I: NodeId>(
    register: Hosted<I, Client>,
    config: &Config<I>,
    cluster: ClusterId,
    runtime: &runtime::Handle,
    ends: mpsc::Sender<Called>,
) -> Result<Attendant<I>, StartError> {
    let rng = random::generator();
    let mut rng = rng.map_err(|error| StartError::Seed(io::Error::other(error)))?;
    let caller = |client| match client {
        Client::Awaited(cell) => Ok(call_on_task(cell, ends, runtime)),
        Client::Blocking(cell) => {
            let report = move |called| {
                let _node_has_ended = ends.try_send(called);
            };
            call_on_thread(cell, report).map_err(StartError::Thread)
        }
    };
    register.start(config, cluster, &mut rng, caller, (StartError::Register, StartError::Thread))
}

/// Makes calls on a task of its own, which ends with the node.
struct CallTask {
    calls: mpsc::Sender<Order>,
    /// Dropped when nobody waits for the call any more.
    interest: Option<oneshot::Sender<()>>,
}

/// A call, and what tells when nobody waits for it any more.
struct Order {
    call: Call,
    interest: oneshot::Receiver<()>,
}

impl Caller for CallTask {
    fn begin(&mut self, call: Call) {
        let (held, interest) = oneshot::channel();
        self.interest = Some(held);
        let _task_has_panicked = self.calls.try_send(Order { call, interest });
    }

    fn cancel(&mut self) {
        self.interest = None;
    }
}

fn call_on_task(
    cell: Arc<Mutex<dyn AnyCell>>,
    ends: mpsc::Sender<Called>,
    runtime: &runtime::Handle,
) -> Box<dyn Caller> {
    let (calls, mut orders) = mpsc::channel::<Order>(1);
    runtime.spawn(async move {
        while let Some(Order { call, interest }) = orders.recv().await {
            let Call { number, request } = call;
            let make = async { cell.lock().await.make(&request).await };
            let outcome = select! {
                biased;
                _ = interest => None,
                outcome = make => Some(outcome),
            };
            let _node_has_ended = ends.send(Called { number, outcome }).await;
        }
    });
    Box::new(CallTask { calls, interest: None })
}

impl<I: NodeId + Send + Sync> Handle<I> {
    /// The agent of the register's voter, as of the last thing that it did; `None` if the node has no register.
    ///
    /// # Errors
    /// [`Stopped`] when the node has.
    pub async fn register_status(&self) -> Result<Option<RegisterStatus<I>>, Stopped> {
        self.ask(|reply| Command::RegisterStatus { reply }).await
    }

    /// The news of the agent of the register's voter from now on, as of [`events`](Self::events); none if the node has no
    /// register.
    #[must_use]
    pub fn register_events(&self) -> broadcast::Receiver<RegisterEvent<I>> {
        self.register_events.subscribe()
    }

    /// Tells the election that the data of this leader reach so far, and has the register hold that: see
    /// [`Agent::record_position`](crate::adapters::register::Agent::record_position). Returns when that has begun;
    /// [`PositionRecorded`](RegisterEvent::PositionRecorded) among the [`register_events`](Self::register_events) tells
    /// when it is done, and [`PositionRefused`](RegisterEvent::PositionRefused) that it is not. Acknowledge nothing before,
    /// and only if [`lease`](Self::lease) still gives one. Rule 10.15.
    ///
    /// # Errors
    /// [`CommandError`] if the node has no register, or has stopped.
    pub async fn record_position(&self, position: Position) -> Result<(), CommandError<I>> {
        let has_register = self.ask(|reply| Command::RecordPosition { position, reply }).await?;
        if has_register { Ok(()) } else { Err(CommandError::NoRegister) }
    }
}
