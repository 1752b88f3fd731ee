//! The threads of a seat's host: the one that keeps the time, and the one that calls the register.

use std::io;
use std::prelude::rust_2024::*;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::calls::Call;
use super::cell::Cell;
use super::seat_host::Shared;
use super::seat_options::{SeatFailure, SeatNotice};
use super::seat_run::SeatAction;
use super::status::Outcome;
use crate::adapters::lease_watch::WatcherPanicked;
use crate::adapters::timer::Precision;
use crate::types::{NodeId, Timestamp};

/// What the thread that keeps the time is told.
#[derive(Debug)]
pub(super) enum Order {
    /// The client of the register has ended this call.
    Complete(u64, Outcome),
    /// The client of the register panicked.
    ClientPanicked,
    Resign,
    Shutdown {
        patience: Duration,
    },
}

impl From<WatcherPanicked> for SeatFailure {
    fn from(_: WatcherPanicked) -> Self {
        SeatFailure::Watcher
    }
}

/// The thread that keeps the time.
pub(super) struct SeatThread<N> {
    shared: Arc<Shared<N>>,
    client: Client,
    orders: Receiver<Order>,
    /// When a shutdown ends in any case.
    ends_at: Option<Timestamp>,
}

impl<N: NodeId + Serialize + DeserializeOwned> SeatThread<N> {
    pub(super) fn new(shared: Arc<Shared<N>>, client: Client, orders: Receiver<Order>) -> Self {
        SeatThread { shared, client, orders, ends_at: None }
    }

    /// Runs until it is told to stop or cannot go on, and says so.
    pub(super) fn run(mut self, watchers: JoinHandle<()>) {
        let mut last_words = LastWords {
            shared: Arc::clone(&self.shared),
            watchers: Some(watchers),
            failure: Some(SeatFailure::Panicked),
        };
        last_words.failure = self.serve().err();
        // The register is called no more when the end becomes known, unless a call hangs.
        let is_free = self.shared.run().is_client_free();
        self.client.end(is_free);
        drop(self);
        drop(last_words);
    }

    fn serve(&mut self) -> Result<(), SeatFailure> {
        loop {
            let now = self.shared.clock.now();
            self.shared.pulse.beat(now);
            self.shared.run().tick(now);
            self.act()?;
            if self.is_over() {
                return Ok(());
            }
            match self.orders.recv_timeout(self.leg()) {
                Ok(order) => self.obey(order)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    fn obey(&mut self, order: Order) -> Result<(), SeatFailure> {
        let now = self.shared.clock.now();
        let mut run = self.shared.run();
        match order {
            Order::Complete(number, outcome) => run.complete(number, outcome, now),
            Order::ClientPanicked => return Err(SeatFailure::Cell),
            Order::Resign => run.resign(now),
            Order::Shutdown { patience } => {
                run.depart(now);
                self.ends_at = Some(now.saturating_add(patience));
            }
        }
        drop(run);
        self.act()
    }

    /// Does what there is to do, in order, shows the lease, and then tells the news.
    fn act(&mut self) -> Result<(), SeatFailure> {
        while let Some(action) = self.next_action() {
            match action {
                SeatAction::Call(call) => self.client.call(call),
                SeatAction::Withdraw => self.shared.leases.withdraw(&self.shared.pulse)?,
            }
        }
        let lease = self.shared.run().lease();
        self.shared.leases.publish(lease)?;
        while let Some(notice) = self.next_notice() {
            self.tell(notice);
        }
        Ok(())
    }

    fn next_action(&self) -> Option<SeatAction> {
        self.shared.run().next(self.shared.clock.now())
    }

    fn next_notice(&self) -> Option<SeatNotice<N>> {
        self.shared.run().next_notice()
    }

    fn tell(&self, notice: SeatNotice<N>) {
        #[cfg(feature = "tracing")]
        {
            // A subscriber is code of the program, so nothing is locked when it is told.
            let name = self.shared.run().name();
            notice.trace(name);
        }
        self.shared.notices.push(notice);
    }

    /// Whether a shutdown is over: the register says that the seat was given up, or it takes too long.
    fn is_over(&self) -> bool {
        let has_departed = self.shared.run().has_departed();
        self.ends_at.is_some_and(|end| has_departed || self.shared.clock.now() >= end)
    }

    fn leg(&self) -> Duration {
        let due = self.ends_at.into_iter().fold(self.shared.run().deadline(), Timestamp::min);
        Precision::THREAD.leg(due.saturating_duration_since(self.shared.clock.now()))
    }
}

/// Ends the lease and the thread that tells of it, whatever ended the host's own thread, and says why.
struct LastWords<N: NodeId> {
    shared: Arc<Shared<N>>,
    watchers: Option<JoinHandle<()>>,
    failure: Option<SeatFailure>,
}

impl<N: NodeId> Drop for LastWords<N> {
    fn drop(&mut self) {
        let _watcher_failed_too = self.shared.leases.withdraw(&self.shared.pulse);
        self.shared.leases.close();
        if let Some(watchers) = self.watchers.take() {
            let _caught_its_panics = watchers.join();
        }
        *self.shared.failure.lock().unwrap_or_else(PoisonError::into_inner) = self.failure;
        if let Some(failure) = self.failure {
            self.shared.notices.push(SeatNotice::Failed(failure));
        }
        self.shared.notices.close();
        self.shared.end.set();
    }
}

/// The thread that calls the register.
pub(super) struct Client {
    calls: Option<SyncSender<Call>>,
    thread: Option<JoinHandle<()>>,
}

impl Client {
    /// Passes a call on. The client is free, so there is room; one that has panicked says so.
    fn call(&self, call: Call) {
        self.calls.iter().for_each(|calls| drop(calls.try_send(call.clone())));
    }

    /// Ends the thread. One that is in a call, and may hang, is not waited for.
    fn end(&mut self, is_free: bool) {
        drop(self.calls.take());
        if let Some(thread) = self.thread.take().filter(|_| is_free) {
            let _reported_its_panic = thread.join();
        }
    }
}

pub(super) fn start_client(mut cell: impl Cell, orders: Sender<Order>) -> io::Result<Client> {
    let (sender, calls) = sync_channel::<Call>(1);
    let client = move || {
        let report = ReportOfPanic(orders);
        for Call { number, request } in calls {
            let outcome = request.make(&mut cell);
            let _host_has_ended = report.0.send(Order::Complete(number, outcome));
        }
    };
    let thread = thread::Builder::new().name("quorate-register".into()).spawn(client)?;
    Ok(Client { calls: Some(sender), thread: Some(thread) })
}

/// Tells the host if the client of the register panicked: nobody would answer its calls any more.
struct ReportOfPanic(Sender<Order>);

impl Drop for ReportOfPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            let _host_has_ended = self.0.send(Order::ClientPanicked);
        }
    }
}
