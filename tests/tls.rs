//! TLS: the records that a segment has as a whole, and the hellos in them; our fields and filters are those of tshark, our lines
//! those of tcpdump, which knows no TLS.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::RAWSOCK;
use support::judges::{columns_are_those_of_tshark, lines, lines_are_those_of_tcpdump};

fn capture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/tls.pcap")
}

#[test]
fn lines_are_those_of_tcpdump_for_tls() {
    lines_are_those_of_tcpdump(&capture(), &[], &[]);
}

#[test]
fn filters_and_columns_are_those_of_tshark() {
    columns_are_those_of_tshark(
        &capture(),
        &[
            "tls.record.version",
            "tls.handshake.version",
            "tls.handshake.random",
            "tls.handshake.session_id_length",
            "tls.handshake.ciphersuite",
            "tls.handshake.comp_method",
            "tls.handshake.extensions_length",
            "tls.handshake.extension.type",
            "tls.handshake.extension.len",
            "tls.handshake.extensions_server_name",
            "tls.handshake.extensions_server_name_len",
            "tls.handshake.extensions_alpn_str",
            "tls.handshake.extensions_alpn_len",
            "tls.handshake.extensions.supported_version",
            "tls.handshake.extensions_supported_group",
            "tls.alert_message.level",
            "tls.alert_message.desc",
        ],
    );
}

/// Each hello of the capture says its lengths as they are computed: a spec leaves them out, and builds the same octets.
#[test]
fn lengths_are_computed() {
    let spec =
        lines(Command::new(RAWSOCK).args(["read", "--toml", "-Y", "tls.handshake.type == 1"]).arg(capture()));
    let spec = spec.join("\n");
    assert!(spec.contains("server_name = \"www.example.org\"") && spec.contains("alpn_str"), "{spec}");
    for computed in
        ["record.length", "handshake.length", "suites_length", "methods_length", "extensions_length"]
    {
        assert!(!spec.contains(computed), "{computed}: {spec}");
    }
}

/// Two lines of options are enough for a hello that tshark understands.
#[test]
fn a_hello_that_is_built_is_one_for_tshark() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hello.pcap");
    let hello = "ip(src=10.0.0.1, dst=10.0.0.2)/tcp(srcport=40000, flags=PA)/tls(handshake.ciphersuites=[0x1301], \
                 handshake.comp_methods=[0], handshake.extensions=[{type=server_name, server_name=a.example}, \
                 {type=16, alpn_str=[h2]}, {type=43, supported_versions=[0x0304]}, {type=13, sig_hash_algs=[0x0804]}, \
                 {type=10, supported_groups=[29]}, {type=0x1234, data=0102}])";
    lines(Command::new(RAWSOCK).args(["craft", hello, "-w"]).arg(&file));
    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-r"]).arg(&file).args(["-Y", "tls and not _ws.malformed", "-T", "fields"]);
    for name in ["tcp.dstport", "tls.handshake.extensions_server_name", "tls.handshake.extensions_alpn_str"] {
        tshark.args(["-e", name]);
    }
    tshark.args(["-e", "tls.handshake.extensions_supported_group", "-e", "tls.handshake.extension.len"]);
    assert_eq!(lines(&mut tshark), ["443\ta.example\th2\t0x001d\t14,5,3,4,4,2"]);
}
