//! `rawsock trace --mtu`: the path MTU, told by routers or found where packets vanish.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use serde_json::{Value, json};
use support::chain::Chain;
use support::{run, text_of};

/// What the search came to: the MTU, and the places where the way becomes narrower.
fn found(chain: &Chain, arguments: &[&str]) -> (Value, Value) {
    let output = chain.trace(&[&["--json", "--mtu"], arguments].concat());
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let last: Value =
        serde_json::from_str(text.lines().last().unwrap_or_else(|| panic!("{}", text_of(&output)))).unwrap();
    assert_eq!((&last["event"], &last["certain"]), (&"path_mtu".into(), &true.into()), "{last}");
    (last["mtu"].clone(), last["narrowings"].clone())
}

/// Makes the link behind a hop narrower, at both ends.
fn narrow(chain: &Chain, hop: usize, mtu: &str) {
    for (host, side) in [(hop, "right"), (hop + 1, "left")] {
        let output = run(chain.command(host, "ip").args(["link", "set", side, "mtu", mtu]));
        assert!(output.status.success(), "{}", text_of(&output));
    }
}

#[test]
fn what_the_first_link_does_not_take_is_told_and_not_tried() {
    let Some(chain) = Chain::of(2) else { return };
    for arguments in [&["--mtu", "10.9.2.2", "1501"][..], &["10.9.2.2", "1501"], &["-I", "fd09:2::2", "1501"]]
    {
        let output = chain.trace(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text_of(&output));
        assert!(text_of(&output).contains("1501 octets are more than the 1500"), "{}", text_of(&output));
        assert!(output.stdout.is_empty(), "{}", text_of(&output));
    }
}

#[test]
fn routers_that_say_so_are_named() {
    let Some(chain) = Chain::of(4) else { return };
    for address in ["10.9.4.2", "fd09:4::2"] {
        assert_eq!(found(&chain, &[address]), (1500.into(), json!([])), "{address}");
    }
    narrow(&chain, 1, "1450");
    narrow(&chain, 3, "1300");
    for (address, first, third) in
        [("10.9.4.2", "10.9.1.2", "10.9.3.2"), ("fd09:4::2", "fd09:1::2", "fd09:3::2")]
    {
        let expected = json!([
            {"hop": 1, "from": first, "mtu": 1450, "told": true},
            {"hop": 3, "from": third, "mtu": 1300, "told": true},
        ]);
        for method in ["-U", "-I"] {
            assert_eq!(
                found(&chain, &[method, address]),
                (1300.into(), expected.clone()),
                "{method} {address}"
            );
        }
        // What somebody wants to try is narrower than all links.
        assert_eq!(found(&chain, &[address, "1290"]), (1290.into(), json!([])), "{address}");
    }
    let text = text_of(&chain.trace(&["--mtu", "10.9.4.2"]));
    assert!(text.contains("\n    the next link takes 1300, says 10.9.3.2\n"), "{text}");
    assert!(text.ends_with("\npath MTU 1300\n"), "{text}");
}

#[test]
fn black_holes_are_found_by_searching() {
    let Some(chain) = Chain::of(4) else { return };
    // The third router takes in no more than so much, and says nothing.
    chain.rules(3, "ip", "prerouting", "meta length > 1373 drop");
    chain.rules(3, "ip6", "prerouting", "meta length > 1373 drop");
    for (address, before) in [("10.9.4.2", "10.9.2.2"), ("fd09:4::2", "fd09:2::2")] {
        let expected = json!([{"hop": 2, "from": before, "mtu": 1373, "told": false}]);
        assert_eq!(found(&chain, &[address]), (1373.into(), expected), "{address}");
    }
    let text = text_of(&chain.trace(&["--mtu", "10.9.4.2"]));
    assert!(
        text.contains("larger packets than 1373 vanish without a word behind 10.9.2.2 (a black hole)"),
        "{text}"
    );
}

#[test]
fn a_router_that_is_kept_from_saying_so_is_found_too() {
    let Some(chain) = Chain::of(3) else { return };
    narrow(&chain, 2, "1400");
    chain.rules(2, "ip", "output", "icmp type destination-unreachable drop");
    let expected = json!([{"hop": 2, "from": "10.9.2.2", "mtu": 1400, "told": false}]);
    assert_eq!(found(&chain, &["10.9.3.2"]), (1400.into(), expected));
}

#[test]
fn hosts_that_limit_their_answers_are_no_black_holes() {
    let Some(chain) = Chain::of(2) else { return };
    narrow(&chain, 1, "1400");
    for host in [1, 2] {
        let output =
            run(chain.command(host, "sh").args(["-c", "echo 1000 >/proc/sys/net/ipv4/icmp_ratelimit"]));
        assert!(output.status.success());
    }
    // A first run has them answer as much as they want to.
    chain.trace(&["-q", "10", "10.9.2.2"]);
    let (mtu, narrowings) = found(&chain, &["10.9.2.2"]);
    assert_eq!(mtu, 1400, "{narrowings}");
    assert_eq!((&narrowings[0]["from"], &narrowings[0]["told"]), (&"10.9.1.2".into(), &true.into()));
}

#[test]
fn where_nobody_answers_nothing_is_claimed() {
    let Some(chain) = Chain::of(2) else { return };
    // The server says nothing: the last hop that answers is what is measured.
    chain.rules(2, "ip", "input", "drop");
    let output = chain.trace(&["--mtu", "-m", "4", "--wait", "0.3", "10.9.2.2"]);
    let text = text_of(&output);
    assert!(text.contains("path MTU 1500 as far as the last hop that answers"), "{text}");
    assert_eq!(output.status.code(), Some(1), "{text}");
    chain.rules(1, "ip", "prerouting", "drop");
    let text = text_of(&chain.trace(&["--mtu", "-m", "2", "--wait", "0.3", "10.9.2.2"]));
    assert!(text.contains("no hop answered"), "{text}");
}
