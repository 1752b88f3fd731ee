//! A pod: the program as the first process of a process namespace, on a machine of its own, without privileges.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use rustix::process::{Pid, Signal, kill_process};

use crate::Failure;
use crate::manifest::Workload;
use crate::network::{FOLDER, Machine};
use crate::worker::{WORK, now};

/// The user of the manifests, and its group.
const USER: u32 = 10_001;

pub(crate) const POLL: Duration = Duration::from_millis(5);

/// How long a probe waits for an answer, as Kubernetes does unless told otherwise.
const PROBE: Duration = Duration::from_secs(1);

/// The files of a workload, where its nodes find them.
#[derive(Clone)]
pub(crate) struct Files(PathBuf);

pub(crate) struct Pod {
    machine: Machine,
    child: Child,
    init: Pid,
    /// When it was started, in nanoseconds of the boot clock.
    pub(crate) started: u64,
}

impl Files {
    /// Makes the files, and the Secret as Kubernetes does: links, so that all files of it change at once, and readable by
    /// the group that `fsGroup` names.
    pub(crate) fn make(name: &str) -> Result<Files, Failure> {
        let files = Files(Path::new(FOLDER).join(name));
        for folder in ["bin", "journals", "volumes", "logs", "secret/..2026_11_28"] {
            fs::create_dir_all(files.0.join(folder))?;
        }
        fs::copy(env!("CARGO_BIN_EXE_quorate"), files.program())?;
        fs::copy(env::current_exe()?, files.worker())?;
        chown(files.0.join("journals"), Some(USER), Some(USER))?;
        let key = files.0.join("secret/..2026_11_28/keys");
        let made = Command::new(files.program()).arg("keygen").arg(&key).output()?;
        if !made.status.success() {
            return Err(String::from_utf8_lossy(&made.stderr).into());
        }
        chown(&key, Some(0), Some(USER))?;
        fs::set_permissions(&key, PermissionsExt::from_mode(0o440))?;
        symlink("..2026_11_28", files.0.join("secret/..data"))?;
        symlink("..data/keys", files.0.join("secret/keys"))?;
        Ok(files)
    }

    fn program(&self) -> PathBuf {
        self.0.join("bin/quorate")
    }

    fn worker(&self) -> PathBuf {
        self.0.join("bin/worker")
    }

    pub(crate) fn journal(&self, node: &str) -> PathBuf {
        self.0.join("journals").join(node)
    }

    pub(crate) fn journals(&self) -> PathBuf {
        self.0.join("journals")
    }

    pub(crate) fn log(&self, node: &str) -> PathBuf {
        self.0.join("logs").join(node)
    }

    /// The volume of a node, which is made if there is none.
    fn volume(&self, node: &str) -> Result<PathBuf, Failure> {
        let volume = self.0.join("volumes").join(node);
        fs::create_dir_all(&volume)?;
        chown(&volume, Some(USER), Some(USER))?;
        Ok(volume)
    }

    pub(crate) fn lose_volume(&self, node: &str) -> Result<(), Failure> {
        Ok(fs::remove_dir_all(self.volume(node)?)?)
    }

    /// The arguments of a manifest, with what is mounted where it is on this machine.
    fn mounted(&self, args: &[String], node: &str) -> Result<Vec<String>, Failure> {
        let (volume, secret) = (self.volume(node)?, self.0.join("secret"));
        let [volume, secret] = [volume, secret].map(|path| path.display().to_string());
        let mounted =
            |arg: &String| arg.replace("/var/lib/quorate", &volume).replace("/etc/quorate", &secret);
        Ok(args.iter().map(mounted).collect())
    }
}

impl Pod {
    pub(crate) fn start(
        files: &Files,
        workload: &Workload,
        node: &str,
        machine: Machine,
    ) -> Result<Pod, Failure> {
        let log = OpenOptions::new().create(true).append(true).open(files.log(node))?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "nsenter"]).arg(net(&machine));
        command.args(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]);
        command.args(unprivileged()).args(["--pdeathsig", "KILL"]).arg(files.program());
        command.args(files.mounted(&workload.args_of(node), node)?);
        command.arg("--").arg(files.worker()).arg(WORK).arg(files.journal(node));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let started = now()?;
        let child = command.spawn()?;
        let init = first_child(&child)?;
        Ok(Pod { machine, child, init, started })
    }

    pub(crate) fn address(&self) -> Ipv4Addr {
        self.machine.address
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Failure> {
        Ok(kill_process(self.init, signal)?)
    }

    /// Waits until the pod has ended, for as long as it may take.
    pub(crate) fn wait(&mut self, grace: Duration) -> Result<ExitStatus, Failure> {
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if since.elapsed() >= grace {
                return Err("a pod has not ended within its grace period".into());
            }
            thread::sleep(POLL);
        }
    }

    /// Asks a probe, as the kubelet does.
    pub(crate) fn is(&self, path: &str, port: u16) -> bool {
        self.ask(path, port).is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }

    fn ask(&self, path: &str, port: u16) -> Result<String, Failure> {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::from((self.address(), port)), PROBE)?;
        stream.set_read_timeout(Some(PROBE))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// Runs the program in the pod, as `kubectl exec` does.
    pub(crate) fn exec(&self, files: &Files, node: &str, args: &[String]) -> Result<String, Failure> {
        let mut command = Command::new("nsenter");
        command.arg(net(&self.machine)).args(unprivileged()).arg(files.program());
        let output = command.args(files.mounted(args, node)?).output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into());
        }
        Err(format!("{args:?}: {}", String::from_utf8_lossy(&output.stderr).trim()).into())
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        let _gone_already = self.signal(Signal::KILL);
        let _reaped = self.child.wait();
    }
}

fn net(machine: &Machine) -> String {
    format!("--net={}", machine.namespace().display())
}

fn unprivileged() -> Vec<String> {
    let user = ["setpriv", "--clear-groups", "--no-new-privs", "--bounding-set=-all"].map(str::to_owned);
    let ids = [format!("--reuid={USER}"), format!("--regid={USER}")];
    user.into_iter().chain(ids).collect()
}

/// The first process of the namespace, which is the only child of the process that made the namespace.
fn first_child(parent: &Child) -> Result<Pid, Failure> {
    let id = parent.id();
    let (file, since) = (format!("/proc/{id}/task/{id}/children"), Instant::now());
    while since.elapsed() < Duration::from_secs(60) {
        let mut children = String::new();
        File::open(&file)?.read_to_string(&mut children)?;
        if let Some(child) = children.split_whitespace().next() {
            return Pid::from_raw(child.parse()?).ok_or("no process".into());
        }
        thread::sleep(POLL);
    }
    Err("a pod does not start".into())
}
