//! Puts the fields of a message in the order in which they print, and settles which of them count.

use super::descriptor::Field;
use super::descriptor::Kind;
use super::descriptor::Message;
use super::scalar::Key;
use super::scalar::Scalar;
use crate::error::Result;
use crate::wire::Reader;
use crate::wire::Value;

/// One occurrence of a field on the wire.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item<'a> {
    /// The place of the field among those of its message.
    pub(super) field: usize,
    pub(super) value: Value<'a>,
}

impl<'a> Item<'a> {
    /// An occurrence of a field that is known otherwise.
    pub(super) fn new(value: Value<'a>) -> Self {
        Self { field: 0, value }
    }

    /// The bytes of a message, string or packed list.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.value.bytes().unwrap_or_default()
    }

    /// How many bytes of payload it has; a varint counts as one.
    pub(super) fn len(&self) -> usize {
        match self.value {
            Value::Len(bytes) | Value::Group(bytes) => bytes.len(),
            Value::Varint(_) => 1,
            Value::Fixed32(_) => 4,
            Value::Fixed64(_) => 8,
        }
    }
}

/// How a message is on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// In the order in which it prints, nothing twice.
    AsPrinted,
    /// In any other.
    Other,
}

/// Whether a value has the form that the field has; if not, protobuf takes it for an unknown field.
pub(super) fn suits(field: &Field, value: Value<'_>) -> bool {
    match (field.kind, value) {
        (kind, Value::Len(_)) => !kind.is_packable() || field.repeated,
        (Kind::Double | Kind::Fixed64 | Kind::Sfixed64, Value::Fixed64(_)) => true,
        (Kind::Float | Kind::Fixed32 | Kind::Sfixed32, Value::Fixed32(_)) => true,
        (Kind::Double | Kind::Fixed64 | Kind::Sfixed64, _) => false,
        (Kind::Float | Kind::Fixed32 | Kind::Sfixed32, _) => false,
        (kind, Value::Varint(_)) => kind.is_packable(),
        _ => false,
    }
}

/// How the fields of a message lie, and whether some are unknown. One pass, nothing allocated.
pub(super) fn order_of(message: &Message, wire: &[u8]) -> Result<(Order, bool)> {
    let mut order = Order::AsPrinted;
    let mut unknown = false;
    let mut last = None;
    let mut oneofs = 0u64;
    let mut reader = Reader::new(wire);
    while let Some(field) = reader.field()? {
        let Some((index, f)) = message
            .by_number(field.number)
            .filter(|(_, f)| suits(f, field.value))
        else {
            unknown = true;
            continue;
        };
        let oneof = f
            .oneof
            .map_or(0, |i| u32::try_from(i).map_or(u64::MAX, |i| 1u64.wrapping_shl(i)));
        if f.map || oneofs & oneof != 0 || last > Some(index) || last == Some(index) && !f.repeated {
            order = Order::Other;
        }
        oneofs |= oneof;
        last = Some(index);
    }
    Ok((order, unknown))
}

/// The fields of a message by number, occurrences of one in their order; of each oneof only the member
/// that was set last, from where it was set.
pub(super) fn arrange<'a>(message: &Message, wire: &'a [u8]) -> Result<Vec<Item<'a>>> {
    let mut items = Vec::new();
    // By oneof: the member that is set and where it was set.
    let mut set: Vec<Option<(usize, usize)>> = Vec::new();
    let mut reader = Reader::new(wire);
    while let Some(field) = reader.field()? {
        let Some((index, f)) = message.by_number(field.number) else {
            continue;
        };
        if !suits(f, field.value) {
            continue;
        }
        if let Some(oneof) = f.oneof {
            if set.len() <= oneof {
                set.resize(oneof.saturating_add(1), None);
            }
            if let Some(slot) = set.get_mut(oneof)
                && slot.is_none_or(|(member, _)| member != index)
            {
                *slot = Some((index, items.len()));
            }
        }
        items.push(Item {
            field: index,
            value: field.value,
        });
    }
    if !set.is_empty() {
        let mut position = 0usize;
        items.retain(|item| {
            let here = position;
            position = position.saturating_add(1);
            let oneof = message.fields.get(item.field).and_then(|f| f.oneof);
            let state = oneof.and_then(|oneof| set.get(oneof).copied().flatten());
            state.is_none_or(|(member, start)| item.field == member && here >= start)
        });
    }
    items.sort_by_key(|item| item.field);
    Ok(items)
}

/// The entries of a map by key, of those with the same key the last one. The values are all that one
/// entry has: none, or several of which the last counts or which merge.
pub(super) fn map_entries<'a>(
    key_field: &Field,
    value_field: &Field,
    items: &[Item<'a>],
) -> Result<Vec<(Scalar<'a>, Vec<Item<'a>>)>> {
    let mut entries: Vec<(Key<'a>, Scalar<'a>, Vec<Item<'a>>)> = Vec::with_capacity(items.len());
    for item in items {
        let Some(mut key) = Scalar::default_of(key_field.kind) else {
            continue;
        };
        let mut values = Vec::new();
        let mut reader = Reader::new(item.bytes());
        while let Some(field) = reader.field()? {
            if field.number == key_field.number
                && let Some(found) = Scalar::read(key_field.kind, field.value)
            {
                key = found;
            } else if field.number == value_field.number && suits(value_field, field.value) {
                values.push(Item::new(field.value));
            }
        }
        entries.push((key.key(), key, values));
    }
    entries.sort_by_key(|entry| entry.0);
    let mut out: Vec<(Scalar<'a>, Vec<Item<'a>>)> = Vec::with_capacity(entries.len());
    let mut last = None;
    for (sort, key, values) in entries {
        if last == Some(sort) {
            out.pop();
        }
        last = Some(sort);
        out.push((key, values));
    }
    Ok(out)
}
