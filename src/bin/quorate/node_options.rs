//! The options of a node, which `run` and `node` share.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use quorate::adapters::Advertised;
use quorate::adapters::probes::ProbeServer;
use quorate::adapters::record::{RecordEnd, Recorder, Recording};
use quorate::adapters::register::{RegisterConfig, Use};
use quorate::adapters::seal::Keyring;
use quorate::adapters::store::{Deployment, DeploymentError};
use quorate::adapters::udp::{BindError, Host, HostConfig, HostStartError, PeerAddress, Protection};
use quorate::{ClusterId, Limits};

use crate::Id;
use crate::failure::{BadInput, Failure};
use crate::lengths::part;
use crate::local_socket::Bound;
use crate::register_program::{RegisterProgram, Say};

/// How long the last lines of a record may take.
const LAST_LINES: Duration = Duration::from_millis(500);

#[derive(clap::Args)]
pub(crate) struct NodeOptions {
    #[command(flatten)]
    pub(crate) group: GroupOptions,
    /// The name of this node: that of its pod or host, for example, or a number
    #[arg(long)]
    pub(crate) id: Id,
    /// The address and the UDP port at which the other nodes reach this one: 10.0.0.1:7000 for example, or 0.0.0.0:7000 for
    /// all addresses of this machine
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
    /// Another node: its name, and the address or the name of its host with a port. Once for each of them; this node may be
    /// among them. A host is looked up again while its node does not answer
    #[arg(long, value_name = "ID=HOST:PORT", value_parser = peer)]
    pub(crate) peer: Vec<(Id, PeerAddress)>,
    /// The folder for the state of this node, which has to exist: one that no other node has, and that is kept
    #[arg(long, value_name = "FOLDER", required_unless_present = "no_disk")]
    pub(crate) data: Option<PathBuf>,
    /// Stores nothing: whenever this process starts, it asks the other nodes what it has forgotten. Either all nodes of a
    /// group are started so, or no quorum of them
    #[arg(long, requires = "first_rollout", conflicts_with = "data")]
    no_disk: bool,
    #[command(flatten)]
    statement: Statement,
    /// The address and the TCP port at which to answer /livez, /readyz, /leader and /metrics over HTTP, 0.0.0.0:9600 for
    /// example: whoever reaches it may read who leads
    #[arg(long, value_name = "ADDRESS")]
    probes: Option<SocketAddr>,
    /// A register, in which a voter without a machine keeps its state: a row, a key or an object that all nodes reach, so that
    /// two machines elect as three do. 'quorate register create' creates it, and 'quorate members add-register' adds its
    /// voter. A call of it may take as long as a promise
    #[arg(long, value_name = "URL", requires = "register_voter")]
    register: Option<String>,
    /// The id of the voter in the register, the same on all nodes
    #[arg(long, value_name = "ID", requires = "register")]
    register_voter: Option<Id>,
    /// How often the register is looked at while its voter is not needed
    #[arg(long, value_name = "MS", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(100..=3_600_000))]
    register_look_ms: u64,
    /// A text of at most 64 bytes that all nodes tell of this one while it leads, the URL of the command for
    /// example
    #[arg(long, value_name = "TEXT")]
    advertise: Option<Advertised>,
    /// Takes no commands over the network: 'quorate members' and 'quorate resign' are refused, whoever has
    /// the key
    #[arg(long)]
    no_commands: bool,
    /// With --forms: this node has never run under its id. To be given once, by hand, and never in a
    /// configuration that serves every start
    #[arg(long, conflicts_with_all = ["first_rollout", "joins", "may_have_forgotten"])]
    first_start: bool,
    /// Records all that goes into the node and comes out of it, in lines of JSON behind those that are in this file: for
    /// 'quorate replay', and for reports of bugs. See the page guide::records of the documentation. What a node at rest
    /// writes is a megabyte or two a minute
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// How long the file of the record may become; the node runs on without
    #[arg(long, value_name = "MB", default_value_t = 1_024, requires = "record", value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    record_limit_mb: u64,
    /// Tells programs on this machine of the lease, the leader and the news, in lines of JSON, on a Unix socket at this path:
    /// see the page guide::languages of the documentation. The user and the group of this process can connect. Linux only
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

/// Which group is meant, and how its messages are protected.
#[derive(clap::Args)]
pub(crate) struct GroupOptions {
    /// The name of the group: the same on all its machines, and another than that of any other group, above
    /// all of one with the same key
    #[arg(long = "group", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: String,
    /// The file of the group's keys: one on a line, 64 hexadecimal digits; the first one seals, all of them open.
    /// Needed on any address but loopback. 'quorate keygen' draws a key
    #[arg(long, value_name = "FILE", conflicts_with = "unsealed")]
    pub(crate) key: Option<PathBuf>,
    /// Do without a key on any address: everyone who can send to the port can forge messages
    #[arg(long)]
    pub(crate) unsealed: bool,
}

/// What this deployment is: a statement that is true at every start of the node, so that the first start and all later ones
/// have the same command line. IDS are this node and its peers, unless they are listed.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Statement {
    /// These nodes are, or were, the first of the group: the same list on all of them, for as long as the
    /// group lives. A node that has lost its folder comes back; if all have, they start the group again
    #[arg(long, value_name = "IDS", value_delimiter = ',', num_args = 0..=1, require_equals = true)]
    first_rollout: Option<Vec<Id>>,
    /// This node joins a group of these nodes: it waits until they are told to add it
    #[arg(long, value_name = "IDS", value_delimiter = ',', num_args = 0..=1, require_equals = true)]
    joins: Option<Vec<Id>>,
    /// This node has lost its folder, or may have, and its group of these nodes was not started by
    /// --first-rollout: it comes back, and never starts a group
    #[arg(long, value_name = "IDS", value_delimiter = ',', num_args = 0..=1, require_equals = true)]
    may_have_forgotten: Option<Vec<Id>>,
    /// This node is in a group of MIN to MAX nodes that find each other
    #[arg(long, value_name = "MIN/MAX", value_parser = limits)]
    forms: Option<Limits>,
}

