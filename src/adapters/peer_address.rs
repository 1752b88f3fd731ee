//! Where a node is: an address, or a name that is looked up.

use core::fmt;
use core::net::SocketAddr;
use core::num::NonZeroU16;
use core::str::FromStr;
use std::prelude::rust_2024::*;
use std::sync::Arc;

#[cfg(any(feature = "udp", feature = "tokio-udp"))]
use super::endpoint::{UnusableAddress, check};

/// The longest name of a host, and the longest part of one between two dots, by RFC 1035.
const LONGEST_HOST: usize = 253;
const LONGEST_LABEL: usize = 63;

/// Where a node is, as an operator writes it: `10.0.0.2:7000`, `[2001:db8::2]:7000`, or `db-1.db.prod.svc:7000`.
///
/// A name is looked up at the start, and again while the node that it is for does not answer. What it stands for is
/// never taken for certain: a node has an address once it has answered there.
///
/// ```
/// use quorate::adapters::endpoint::{PeerAddress, PeerAddressError};
///
/// let address: PeerAddress = "10.0.0.2:7000".parse()?;
/// assert!(matches!(address, PeerAddress::Address(_)));
/// let name: PeerAddress = "db-1.db.prod.svc:7000".parse()?;
/// let PeerAddress::Name(name) = name else { panic!("an address") };
/// assert_eq!((name.host(), name.port()), ("db-1.db.prod.svc", 7000));
/// assert_eq!("db-1".parse::<PeerAddress>(), Err(PeerAddressError::NoPort));
/// # Ok::<(), PeerAddressError>(())
/// ```
///
/// Exhaustive: a node is at an address or has a name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PeerAddress {
    /// An address.
    Address(SocketAddr),
    /// A name that stands for addresses.
    Name(PeerName),
}

/// The name of a host, and a port. Clones share the text.
///
/// Upper and lower case are one, as in the DNS, so the name is kept in lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerName {
    host: Arc<str>,
    port: NonZeroU16,
}

/// Why a text says of no node where it is.
///
/// Non-exhaustive, like all errors.
#[derive(Clone, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeerAddressError {
    /// There is no port.
    #[error("a port is missing: write NAME:PORT, as in db-1.example:7000 or [::1]:7000")]
    NoPort,
    /// The port is no number from 1 to 65535.
    #[error("{0:?} is no port: a port is a number from 1 to 65535")]
    BadPort(String),
    /// There is no host before the port.
    #[error("the name of the host is missing before the port")]
    NoHost,
    /// The name of the host, or a part of it between two dots, is too long or empty.
    #[error(
        "{0:?} is no name of a host: it has at most {LONGEST_HOST} characters, and between two dots 1 to \
         {LONGEST_LABEL}"
    )]
    BadLength(String),
    /// The name of the host has a character that no name has.
    #[error("a host must not have {0:?} in its name: it has letters, digits, dots, hyphens and underscores")]
    BadCharacter(char),
    /// The host looks like an address, and is none.
    #[error("{0:?} is neither an address nor a name: an IPv4 address has four numbers, as 10.0.0.1")]
    BadAddress(String),
    /// The host is an IPv6 address, or part of one, without brackets.
    #[error("an IPv6 address is written in brackets, as [2001:db8::1]:7000")]
    NoBrackets,
}

impl PeerName {
    /// The name of the host.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.get()
    }
}

impl PeerAddress {
    /// Refuses an address that no node can have.
    #[cfg(any(feature = "udp", feature = "tokio-udp"))]
    pub(super) fn check(&self) -> Result<(), UnusableAddress> {
        match self {
            PeerAddress::Address(address) => check(*address),
            PeerAddress::Name(_) => Ok(()),
        }
    }
}

impl From<SocketAddr> for PeerAddress {
    fn from(address: SocketAddr) -> Self {
        PeerAddress::Address(address)
    }
}

impl From<PeerName> for PeerAddress {
    fn from(name: PeerName) -> Self {
        PeerAddress::Name(name)
    }
}

impl FromStr for PeerAddress {
    type Err = PeerAddressError;

    fn from_str(text: &str) -> Result<Self, PeerAddressError> {
        match text.parse() {
            Ok(address) => Ok(PeerAddress::Address(address)),
            Err(_) => text.parse().map(PeerAddress::Name),
        }
    }
}

impl FromStr for PeerName {
    type Err = PeerAddressError;

    fn from_str(text: &str) -> Result<Self, PeerAddressError> {
        let (host, port) = text.rsplit_once(':').ok_or(PeerAddressError::NoPort)?;
        check_host(host)?;
        let port = Some(port).filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
        let port = port.and_then(|port| port.parse().ok());
        let port = port.ok_or_else(|| PeerAddressError::BadPort(excerpt(text.rsplit(':').next())))?;
        Ok(PeerName { host: host.to_ascii_lowercase().into(), port })
    }
}

