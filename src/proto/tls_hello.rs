//! Where the parts of a TLS hello are, and whether its lengths agree: only then are its fields told one by one.

use super::auto::Scope;
use super::describe::Before;
use crate::wire::big_endian::{octet, octet_at, word_at};

/// The first octet of a hello in its record, behind the record's header.
const HELLO_AT: usize = 5;
/// Where the hello's own length ends.
const BODY_AT: usize = 9;
/// Octets of the record up to the session.
const SESSION_AT: usize = 44;
const CLIENT: u8 = 1;
const SERVER: u8 = 2;

/// Whether a hello begins behind the record's header, and its lengths agree.
pub(super) fn begins(before: &Before<'_>) -> bool {
    let is_handshake = octet(before.header, 0) == 22 && before.header.len() == HELLO_AT;
    if before.builds {
        return is_handshake && !(before.wrote)("content");
    }
    let content = word_at(before.header, 3).and_then(|len| before.left.get(..usize::from(len)));
    is_handshake && content.is_some_and(|content| agrees(content).is_some())
}

/// Whether the head of a hello has been read or written.
pub(super) fn is_hello(before: &Before<'_>) -> bool {
    octet(before.header, 0) == 22 && before.header.len() >= SESSION_AT
}

pub(super) fn is_client(before: &Before<'_>) -> bool {
    octet(before.header, HELLO_AT) != SERVER
}

/// Whether the hello goes on behind its compression methods.
pub(super) fn has_extensions(before: &Before<'_>) -> bool {
    if !is_hello(before) {
        return false;
    }
    if before.builds {
        ["handshake.extensions", "handshake.extensions_length"].iter().any(|name| (before.wrote)(name))
    } else {
        end(before.header).is_some_and(|end| before.header.len() < end)
    }
}

/// Whether the length of the extensions has just been read or written: what stands before it is of an odd length for a client
/// or has it two octets behind.
pub(super) fn is_behind_extensions_len(before: &Before<'_>) -> bool {
    is_hello(before) && extensions_at(before.header) == Some(before.header.len())
}

/// Octets of the extensions of a record that is being built.
pub(super) fn extensions_len(scope: &Scope<'_>) -> Option<u64> {
    let at = extensions_at(scope.region())?;
    u64::try_from(scope.region().len().checked_sub(at)?).ok()
}

/// Where the extensions begin, as the lengths before them say.
fn extensions_at(record: &[u8]) -> Option<usize> {
    let session_end = SESSION_AT.checked_add(usize::from(octet_at(record, SESSION_AT.checked_sub(1)?)?))?;
    let methods_end = if octet(record, HELLO_AT) == SERVER {
        session_end.checked_add(3)?
    } else {
        let suites = usize::from(word_at(record, session_end)?);
        let methods_at = session_end.checked_add(2)?.checked_add(suites)?;
        methods_at.checked_add(1)?.checked_add(usize::from(octet_at(record, methods_at)?))?
    };
    methods_end.checked_add(2)
}

/// Where the hello ends in its record, as it says itself.
fn end(record: &[u8]) -> Option<usize> {
    let [_, a, b, c] = record.get(HELLO_AT..BODY_AT)?.first_chunk::<4>().copied()?;
    usize::try_from(u32::from_be_bytes([0, a, b, c])).ok()?.checked_add(BODY_AT)
}

/// Whether a record's content begins with a hello all of whose lengths agree.
fn agrees(content: &[u8]) -> Option<()> {
    if !matches!(content.first(), Some(&(CLIENT | SERVER))) {
        return None;
    }
    // Places are counted from the record's first octet.
    let at = |place: usize| place.checked_sub(HELLO_AT);
    let hello_end = {
        let [_, a, b, c] = content.first_chunk::<4>().copied()?;
        usize::try_from(u32::from_be_bytes([0, a, b, c])).ok()?.checked_add(4)?
    };
    let hello = content.get(..hello_end)?;
    let session_end =
        SESSION_AT.checked_add(usize::from(octet_at(hello, at(SESSION_AT)?.checked_sub(1)?)?))?;
    let methods_end = if content.first() == Some(&SERVER) {
        session_end.checked_add(3)?
    } else {
        let suites = usize::from(word_at(hello, at(session_end)?)?);
        let methods_at = session_end.checked_add(2)?.checked_add(suites)?;
        suites.is_multiple_of(2).then_some(())?;
        methods_at.checked_add(1)?.checked_add(usize::from(octet_at(hello, at(methods_at)?)?))?
    };
    let behind = hello.get(at(methods_end)?..)?;
    if behind.is_empty() {
        return Some(());
    }
    let mut extensions =
        behind.get(2..).filter(|list| word_at(behind, 0).map(usize::from) == Some(list.len()))?;
    while !extensions.is_empty() {
        let len = usize::from(word_at(extensions, 2)?);
        extensions = extensions.get(4usize.checked_add(len)?..)?;
    }
    Some(())
}