impl GroupOptions {
    pub(crate) fn cluster(&self) -> ClusterId {
        ClusterId::from_name(&self.name)
    }

    pub(crate) fn keys(&self) -> Result<Option<Keyring>, Failure> {
        Ok(self.key.as_ref().map(Keyring::read).transpose().map_err(BadInput::says)?)
    }

    pub(crate) fn protection(&self, keys: Option<Keyring>) -> Protection {
        match keys {
            Some(keys) => Protection::Sealed(keys),
            None if self.unsealed => Protection::Unsealed,
            None => Protection::OnlyLoopback,
        }
    }
}

impl NodeOptions {
    /// Starts the node, for the first time or again. What its register and its record have to say is passed to `say`.
    pub(crate) fn start(&self, config: HostConfig<Id>, say: Say) -> Result<(Host<Id>, LastLines), Failure> {
        let config = HostConfig { takes_commands: !self.no_commands, advertised: self.advertise, ..config };
        let recorder = self.recorder(&say)?;
        let last_lines = LastLines(recorder.as_ref().map(Recorder::recording));
        let config = HostConfig { recorder, ..self.with_register(config, say)? };
        let host = match &self.data {
            Some(folder) => Host::start_in(folder, &self.deployment()?, config),
            None => Host::start_volatile(config, self.group.cluster(), self.founders()?),
        };
        Ok((host.map_err(|error| self.start_failure(error))?, last_lines))
    }

    /// What records the node, if it is to be recorded.
    fn recorder(&self, say: &Say) -> Result<Option<Recorder>, Failure> {
        let Some(path) = &self.record else { return Ok(None) };
        let recorder = Recorder::to_file(path).map_err(|error| {
            BadInput::new(format_args!("the record cannot be written to {}: {error}", path.display()))
        })?;
        let (say, path) = (Arc::clone(say), path.clone());
        let recorder = recorder.limit(self.record_limit_mb.saturating_mul(1 << 20)).on_end(move |end| {
            if !matches!(end, RecordEnd::Complete) {
                say(&format!("the record in {} has ended, and the node runs on: {end}", path.display()));
            }
        });
        Ok(Some(recorder))
    }

    /// Has the node speak for the voter of its register, if there is one.
    fn with_register(&self, config: HostConfig<Id>, say: Say) -> Result<HostConfig<Id>, Failure> {
        let (Some(url), Some(voter)) = (&self.register, self.register_voter) else { return Ok(config) };
        let timeout = part(config.config.timing.promise_limit, 3);
        let cell = RegisterProgram::tried_out(url, timeout, say)?;
        let usage = Use::Spare { look: Duration::from_millis(self.register_look_ms) };
        Ok(config.register(RegisterConfig::new(voter, usage, cell)))
    }

    /// Answers probes of `host` until the server is dropped, if that is wanted.
    pub(crate) fn serve_probes(&self, host: &Host<Id>) -> Result<Option<ProbeServer>, Failure> {
        let serve = |listen| host.serve_probes_of_group(self.group.name.as_str(), listen);
        Ok(self.probes.map(serve).transpose()?)
    }