fn check_host(host: &str) -> Result<(), PeerAddressError> {
    let is_usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    match host.chars().find(|&character| !is_usual(character)) {
        Some(':' | '[' | ']') => return Err(PeerAddressError::NoBrackets),
        Some(character) => return Err(PeerAddressError::BadCharacter(character)),
        None if host.is_empty() => return Err(PeerAddressError::NoHost),
        None => {}
    }
    // A dot at the end says that the name is whole.
    let name = host.strip_suffix('.').unwrap_or(host);
    let mut labels = name.split('.');
    if name.len() > LONGEST_HOST || labels.any(|label| label.is_empty() || label.len() > LONGEST_LABEL) {
        return Err(PeerAddressError::BadLength(excerpt(Some(host))));
    }
    // The system would read such a name as an address, of the forms of fifty years ago.
    if name.rsplit('.').next().is_some_and(is_number) {
        return Err(PeerAddressError::BadAddress(excerpt(Some(host))));
    }
    Ok(())
}

/// Whether a text is a decimal or hexadecimal number.
fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// As much of a text as an error shows.
fn excerpt(text: Option<&str>) -> String {
    text.unwrap_or_default().chars().take(LONGEST_HOST).collect()
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PeerAddress::Address(address) => address.fmt(f),
            PeerAddress::Name(name) => name.fmt(f),
        }
    }
}

impl fmt::Display for PeerName {
    /// `db-1.db.prod.svc:7000`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::format;
    use std::string::ToString;

    use super::*;

    #[test]
    fn addresses_and_names_are_told_apart_and_come_back_as_they_were_written() {
        for text in ["10.0.0.2:7000", "[2001:db8::2]:7000", "[fe80::1%2]:7", "0.0.0.0:0"] {
            let address = text.parse::<PeerAddress>().unwrap();
            assert_eq!(
                (address.to_string().as_str(), address),
                (text, PeerAddress::Address(text.parse().unwrap()))
            );
        }
        let longest = format!("{}.{}:1", "a".repeat(63), "b".repeat(63));
        for text in
            ["localhost:7", "db-1.db.prod.svc.cluster.local.:65535", "3com.example_2:7", "a1:1", &longest]
        {
            let name = text.parse::<PeerAddress>().unwrap();
            assert_eq!(name.to_string(), text);
            assert!(matches!(name, PeerAddress::Name(_)), "{text}");
        }
        assert_eq!("DB-1.Example:7".parse::<PeerName>(), "db-1.example:7".parse());
    }

    #[test]
    fn what_is_neither_an_address_nor_a_name_is_refused_with_the_reason() {
        let refused = |text: &str| text.parse::<PeerAddress>().unwrap_err();
        for text in ["", "db-1", "10.0.0.1", "db-1.example"] {
            assert_eq!(refused(text), PeerAddressError::NoPort, "{text:?}");
        }
        for (text, port) in
            [("db:", ""), ("db:0", "0"), ("db:65536", "65536"), ("db:x", "x"), ("db:+7", "+7")]
        {
            assert_eq!(refused(text), PeerAddressError::BadPort(port.into()));
        }
        assert_eq!(refused(":7"), PeerAddressError::NoHost);
        for (text, bad) in
            [("a b:7", ' '), ("a\0:7", '\0'), ("ü:7", 'ü'), ("db/1:7", '/'), ("a@b:7", '@'), ("a\n:7", '\n')]
        {
            assert_eq!(refused(text), PeerAddressError::BadCharacter(bad));
        }
        for text in ["::1:7000", "2001:db8::2:7", "[::1:7", "[db]:7"] {
            assert_eq!(refused(text), PeerAddressError::NoBrackets, "{text}");
        }
        for host in ["10.0.0.256", "10.0.0", "1", "0x7f000001", "db.0X1f", "1.2.3.4."] {
            assert_eq!(refused(&format!("{host}:7")), PeerAddressError::BadAddress(host.into()));
        }
        let (label, name) = ("a".repeat(64), "a.".repeat(126) + "ab");
        for host in ["a..b", ".a", ".", "a..", label.as_str(), name.as_str()] {
            let shown = host.get(..LONGEST_HOST).unwrap_or(host);
            assert_eq!(refused(&format!("{host}:7")), PeerAddressError::BadLength(shown.into()), "{host}");
        }
        let told = refused(&format!("{}:7", "a.".repeat(40_000))).to_string();
        assert!(told.len() < 600, "an error shows no more than a name can have");
    }
}
