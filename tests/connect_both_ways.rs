//! `rawsock connect` where both sides say much at once, where nobody reads what it prints, and where a name has several addresses.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "this is test code")]

mod support;

use std::fs::File;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rawsock::lab::Host;
use rawsock::sys::process::send_signal;
use support::RAWSOCK;
use support::endpoint::{MODELS, Serving};

/// More than all queues and buffers on the way hold together.
const MUCH: usize = 24_000_000;

/// Octets that do not repeat soon.
fn octets() -> Vec<u8> {
    (0..MUCH / 4)
        .flat_map(|number| u32::try_from(number).unwrap().wrapping_mul(2_654_435_761).to_le_bytes())
        .collect()
}

/// The exit code of a child that has so much time.
fn ends_within(child: &mut Child, time: Duration) -> Option<i32> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if begun.elapsed() > time {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("still there after {time:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// An echo reads no more once its answers wait: who sends without reading waits for ever.
#[test]
fn an_echo_gives_back_as_much_as_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let (path, octets) = (folder.path().join("much"), octets());
    std::fs::write(&path, &octets).unwrap();
    let socket = folder.path().join("socket");
    for model in MODELS {
        for place in [["tcp", "0"], ["unix", socket.to_str().unwrap()]] {
            let serving = Serving::start(&[place[0], place[1], "--io", model, "--force"]);
            for way in ["--send", "<"] {
                let mut command = Command::new(RAWSOCK);
                command.args(["connect", place[0], &serving.address]);
                match way {
                    "<" => command.stdin(File::open(&path).unwrap()),
                    _ => command.arg("--send").arg(&path).stdin(Stdio::null()),
                };
                let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
                let mut stdout = child.stdout.take().unwrap();
                let reader = std::thread::spawn(move || {
                    let mut came = Vec::new();
                    stdout.read_to_end(&mut came).unwrap();
                    came
                });
                let code = ends_within(&mut child, Duration::from_secs(60));
                let came = reader.join().unwrap();
                assert!(came == octets, "{model} {place:?} {way}: {} octets", came.len());
                assert_eq!(code, Some(0), "{model} {place:?} {way}");
            }
        }
    }
}

/// Two pipes, each with much to say.
#[test]
fn two_pipes_talk_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let (path, octets) = (folder.path().join("much"), octets());
    std::fs::write(&path, &octets).unwrap();
    for model in MODELS {
        let heard = folder.path().join("heard");
        let socket = folder.path().join("socket");
        let mut serve = Command::new(RAWSOCK)
            .args(["serve", "unix", socket.to_str().unwrap(), "--service", "pipe", "--io", model])
            .stdin(File::open(&path).unwrap())
            .stdout(File::create(&heard).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while !socket.exists() {
            assert!(begun.elapsed() < Duration::from_secs(20), "{model}: nobody listens");
            std::thread::sleep(Duration::from_millis(10));
        }
        let other = folder.path().join("other");
        let mut connect = Command::new(RAWSOCK)
            .args(["connect", "unix", socket.to_str().unwrap()])
            .stdin(File::open(&path).unwrap())
            .stdout(File::create(&other).unwrap())
            .spawn()
            .unwrap();
        assert_eq!(ends_within(&mut connect, Duration::from_secs(60)), Some(0), "{model}");
        assert_eq!(ends_within(&mut serve, Duration::from_secs(60)), Some(0), "{model}");
        assert!(std::fs::read(&heard).unwrap() == octets, "{model}: what the server heard");
        assert!(std::fs::read(&other).unwrap() == octets, "{model}: what the client heard");
    }
}

/// Whoever asks for characters and ends its side has them ended, under every driver.
#[test]
fn chargen_hears_that_its_reader_ends() {
    for model in MODELS {
        let serving = Serving::start(&["tcp", "0", "--service", "chargen", "--io", model]);
        let mut child = Command::new(RAWSOCK)
            .args(["connect", "tcp", &serving.address])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        assert_eq!(ends_within(&mut child, Duration::from_secs(20)), Some(0), "{model}");
    }
}

/// What is printed goes into a pipe that nobody reads: one signal ends it all the same.
#[test]
fn a_signal_ends_it_though_nobody_reads() {
    let serving = Serving::start(&["tcp", "0", "--service", "chargen"]);
    for (signal, form) in [(2, "--nodelay"), (15, "--nodelay"), (15, "--hex"), (15, "--json")] {
        let mut child = Command::new(RAWSOCK)
            .args(["connect", "tcp", &serving.address, form])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = child.stdout.as_ref().unwrap();
        // The pipe is full: two looks behind each other find as much in it.
        let begun = Instant::now();
        let mut before = 0;
        loop {
            std::thread::sleep(Duration::from_millis(200));
            let waiting = rustix::io::ioctl_fionread(stdout).unwrap();
            if waiting > 0 && waiting == before {
                break;
            }
            before = waiting;
            assert!(begun.elapsed() < Duration::from_secs(20), "{waiting} octets in the pipe");
        }
        send_signal(child.id(), signal).unwrap();
        let code = ends_within(&mut child, Duration::from_secs(10));
        assert_eq!(code, Some(0), "{signal} {form}");
    }
}

/// The lab's hosts have an address of each family, of which one answers here.
#[test]
fn each_address_of_a_name_is_tried() {
    let Some(lab) = support::lab() else { return };
    let rawsock = |arguments: &[&str]| {
        let mut command = lab.command(Host::Client, RAWSOCK);
        command.args(arguments).stdin(Stdio::null());
        command
    };
    for place in ["10.77.1.2:7004", "[fd77:1::2]:7004"] {
        let serving = Serving::run(rawsock(&["serve", "tcp", place]));
        let output = rawsock(&["connect", "tcp", "client:7004"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{place}: {}", support::text_of(&output));
        drop(serving);
    }
    let output = rawsock(&["connect", "tcp", "client:7004"]).output().unwrap();
    let text = support::text_of(&output);
    assert!(text.contains("[fd77:1::2]:7004: connection refused"), "{text}");
    assert!(text.contains("10.77.1.2:7004: connection refused"), "{text}");
}
