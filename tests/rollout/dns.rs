//! A DNS server that knows the pods by name, and counts what it is asked.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use simple_dns::rdata::{A, RData};
use simple_dns::{CLASS, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE};

use crate::Failure;

/// How long after the start of a pod its name stands for its address.
const DELAY: Duration = Duration::from_millis(100);

/// For how long an answer holds, as that of the DNS server of Kubernetes.
const TTL: u32 = 5;

#[derive(Clone, Default)]
pub(crate) struct Dns(Arc<Mutex<Records>>);

#[derive(Default)]
struct Records {
    /// The addresses, from when on each is known, and what was known before.
    known: BTreeMap<String, Vec<(Instant, Ipv4Addr)>>,
    /// How often which machine has asked for the address of which name.
    asked: BTreeMap<(Ipv4Addr, String), usize>,
}

impl Dns {
    pub(crate) fn serve(listen: (Ipv4Addr, u16)) -> Result<Dns, Failure> {
        let (dns, socket) = (Dns::default(), UdpSocket::bind(listen)?);
        let server = dns.clone();
        thread::spawn(move || {
            let mut buffer = [0; 1_500];
            while let Ok((length, source)) = socket.recv_from(&mut buffer) {
                if let Some(reply) = server.reply(&buffer[..length], source) {
                    let _asks_again = socket.send_to(&reply, source);
                }
            }
        });
        Ok(dns)
    }

    /// The name stands for this address soon.
    pub(crate) fn learn(&self, name: String, address: Ipv4Addr) {
        let mut records = self.0.lock().unwrap();
        records.known.entry(name).or_default().push((Instant::now() + DELAY, address));
    }

    pub(crate) fn forget(&self, name: &str) {
        self.0.lock().unwrap().known.remove(name);
    }

    /// What a name stands for now.
    pub(crate) fn address(&self, name: &str) -> Option<Ipv4Addr> {
        self.0.lock().unwrap().address(name)
    }

    /// How often one of these machines has looked one name up at the most.
    pub(crate) fn most_asked(&self, machines: &[Ipv4Addr]) -> usize {
        let records = self.0.lock().unwrap();
        let asked = records.asked.iter().filter(|((source, _), _)| machines.contains(source));
        asked.map(|(_, &times)| times).max().unwrap_or(0)
    }

    fn reply(&self, query: &[u8], source: SocketAddr) -> Option<Vec<u8>> {
        let query = Packet::parse(query).ok()?;
        let question = query.questions.first()?;
        let name = question.qname.to_string().to_ascii_lowercase();
        let mut reply = Packet::new_reply(query.id());
        reply.set_flags(PacketFlag::AUTHORITATIVE_ANSWER | PacketFlag::RECURSION_AVAILABLE);
        let mut records = self.0.lock().unwrap();
        let asks_for_address = question.qtype == QTYPE::TYPE(TYPE::A);
        if asks_for_address && let SocketAddr::V4(source) = source {
            *records.asked.entry((*source.ip(), name.clone())).or_default() += 1;
        }
        match records.address(&name) {
            Some(address) if asks_for_address => {
                let data = RData::A(A { address: address.into() });
                reply.answers.push(ResourceRecord::new(question.qname.clone(), CLASS::IN, TTL, data));
            }
            Some(_) => {}
            None => *reply.rcode_mut() = RCODE::NameError,
        }
        reply.questions.push(question.clone());
        reply.build_bytes_vec().ok()
    }
}

impl Records {
    fn address(&self, name: &str) -> Option<Ipv4Addr> {
        let now = Instant::now();
        let known = self.known.get(name)?.iter().rev().find(|&&(from, _)| from <= now);
        known.map(|&(_, address)| address)
    }
}
