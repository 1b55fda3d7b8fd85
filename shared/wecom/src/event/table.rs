//! The macro that turns the one list of events into the enum, its structs, the parser and the list of fields.

use crate::fields::Fields;

/// One row of the list, for tests, documents and tools.
#[derive(Debug, Clone, Copy)]
pub struct FieldList {
    /// As [`Event::name`](super::Event::name).
    pub name: &'static str,
    /// WeCom's `Event`, a suite's `InfoType`, or `message` for what a member wrote.
    pub kind: &'static str,
    /// WeCom's `ChangeType`, the `MsgType` of a message, else empty.
    pub change: &'static str,
    /// Path of each typed field, and whether the event needs it.
    pub fields: &'static [(&'static str, bool)],
}

/// What a message is, in the two words by which the list is sorted. A suite's command and an app's event about the
/// same thing give the same words.
pub(super) fn kind_and_change(fields: &Fields) -> (&str, &str) {
    let value = |path| fields.get(path).unwrap_or_default();
    match (fields.get("InfoType"), value("MsgType")) {
        (Some(command), _) => (command, value("ChangeType")),
        (None, "event") => (value("Event"), value("ChangeType")),
        (None, kind) => ("message", kind),
    }
}

macro_rules! events {
    ($(
        $(#[$doc:meta])*
        $variant:ident = $name:literal : $kind:literal $change:literal {
            $( $(#[$field_doc:meta])* $field:ident: $type:ty = $path:literal, )*
        }
    )*) => {
        /// What happened. Variants are in the past tense; each holds the fields of WeCom's event.
        ///
        /// An event that is not of the list, or that lacks a required field, is [`Event::Unknown`]: it is acknowledged
        /// and kept, and never an error.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Event {
            $( $(#[$doc])* $variant($variant), )*
            /// None of the list. The message's fields hold all of it.
            Unknown,
        }

        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq)]
            pub struct $variant {
                $(
                    #[doc = concat!("`", $path, "`.")]
                    $(#[$field_doc])*
                    pub $field: $type,
                )*
            }
        )*

        $(
            impl $variant {
                /// `None` as soon as one required field is missing. Some events have no fields at all.
                fn read(_fields: &Fields) -> Option<Self> {
                    Some(Self { $( $field: FromFields::read(_fields, $path)?, )* })
                }
            }
        )*

        impl Event {
            /// A stable name such as `add_external_contact`, `change_external_tag.create` or `unknown`.
            pub fn name(&self) -> &'static str {
                match self {
                    $( Self::$variant(_) => $name, )*
                    Self::Unknown => "unknown",
                }
            }

            /// Every event of the list, with the words and fields by which it is read.
            pub fn field_lists() -> &'static [FieldList] {
                &[$( FieldList {
                    name: $name,
                    kind: $kind,
                    change: $change,
                    fields: &[$( ($path, <$type as FromFields>::REQUIRED) ),*],
                } ),*]
            }

            pub(crate) fn read(fields: &Fields) -> Self {
                let event = match kind_and_change(fields) {
                    $( ($kind, $change) => $variant::read(fields).map(Self::$variant), )*
                    _ => None,
                };
                event.unwrap_or(Self::Unknown)
            }
        }
    };
}

pub(super) use events;
