//! The type of an id, as a text that every build of a program gives it: that of its form when it is serialized.
//! Rust's own names of types may differ from one compiler to the next.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;

use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// The longest text that is stored, in characters.
const LONGEST: usize = 128;

/// `u32`, `[u8; 16]`, `(u64, u16)`, `SocketAddr::V4(…)`; a type that wraps another one is that one. Empty if the
/// id cannot be serialized, and then nothing is stored either.
pub(super) fn id_type<I: Serialize>(id: &I) -> String {
    id.serialize(Form).map_or_else(|_| String::new(), |form| form.chars().take(LONGEST).collect())
}

/// Turns a value into the text of its form.
#[derive(Clone, Copy)]
struct Form;

/// The forms of the parts of a value.
struct Parts {
    /// Of the variant that holds them.
    name: String,
    forms: Vec<String>,
}

impl Parts {
    fn new(name: String) -> Parts {
        Parts { name, forms: Vec::new() }
    }

    fn of_variant(name: &str, variant: &str) -> Parts {
        Parts::new(format!("{name}::{variant}"))
    }

    fn push<T: Serialize + ?Sized>(&mut self, part: &T) -> Result<(), Unserializable> {
        self.forms.push(part.serialize(Form)?);
        Ok(())
    }

    fn text(self) -> String {
        let Parts { name, forms } = self;
        match forms.as_slice() {
            [first, rest @ ..] if !rest.is_empty() && rest.iter().all(|form| form == first) => {
                format!("{name}[{first}; {}]", forms.len())
            }
            _ => format!("{name}({})", forms.join(", ")),
        }
    }
}

/// The id's own `Serialize` fails.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unserializable(String);

impl Error for Unserializable {
    fn custom<T: Display>(message: T) -> Self {
        Unserializable(message.to_string())
    }
}

macro_rules! scalars {
    ($($method:ident: $type:ty = $form:literal),* $(,)?) => {
        $(fn $method(self, _: $type) -> Result<String, Unserializable> {
            Ok($form.into())
        })*
    };
}

impl Serializer for Form {
    type Ok = String;
    type Error = Unserializable;
    type SerializeSeq = Parts;
    type SerializeTuple = Parts;
    type SerializeTupleStruct = Parts;
    type SerializeTupleVariant = Parts;
    type SerializeMap = Parts;
    type SerializeStruct = Parts;
    type SerializeStructVariant = Parts;

    scalars! {
        serialize_bool: bool = "bool",
        serialize_i8: i8 = "i8",
        serialize_i16: i16 = "i16",
        serialize_i32: i32 = "i32",
        serialize_i64: i64 = "i64",
        serialize_i128: i128 = "i128",
        serialize_u8: u8 = "u8",
        serialize_u16: u16 = "u16",
        serialize_u32: u32 = "u32",
        serialize_u64: u64 = "u64",
        serialize_u128: u128 = "u128",
        serialize_f32: f32 = "f32",
        serialize_f64: f64 = "f64",
        serialize_char: char = "char",
        serialize_str: &str = "str",
        serialize_bytes: &[u8] = "bytes",
        serialize_unit_struct: &'static str = "()",
    }

    fn serialize_unit(self) -> Result<String, Unserializable> {
        Ok("()".into())
    }

    fn serialize_none(self) -> Result<String, Unserializable> {
        Ok("Option".into())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<String, Unserializable> {
        Ok(format!("Option({})", value.serialize(self)?))
    }

    /// The name of a struct may change, since its values stay the same.
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<String, Unserializable> {
        value.serialize(self)
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<String, Unserializable> {
        Ok(format!("{name}::{variant}"))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<String, Unserializable> {
        Ok(format!("{name}::{variant}({})", value.serialize(self)?))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts, Unserializable> {
        Ok(Parts::new("list".into()))
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts, Unserializable> {
        Ok(Parts::new(String::new()))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts, Unserializable> {
        Ok(Parts::new(String::new()))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts, Unserializable> {
        Ok(Parts::of_variant(name, variant))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts, Unserializable> {
        Ok(Parts::new("map".into()))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts, Unserializable> {
        Ok(Parts::new(String::new()))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts, Unserializable> {
        Ok(Parts::of_variant(name, variant))
    }

    /// The form that is stored is that of a datagram too, where an address is no text.
    fn is_human_readable(&self) -> bool {
        false
    }
}

macro_rules! parts {
    ($($role:ident: $($method:ident($($ignored:ty)?))+),* $(,)?) => {
        $(impl $role for Parts {
            type Ok = String;
            type Error = Unserializable;

            $(fn $method<T: Serialize + ?Sized>(&mut self, $(_: $ignored,)? part: &T) -> Result<(), Unserializable> {
                self.push(part)
            })+

            fn end(self) -> Result<String, Unserializable> {
                Ok(self.text())
            }
        })*
    };
}

parts! {
    SerializeTuple: serialize_element(),
    SerializeTupleStruct: serialize_field(),
    SerializeTupleVariant: serialize_field(),
    SerializeMap: serialize_key() serialize_value(),
    SerializeStruct: serialize_field(&'static str),
    SerializeStructVariant: serialize_field(&'static str),
}

/// The elements of a list, whose number may differ from one id to the next, are of one form.
impl SerializeSeq for Parts {
    type Ok = String;
    type Error = Unserializable;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, part: &T) -> Result<(), Unserializable> {
        if self.forms.is_empty() { self.push(part) } else { Ok(()) }
    }

    fn end(self) -> Result<String, Unserializable> {
        Ok(self.text())
    }
}
