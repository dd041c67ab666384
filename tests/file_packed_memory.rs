//! A small packed file may hold any number of octets: memory follows the window of the packing, not what comes out. A test
//! program of its own, because it looks at the peak of the whole process.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "test code")]

mod support;

use std::fs;
use std::io::{self, Read, Write};
use std::process::Command;

use rawsock::file::CaptureReader;
use support::peak::of_this_process;
use support::{run, skip_or_fail};

#[test]
fn a_bomb_does_not_fill_the_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.pcapng");
    // A section, a block of nobody's with 100 MB of zeros, and a packet of an interface.
    let word = |number: u32| number.to_le_bytes();
    let words = |numbers: &[u32]| numbers.iter().flat_map(|number| word(*number)).collect::<Vec<u8>>();
    let section = words(&[0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28]);
    let interface = words(&[1, 20, 1, 0, 20]);
    let packet = words(&[6, 36, 0, 0, 0, 4, 4, 0xffff_ffff, 36]);
    let mut file = fs::File::create(&path).unwrap();
    file.write_all(&[section, interface, words(&[0x0bad, ZEROS + 12])].concat()).unwrap();
    io::copy(&mut io::repeat(0).take(u64::from(ZEROS)), &mut file).unwrap();
    file.write_all(&[word(ZEROS + 12).to_vec(), packet].concat()).unwrap();

    let before = of_this_process();
    for program in ["gzip", "zstd", "lz4"] {
        let packed = path.with_extension(program);
        let script = format!("{program} -c < \"$1\" > \"$2\"");
        let output = run(Command::new("sh").args(["-c", &script, "sh"]).arg(&path).arg(&packed));
        if !output.status.success() {
            skip_or_fail(&format!("{program} is not installed"));
            continue;
        }
        assert!(fs::metadata(&packed).unwrap().len() < 1_000_000);
        let mut reader = CaptureReader::open(&packed).unwrap();
        assert_eq!(reader.next().unwrap().expect("the packet behind it").data, [0xff; 4], "{program}");
        assert!(reader.next().unwrap().is_none());
        let grown = of_this_process() - before;
        assert!(grown < 24_000, "{program}: {grown} kB more");
    }
}

const ZEROS: u32 = 100 << 20;
