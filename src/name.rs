//! Ids that are short texts: the names of pods and machines.

use core::borrow::Borrow;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::str::{self, FromStr};

/// An id that is a text of 1 to `N` bytes: the name of a pod, a host or a device.
///
/// A name consists of letters, digits and punctuation of ASCII, so that it looks the same wherever it is shown, and two
/// names that look alike are the same. Blanks, control characters and all others are refused, here and when a name is
/// deserialised. Upper and lower case differ, unlike in the DNS: `Web-0` and `web-0` are two nodes.
///
/// Names are ordered, compared and hashed as `str`, and serialised as text. So `N` may change from one release of a program
/// to the next, or differ between the nodes of a group, as long as each name fits. A name takes `N` bytes of memory, and is
/// copied often: choose 63 for the names of pods and of hosts (the longest label of the DNS), or less. A group of
/// [`MAX_MEMBERS`](crate::MAX_MEMBERS) nodes needs names of at most 59 bytes, for its membership to fit in a datagram.
///
/// ```
/// use quorate::{ClusterId, HardState, Name, NameError};
///
/// let first: Name<63> = "web-0".parse()?;
/// assert_eq!(first.as_str(), "web-0");
/// assert_eq!(format!("{first} is {first:?}"), "web-0 is web-0");
/// assert!(first < "web-1".parse()?);
/// assert_eq!("web 0".parse::<Name<63>>(), Err(NameError::BadCharacter(' ')));
///
/// let members = ["web-0", "web-1", "web-2"].map(Name::<63>::try_from);
/// let members = members.into_iter().collect::<Result<Vec<_>, _>>()?;
/// let state = HardState::bootstrap(ClusterId::from_name("web"), members)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name<const N: usize> {
    /// The text, followed by zeros. A zero is below all that a name may contain, so the arrays are in the order of the
    /// texts.
    bytes: [u8; N],
}

/// Why a text is no [`Name`].
///
/// Non-exhaustive, like all errors.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The text is empty.
    #[error("a name must not be empty")]
    Empty,
    /// The text has more bytes than the name has room for.
    #[error("a name of {length} bytes is too long: at most {longest} fit")]
    TooLong {
        /// How many bytes the text has.
        length: usize,
        /// How many fit.
        longest: usize,
    },
    /// The text contains a character that no name may contain: a blank, a control character, or one that is not of ASCII.
    #[error("a name must not contain {0:?}: use letters, digits and punctuation of ASCII")]
    BadCharacter(char),
}

impl<const N: usize> Name<N> {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let text = self.bytes.split(|&byte| byte == 0).next().unwrap_or_default();
        // All bytes of a name are ASCII.
        str::from_utf8(text).unwrap_or_default()
    }
}

impl<const N: usize> FromStr for Name<N> {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if let Some(bad) = text.chars().find(|character| !character.is_ascii_graphic()) {
            return Err(NameError::BadCharacter(bad));
        }
        let too_long = NameError::TooLong { length: text.len(), longest: N };
        let mut bytes = [0; N];
        bytes.get_mut(..text.len()).ok_or(too_long)?.copy_from_slice(text.as_bytes());
        Ok(Name { bytes })
    }
}

impl<const N: usize> TryFrom<&str> for Name<N> {
    type Error = NameError;

    fn try_from(text: &str) -> Result<Self, NameError> {
        text.parse()
    }
}

impl<const N: usize> AsRef<str> for Name<N> {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

/// A map whose keys are names finds them by their texts.
impl<const N: usize> Borrow<str> for Name<N> {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

/// A name hashes as its text, so the [life](crate::Life) of a group does not depend on `N`.
impl<const N: usize> Hash for Name<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl<const N: usize> fmt::Display for Name<N> {
    /// `web-0`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for Name<N> {
    /// `web-0`, without quotation marks: messages to operators show an id by its `Debug`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(feature = "serde")]
mod serial_form {
    use core::fmt;

    use serde::de::{Deserialize, Deserializer, Error, Visitor};
    use serde::ser::{Serialize, Serializer};

    use super::Name;

    impl<const N: usize> Serialize for Name<N> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_str(self.as_str())
        }
    }

    impl<'de, const N: usize> Deserialize<'de> for Name<N> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_str(Text)
        }
    }

    /// Takes a text for a name, if it is one.
    struct Text<const N: usize>;

    impl<const N: usize> Visitor<'_> for Text<N> {
        type Value = Name<N>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a name of at most {N} bytes")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Name<N>, E> {
            text.parse().map_err(E::custom)
        }
    }
}

#[cfg(test)]
mod tests;
