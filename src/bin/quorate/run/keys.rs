//! The file of keys, which may change while the supervisor runs.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use quorate::adapters::seal::Keyring;

use super::log::Log;
use super::service::Service;
use crate::failure::causes;

/// How often the file is looked at.
const INTERVAL: Duration = Duration::from_secs(2);

/// Reads the file again at each message on the channel that it returns, and when the file has changed, and gives new
/// keys to the service.
pub(crate) fn watch(
    path: PathBuf,
    first: Keyring,
    service: Arc<Service>,
    log: Log,
) -> io::Result<Sender<()>> {
    let (sender, requests) = channel();
    let mut file = KeyFile { path, current: first, complaint: String::new(), log };
    thread::Builder::new().name("keys".into()).spawn(move || file.watch(&requests, &service))?;
    Ok(sender)
}

struct KeyFile {
    path: PathBuf,
    current: Keyring,
    /// What was wrong with the file when it was last read.
    complaint: String,
    log: Log,
}

impl KeyFile {
    fn watch(&mut self, requests: &Receiver<()>, service: &Service) {
        loop {
            let told = match requests.recv_timeout(INTERVAL) {
                Ok(()) => true,
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if let Some(keys) = self.read(told) {
                service.use_keys(keys);
            }
        }
    }

    /// The keys in the file, if they are not those in use. Complains of one mistake once, unless `told` to read.
    fn read(&mut self, told: bool) -> Option<Keyring> {
        match Keyring::read(&self.path) {
            Ok(keys) if keys == self.current => {
                self.complaint.clear();
                if told {
                    self.log.say(format_args!("the keys have not changed: {keys:?}"));
                }
                None
            }
            Ok(keys) => {
                self.complaint.clear();
                self.log.say(format_args!("the keys are {keys:?} from now on; they were {:?}", self.current));
                self.current = keys.clone();
                Some(keys)
            }
            Err(error) => {
                let complaint = causes(&error);
                if told || complaint != self.complaint {
                    self.log.say(format_args!("the keys stay {:?}: {complaint}", self.current));
                }
                self.complaint = complaint;
                None
            }
        }
    }
}
