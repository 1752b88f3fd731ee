//! A supervisor that contends for a seat: one of any number of machines that share nothing but a register.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use quorate::Event;
use quorate::adapters::register::{SeatHost, SeatNotice, SeatStartError};

use super::contender::SeatOptions;
use super::log::Log;
use super::service::{Next, Service};
use super::stop;
use super::supervisor::{Args, Supervision, spawn, stop_at_signals};
use crate::Id;
use crate::failure::{BadInput, Failure};
use crate::register_program::RegisterProgram;

/// How often the supervisor looks whether there is anything to do.
const INTERVAL: Duration = Duration::from_secs(1);

pub(super) fn supervise(args: &Args, seat: &SeatOptions, log: &Log) -> Result<ExitCode, Failure> {
    let id = seat.id()?;
    let Supervision { service, hooks } = Supervision::new(args, id, seat.length, log)?;
    let config = seat.config(id);
    let saying = log.clone();
    let say = move |line: &str| saying.say(line);
    let register = RegisterProgram::tried_out(&seat.url, config.call_timeout, Arc::new(say))?;
    let host = SeatHost::start(config, register).map_err(|error| match error {
        SeatStartError::Seat(_) => Failure::from(BadInput::says(error)),
        error => error.into(),
    })?;
    log.say("contends for the seat");
    let watching = Arc::clone(&service);
    host.watch(move |lease| watching.watch(lease));
    let (worker, waiting) = (host.worker(), Arc::clone(&service));
    // The end of the host must not go unnoticed, so a thread waits for nothing else.
    spawn("host-end", move || {
        let _main_asks_for_it = worker.wait_for_end();
        waiting.host_has_ended();
    })?;
    follow_events(&host, id, log.clone())?;
    let longest = args.longest_stop();
    stop_at_signals(
        Arc::clone(&service),
        log.clone(),
        longest,
        "the command stops, and the seat is given up",
        None,
    )?;
    let code = serve(host, &service, args, log);
    hooks.finish();
    code
}

fn serve(host: SeatHost<Id>, service: &Arc<Service>, args: &Args, log: &Log) -> Result<ExitCode, Failure> {
    let code = loop {
        match service.next(INTERVAL) {
            Next::Start => service.start()?,
            Next::Ended(code) if args.once() => {
                let (log, longest) = (log.clone(), args.longest_stop());
                spawn("stop", move || stop::end_after(longest, &log))?;
                break ExitCode::from(u8::try_from(code)?);
            }
            Next::Stop => break ExitCode::SUCCESS,
            Next::HostEnded => return host.shutdown().map(|()| ExitCode::FAILURE).map_err(Into::into),
            Next::Ended(_) | Next::NewKeys(_) | Next::Look => {}
        }
    };
    service.stop();
    host.shutdown()?;
    log.say("has stopped");
    Ok(code)
}

/// Writes the news of the seat to the log, on a thread of its own. Nothing depends on this thread.
fn follow_events(host: &SeatHost<Id>, id: Id, log: Log) -> io::Result<()> {
    let events = host.events();
    let report = move || {
        while let Some(notice) = events.recv() {
            match notice {
                SeatNotice::Event(event @ Event::LeaderChanged { leader: Some(leader) })
                    if leader.id != id =>
                {
                    log.say(format_args!("{event}, so {} runs the command", leader.id));
                }
                SeatNotice::Event(event) => log.say(event),
                SeatNotice::Silent(Some(silence)) => log.say(silence),
                SeatNotice::Silent(None) => log.say("the register can be used again"),
                SeatNotice::Missed(news) => log.say(format_args!("{news} events were missed")),
                // The supervisor itself says why the host has failed.
                _ => {}
            }
        }
    };
    thread::Builder::new().name("report".into()).spawn(report).map(drop)
}
