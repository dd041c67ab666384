//! What specs can say beyond plain fields, through `rawsock craft`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

const RAWSOCK: &str = env!("CARGO_BIN_EXE_rawsock");

fn craft(args: &[&str], stdin: &str) -> Output {
    let mut command = Command::new(RAWSOCK);
    command.arg("craft").args(args).env("NO_COLOR", "1");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (mut pipe, text) = (child.stdin.take().unwrap(), stdin.to_owned());
    let writer = std::thread::spawn(move || pipe.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap();
    output
}

fn printed(args: &[&str], stdin: &str) -> String {
    let output = craft(args, stdin);
    assert!(output.status.success(), "{args:?}: {}\n{stdin}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The octets of each packet, in hex.
fn hex_of(args: &[&str], stdin: &str) -> Vec<String> {
    let args: Vec<&str> = args.iter().copied().chain(["--hex"]).collect();
    printed(&args, stdin).lines().map(str::to_owned).collect()
}

/// A field of each packet, as JSON has it.
fn field_of(args: &[&str], stdin: &str, layer: &str, field: &str) -> Vec<String> {
    let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
    let text = printed(&args, stdin);
    let value = |line: &str| {
        let json: serde_json::Value = serde_json::from_str(line).unwrap();
        let layers = json["layers"].as_array().unwrap().clone();
        let found =
            layers.iter().find_map(|entry| entry.get(layer)).unwrap_or_else(|| panic!("{layer}: {line}"));
        found[field].to_string().trim_matches('"').to_owned()
    };
    text.lines().map(value).collect()
}

#[allow(dead_code)]
fn mistakes_of(args: &[&str], stdin: &str) -> String {
    let output = craft(args, stdin);
    assert_eq!(output.status.code(), Some(2), "{args:?}\n{stdin}");
    assert!(output.stdout.is_empty(), "nothing is made of a spec with mistakes");
    String::from_utf8(output.stderr).unwrap()
}

/// Lengths, counts, sums, protocols and an option's length, each with what it is when nobody writes it.
#[test]
fn more_or_less_than_what_is_computed() {
    let cases = [
        ("ip(len=auto+4)/udp()", "ip", "len", "32"),
        ("ip(len='auto - 8')/udp()", "ip", "len", "20"),
        ("ip(hdr_len=auto-4)", "ip", "hdr_len", "16"),
        ("ip(proto=auto+1)/udp()", "ip", "proto", "18"),
        ("ip(src=10.0.0.1, dst=10.0.0.2)/udp(length=auto-2)/'hi'", "udp", "length", "8"),
        ("ip()/udp()/dns(count.queries=auto+1, qry=[name=a.b])", "udp", "length", "29"),
    ];
    for (expression, layer, field, wanted) in cases {
        assert_eq!(field_of(&[expression], "", layer, field), [wanted], "{expression}");
    }
    let sum = |expression: &str| {
        u16::from_str_radix(hex_of(&[expression], "")[0].get(20..24).unwrap(), 16).unwrap()
    };
    assert_eq!(sum("ip(checksum=auto+1)"), sum("ip()") + 1);
    assert_eq!(sum("ip(checksum=auto-65535)"), sum("ip()") + 1, "behind the largest sum comes 0");
    let counted = hex_of(&["udp()/dns(count.queries=auto+1, qry=[name=a.b])"], "");
    assert_eq!(counted[0].get(24..28), Some("0002"));
    let option = hex_of(&["tcp(options=[unknown={kind=200, length=auto+1, data=0102}])"], "");
    assert_eq!(option[0].get(40..), Some("c8050102"));
    let quoted = hex_of(&["icmp(type=3, length=auto+3, quoted=ip()/udp())"], "");
    assert_eq!(quoted[0].get(8..12), Some("0003"));
    let nothing = hex_of(&["icmp(type=3, length=auto+3)"], "");
    assert_eq!(nothing[0].get(8..12), Some("0003"));
    let kept = printed(&["ip(len=auto+4, checksum=auto-1)/udp()", "--toml"], "");
    assert!(kept.contains(r#"{ len = "auto+4", checksum = "auto-1" }"#), "{kept}");
}
