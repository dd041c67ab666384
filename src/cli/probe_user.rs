//! Whose sockets `rawsock probe --compare` connects by: those of the user who runs it, and those of another one, for rules that look
//! at users. Under sudo the process becomes the calling user, so that the sockets of either may be another user's by then.

use std::io;
use std::rc::Rc;

use super::probe::ProbeArgs;
use super::sandbox;
use crate::exchange::drive::probe::Openers;
use crate::sys::process;
use crate::sys::sandbox::{Caller, Doing, Sandbox};
use crate::sys::user_sockets::UserSockets;

/// The other user: the one that is named, or else who called sudo.
pub(super) fn other(args: &ProbeArgs) -> Option<u32> {
    args.user.or_else(|| sandbox::caller().map(|caller| caller.user).filter(|user| *user != 0))
}

/// Splits off the processes that open sockets of users who this one is not from the border on.
///
/// # Errors
/// When there is no room for a process.
pub(super) fn openers(args: &ProbeArgs) -> io::Result<Openers> {
    let (now, within) = (process::user(), sandbox::user_within(args.sandbox));
    let start = |user| of(user, args).map(Rc::new);
    let own = (now != within).then(|| start(now)).transpose()?;
    let named = other(args).filter(|user| *user != within).map(|user| match &own {
        Some(own) if own.user() == user => Ok(Rc::clone(own)),
        _ => start(user).map_err(|error| {
            format!(
                "open a socket of user {user}: {error}; it takes CAP_SETUID, and a user of that number here"
            )
        }),
    });
    Ok(Openers { own, named })
}

fn of(user: u32, args: &ProbeArgs) -> io::Result<UserSockets> {
    let caller = sandbox::caller().filter(|caller| caller.user == user);
    let whom = caller.unwrap_or(Caller { user, group: process::group() });
    let rights = Sandbox {
        doings: vec![Doing::Connect, Doing::Traffic],
        caller: (user != process::user()).then_some(whom),
        ..Sandbox::default()
    };
    let what = format!("a process beside, which opens sockets of user {user}");
    UserSockets::of(user, || sandbox::enter_beside(rights, args.sandbox, args.verbose, &what))
}
