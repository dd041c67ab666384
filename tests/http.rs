//! HTTP/1: our lines are those of tcpdump, our fields and filters those of tshark, and what we build is what a server understands.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::RAWSOCK;
use support::judges::{lines, lines_are_those_of_tcpdump};

fn capture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/http.pcap")
}

#[test]
fn lines_are_those_of_tcpdump_for_http() {
    lines_are_those_of_tcpdump(&capture(), &[], &[]);
}

#[test]
fn columns_are_those_of_tshark() {
    let names = [
        "http.request.method",
        "http.request.uri",
        "http.request.version",
        "http.response.version",
        "http.response.code",
        "http.response.phrase",
        "http.host",
        "http.user_agent",
        "http.accept",
        "http.cookie",
        "http.server",
        "http.content_type",
        "http.content_length_header",
        "http.date",
        "http.location",
        "http.connection",
    ];
    let mut tshark = Command::new("tshark");
    tshark.args(["-n", "-o", "tcp.desegment_tcp_streams:FALSE", "-r"]).arg(capture());
    tshark.args(["-Y", "http", "-T", "fields", "-e", "frame.number"]);
    names.iter().for_each(|name| _ = tshark.args(["-e", name]));
    let columns = format!("frame.number,{}", names.join(","));
    let ours = lines(Command::new(RAWSOCK).args(["read", "--fields", &columns, "-Y", "http"]).arg(capture()));
    assert_eq!(ours, lines(&mut tshark));
    assert_eq!(ours.len(), 9);
}

/// The first one alone was known, so that a filter for what the second one said took nothing.
#[test]
fn each_of_several_header_fields_of_one_name_counts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cookies.pcap");
    let response = "ip/tcp(srcport=80, flags=PA)/http(response.version=\"HTTP/1.1\", response.status_code=\"200\", response.phrase=OK, \
                    fields=[{name=Set-Cookie, value=\"a=1\"}, {name=Date, value=now}, {name=Content-Length, value=0}, {name=set-cookie, value=\"session=2\"}])";
    lines(Command::new(RAWSOCK).args(["craft", response, "-w"]).arg(&file));
    let chosen = |filter: &str| {
        let columns = ["read", "--fields", "http.set_cookie,http.date,http.cookie", "-Y", filter];
        lines(Command::new(RAWSOCK).args(columns).arg(&file))
    };
    let theirs = ["-e", "http.set_cookie", "-e", "http.date", "-e", "http.cookie"];
    let theirs = lines(Command::new("tshark").args(["-n", "-T", "fields"]).args(theirs).arg("-r").arg(&file));
    assert_eq!(chosen("http"), theirs);
    assert_eq!(theirs, ["a=1,session=2\tnow\t"]);
    assert_eq!(chosen("http.set_cookie contains \"session\"").len(), 1);
    assert_eq!(chosen("count(http.set_cookie) == 2 and count(http.date) == 1").len(), 1);
    assert!(chosen("http.set_cookie contains \"now\"").is_empty());
}

#[test]
fn a_request_is_written_as_its_parts() {
    let built = |expression: &str| {
        let octets = lines(Command::new(RAWSOCK).args(["craft", "--hex", expression])).concat();
        String::from_utf8(hex::decode(octets).unwrap()).unwrap()
    };
    assert_eq!(
        built(
            "http(request.method=GET, request.uri=\"/\", request.version=\"HTTP/1.1\", \
             fields=[{name=Host, value=example.com}, {name=Accept, colon=3a, value=\"*/*\", end=0a}])"
        ),
        "GET / HTTP/1.1\r\nHost: example.com\r\nAccept:*/*\n\r\n"
    );
    assert_eq!(
        built(
            "http(response.version=\"HTTP/1.1\", response.status_code=\"200\", response.phrase=OK)/data(text=\"hi\")"
        ),
        "HTTP/1.1 200 OK\r\n\r\nhi"
    );
}
