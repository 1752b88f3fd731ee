//! A register as another program reaches it, `quorate-register`: this one depends on the client of no store.
//!
//! The program is started with the URL of the register, and answers a line of JSON on its standard input by one on its
//! standard output. It is looked for beside this program, then in PATH, unless `QUORATE_REGISTER` names it.
//! `QUORATE_REGISTER_TIMEOUT_MS` tells it how long a call may take.

mod conversation;
mod lines;

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use quorate::adapters::register::{Cell, CellError, Tag};

use self::conversation::{Conversation, Heard};
use self::lines::{Answer, Request};
use crate::failure::{BadInput, Failure, causes};
use crate::lengths::part;

#[cfg(target_os = "linux")]
pub(crate) use self::conversation::{STAGE, become_program};

/// The name of the program, and the variable that names another one.
const NAME: &str = "quorate-register";
const VARIABLE: &str = "QUORATE_REGISTER";

/// How long after its last start the program is not started again.
const PAUSE: Duration = Duration::from_secs(1);

/// Takes each line that the operator is to see.
pub(crate) type Say = Arc<dyn Fn(&str) + Send + Sync>;

/// The client of a register: a program that is started again whenever it has ended.
pub(crate) struct RegisterProgram {
    program: PathBuf,
    url: String,
    /// How long a call may take.
    timeout: Duration,
    say: Say,
    conversation: Option<Conversation>,
    started: Option<Instant>,
    /// What went wrong last, so that it is said once.
    complaint: String,
    /// Why the program does not run any more, and whether it has ended by itself in its last call.
    why: String,
    has_ended: bool,
}

impl RegisterProgram {
    /// The client of the register at `url`, of which each call ends after `timeout`.
    fn new(url: &str, timeout: Duration, say: Say) -> Result<RegisterProgram, Failure> {
        let program = find()?;
        Ok(RegisterProgram {
            program,
            url: url.to_owned(),
            timeout,
            say,
            conversation: None,
            started: None,
            complaint: String::new(),
            why: String::new(),
            has_ended: false,
        })
    }

    /// The same, once it was tried out. Until then nothing is said: what is wrong at the start is the error, and one line.
    pub(crate) fn tried_out(url: &str, timeout: Duration, say: Say) -> Result<RegisterProgram, Failure> {
        let is_tried = Arc::new(AtomicBool::new(false));
        let speaks = Arc::clone(&is_tried);
        let say = move |line: &str| {
            if speaks.load(Ordering::Relaxed) {
                say(line);
            }
        };
        let mut program = RegisterProgram::new(url, timeout, Arc::new(say))?;
        program.try_out()?;
        is_tried.store(true, Ordering::Relaxed);
        // What could not be done is said when it fails again.
        program.complaint.clear();
        Ok(program)
    }

    /// Reads the register once. A program that ends instead of answering cannot work with what it was told, which is bad
    /// input; a register that cannot be reached may be later.
    fn try_out(&mut self) -> Result<(), Failure> {
        let _may_be_reached_later = self.read();
        if self.has_ended {
            return Err(BadInput::new(format_args!("the register cannot be used: {}", self.why)).into());
        }
        Ok(())
    }

    fn call(&mut self, request: &Request) -> Result<Answer, CellError> {
        let answered = self.converse(request);
        match &answered {
            Ok(_) if self.complaint.is_empty() => {}
            Ok(_) => {
                self.complaint.clear();
                (self.say)("the register answers again");
            }
            Err(error) => {
                let complaint = causes(error);
                if complaint != self.complaint {
                    (self.say)(&format!("the register does not answer as it should: {complaint}"));
                    self.complaint = complaint;
                }
            }
        }
        answered
    }