    /// The socket for programs on this machine, if there is to be one. A path that cannot be used is noticed before the node
    /// takes part.
    pub(crate) fn bind_socket(&self) -> Result<Option<Bound>, Failure> {
        self.socket.as_deref().map(Bound::bind).transpose()
    }

    fn deployment(&self) -> Result<Deployment<Id>, Failure> {
        let cluster = self.group.cluster();
        let Statement { joins, may_have_forgotten, forms, .. } = &self.statement;
        if let Some(limits) = *forms {
            let forms = Deployment::forms(cluster, limits);
            return Ok(if self.first_start { forms.first_start() } else { forms });
        }
        if let Some(ids) = joins {
            return Ok(Deployment::joins(cluster, self.listed(ids, &[])));
        }
        if let Some(ids) = may_have_forgotten {
            return Ok(Deployment::may_have_forgotten(cluster, self.listed(ids, &[self.id])));
        }
        Ok(Deployment::first_rollout(cluster, self.founders()?))
    }

    /// The nodes of the first roll-out. A node whose peers were left out by mistake must not found a group by itself.
    fn founders(&self) -> Result<Vec<Id>, Failure> {
        let listed = self.statement.first_rollout.as_deref().unwrap_or_default();
        let founders = self.listed(listed, &[self.id]);
        if listed.is_empty() && founders == [self.id] {
            return Err(BadInput::new(format_args!(
                "--first-rollout names no nodes, and there is no --peer: name the first nodes of the group, or \
                 --first-rollout={} if this one is to be alone",
                self.id
            ))
            .into());
        }
        Ok(founders)
    }

    /// The ids, or those of the peers and these if none are listed.
    fn listed(&self, ids: &[Id], others: &[Id]) -> Vec<Id> {
        if !ids.is_empty() {
            return ids.to_vec();
        }
        let peers = self.peer.iter().map(|(peer, _)| *peer).filter(|&peer| peer != self.id);
        peers.chain(others.iter().copied()).collect()
    }

    /// Tells apart what has to be corrected from what has failed.
    fn start_failure(&self, error: HostStartError) -> Failure {
        let data = self.data.as_deref().unwrap_or(Path::new("")).display();
        match error {
            HostStartError::Bind(BindError::Unsealed { address }) => BadInput::new(format_args!(
                "{address} can be reached from other machines, and there is no key: give --key FILE, or --unsealed \
                 if you trust every machine that can send to it"
            ))
            .into(),
            HostStartError::Deployment(DeploymentError::OtherGroup { found, expected, .. }) => {
                let group = &self.group.name;
                BadInput::new(format_args!(
                    "{data} is of another group than {group:?}, which is number {expected}, and not {found}: correct \
                     --group or --data"
                ))
                .into()
            }
            HostStartError::Deployment(DeploymentError::OtherNode { found, expected, .. }) => {
                BadInput::new(format_args!(
                    "{data} is the folder of node {found}, and this is node {expected}: correct --id or --data, and \
                     never copy the folder of a node"
                ))
                .into()
            }
            HostStartError::Deployment(DeploymentError::NoState { .. }) => BadInput::new(format_args!(
                "{data} holds no state: if this node has never run, add --first-start this once; if it has, start it \
                 with --may-have-forgotten instead of --forms"
            ))
            .into(),
            HostStartError::Bind(_) | HostStartError::Seed(_) | HostStartError::Thread(_) => error.into(),
            error => BadInput::says(error).into(),
        }
    }
}

/// The last lines of a record, for which the end of the process waits a little.
pub(crate) struct LastLines(Option<Recording>);

impl Drop for LastLines {
    fn drop(&mut self) {
        if let Some(recording) = &self.0 {
            let _too_slow_to_wait_for = recording.wait(LAST_LINES);
        }
    }
}

pub(crate) fn peer(text: &str) -> Result<(Id, PeerAddress), String> {
    const FORM: &str = "write it as ID=HOST:PORT, for example 2=10.0.0.2:7000 or db-2=db-2.example:7000";
    let (id, address) = text.split_once('=').ok_or(FORM)?;
    let id = id.parse().map_err(|error| format!("{id:?}: {error}; {FORM}"))?;
    let address = address.parse().map_err(|error| format!("{address:?}: {error}; {FORM}"))?;
    Ok((id, address))
}

fn limits(text: &str) -> Result<Limits, String> {
    const FORM: &str = "write it as MIN/MAX, for example 3/5";
    let (least, most) = text.split_once('/').ok_or(FORM)?;
    let number = |text: &str| text.parse().map_err(|error| format!("{text:?}: {error}; {FORM}"));
    Ok(Limits { min_members: number(least)?, max_members: number(most)? })
}
