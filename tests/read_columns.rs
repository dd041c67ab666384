//! Columns of chosen fields are those of `tshark -T fields`, octet by octet, and the other short answers of `read`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod corpus;
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::{RAWSOCK, run, skip_or_fail, text_of};

fn ours(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name)
}

fn read(arguments: &[&str], file: &Path) -> String {
    text_of(&run(Command::new(RAWSOCK).arg("read").args(arguments).arg(file).env("TZ", "UTC")))
}

fn tshark(fields: &[&str], more: &[&str], file: &Path) -> Option<String> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-T", "fields"]).args(more).args(fields.iter().flat_map(|field| ["-e", field]));
    for preference in corpus::pdml::PREFERENCES {
        command.args(["-o", preference]);
    }
    match command.arg("-r").arg(file).env("TZ", "UTC").output() {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(_) => {
            skip_or_fail("tshark is not installed");
            None
        }
    }
}

#[test]
fn the_columns_of_tshark() {
    let mut values = 0;
    for file in corpus::captures() {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        // tshark gives up early where lengths contradict themselves, and counts no octets of quoted headers.
        let is_odd = name.starts_with("wrong-on-purpose") || name.starts_with("tcp-stories");
        if file.parent() != Some(&ours("")) || is_odd {
            continue;
        }
        let Some(theirs) = tshark(&FIELDS, &[], &file) else { return };
        let own = read(&["--fields", &FIELDS.join(",")], &file);
        assert_eq!(own.lines().count(), theirs.lines().count(), "{name}");
        for (number, (own, theirs)) in own.lines().zip(theirs.lines()).enumerate() {
            for (field, (own, theirs)) in FIELDS.iter().zip(own.split('\t').zip(theirs.split('\t'))) {
                assert_eq!(own, theirs, "{name} #{}: {field}", number + 1);
                values += usize::from(!own.is_empty());
            }
        }
    }
    assert!(values > 2000, "only {values} values were compared");
}

/// Times since others are since all others, shown or not, but for the one that says so.
#[test]
fn times_between_packets_of_which_some_are_shown() {
    let fields = ["frame.number", "frame.time_relative", "frame.time_delta", "frame.time_delta_displayed"];
    let mut rows = 0;
    for file in corpus::captures().iter().filter(|file| file.parent() == Some(&ours(""))) {
        for filter in
            ["udp or icmp", "frame.number > 1", "frame.time_delta_displayed > 0.01 or frame.number == 2"]
        {
            let Some(theirs) = tshark(&fields, &["-Y", filter], file) else { return };
            let own = read(&["-Y", filter, "--fields", &fields.join(",")], file);
            assert_eq!(own, theirs, "{} {filter}", file.display());
            rows += own.lines().count();
        }
    }
    assert!(rows > 100, "only {rows} packets were compared");
}

/// A file with this packet.
fn crafted(folder: &Path, packet: &str) -> PathBuf {
    let file = folder.join("crafted.pcap");
    let output = run(Command::new(RAWSOCK).args(["craft", packet, "-w"]).arg(&file));
    assert!(output.status.success(), "{}", text_of(&output));
    file
}

/// RFC 1256 §3.1, RFC 2132 §3.4.
#[test]
fn numbers_in_twos_complement_have_their_sign() {
    let folder = tempfile::tempdir().unwrap();
    for (packet, name, shown, filter) in [
        (
            "ip()/icmp(type=9, addresses=[{router_address=192.0.2.7, pref_level=0xfffffffe}, \
             {router_address=192.0.2.8, pref_level=7}, {router_address=192.0.2.9, pref_level=0x80000000}])",
            "icmp.pref_level",
            "-2,7,-2147483648\n",
            "icmp.pref_level == -2 and icmp.pref_level > 6 and not icmp.pref_level > 7",
        ),
        (
            "ip()/udp(srcport=68, dstport=67)/dhcp(options=[dhcp=1, time_offset=0xfffff1f0])",
            "dhcp.option.time_offset",
            "-3600\n",
            "dhcp.option.time_offset < 0 and dhcp.option.time_offset == -3600",
        ),
    ] {
        let file = crafted(folder.path(), packet);
        let Some(theirs) = tshark(&[name], &[], &file) else { return };
        assert_eq!(theirs, shown);
        assert_eq!(read(&["--fields", name, "-Y", filter], &file), shown);
        let tree = read(&["-v"], &file);
        assert!(tree.contains(&format!(": {}\n", shown.split([',', '\n']).next().unwrap())), "{tree}");
    }
}

#[test]
fn empty_values_have_their_places() {
    let folder = tempfile::tempdir().unwrap();
    let packet = "ip()/udp(srcport=53)/dns(id=1, flags.response=true, answers=[{name=a.example, type=TXT, txt=[\"\"]}, \
                  {name=a.example, type=TXT, txt=[\"b\", \"\", \"c\"]}, {name=a.example, type=TXT, txt=[\"\"]}])";
    let file = crafted(folder.path(), packet);
    let Some(theirs) = tshark(&["dns.txt"], &[], &file) else { return };
    assert_eq!(theirs, ",b,,c,\n");
    assert_eq!(read(&["--fields", "dns.txt"], &file), theirs);
}

