//! `rawsock doctor` and `rawsock interfaces`, where what they must find is known: in the lab, and without any right.
#![allow(clippy::unwrap_used, clippy::panic, reason = "this is test code")]

mod support;

use std::os::unix::process::CommandExt;
use std::process::Command;

use rawsock::lab::Host;
use serde_json::Value;
use support::{RAWSOCK, lab, run, text_of};

fn objects(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[test]
fn in_the_lab_everything_essential_works() {
    let Some(lab) = lab() else { return };
    let output = run(lab.command(Host::Client, RAWSOCK).args(["doctor", "--json"]));
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for check in objects(&text) {
        assert_eq!(check["ok"], true, "{check}");
    }
}

#[test]
fn without_rights_the_command_that_grants_them_is_named() {
    let (_directory, program) = support::program_for_everyone();
    let mut command = Command::new(&program);
    command.args(["doctor", "--json"]).current_dir("/");
    if support::is_root() {
        command.uid(65534).gid(65534);
    }
    let output = run(&mut command);
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let checks = objects(&text);
    let check = |name: &str| checks.iter().find(|check| check["check"] == name).unwrap();
    for name in ["raw-ipv4", "packet", "ring"] {
        assert_eq!((&check(name)["ok"], &check(name)["essential"]), (&false.into(), &true.into()));
        let remedy = check(name)["remedy"].as_str().unwrap();
        assert!(
            remedy.contains("cap_net_raw,cap_net_admin+p") || remedy.starts_with("docker run"),
            "{remedy}"
        );
        assert!(remedy.contains(program.to_str().unwrap()) || remedy.starts_with("docker run"), "{remedy}");
    }
    assert_eq!(check("filter")["ok"], true, "{text}");
}

#[test]
fn interfaces_of_the_router_are_listed_with_their_addresses() {
    let Some(lab) = lab() else { return };
    let output = run(lab.command(Host::Router, RAWSOCK).args(["interfaces", "--json"]));
    let text = text_of(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let links = objects(&text);
    let names: Vec<&str> = links.iter().map(|link| link["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["lo", "eth0", "eth1"]);
    let [lo, _, eth1] = links.as_slice() else { panic!("{text}") };
    assert_eq!((&lo["loopback"], &lo["link"]), (&true.into(), &"loopback".into()));
    for (member, value) in
        [("state", "up"), ("link", "ether"), ("kind", "veth"), ("mac", "02:00:00:77:02:01")]
    {
        assert_eq!(eth1[member], value);
    }
    assert_eq!((&eth1["index"], &eth1["mtu"]), (&21.into(), &1500.into()));
    let addresses: Vec<&str> = eth1["addresses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["address"].as_str().unwrap())
        .collect();
    assert_eq!(addresses.get(..2), Some(["10.77.2.1", "fd77:2::1"].as_slice()));
    let table = text_of(&run(lab.command(Host::Router, RAWSOCK).arg("interfaces")));
    assert!(table.contains("eth1  up     ether (veth)   1500  02:00:00:77:02:01  10.77.2.1/24"), "{table}");
}

#[test]
fn without_proc_all_is_checked_that_can_be() {
    let mut command = Command::new("unshare");
    command.args(["-Urmn", "sh", "-c", "mount -t tmpfs none /proc && exec \"$0\" doctor --json", RAWSOCK]);
    let output = run(&mut command);
    let text = text_of(&output);
    if text.contains("mount: ") || text.contains("unshare: ") {
        return support::skip_or_fail("/proc cannot be taken away here");
    }
    let checks = objects(&text);
    let check = |name: &str| checks.iter().find(|check| check["check"] == name).unwrap();
    assert_eq!((checks.len(), &check("raw-ipv4")["ok"]), (11, &true.into()), "{text}");
    assert_eq!(check("lab")["ok"], false, "{text}");
    assert!(check("lab")["finding"].as_str().unwrap().starts_with("not tried: no /proc"), "{text}");
    assert!(check("lab")["remedy"].as_str().unwrap().contains("mount -t proc"), "{text}");
    assert_eq!(output.status.code(), Some(0), "the lab is not essential: {text}");
}
