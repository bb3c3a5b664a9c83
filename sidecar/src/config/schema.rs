//! The macros that make a configuration type of a list of fields.
//!
//! `message!` makes a struct that reads itself; `oneof!` an enum of which a message holds at most one; `choice!` an
//! enum of words; `any!` the extensions that may stand in one place, told apart by `@type`.
//! The number before a field is protobuf's: it gives the order in which the admin page shows fields.
//! A field in `lacks` is one that Envoy has and vethlab refuses; any other is unknown to Envoy as well.

/// Structs whose members are fields of an Envoy message of the same names.
macro_rules! message {
    ($(
        $(#[$doc:meta])*
        struct $name:ident = $full:literal {
            $( $(#[$about:meta])* $number:literal $field:ident : $ty:ty $( = [ $($rule:expr),* ] )? , )*
        }
        $( oneof { $( $group:ident : $gty:ty , )* } )?
        $( lacks [ $($absent:literal)* ] )?
    )*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct $name {
            $( $(#[$about])* pub $field: $ty, )*
            $( $( pub $group: $gty, )* )?
        }

        impl $crate::config::reader::Message for $name {
            const NAME: &'static str = $full;
        }

        impl $crate::config::reader::Field for $name {
            fn kind() -> String {
                concat!("message ", $full).to_owned()
            }

            #[allow(unused_mut)]
            fn json(&self) -> serde_json::Value {
                use $crate::config::reader as made;
                let mut fields: Vec<(u32, &'static str, serde_json::Value)> = Vec::new();
                $(
                    if made::is_shown(&self.$field, &[$( $($rule),* )?]) {
                        fields.push(($number, made::plain(stringify!($field)), made::Field::json(&self.$field)));
                    }
                )*
                $( $( fields.extend(made::Slot::chosen(&self.$group).map(made::Oneof::json_choice)); )* )?
                made::object(fields)
            }

            fn is_unset(&self) -> bool {
                *self == $name::default()
            }

            #[allow(unused_variables, unused_mut)]
            fn read(
                reader: &mut $crate::config::reader::Reader,
                node: &$crate::config::yaml::Node,
            ) -> Result<Self, $crate::config::reader::Refused> {
                use $crate::config::reader as made;
                let message = made::last_part($full);
                let typed = reader.take_typed();
                $( let mut $field: Option<$ty> = None; )*
                $( $( let mut $group: Option<(<$gty as made::Slot>::Of, &'static str)> = None; )* )?
                for (key, node) in reader.entries(node)? {
                    if node.value == $crate::config::yaml::Value::Null || (typed && key == "@type") {
                        continue;
                    }
                    $( if made::is_spelling(key, made::plain(stringify!($field))) {
                        $field = Some(reader.member(message, made::plain(stringify!($field)), node)?);
                        continue;
                    } )*
                    $( $( if let Some(read) = <<$gty as made::Slot>::Of as made::Oneof>::read_choice(reader, message, key, node) {
                        let read = read?;
                        if let Some((_, before)) = $group {
                            return Err(reader.taken(message, read.1, before));
                        }
                        $group = Some(read);
                        continue;
                    } )* )?
                    $( if [$($absent),*].iter().any(|it| made::is_spelling(key, it)) {
                        reader.not_simulated(key);
                        continue;
                    } )?
                    reader.unknown_field(key, node.mark);
                }
                $(
                    let seen = $field.is_some();
                    let $field = $field.unwrap_or_default();
                    reader.check(message, made::plain(stringify!($field)), &$field, seen, &[$( $($rule),* )?]);
                )*
                $( $( let $group = <$gty as made::Slot>::settle($group.map(|it| it.0), reader, stringify!($group)); )* )?
                Ok($name { $($field,)* $( $($group,)* )? })
            }
        }
    )*};
}

/// Enums of which a message holds at most one (or exactly one: then it stands there without `Option`).
macro_rules! oneof {
    ($(
        $(#[$doc:meta])*
        $name:ident { $( $(#[$about:meta])* $number:literal $field:ident : $variant:ident ( $ty:ty ) $( = [ $($rule:expr),* ] )? , )* }
    )*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $name { $( $(#[$about])* $variant($ty), )* }

        impl $crate::config::reader::Oneof for $name {
            fn read_choice(
                reader: &mut $crate::config::reader::Reader,
                message: &'static str,
                key: &str,
                node: &$crate::config::yaml::Node,
            ) -> Option<Result<(Self, &'static str), $crate::config::reader::Refused>> {
                use $crate::config::reader::{is_spelling, plain};
                $( if is_spelling(key, plain(stringify!($field))) {
                    let field = plain(stringify!($field));
                    return Some(reader.member::<$ty>(message, field, node).map(|it| {
                        reader.check(message, field, &it, true, &[$( $($rule),* )?]);
                        ($name::$variant(it), field)
                    }));
                } )*
                None
            }

            fn json_choice(&self) -> (u32, &'static str, serde_json::Value) {
                use $crate::config::reader::{Field, plain};
                match self {
                    $( $name::$variant(it) => ($number, plain(stringify!($field)), it.json()), )*
                }
            }
        }

        impl Default for $name {
            #[allow(unreachable_code)]
            fn default() -> Self {
                $( return $name::$variant(<$ty>::default()); )*
            }
        }

        impl $crate::config::reader::Slot for $name {
            type Of = $name;
            fn settle(chosen: Option<Self>, reader: &mut $crate::config::reader::Reader, group: &str) -> Self {
                chosen.unwrap_or_else(|| {
                    reader.missing_choice(group);
                    $name::default()
                })
            }
            fn chosen(&self) -> Option<&Self::Of> {
                Some(self)
            }
        }
    )*};
}

/// Enums of words; the first is the default.
macro_rules! choice {
    ($(
        $(#[$doc:meta])*
        $name:ident = $full:literal { $first:ident = $one:literal $word:literal, $( $variant:ident = $number:literal $text:literal, )* }
    )*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { #[default] $first, $( $variant, )* }

        impl $name {
            const ALL: &'static [$name] = &[$name::$first, $( $name::$variant, )*];
            const WORDS: &'static [(&'static str, i32)] = &[($word, $one), $( ($text, $number), )*];

            /// As Envoy's configuration spells it.
            pub fn word(self) -> &'static str {
                $name::WORDS[self as usize].0
            }

            /// Its number in protobuf.
            pub fn number(self) -> i32 {
                $name::WORDS[self as usize].1
            }
        }

        impl $crate::config::reader::Field for $name {
            fn read(
                reader: &mut $crate::config::reader::Reader,
                node: &$crate::config::yaml::Node,
            ) -> Result<Self, $crate::config::reader::Refused> {
                let found = $crate::config::reader::read_enum(reader, node, $name::WORDS)?;
                Ok(found.map(|it| $name::ALL[it]).unwrap_or_default())
            }
            fn kind() -> String {
                concat!("enum ", $full).to_owned()
            }
            fn json(&self) -> serde_json::Value {
                self.word().into()
            }
            fn is_unset(&self) -> bool {
                *self == $name::default()
            }
        }
    )*};
}

/// The extensions that may stand in one place.
macro_rules! any {
    ($( $(#[$doc:meta])* $name:ident { $( $variant:ident($ty:ty), )* } )*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq)]
        pub enum $name {
            $( $variant($ty), )*
            /// An extension of Envoy that cannot stand here, by its type; empty when there is no `typed_config`.
            Other(String),
            #[default]
            Unset,
        }

        impl $name {
            /// What cannot stand here: its type's name.
            pub fn misplaced(&self) -> Option<&str> {
                match self {
                    $name::Other(url) => Some(url),
                    $name::Unset => Some(""),
                    _ => None,
                }
            }
        }

        impl $crate::config::reader::Field for $name {
            fn read(
                reader: &mut $crate::config::reader::Reader,
                node: &$crate::config::yaml::Node,
            ) -> Result<Self, $crate::config::reader::Refused> {
                use $crate::config::reader::Message;
                let Some(url) = reader.type_url(node)? else { return Ok($name::Unset) };
                $( if url == <$ty as Message>::NAME {
                    return Ok($name::$variant(reader.inside_any(node)?));
                } )*
                $crate::config::extension::known_elsewhere(reader, url)?;
                Ok($name::Other(url.to_owned()))
            }
            fn kind() -> String {
                "message google.protobuf.Any".to_owned()
            }
            fn json(&self) -> serde_json::Value {
                use $crate::config::reader::{Message, typed};
                match self {
                    $( $name::$variant(it) => typed(<$ty as Message>::NAME, it.json()), )*
                    $name::Other(url) => typed(url, serde_json::Value::Null),
                    $name::Unset => serde_json::Map::new().into(),
                }
            }
            fn is_unset(&self) -> bool {
                matches!(self, $name::Unset)
            }
        }
    )*};
}

pub(crate) use {any, choice, message, oneof};
