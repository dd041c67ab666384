//! libpcap, as far as filters need it: the library that tcpdump runs with, found by its name at run time of the linker, so that no
//! header and no development package is needed.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{CString, c_char, c_int};
use std::ptr;

use rawsock::wire::frame::LinkType;
use rawsock_fuzz::vocabulary::Verdict;

#[repr(C)]
struct Handle([u8; 0]);

/// `struct bpf_program` of `pcap/bpf.h`.
#[repr(C)]
struct Program {
    len: u32,
    instructions: *mut u8,
}

/// `struct pcap_pkthdr` of `pcap/pcap.h`.
#[repr(C)]
struct Header {
    seconds: i64,
    microseconds: i64,
    captured: u32,
    len: u32,
}

#[link(name = "libpcap.so.0.8", kind = "dylib", modifiers = "+verbatim")]
unsafe extern "C" {
    fn pcap_open_dead(link: c_int, snap_len: c_int) -> *mut Handle;
    fn pcap_compile(
        handle: *mut Handle,
        program: *mut Program,
        text: *const c_char,
        optimize: c_int,
        mask: u32,
    ) -> c_int;
    fn pcap_freecode(program: *mut Program);
    fn pcap_offline_filter(program: *const Program, header: *const Header, octets: *const u8) -> c_int;
}

thread_local! {
    static HANDLES: RefCell<HashMap<u32, *mut Handle>> = RefCell::default();
}

/// What libpcap says, with its optimizer or without.
pub fn verdict(text: &str, link_type: LinkType, octets: &[u8], optimize: bool) -> Verdict {
    let Ok(text) = CString::new(text) else { return Verdict::Refused };
    // Raw IP is 101 in files and 12 in programs, on Linux.
    let link = if link_type == LinkType::RAW { 12 } else { 1 };
    // SAFETY: it takes two numbers and gives a handle, which lives as long as the thread.
    let open = || unsafe { pcap_open_dead(link, 262_144) };
    let handle = HANDLES.with(|handles| *handles.borrow_mut().entry(link_type.0).or_insert_with(open));
    assert!(!handle.is_null());
    let mut program = Program { len: 0, instructions: ptr::null_mut() };
    // SAFETY: the handle lives, the text ends with a zero, the program is written before it is read.
    if unsafe { pcap_compile(handle, &mut program, text.as_ptr(), optimize.into(), 0) } != 0 {
        return Verdict::Refused;
    }
    let len = u32::try_from(octets.len()).expect("packets are small here");
    let header = Header { seconds: 0, microseconds: 0, captured: len, len };
    // SAFETY: the program was compiled, and the header says how many octets there are.
    let taken = unsafe { pcap_offline_filter(&program, &header, octets.as_ptr()) };
    // SAFETY: it was compiled, and is not used again.
    unsafe { pcap_freecode(&mut program) };
    if taken == 0 { Verdict::Leaves } else { Verdict::Takes }
}
