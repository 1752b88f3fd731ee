//! Servers that tests start, kill and start again.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A process, killed with all its children when this is dropped.
pub(crate) struct Server {
    command: Command,
    child: Option<Child>,
}

impl Server {
    /// Nothing is started yet.
    pub(crate) fn new(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Server { command, child: None }
    }

    pub(crate) fn start(&mut self) {
        self.child = Some(self.command.spawn().expect("the server was found before"));
    }

    /// Kills the server and its children with the signal 9, and waits until they have ended.
    pub(crate) fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let children = children_of(child.id());
        child.kill().unwrap();
        for process in &children {
            // It may have ended already.
            let _ = kill_process(*process, Signal::KILL);
        }
        child.wait().unwrap();
        for process in children {
            wait_until("the children of the server to end", || (!is_alive(process)).then_some(()));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn children_of(parent: u32) -> Vec<Pid> {
    let processes =
        std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    processes
        .filter_map(|name| {
            Some((name.parse().ok()?, std::fs::read_to_string(format!("/proc/{name}/stat")).ok()?))
        })
        .filter(|(_, stat)| {
            stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)) == Some(&parent.to_string())
        })
        .filter_map(|(id, _)| Pid::from_raw(id))
        .collect()
}

fn is_alive(process: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

/// Asks until there is an answer, for a minute.
pub(crate) fn wait_until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "waited a minute for {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A port that nothing listens on. Another process may take it; the server then does not start.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// The program `name`, in the path or in one of the folders.
pub(crate) fn find_program(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(folders.iter().cloned());
    places.map(|place| place.join(name)).find(|place| place.is_file())
}

/// A folder that the user of the server may enter, too.
pub(crate) fn open_folder() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// The number of the user or group (`-u` or `-g`) of that name.
pub(crate) fn id_of(option: &str, name: &str) -> Option<u32> {
    let said = Command::new("id").args([option, name]).output().ok()?;
    String::from_utf8(said.stdout).ok()?.trim().parse().ok()
}

pub(crate) fn owned_by(folder: &Path, user: u32) {
    std::os::unix::fs::chown(folder, Some(user), None).unwrap();
}

/// What lies between a client and its server, and can be cut.
pub(crate) struct Cable {
    pub(crate) port: u16,
    state: Arc<Mutex<CableState>>,
}

#[derive(Default)]
struct CableState {
    is_cut: bool,
    drops_answers: bool,
    open: Vec<TcpStream>,
}

impl Cable {
    /// A cable to that port of this machine.
    pub(crate) fn to(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(CableState::default()));
        let shared = Arc::clone(&state);
        // The thread ends with the process of the test.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let mut state = shared.lock().unwrap();
                let server = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, server)));
                let (false, Ok(server)) = (state.is_cut, server) else { continue };
                let copies = (client.try_clone().unwrap(), server.try_clone().unwrap());
                state.open.extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
                drop(state);
                thread::spawn(move || pass_on(client, server, || true));
                let shared = Arc::clone(&shared);
                thread::spawn(move || pass_on(copies.1, copies.0, || !shared.lock().unwrap().drops_answers));
            }
        });
        Cable { port, state }
    }

    /// Breaks all connections, and lets none through until [`mend`](Self::mend).
    pub(crate) fn cut(&self) {
        let mut state = self.state.lock().unwrap();
        state.is_cut = true;
        for connection in state.open.drain(..) {
            drop(connection.shutdown(Shutdown::Both));
        }
    }

    /// From now on the server gets what the client sends, and the client gets no answer.
    pub(crate) fn drop_answers(&self) {
        self.state.lock().unwrap().drops_answers = true;
    }

    pub(crate) fn mend(&self) {
        let mut state = self.state.lock().unwrap();
        (state.is_cut, state.drops_answers) = (false, false);
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, passes: impl Fn() -> bool) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if passes() && to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    drop((from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both)));
}
