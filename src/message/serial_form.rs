//! How a message is serialised: in full, the header and then the body.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Body, Header, Message};
use crate::types::NodeId;

#[derive(Serialize, Deserialize)]
#[serde(rename = "Message")]
struct Parts<Body> {
    header: Header,
    body: Body,
}

impl<I: NodeId + Serialize> Serialize for Message<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Parts { header: self.header(), body: self.body() }.serialize(serializer)
    }
}

impl<'de, I: NodeId + Deserialize<'de>> Deserialize<'de> for Message<I> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Parts { header, body } = Parts::<Body<I>>::deserialize(deserializer)?;
        Ok(Message::new(header, body))
    }
}
