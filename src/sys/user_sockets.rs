//! TCP sockets of another user, as rules of netfilter see it (`meta skuid`): whoever opens a socket owns it for good. A process of that
//! user opens them, which has no right at all, and hands them over (SCM_RIGHTS in unix(7)).

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use socket2::{Domain, Protocol, Socket, Type};

use super::companion::{Companion, number_of, result_of};
use super::process;
use super::sandbox::SandboxError;

/// The process that opens them.
#[derive(Debug)]
pub struct UserSockets {
    companion: Companion,
    user: u32,
}

impl UserSockets {
    /// Begins, as this user; `enter` is how the process becomes that, and gives up all rights.
    ///
    /// # Errors
    /// When it cannot become the user, or there is no room for another process.
    pub fn of(user: u32, enter: impl FnOnce() -> Result<(), SandboxError>) -> io::Result<Self> {
        let companion = Companion::start(move |mut channel| {
            let entered = enter();
            let is_user = entered.is_ok() && process::user() == user;
            let begun = if is_user { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::EPERM)) };
            if channel.write_all(&number_of(&begun)).is_ok() && is_user {
                serve(&channel);
            }
            0
        })?;
        result_of(companion.told()?)?;
        Ok(Self { companion, user })
    }

    /// Whose they are.
    pub fn user(&self) -> u32 {
        self.user
    }

    /// Opens one.
    ///
    /// # Errors
    /// When no descriptor is left, or the process is gone.
    pub(super) fn tcp(&self, domain: Domain) -> io::Result<Socket> {
        let mut channel = self.companion.channel();
        channel.write_all(&[if domain == Domain::IPV4 { FOUR } else { SIX }])?;
        let (number, socket) = take(channel)?;
        result_of(number)?;
        // What there is no descriptor left for is thrown away by the kernel (MSG_CTRUNC in recvmsg(2)).
        socket.map(Socket::from).ok_or_else(|| io::Error::from_raw_os_error(libc::EMFILE))
    }
}

/// Opens sockets until nobody asks for any more.
fn serve(mut channel: &UnixStream) {
    let mut family = [0];
    while channel.read_exact(&mut family).is_ok() {
        let domain = if family == [FOUR] { Domain::IPV4 } else { Domain::IPV6 };
        let opened = Socket::new(domain, Type::STREAM, Some(Protocol::TCP));
        if hand_over(channel, &opened).is_err() {
            return;
        }
    }
}

fn hand_over(channel: &UnixStream, opened: &io::Result<Socket>) -> io::Result<()> {
    let number = match opened {
        Ok(_) => number_of(&Ok(())),
        Err(error) => {
            number_of(&Err(io::Error::from_raw_os_error(error.raw_os_error().unwrap_or(libc::EIO))))
        }
    };
    let descriptors: Vec<_> = opened.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
    }
    sendmsg(channel, &[IoSlice::new(&number)], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// What was said of a socket, and the socket.
fn take(channel: &UnixStream) -> io::Result<([u8; 4], Option<OwnedFd>)> {
    let mut number = [0; 4];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::WAITALL;
    let got = recvmsg(channel, &mut [IoSliceMut::new(&mut number)], &mut control, flags)?;
    if got.bytes != number.len() {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    let mut rights = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    Ok((number, rights.next().and_then(|mut descriptors| descriptors.next())))
}

/// What is asked for.
const FOUR: u8 = 4;
const SIX: u8 = 6;
