//! What a StatefulSet does with its pods.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::Failure;
use crate::dns::Dns;
use crate::manifest::Workload;
use crate::network::Network;
use crate::pod::{Files, POLL, Pod};
use crate::worker::now;
use crate::works;

/// How long anything may take. The bound is generous, since machines are busy.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Group<'a> {
    pub(crate) workload: Workload,
    network: &'a mut Network,
    pub(crate) dns: Dns,
    pub(crate) files: Files,
    pub(crate) pods: BTreeMap<usize, Pod>,
    probes: u16,
    /// A node is bound for so long after its start.
    pub(crate) promise_limit: Duration,
}

impl<'a> Group<'a> {
    pub(crate) fn new(
        workload: Workload,
        folder: &str,
        network: &'a mut Network,
        dns: &Dns,
    ) -> Result<Group<'a>, Failure> {
        let number = |option: &str| {
            let value = workload.option(option).ok_or(format!("no --{option}"))?;
            Ok::<u64, Failure>(value.rsplit(':').next().unwrap_or(value).parse()?)
        };
        let probes = number("probes")?.try_into()?;
        let promise_limit = Duration::from_millis(3 * number("promise-ms")?);
        let (files, dns) = (Files::make(folder)?, dns.clone());
        Ok(Group { workload, network, dns, files, pods: BTreeMap::new(), probes, promise_limit })
    }

    pub(crate) fn node(&self, number: usize) -> String {
        format!("{}-{number}", self.workload.name)
    }

    fn dns_name(&self, number: usize) -> String {
        format!("{}{}", self.node(number), self.workload.domain)
    }

    /// The nodes that the workload starts with.
    pub(crate) fn first_nodes(&self) -> Vec<usize> {
        (self.workload.first..self.workload.first + self.workload.replicas).collect()
    }

    pub(crate) fn nodes(&self) -> Vec<usize> {
        self.pods.keys().copied().collect()
    }

    pub(crate) fn addresses(&self) -> Vec<Ipv4Addr> {
        self.pods.values().map(Pod::address).collect()
    }

    /// When the last pod was started.
    pub(crate) fn last_start(&self) -> u64 {
        self.pods.values().map(|pod| pod.started).max().unwrap_or(0)
    }

    /// Starts pods, each with an address that none had before.
    pub(crate) fn start(&mut self, numbers: &[usize]) -> Result<(), Failure> {
        let machines: Vec<_> =
            numbers.iter().map(|_| self.network.machine()).collect::<Result<_, Failure>>()?;
        for (&number, machine) in numbers.iter().zip(machines) {
            let node = self.node(number);
            if !self.workload.has_volumes {
                self.files.lose_volume(&node)?;
            }
            let pod = Pod::start(&self.files, &self.workload, &node, machine)?;
            self.dns.learn(self.dns_name(number), pod.address());
            self.pods.insert(number, pod);
        }
        Ok(())
    }

    /// Deletes a pod, which ends by itself within its grace period.
    pub(crate) fn stop(&mut self, number: usize) -> Result<(), Failure> {
        let mut pod = self.pods.remove(&number).ok_or("no such pod")?;
        pod.signal(Signal::TERM)?;
        let status = pod.wait(Duration::from_secs(self.workload.grace_s))?;
        if status.success() { Ok(()) } else { Err(self.failure(number, &format!("ends with {status}"))) }
    }

    /// These pods are gone at once, without a word.
    pub(crate) fn kill(&mut self, numbers: &[usize]) -> Result<(), Failure> {
        for number in numbers {
            self.pods.remove(number).ok_or("no such pod")?.signal(Signal::KILL)?;
        }
        Ok(())
    }

    /// All pods are gone at once, without a word.
    pub(crate) fn kill_all(&mut self) -> Result<(), Failure> {
        self.pods.values().try_for_each(|pod| pod.signal(Signal::KILL))?;
        self.pods.clear();
        Ok(())
    }

    /// Waits until the DNS knows where a pod is.
    pub(crate) fn until_known(&self, number: usize) -> Result<(), Failure> {
        let address = self.pods.get(&number).ok_or("no such pod")?.address();
        self.until(number, "is not known by name", || {
            Ok(self.dns.address(&self.dns_name(number)) == Some(address))
        })
    }

    pub(crate) fn forget_name(&self, number: usize) {
        self.dns.forget(&self.dns_name(number));
    }

    /// Waits until pods are ready. None is before it has waited out what it may have promised.
    pub(crate) fn until_ready(&self, numbers: &[usize]) -> Result<(), Failure> {
        for &number in numbers {
            let pod = self.pods.get(&number).ok_or("no such pod")?;
            self.until(number, "is not ready", || Ok(pod.is("/readyz", self.probes)))?;
            if Duration::from_nanos(now()? - pod.started) < self.promise_limit {
                return Err(self.failure(number, "is ready while it may be bound"));
            }
            if !pod.is("/livez", self.probes) {
                return Err(self.failure(number, "is ready, and not alive"));
            }
        }
        Ok(())
    }

    /// Waits until the command has run after `since`.
    pub(crate) fn until_it_runs(&self, since: u64) -> Result<(), Failure> {
        let number = *self.pods.keys().next().ok_or("no pods")?;
        self.until(number, "does not see the command run", || Ok(works::runs_until(&self.files)? > since))
    }

    /// The node on which the command runs.
    pub(crate) fn leader(&self) -> Result<usize, Failure> {
        Ok(works::audit(&self.files)?.leader().ok_or("the command has never run")?.try_into()?)
    }

    /// Runs a command of the operator in the first pod.
    pub(crate) fn operate(&self, words: &[&str]) -> Result<(), Failure> {
        let (&number, pod) = self.pods.first_key_value().ok_or("no pods")?;
        let mut args: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        for option in ["group", "key"] {
            let value = self.workload.option(option).ok_or("no such option")?;
            args.push(format!("--{option}={value}"));
        }
        pod.exec(&self.files, &self.node(number), &args).map(drop)
    }

    fn until(
        &self,
        number: usize,
        problem: &str,
        mut is_so: impl FnMut() -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let since = Instant::now();
        while !is_so()? {
            if since.elapsed() >= PATIENCE {
                return Err(self.failure(number, problem));
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    fn failure(&self, number: usize, problem: &str) -> Failure {
        let node = self.node(number);
        let log = std::fs::read_to_string(self.files.log(&node)).unwrap_or_default();
        let tail: Vec<_> = log.lines().rev().take(30).collect();
        let tail: Vec<_> = tail.into_iter().rev().collect();
        format!("{node} {problem}; the end of its log:\n{}", tail.join("\n")).into()
    }
}
