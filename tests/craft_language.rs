//! What specs can say beyond plain fields, through `rawsock craft`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "this is test code"
)]
#![allow(clippy::type_complexity, reason = "tables of cases say what they are")]

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

/// Files in a folder of their own.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

#[test]
fn a_variable_is_whatever_may_stand_there() {
    let toml = r#"
        [vars]
        host = "10.77.2.2"
        net = 77
        ports = [80, 443]
        options = [{ mss = 1460 }, "$last"]
        last = "sack_perm"
        [[packet]]
        layers = [
          { ip = { src = "10.${net}.0.1", dst = "$host" } },
          { tcp = { dstport = "$ports", options = "$options" } },
          { data = { text = "${host}:${net}$$${net}$" } },
        ]
    "#;
    let plain = r#"ip(src=10.77.0.1, dst=10.77.2.2)/tcp(dstport=[80, 443], options=[mss=1460, sack_perm])/"10.77.2.2:77$$77$$""#;
    assert_eq!(hex_of(&["-"], toml), hex_of(&[plain], ""));
    let expression = "ip(src=10.${net}.0.1, dst=$host)/tcp(dstport=$ports, options=[mss=1460, sack_perm])/'${host}:${net}$$${net}$'";
    let set = ["--set", "host=10.77.2.2", "--set", "net=77", "--set", "ports=[80, 443]"];
    assert_eq!(hex_of(&[&[expression][..], &set].concat(), ""), hex_of(&[plain], ""));
    let json = r#"{"vars": {"host": "10.77.2.2", "net": 77, "ports": [80, 443]}, "packet": {"layers": [
        {"ip": {"src": "10.${net}.0.1", "dst": "$host"}},
        {"tcp": {"dstport": "$ports", "options": [{"mss": 1460}, "sack_perm"]}}, "${host}:${net}$$${net}$"]}}"#;
    assert_eq!(hex_of(&["-"], json), hex_of(&[plain], ""));
    let fields = r#"{"vars": {}, "layers": [{"ip": {"src": "10.0.0.1"}}, "${ip.src}"]}"#;
    assert!(hex_of(&["-"], fields)[0].ends_with(&hex::encode("10.0.0.1")));
    assert!(hex_of(&["-"], &fields.replace(r#""vars": {}, "#, ""))[0].ends_with(&hex::encode("${ip.src}")));
    // What is set from outside goes before what the spec says.
    assert_eq!(field_of(&["-", "--set", "host=1.2.3.4"], toml, "ip", "dst"), ["1.2.3.4", "1.2.3.4"]);
    assert_eq!(field_of(&["-", "--set", "ports=7..9"], toml, "tcp", "dstport"), ["7", "8", "9"]);
    // Beside layers too, in files and on the command line.
    assert_eq!(field_of(&["ip(ttl=$hops), vars={hops=7}"], "", "ip", "ttl"), ["7"]);
    assert_eq!(field_of(&["-"], "vars.hops = 7\nlayers = [{ ip.ttl = '$hops' }]", "ip", "ttl"), ["7"]);
}

#[test]
fn dollars_of_captured_packets_are_no_variables() {
    let expression = r#"ip()/udp()/dns(qry=[name="$host.$${x}.example"])/"$$host $${net} $$$$""#;
    let octets = hex_of(&[expression], "");
    assert!(octets[0].ends_with(&hex::encode("$host ${net} $$")), "{octets:?}");
    for form in ["--json", "--toml", "--expr"] {
        assert_eq!(hex_of(&["-"], &printed(&[expression, form], "")), octets, "{form}");
    }
}

#[test]
fn packets_that_share_a_variable_step_together() {
    let toml = r#"
        vars = { port = "5000..5002", ttl = [1, 64] }
        [[packet]]
        layers = [{ ip = { ttl = "$ttl" } }, { tcp = { srcport = "$port", flags = "S", seq = "$port" } }]
        [[packet]]
        layers = [{ ip = { ttl = "$ttl" } }, { tcp = { srcport = "$port", flags = "A", dstport = [80, 443] } }]
        [[packet]]
        layers = [{ ip = {} }, { udp = { srcport = 9 } }]
    "#;
    let seen = printed(&["-", "--expr"], toml);
    let round = |port: u32, ttl: u32| {
        format!(
            "ip(ttl={ttl})/tcp(srcport={port}, flags=2, seq={port})\nip(ttl={ttl})/tcp(srcport={port}, flags=16, dstport=80)\n\
             ip(ttl={ttl})/tcp(srcport={port}, flags=16, dstport=443)\nip()/udp(srcport=9)\n"
        )
    };
    let rounds = [5000, 5001, 5002].map(|port| [1, 64].map(|ttl| round(port, ttl)).concat()).concat();
    assert_eq!(seen, rounds);
    // A count ends the last round early, or begins anew.
    assert_eq!(
        printed(&["-", "--expr", "--count", "3"], toml),
        rounds.lines().take(3).map(|line| format!("{line}\n")).collect::<String>()
    );
    assert_eq!(printed(&["-", "--expr", "--count", "26"], toml).lines().nth(24), rounds.lines().next());
}

#[test]
fn a_drawn_variable_is_the_same_in_all_packets_of_a_round() {
    let toml = r#"
        vars = { port = "random(1024..65535)", n = "1..3" }
        [[packet]]
        layers = [{ ip.id = "$n" }, { tcp = { srcport = "$port", seq = "$port" } }, { data = { text = "${port}/${n}" } }]
        [[packet]]
        layers = [{ ip.id = "$n" }, { tcp.srcport = "$port" }]
    "#;
    let ports = field_of(&["-", "--seed", "7"], toml, "tcp", "srcport");
    assert_eq!(ports.len(), 6);
    assert!(ports.chunks(2).all(|pair| pair[0] == pair[1]), "{ports:?}");
    assert!(ports[0] != ports[2] && ports[2] != ports[4], "drawn anew for each round: {ports:?}");
    assert_eq!(field_of(&["-", "--seed", "7"], toml, "tcp", "seq")[0], ports[0]);
    assert_eq!(field_of(&["-", "--seed", "7"], toml, "tcp", "srcport"), ports);
    assert_ne!(field_of(&["-", "--seed", "8"], toml, "tcp", "srcport"), ports);
    let told: Vec<String> = (0..3).map(|round| format!("{}/{}", ports[round * 2], round + 1)).collect();
    let texts: Vec<String> =
        hex_of(&["-", "--seed", "7"], toml).iter().step_by(2).map(|octets| octets[80..].to_owned()).collect();
    assert_eq!(texts, told.iter().map(hex::encode).collect::<Vec<_>>());
}

#[test]
fn texts_tell_fields_of_their_packet() {
    let payload = |expression: &str| {
        let octets = hex::decode(&hex_of(&[expression], "")[0]).unwrap();
        String::from_utf8(octets[28..].to_vec()).unwrap()
    };
    assert_eq!(
        payload("ip(src=10.0.0.1, dst=10.0.0.2, ttl=3)/udp(srcport=9)/'${ip.src}:${udp.srcport} ${ip.ttl} ${ip.flags.df} ${frame.protocols}'")
            .split(' ')
            .take(3)
            .collect::<Vec<_>>(),
        ["10.0.0.1:9", "3", "0"]
    );
    // Lengths depend on the text that tells them.
    assert_eq!(payload("ip()/udp()/'${udp.length}'"), "9");
    assert_eq!(payload("ip()/udp()/data(text='0123456789${ip.len}')"), "012345678940");
    let broken = mistakes_of(&["ip()/udp()/'${ip.src}${udp.checksum}'", "--hex"], "");
    assert!(broken.contains("error: the text tells a field that depends on the text"), "{broken}");
    let missing = mistakes_of(&["ip()/udp()/'${tcp.srcport}'", "--hex"], "");
    assert!(missing.contains("error: the packet has no `tcp.srcport` for its text"), "{missing}");
}

#[test]
fn defaults_count_where_a_layer_says_nothing() {
    let toml = r#"
        [defaults.ip]
        ttl = 9
        flags = { df = true }
        dsfield = 4
        [defaults]
        udp = { srcport = 7 }
        [[packet]]
        layers = [{ ip = {} }, { udp = { srcport = 1 } }]
        [[packet]]
        layers = [{ ip = { flags = 1, dsfield.dscp = 0 } }, { icmp = { type = 3, quoted = [{ ip = {} }] } }]
    "#;
    assert_eq!(
        printed(&["-", "--expr"], toml),
        "ip(ttl=9, flags.df, dsfield=4)/udp(srcport=1)\n\
         ip(flags=1, dsfield.dscp=0, ttl=9)/icmp(type=3, quoted=ip())\n"
    );
    // A generator among them is one for each layer that takes it, and none for others.
    let swept =
        "defaults.ip.ttl = '1..3'\npacket = [{ layers = [{ ip = {} }] }, { layers = [{ ip.ttl = 8 }] }]";
    assert_eq!(field_of(&["-"], swept, "ip", "ttl"), ["1", "2", "3", "8"]);
}

#[test]
fn what_is_included_stands_before_what_includes_it() {
    let files = folder(&[
        (
            "main.toml",
            "include = ['parts/base.toml', 'parts/deep.json']\nvars.ttl = 3\n[[packet]]\nlayers = [{ ip = { ttl = '$ttl', id = '$id' } }, { data.file = 'x.bin' }]\n[send]\nrate = '5/s'",
        ),
        ("x.bin", "main"),
        (
            "parts/base.toml",
            "include = './deep.json'\nvars = { ttl = 9, id = 4 }\ndefaults.ip = { ttl = 1, dsfield = 8 }\n[[packet]]\nlayers = [{ ip = {} }, { data.file = 'x.bin' }]\n[send]\ninterval = '5ms'\ncount = 2",
        ),
        ("parts/deep.json", r#"{"vars": {"id": 1}, "packet": {"layers": [{"ip": {"id": "$id"}}]}}"#),
        ("parts/x.bin", "part"),
    ]);
    let main = files.path().join("main.toml");
    let seen = printed(&[main.to_str().unwrap(), "--expr", "--count", "9"], "");
    let one =
        "ip(id=4, ttl=1, dsfield=8)\nip(ttl=1, dsfield=8)/\"part\"\nip(ttl=3, id=4, dsfield=8)/\"main\"\n";
    assert_eq!(seen, one.repeat(3));
    assert_eq!(
        printed(&[main.to_str().unwrap(), "--expr"], "").lines().count(),
        2,
        "`count` is not written anew"
    );
}

#[test]
fn what_is_wrong_with_what_is_included_is_told_there() {
    let cases: &[(&[(&str, &str)], &[&str])] = &[
        (
            &[
                ("main.toml", "include = ['a.toml', 'no.toml']\nlayers = ['x']"),
                ("a.toml", "include = 'b/c.toml'"),
                ("b/c.toml", "\ninclude = '../a.toml'"),
            ],
            &[
                "a.toml includes itself",
                "/b/c.toml:2:11",
                "cannot read no.toml: No such file",
                "/main.toml:1:22",
            ],
        ),
        (
            &[
                ("main.toml", "include = 'a.toml'\n[[packet]]\nlayers = [{ ip.tll = 1 }]"),
                ("a.toml", "[[packet]]\nlayers = [{ ip.ttl = 999 }]"),
            ],
            &["ip has no field `tll`", "/main.toml:3:16", "999 does not fit into ip.ttl", "/a.toml:2:22"],
        ),
        (
            &[("main.toml", "include = 'a.toml'\nlayers = ['x']"), ("a.toml", "x = = 1")],
            &["TOML: ", "/a.toml:1:"],
        ),
        (
            &[("main.toml", "include = 5\nlayers = ['x']")],
            &["include takes names of files in quotes, not a number", "/main.toml:1:11"],
        ),
        (
            &[
                ("main.toml", "include = 'a.toml'\nlayers = [{ ip.dst = '$host' }]"),
                ("a.toml", "vars.host = '10.0.0.256'"),
            ],
            &["ip.dst takes an IPv4 address, not `10.0.0.256`", "/a.toml:1:13"],
        ),
        (
            &[
                ("main.toml", "include = 'a.toml'\nlayers = ['x']"),
                ("a.toml", "[[packet]]\nlayers = [{ ip.len = 'auto-30' }]"),
            ],
            &["ip.len: computed is 20, and 20-30 does not fit", "/a.toml:2:22"],
        ),
    ];
    for (files, wanted) in cases {
        let files = folder(files);
        let told = mistakes_of(&[files.path().join("main.toml").to_str().unwrap(), "--hex"], "");
        for words in *wanted {
            assert!(told.contains(words), "{words}: {told}");
        }
    }
    // A chain of files is bounded.
    let links: Vec<(String, String)> =
        (0..200).map(|n| (format!("{n}.toml"), format!("include = '{}.toml'", n + 1))).collect();
    let links: Vec<(&str, &str)> = links.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let files = folder(&links);
    let told = mistakes_of(&[files.path().join("0.toml").to_str().unwrap()], "");
    assert!(told.contains("error: more than 64 files, or too many that include each other"), "{told}");
}

#[test]
fn variables_cannot_grow_beyond_bounds() {
    let mut toml = String::from("[vars]\na0 = [1, 2]\n");
    for n in 1..14 {
        toml.push_str(&format!(
            "a{n} = ['$a{0}', '$a{0}', '$a{0}', '$a{0}', '$a{0}', '$a{0}', '$a{0}', '$a{0}']\n",
            n - 1
        ));
    }
    toml.push_str("[[packet]]\nlayers = [{ tcp.options = '$a13' }]\n");
    let told = mistakes_of(&["-"], &toml);
    assert!(told.contains("error: the variables make more than 200000 parts of a spec"), "{}", &told[..500]);
}

#[test]
fn each_packet_goes_out_as_often_as_it_is_repeated() {
    let ttl = |args: &[&str], stdin: &str| field_of(args, stdin, "ip", "ttl");
    assert_eq!(ttl(&["ip(ttl=1..3), repeat=2"], ""), ["1", "1", "2", "2", "3", "3"]);
    let toml = "send.repeat = 2\npacket = [{ layers = [{ ip.ttl = [1, 2] }], repeat = 2 }, { layers = [{ ip.ttl = 9 }] }]";
    assert_eq!(ttl(&["-"], toml), ["1", "1", "2", "2", "9", "1", "1", "2", "2", "9"]);
    let drawn = field_of(&["ip(id=random), repeat=3", "--seed", "1"], "", "ip", "id");
    assert!(drawn.len() == 3 && drawn[0] != drawn[1] && drawn[1] != drawn[2], "{drawn:?}");
    assert_eq!(ttl(&["ip(ttl=1..3), repeat=18446744073709551615", "--count", "2"], ""), ["1", "1"]);
    assert!(mistakes_of(&["ip(), repeat=-1"], "").contains("-1 does not fit into repeat"));
}

#[test]
fn what_is_set_from_outside_and_wrong_is_told_there() {
    for (args, wanted) in [
        (&["ip(ttl=$ttl)", "--set", "ttl=300"], "error: 300 does not fit into ip.ttl\n --> --set:1:5\n"),
        (&["ip(ttl=$ttl)", "--set", "ttl"], "error: `ttl` sets no variable\n --> --set:1:1\n"),
        (
            &["ip(ttl=$ttl)", "--set", "ttl=[1, 2"],
            "error: expected `,` or `]`, found the end\n --> --set:1:10\n",
        ),
        (&["ip(ttl=$ttl)", "--set", "ttl=[1] 2"], "error: expected the end, found `2`\n --> --set:1:9\n"),
        (
            &["ip(ttl=$ttl)", "--set", "ip.ttl=1"],
            "error: `ip.ttl` is no name for a variable\n --> --set:1:1\n",
        ),
    ] {
        let told = mistakes_of(args, "");
        assert!(told.contains(wanted), "{args:?}: {told}");
    }
}

fn bits_apart(one: &str, other: &str) -> u32 {
    let (one, other) = (hex::decode(one).unwrap(), hex::decode(other).unwrap());
    assert_eq!(one.len(), other.len());
    one.iter().zip(&other).map(|(a, b)| (a ^ b).count_ones()).sum()
}

#[test]
fn bits_are_turned_over_where_that_is_asked_for() {
    let packet = "ip(src=10.0.0.1, dst=10.0.0.2)/udp()/data(pattern=50)";
    let whole = &hex_of(&[packet], "")[0];
    for bits in [1, 3, 100] {
        let spec = format!("{packet}, corrupt={{bits={bits}}}, repeat=20");
        let made = hex_of(&[&spec, "--seed", "4"], "");
        assert!(made.iter().all(|octets| bits_apart(octets, whole) == bits), "{bits}");
        assert!(made.windows(2).all(|pair| pair[0] != pair[1]), "drawn anew");
        assert_eq!(hex_of(&[&spec, "--seed", "4"], ""), made);
        assert_ne!(hex_of(&[&spec, "--seed", "5"], ""), made);
    }
    let inner = hex_of(&[&format!("{packet}, corrupt={{bits=9, layer=udp}}"), "--seed", "1"], "");
    assert_eq!(inner[0][..40], whole[..40]);
    assert_eq!(bits_apart(&inner[0], whole), 9);
    let all = hex_of(&["data(zeros=4), corrupt={bits=4000}", "--seed", "1"], "");
    assert_eq!(all, ["ffffffff"], "no bit is turned twice");
    // Each form tells what leaves, and the seed is told.
    let spec = format!("{packet}, corrupt={{bits=3}}");
    let octets = hex_of(&[&spec, "--seed", "4"], "");
    for form in ["--toml", "--expr", "--json"] {
        assert_eq!(hex_of(&["-"], &printed(&[&spec, "--seed", "4", form], "")), octets, "{form}");
    }
    let told = String::from_utf8(craft(&[&spec, "--hex"], "").stderr).unwrap();
    assert!(told.starts_with("rawsock: seed "), "{told}");
    // In each fragment.
    let cut = format!("{packet}, fragment={{size=44}}, corrupt={{bits=2}}");
    let pieces = hex_of(&[&format!("{packet}, fragment={{size=44}}")], "");
    let made = hex_of(&[&cut, "--seed", "4"], "");
    assert!(made.iter().zip(&pieces).all(|(made, piece)| bits_apart(made, piece) == 2));
}

#[test]
fn fuzzed_fields_take_any_value_and_the_edges_often() {
    let spec = "ip(ttl=1..3, flags.df)/tcp(flags=S, options=[mss=1460])/'x', fuzz=[ip.ttl, tcp.flags, ip.src], count=400";
    let ttl = field_of(&[spec, "--seed", "3"], "", "ip", "ttl");
    assert_eq!(ttl.len(), 400, "what the field was before is no generator any more");
    let of = |value: &str| ttl.iter().filter(|ttl| *ttl == value).count();
    assert!(
        of("0") > 10 && of("255") > 10 && of("128") > 10 && of("77") < 10,
        "{} {} {}",
        of("0"),
        of("255"),
        of("77")
    );
    let different: std::collections::BTreeSet<&String> = ttl.iter().collect();
    assert!(different.len() > 60, "{}", different.len());
    assert_eq!(field_of(&[spec, "--seed", "3"], "", "ip", "ttl"), ttl, "the seed brings them back");
    assert_ne!(field_of(&[spec, "--seed", "4"], "", "ip", "ttl"), ttl);
    assert!(
        field_of(&[spec, "--seed", "3"], "", "ip", "dst").iter().all(|dst| dst == "0.0.0.0"),
        "others stay"
    );
    // A whole layer, options and payloads.
    let all = "ip()/tcp(options=[mss=1460])/'x', fuzz=[tcp, tcp.options, data], count=50";
    let made = hex_of(&[all, "--seed", "1"], "");
    assert_eq!(made.len(), 50);
    let different: std::collections::BTreeSet<&str> = made.iter().map(|octets| &octets[40..]).collect();
    assert_eq!(different.len(), 50);
    let lengths: std::collections::BTreeSet<usize> = made.iter().map(String::len).collect();
    assert!(lengths.len() > 30, "{lengths:?}");
    assert!(made.iter().all(|octets| &octets[..2] == "45"), "of other layers, nothing");
    // As TOML, and in the order that is convenient.
    let toml = "fuzz = \"udp.length\"\ncount = 3\nlayers = [{ ip = {} }, { udp = { length = \"1..9\" } }]";
    assert_eq!(hex_of(&["-", "--seed", "1"], toml).len(), 3);
}

#[test]
fn what_contradicts_the_packet_is_remarked_on_and_built() {
    let spec = "ip(len=[100, 100], proto=6, checksum=auto+1)/udp(length=auto)/'hi'";
    let quiet = craft(&[spec, "--hex"], "");
    let told = craft(&[spec, "--hex", "-v"], "");
    assert_eq!((told.status.code(), &told.stdout), (Some(0), &quiet.stdout));
    assert_eq!(quiet.stderr, b"");
    let told = String::from_utf8(told.stderr).unwrap();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 3, "each field once: {told}");
    assert_eq!(lines[0], "rawsock: packet 1: ip.len is 100, as written; 30 would go with the packet");
    assert_eq!(lines[1], "rawsock: packet 1: ip.proto is 6, as written; 17 would go with the packet");
    assert!(lines[2].starts_with("rawsock: packet 1: ip.checksum is 0x"), "{told}");
    assert_eq!(craft(&["ip()/udp()", "--hex", "-v"], "").stderr, b"");
}

#[test]
fn a_long_list_of_values_is_gone_through_once() {
    let values: Vec<String> = (0..60_000).map(|value| (value % 65_536).to_string()).collect();
    let begin = std::time::Instant::now();
    let made = hex_of(&["-"], &format!("layers = [{{ ip = {{ id = [{}] }} }}]", values.join(",")));
    assert_eq!(made.len(), 60_000);
    assert!(made.iter().zip(0u16..).all(|(octets, id)| octets[8..12] == format!("{id:04x}")));
    assert!(begin.elapsed().as_secs() < 60, "{:?}", begin.elapsed());
}

#[test]
fn variables_cannot_nest_beyond_bounds() {
    // Each holds the one before it, a hundred lists deep.
    let mut toml = String::from("[vars]\na0 = 1\n");
    for n in 1..16 {
        toml.push_str(&format!("a{n} = {}'$a{}'{}\n", "[".repeat(70), n - 1, "]".repeat(70)));
    }
    toml.push_str("[[packet]]\nlayers = [{ tcp.options = '$a15' }]\n");
    let told = mistakes_of(&["-"], &toml);
    assert!(told.contains("parts of a spec, or stand for each other too deep"), "{}", &told[..400]);
}

#[test]
fn a_schema_may_be_named() {
    let json = r#"{"$schema": "./rawsock.schema.json", "packet": [{"layers": ["x"]}]}"#;
    assert_eq!(hex_of(&["-"], json), ["78"]);
    assert_eq!(hex_of(&["-"], "\"$schema\" = \"x\"\nlayers = [\"x\"]"), ["78"]);
}
