//! Runs a command on exactly one machine of a group: the one that leads. When that machine dies, hangs, or
//! is cut off, the command is started on another one, and never before it has stopped on the first.
//!
//! ```text
//! mkdir /tmp/run-1 /tmp/run-2 /tmp/run-3
//! quorate run --group ping --id 1 --listen 127.0.0.1:7001 --peer 2=127.0.0.1:7002 --peer 3=127.0.0.1:7003 --data /tmp/run-1 --first-rollout -- ping localhost
//! quorate run --group ping --id 2 --listen 127.0.0.1:7002 --peer 1=127.0.0.1:7001 --peer 3=127.0.0.1:7003 --data /tmp/run-2 --first-rollout -- ping localhost
//! ```
//!
//! `--group` names the group, the same on all machines. Two groups need two names, above all if they share a key:
//! the name is all that keeps their messages apart.
//!
//! The command finds the id of its node in `QUORATE_ID`, and the term in which it was started in
//! `QUORATE_TERM`, which is also `QUORATE_FENCING_TOKEN`: the term of a later copy is never smaller, and on another
//! machine it is greater. The command has no standard input, writes where this process does, and runs in its own process
//! group.
//!
//! - The lease runs out: SIGTERM a third of `--promise-ms` before its end, SIGKILL a sixth before it.
//! - SIGTERM or SIGINT to this process: if the command runs here, it runs on until another node can take over, for
//!   four promises at most. Then the command gets SIGTERM, and SIGKILL after `--grace-ms`; leadership is handed
//!   over, and this process ends when another node leads. A process whose node did not lead ends after
//!   one promise. So machines can be restarted one after another, each as soon as the one before is back. The process has
//!   ended after `17 * --promise-ms + --grace-ms + --hook-ms + 3000` milliseconds at the latest, whatever hangs.
//! - SIGHUP, or a new file of keys: the keys are read again, and the command runs on.
//! - The command ends by itself: it is started again after `--pause-ms`. With `--once`, if it exited
//!   rather than was killed, leadership is handed over, and this process ends with the command's code.
//!   The next leader runs its own copy.
//!
//! # A register
//!
//! With `--register` and `--register-voter` the node speaks for a voter without a machine, so that of two machines one may be
//! down. `quorate register create` creates the register, and `quorate members add-register` adds its voter.
//!
//! # A seat
//!
//! With `--seat`, the machines need not reach each other, and none is told of the others: they share nothing but a register,
//! a row, a key or an object with an atomic compare-and-swap. The one that holds the seat runs the command. `--seat-ms` takes
//! the place of the promise in all that is said here of the end of a lease: SIGTERM a third of it before that end, SIGKILL a sixth.
//! The register is called by a program of its own, `quorate-register`, which is killed with this process, and when it does
//! not answer within a sixth of `--seat-ms`. A process that is told to stop gives the seat up once the command has stopped,
//! and ends after `--seat-ms + --grace-ms + --hook-ms + 3000` milliseconds at the latest. See the page `guide::register`.
//!
//! # Hooks
//!
//! `--on-elected` and `--on-stepped-down` have a shell tell others of a new leader: a pager, the DNS, a load balancer. They
//! run one after another, each for `--hook-ms` at most, and neither the election nor the command waits for them. So they
//! may run late, when another machine leads already: `QUORATE_TERM` says of which leadership they tell. When this process
//! ends, all hooks that are still to run have `--hook-ms` together, and what is left after that is left out.
//!
//! # Programs beside this one
//!
//! With `--socket`, programs that this process does not start are told of the lease, by lines of JSON on a Unix socket: see
//! the page `guide::languages` of the crate documentation.
//!
//! # The log
//!
//! Each line on the standard error has the time. The log says who runs the command and why no node does, and which
//! datagrams are refused, again at growing intervals. The command and the election never wait for the log: if its
//! reader is gone or does not read, lines are lost.
//!
//! # What stops the command, whatever happens to this process
//!
//! The processes are *supervisor* → *guard* → *command*; the guard is this program too. Each deadline
//! is a time of the boot clock before the end of the lease:
//!
//! | fault | what stops the command |
//! |---|---|
//! | the supervisor is frozen | the guard, at its deadline, since no later deadline arrives |
//! | the supervisor is killed | the guard, at once, since its connection to the supervisor has ended |
//! | the guard is killed | the system, since the command's parent is dead; the supervisor kills its group |
//! | the guard is frozen | a timer kills the guard, since nothing resets it; then as in the row above |
//! | both, at once or in turn | the same timer, or the death of the guard |
//!
//! The timer fires half a margin after the deadline. Whenever the lease ends, the supervisor, if it runs,
//! kills the guard and the group too. It starts no command before the last one and its whole group are
//! dead and waited for. A restarted supervisor leads no sooner than its last lease has ended.
//!
//! Limits:
//!
//! - If supervisor and guard are both frozen or killed within one lease, the command dies in time,
//!   but not its children: they live on until the supervisor is thawed, or for good.
//! - A process that leaves the group (`setsid`, a daemon) is not stopped at all. A command that is
//!   set-user-id or has file capabilities may survive its guard, since the system drops the death signal
//!   of such processes. Run such commands under a service manager, a control group or a PID namespace.
//! - A system call under way ends before the process does, and one that cannot be interrupted may
//!   end after another copy has begun. The resource that the command writes to should refuse a lower term
//!   than it has seen: see the page `guide::fencing` of the crate documentation.
//! - The supervisor inherits the processes that the command's children leave behind, and waits for them
//!   when the command has ended: a long-running command that forks much should wait for its own children.
//! - The margin, a sixth of a promise, has to cover the delay with which the system runs the process that
//!   kills. A machine or a container that slept through the end of the lease wakes with the command
//!   in it, for the short time until the command is killed.

#[cfg(target_os = "linux")]
mod contender;
#[cfg(target_os = "linux")]
mod deadlines;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod guard;
#[cfg(target_os = "linux")]
mod hooks;
#[cfg(target_os = "linux")]
mod keys;
#[cfg(target_os = "linux")]
mod kill_timer;
#[cfg(target_os = "linux")]
mod log;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod seat;
#[cfg(target_os = "linux")]
mod service;
#[cfg(target_os = "linux")]
mod stop;
#[cfg(target_os = "linux")]
mod succession;
#[cfg(target_os = "linux")]
mod supervisor;

#[cfg(not(target_os = "linux"))]
pub(crate) use self::elsewhere::{Args, run};
#[cfg(target_os = "linux")]
pub(crate) use self::guard::{EXEC, GUARD, SELF, die_with, exec, guard};
#[cfg(target_os = "linux")]
pub(crate) use self::supervisor::{Args, run};
