//! What a seal does with a datagram that came in.

use std::prelude::rust_2024::*;

use rand_core::TryCryptoRng;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::contents::{Contents, FullHead, Tag, Ticket, decode};
use super::frame::{ClearHead, Decrypted};
use super::number::{Nonce, parse_nonce};
use super::{HANDSHAKE_PADDING, Opened, REPLY, Refusal, Seal};
use crate::types::{ClusterId, NodeId};

impl<I: NodeId + Serialize + DeserializeOwned, R: TryCryptoRng> Seal<I, R> {
    pub(super) fn try_open<'a>(&mut self, datagram: &'a mut [u8]) -> Result<Opened<'a, I>, Refusal> {
        let (ours, length) = (self.clear.cluster, datagram.len());
        let Decrypted { clear: ClearHead { cluster, life }, nonce, plain } =
            self.keys.decrypt(ours, datagram)?;
        let (contents, body) = decode(plain)?;
        if cluster != ours {
            return self.open_foreign(contents, cluster);
        }
        let from = match contents {
            Contents::Broadcast => return Ok(Opened::Broadcast(body)),
            Contents::Request { from, to } => {
                self.check_names(nonce, (from, to))?;
                return if is_padding(body) { self.reply(nonce, length) } else { Err(Refusal::Malformed) };
            }
            Contents::Reply { answered, ticket } if is_padding(body) => {
                return self.open_reply(nonce, answered, ticket);
            }
            Contents::Reply { .. } => return Err(Refusal::Malformed),
            Contents::Full(head) => {
                self.check_names(nonce, (head.from, head.to))?;
                let me = (self.session, self.given);
                self.peers.accept_full(parse_nonce(nonce), &head, me).map(|is_twin| (head.from, is_twin))
            }
            Contents::Short(tag) => {
                self.check_tag(nonce, tag)?;
                let (session, number) = parse_nonce(nonce);
                self.peers.accept_short(session, number).map(|from| (from, false))
            }
        };
        match from {
            Ok((from, is_twin)) => Ok(Opened::Datagram { from, life, body, is_twin }),
            Err(refusal @ Refusal::Unproven) => {
                self.refused.count(refusal);
                self.reply(nonce, length)
            }
            Err(refusal) => Err(refusal),
        }
    }

    fn open_foreign(
        &mut self,
        contents: Contents<I>,
        cluster: ClusterId,
    ) -> Result<Opened<'static, I>, Refusal> {
        let refusal = Refusal::ForeignCluster { cluster };
        match contents {
            Contents::Request { from, .. } | Contents::Full(FullHead { from, .. }) => {
                self.refused.count(refusal);
                Ok(Opened::Foreign { from, cluster })
            }
            Contents::Broadcast | Contents::Reply { .. } | Contents::Short(_) => Err(refusal),
        }
    }

    fn open_reply(
        &mut self,
        nonce: Nonce,
        answered: Nonce,
        ticket: Ticket,
    ) -> Result<Opened<'static, I>, Refusal> {
        let (session, _) = parse_nonce(nonce);
        let (asker, number) = parse_nonce(answered);
        if session == self.session {
            return Err(Refusal::Reflected);
        }
        if asker != self.session {
            return Err(Refusal::Stale);
        }
        self.peers.accept_reply(number, session, ticket).map(|with| Opened::HandshakeDone { with })
    }

    /// A datagram in the name of this node, or for another one, is refused.
    fn check_names(&self, nonce: Nonce, (from, to): (I, I)) -> Result<(), Refusal> {
        let (session, _) = parse_nonce(nonce);
        if from == self.id {
            return Err(if session == self.session { Refusal::Reflected } else { Refusal::OwnId });
        }
        if to == self.id { Ok(()) } else { Err(Refusal::Misdirected) }
    }

    /// The same, as far as a short head tells.
    fn check_tag(&mut self, nonce: Nonce, tag: Tag) -> Result<(), Refusal> {
        let (session, _) = parse_nonce(nonce);
        if session == self.session {
            return Err(Refusal::Reflected);
        }
        let own = self.tag.map_or_else(|| Tag::of(&self.id), Ok).map_err(|_| Refusal::Malformed)?;
        self.tag = Some(own);
        if tag == own { Ok(()) } else { Err(Refusal::Misdirected) }
    }

    /// One datagram for one, and no longer than the one it replies to. A reply is never replied to.
    fn reply(&mut self, answered: Nonce, length: usize) -> Result<Opened<'static, I>, Refusal> {
        let room = length.checked_sub(REPLY).ok_or(Refusal::Unproven)?;
        self.renew_session().map_err(|_| Refusal::NoRandomness)?;
        self.given = self.given.next();
        let contents = Contents::<I>::Reply { answered, ticket: self.given };
        let padding = [0; HANDSHAKE_PADDING].get(..room).unwrap_or(&[0; HANDSHAKE_PADDING]);
        let (nonce, mut reply) = (self.take_nonce(), Vec::new());
        self.keys
            .encrypt((self.clear, nonce), &contents, padding, &mut reply)
            .map(|()| Opened::Reply(reply))
            .map_err(|_| Refusal::NoRandomness)
    }
}

fn is_padding(body: &[u8]) -> bool {
    body.len() <= HANDSHAKE_PADDING && body.iter().all(|&byte| byte == 0)
}