#[test]
fn commas_and_names_as_csv_has_them() {
    let names = "frame.number,ip.src,tcp.options,icmp.type";
    let fields: Vec<&str> = names.split(',').collect();
    let file = ours("udp-errors.pcap");
    let Some(theirs) = tshark(&fields, &["-E", "separator=,", "-E", "header=y", "-E", "quote=d"], &file)
    else {
        return;
    };
    let own = read(&["--fields", names, "--csv", "--header"], &file);
    let (own_names, own_rows) = own.split_once('\n').unwrap();
    let (their_names, their_rows) = theirs.split_once('\n').unwrap();
    assert_eq!(own_names, their_names);
    // tshark has quotes around all values, we around those that need them.
    let plain = |row: &str| row.replace("\"\"", "").replace('"', "");
    assert_eq!(
        own_rows.replace('"', ""),
        their_rows.lines().map(|row| plain(row) + "\n").collect::<String>()
    );
    assert!(own_rows.lines().any(|row| row.contains(",\"10.77.") && row.contains("\",")), "{own_rows}");
}

#[test]
fn texts_of_a_file_cannot_forge_a_column() {
    let folder = tempfile::tempdir().unwrap();
    let noted = folder.path().join("noted.pcapng");
    let comment = "1:a\tb\nc\\d\"e\u{1b}[2J,\u{202e}";
    let file = ours("tcp-echo.pcapng");
    run(Command::new(RAWSOCK).args(["read", "-q", "-c1", "--comment", comment, "-w"]).arg(&noted).arg(file));
    let tabs = read(&["--fields", "frame.number,frame.comment,frame.len"], &noted);
    assert!(tabs.starts_with("1\ta\\tb\\nc\\\\d\"e\\u{1b}[2J,\\u{202e}\t"), "{tabs:?}");
    let csv = read(&["--csv", "--fields", "frame.comment"], &noted);
    assert_eq!(csv, "\"a\\u{9}b\\u{a}c\\d\"\"e\\u{1b}[2J,\\u{202e}\"\n");
}

#[test]
fn a_name_that_is_none_is_told_with_the_nearest() {
    for (name, near) in [("tcp.dstprt", "tcp.dstport"), ("frame.nubmer", "frame.number")] {
        let output = run(Command::new(RAWSOCK).args(["read", "--fields", name, "-"]));
        assert_eq!(output.status.code(), Some(2));
        assert!(text_of(&output).contains(&format!("did you mean `{near}`?")), "{}", text_of(&output));
    }
}

#[test]
fn counts_are_numbers_alone() {
    let file = ours("tcp-echo.pcapng");
    let lines = read(&[], &file).lines().count();
    assert_eq!(read(&["--count"], &file), format!("{lines}\n"));
    assert_eq!(read(&["--count", "--skip", "2"], &file), format!("{}\n", lines - 2));
    assert_eq!(read(&["--count", "-c", "3"], &file), "3\n");
}

#[test]
fn times_in_utc_wherever_one_is() {
    let file = ours("tcp-echo.pcapng");
    let in_zone = |zone: &str, arguments: &[&str]| {
        let mut command = Command::new(RAWSOCK);
        text_of(&run(command.arg("read").args(arguments).arg(&file).env("TZ", zone)))
    };
    let utc = in_zone("UTC", &["-tttt"]);
    assert_eq!(in_zone("Asia/Kathmandu", &["-tttt", "--utc"]), utc);
    assert_ne!(in_zone("UTC-5", &["-tttt"]), utc);
}

/// Fields that both have, and of which tshark shows the values in the same way.
const FIELDS: [&str; 66] = [
    "frame.number",
    "frame.time",
    "frame.time_epoch",
    "frame.time_relative",
    "frame.time_delta",
    "frame.len",
    "frame.cap_len",
    "frame.comment",
    "eth.dst",
    "eth.src",
    "eth.type",
    "arp.opcode",
    "arp.hw.type",
    "arp.proto.type",
    "arp.src.hw_mac",
    "arp.dst.proto_ipv4",
    "ip.src",
    "ip.dst",
    "ip.hdr_len",
    "ip.dsfield",
    "ip.dsfield.dscp",
    "ip.len",
    "ip.id",
    "ip.flags",
    "ip.flags.df",
    "ip.frag_offset",
    "ip.ttl",
    "ip.proto",
    "ip.checksum",
    "ip.checksum.status",
    "ipv6.src",
    "ipv6.dst",
    "ipv6.flow",
    "ipv6.plen",
    "ipv6.nxt",
    "ipv6.hlim",
    "icmp.type",
    "icmp.code",
    "icmp.checksum",
    "icmp.ident",
    "icmp.seq",
    "icmpv6.type",
    "icmpv6.code",
    "icmpv6.checksum",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.seq",
    "tcp.ack",
    "tcp.hdr_len",
    "tcp.flags",
    "tcp.flags.syn",
    "tcp.window_size_value",
    "tcp.checksum",
    "tcp.options",
    "tcp.options.timestamp.tsval",
    "udp.srcport",
    "udp.length",
    "udp.checksum.status",
    "eth.addr",
    "ip.addr",
    "ip.host",
    "ipv6.addr",
    "tcp.port",
    "udp.port",
    "tcp.len",
    "tcp.payload",
];
