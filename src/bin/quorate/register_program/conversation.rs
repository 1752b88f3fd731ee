//! One run of `quorate-register`: a request, and its answer.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use super::lines::MAX_LINE;
use super::{ENDED, NAME, Say};
use crate::failure::one_line;

/// The longest line of the standard error that is shown, in bytes.
const MAX_WORDS: usize = 1_000;

/// How long the end of the program waits for its last words.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A program that runs, which does not outlive this value.
pub(super) struct Conversation {
    child: Child,
    requests: Sender<Vec<u8>>,
    heard: Receiver<Heard>,
    /// The last line of its standard error, once that is closed.
    words: Receiver<String>,
}

/// What came of a request.
pub(super) enum Heard {
    /// A line, which may be any.
    Line(Vec<u8>),
    /// The program had ended before anything was written to it.
    NotAsked,
    /// The program has ended, or said more than an answer can have.
    Ended,
    /// Nothing in time.
    Nothing,
}

impl Conversation {
    pub(super) fn begin(program: &Path, url: &str, timeout: Duration, say: Say) -> io::Result<Conversation> {
        let mut command = command(program);
        command.arg(url).env("QUORATE_REGISTER_TIMEOUT_MS", timeout.as_millis().to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn()?;
        let (requests, asked) = channel();
        let (hear, heard) = channel();
        let (speak, words) = channel();
        let mut conversation = Conversation { child, requests, heard, words };
        let child = &mut conversation.child;
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("no pipe"));
        };
        let spawn = |name: &str, body: Box<dyn FnOnce() + Send>| {
            thread::Builder::new().name(name.into()).spawn(body).map(drop)
        };
        spawn("register-lines", Box::new(move || exchange(&asked, input, output, &hear)))?;
        spawn("register-errors", Box::new(move || drop(speak.send(relay(errors, &say)))))?;
        Ok(conversation)
    }

    /// Writes a line, and waits for one, for as long as `timeout`.
    pub(super) fn ask(&mut self, line: Vec<u8>, timeout: Duration) -> Heard {
        if self.requests.send(line).is_err() {
            return Heard::NotAsked;
        }
        match self.heard.recv_timeout(timeout) {
            Ok(heard) => heard,
            Err(RecvTimeoutError::Timeout) => Heard::Nothing,
            Err(RecvTimeoutError::Disconnected) => Heard::Ended,
        }
    }

    /// Looks whether the program has ended, and reaps it then.
    pub(super) fn reap(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// That the program has ended, and what it said last.
    pub(super) fn last_words(&self) -> String {
        match self.words.recv_timeout(LAST_WORDS) {
            Ok(words) if !words.is_empty() => format!("{ENDED}: {words}"),
            Ok(_) | Err(_) => ENDED.to_owned(),
        }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        let _ended_by_itself = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Writes lines and reads one for each, until the program has ended or nobody asks any more.
fn exchange(asked: &Receiver<Vec<u8>>, mut input: ChildStdin, output: ChildStdout, hear: &Sender<Heard>) {
    let mut output = BufReader::new(output);
    for line in asked {
        let heard = match write(&mut input, &line) {
            Ok(()) => read(&mut output),
            Err(not_asked_or_ended) => not_asked_or_ended,
        };
        let is_last = !matches!(heard, Heard::Line(_));
        if hear.send(heard).is_err() || is_last {
            return;
        }
    }
}

/// A line of which the first byte was not taken was never asked.
fn write(input: &mut ChildStdin, line: &[u8]) -> Result<(), Heard> {
    let begun = loop {
        match input.write(line) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => return Err(Heard::NotAsked),
            Ok(begun) => break begun,
        }
    };
    input.write_all(line.get(begun..).unwrap_or_default()).map_err(|_| Heard::Ended)
}

fn read(output: &mut BufReader<ChildStdout>) -> Heard {
    let (mut line, most) = (Vec::new(), u64::try_from(MAX_LINE).unwrap_or(u64::MAX));
    match output.take(most).read_until(b'\n', &mut line) {
        Ok(_) if line.last() == Some(&b'\n') => Heard::Line(line),
        Ok(_) | Err(_) => Heard::Ended,
    }
}

/// Shows what the program writes to its standard error, line by line, and returns the last line.
fn relay(errors: impl Read, say: &Say) -> String {
    let (mut errors, mut last) = (BufReader::new(errors), String::new());
    let most = u64::try_from(MAX_WORDS).unwrap_or(u64::MAX);
    loop {
        let mut line = Vec::new();
        match errors.by_ref().take(most).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return last,
            Ok(_) => {}
        }
        let line = one_line(&String::from_utf8_lossy(&line));
        if !line.is_empty() {
            last = line.strip_prefix(&format!("{NAME}: ")).unwrap_or(&line).to_owned();
            say(&format!("{NAME}: {last}"));
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn command(program: &Path) -> Command {
    Command::new(program)
}

/// The program dies with this process, also if this process is killed.
#[cfg(target_os = "linux")]
fn command(program: &Path) -> Command {
    use std::os::unix::process::CommandExt;

    let mut command = Command::new(crate::run::SELF);
    command.arg(STAGE).arg(rustix::process::getpid().to_string()).arg(program);
    // A terminal's interrupt reaches this process alone: the register is needed to give up what is held.
    command.process_group(0);
    command
}

/// The first argument of a process that is to become the program.
#[cfg(target_os = "linux")]
pub(crate) const STAGE: &str = "register:exec";

/// `register:exec PARENT PROGRAM URL`: becomes the program, which dies with the process PARENT.
#[cfg(target_os = "linux")]
pub(crate) fn become_program(
    mut args: std::iter::Skip<std::env::ArgsOs>,
) -> Result<std::process::ExitCode, crate::failure::Failure> {
    use std::os::unix::process::CommandExt;

    crate::run::die_with(args.next())?;
    let program = args.next().unwrap_or_default();
    let error = Command::new(&program).args(args).exec();
    Err(format!("{}: {error}", program.display()).into())
}