    fn converse(&mut self, request: &Request) -> Result<Answer, CellError> {
        let line = request.line().map_err(CellError::not_done)?;
        let timeout = self.timeout;
        let conversation = self.conversation()?;
        let heard = conversation.ask(line, timeout);
        let (is_asked, has_ended, why) = match heard {
            Heard::Line(line) => match lines::parse(&line, request) {
                Some(Answer::NotDone { error }) => return Err(CellError::not_done(error)),
                Some(Answer::Unknown { error }) => return Err(CellError::unknown(error)),
                Some(answer) => return Ok(answer),
                // From now on nobody knows which answer is to which request.
                None => (true, false, format!("{NAME} has said what is no answer")),
            },
            Heard::NotAsked => (false, true, conversation.last_words()),
            Heard::Ended => (true, true, conversation.last_words()),
            Heard::Nothing => (true, false, format!("no answer within {timeout:?}")),
        };
        // What it says later must not be taken for the answer to another request.
        self.conversation = None;
        (self.has_ended, self.why) = (has_ended, why.clone());
        Err(if is_asked { CellError::unknown(why) } else { CellError::not_done(why) })
    }

    /// The program that runs, or is started now.
    fn conversation(&mut self) -> Result<&mut Conversation, CellError> {
        if self.conversation.as_mut().is_some_and(|conversation| conversation.reap()) {
            (self.conversation, self.why) = (None, ENDED.to_owned());
        }
        if let Some(conversation) = self.conversation.take() {
            return Ok(self.conversation.insert(conversation));
        }
        if self.started.is_some_and(|started| started.elapsed() < PAUSE) {
            return Err(CellError::not_done(self.why.clone()));
        }
        self.started = Some(Instant::now());
        // It gives up before this program does, so that it can say why.
        let timeout = part(self.timeout.saturating_mul(4), 5);
        let begun = Conversation::begin(&self.program, &self.url, timeout, Arc::clone(&self.say));
        let failed =
            |error| CellError::not_done(format!("{} cannot be started: {error}", self.program.display()));
        Ok(self.conversation.insert(begun.map_err(failed)?))
    }
}

/// What is said of a program that ends.
const ENDED: &str = "quorate-register has ended";

impl Cell for RegisterProgram {
    fn read(&mut self) -> Result<Option<(Tag, Vec<u8>)>, CellError> {
        match self.call(&Request::Read {})? {
            Answer::Found { tag, bytes } => Ok(Some((Tag::new(tag.0), bytes.0))),
            _ => Ok(None),
        }
    }

    fn swap(&mut self, tag: &Tag, bytes: &[u8]) -> Result<Option<Tag>, CellError> {
        self.write(&Request::Swap { tag: tag.as_bytes().into(), bytes: bytes.into() })
    }

    fn create(&mut self, bytes: &[u8]) -> Result<Option<Tag>, CellError> {
        self.write(&Request::Create { bytes: bytes.into() })
    }
}

impl RegisterProgram {
    fn write(&mut self, request: &Request) -> Result<Option<Tag>, CellError> {
        match self.call(request)? {
            Answer::Swapped { tag } => Ok(Some(Tag::new(tag.0))),
            _ => Ok(None),
        }
    }
}

/// The program that reaches registers.
fn find() -> Result<PathBuf, Failure> {
    if let Some(named) = env::var_os(VARIABLE).filter(|named| !named.is_empty()) {
        let named = PathBuf::from(named);
        if named.is_file() {
            return Ok(named);
        }
        let named = named.display();
        return Err(
            BadInput::new(format_args!("{VARIABLE} names {named}, which is no program: correct it")).into()
        );
    }
    let file = format!("{NAME}{}", env::consts::EXE_SUFFIX);
    let beside = env::current_exe().ok().and_then(|own| Some(own.parent()?.to_owned()));
    let path = env::var_os("PATH");
    let path = env::split_paths(path.as_deref().unwrap_or(OsStr::new("")));
    let mut candidates = beside.into_iter().chain(path).map(|folder: PathBuf| folder.join(&file));
    candidates.find(|candidate: &PathBuf| Path::is_file(candidate)).ok_or_else(|| {
        BadInput::new(format_args!(
            "there is no {NAME}, which reaches registers, beside this program or in PATH: install it, or name it in \
             {VARIABLE}"
        ))
        .into()
    })
}
