#!/usr/bin/env python3
"""Counts the instructions of the hot paths with valgrind's callgrind, and tells which take more than they did.

    cargo build --release
    benches/instructions.py           # compares with benches/instructions.txt; fails when something grew by more than 5 %
    benches/instructions.py --write   # these counts are the right ones from now on
    benches/instructions.py lines json --repeat 3

Unlike seconds, counts do not depend on what else runs: the inputs are the same octets each time, the environment is empty, and
addresses are not random (`setarch -R`). What is left are the random seeds of hash tables, less than 0.1 %. They do depend on the
compiler and how it optimises, so the file names both, and where they are others nothing fails.
"""

import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, HERE)
import traffic  # noqa: E402

KEPT = os.path.join(HERE, "instructions.txt")
PACKETS = 5_000
MOST_GROWTH = 0.05
# What the line with the compiler begins with.
WITH = "# built with "

# What is counted: a word for it, and the arguments. MIXED is a capture as `traffic.py` makes it, FEW its beginning; other files
# are those of the project. Each runs in an empty folder of its own.
WORKS = [
    ("start", ["--version"]),
    ("help", ["read", "--help"]),
    ("lines", ["read", "--threads", "1", "MIXED"]),
    ("lines-link", ["read", "-e", "--threads", "1", "MIXED"]),
    ("tree", ["read", "-v", "FEW"]),
    ("json", ["read", "--json", "--threads", "1", "MIXED"]),
    ("columns", ["read", "--fields", "frame.number,ip.src,ip.dst,tcp.dstport,udp.dstport", "MIXED"]),
    ("hex", ["read", "-x", "FEW"]),
    ("spec", ["read", "--toml", "FEW"]),
    ("count", ["read", "--count", "MIXED"]),
    ("info", ["read", "--info", "--utc", "MIXED"]),
    ("filter", ["read", "--count", "MIXED", "tcp port 80 or udp and net 10.0.0.0/9"]),
    ("field-filter", ["read", "--count", "MIXED", "-Y", "tcp.flags.syn == 1 and ip.ttl > 10 or dns.qry.name"]),
    ("copy", ["read", "MIXED", "-w", "copy.pcap"]),
    ("copy-pcapng", ["read", "MIXED", "-w", "copy.pcapng"]),
    ("filter-copy", ["read", "MIXED", "-w", "copy.pcap", "tcp"]),
    ("statistics", ["read", "--stats", "MIXED"]),
    ("expert", ["read", "--expert", "MIXED"]),
    ("analysis", ["read", "--analysis", "captures/tcp-stories.pcap"]),
    ("follow", ["read", "--follow", "tcp:0", "captures/http.pcap"]),
    ("reassemble", ["read", "--reassemble", "captures/fragments-odd.pcap"]),
    ("craft", ["craft", "ip(dst=10.0.0.1..10.0.3.250, ttl=64)/udp(dstport=53)/\"question\"", "--hex"]),
    ("spec-parse", ["craft", "examples/tcp-conversation.toml", "--hex"]),
    ("send-dry-run", ["send", "--dry-run", "--count", "200", "ip(dst=127.0.0.1)/icmp"]),
    ("fields", ["fields", "tcp"]),
]


def inputs(folder):
    files = {}
    for word, packets in [("MIXED", PACKETS), ("FEW", PACKETS // 10)]:
        files[word] = os.path.join(folder, f"{word.lower()}.pcap")
        traffic.write(files[word], "mixed", packets)
    return files


def without_sandbox(rawsock, work):
    """The option that leaves the sandbox, which would forbid the system calls that valgrind makes for itself."""
    helped = subprocess.run([rawsock, work[0], "--help"], capture_output=True, text=True)
    return ["--no-sandbox"] if "--no-sandbox" in helped.stdout else []


def count(rawsock, work, folder, files):
    """The instructions of one run, in a folder in which all paths are as long wherever the project lies."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        for path in files.values():
            os.link(path, os.path.join(own, os.path.basename(path)))
        for name in ["captures", "examples"]:
            os.symlink(os.path.join(ROOT, name), os.path.join(own, name))
        os.symlink(os.path.abspath(rawsock), os.path.join(own, "rawsock"))
        command = ["setarch", "-R", "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "./rawsock"]
        command += [os.path.basename(files[word]) if word in files else word for word in work]
        command += without_sandbox(rawsock, work) if len(work) > 1 else []
        environment = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", "TZ": "UTC"}
        done = subprocess.run(command, cwd=own, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    counted = re.search(r"Collected : (\d+)", done.stderr)
    # 1 is for what was done, but had no answer.
    if done.returncode not in (0, 1) or not counted:
        sys.exit(f"`rawsock {' '.join(work)}` ended with {done.returncode}:\n{done.stderr}")
    return int(counted[1])


def built_with():
    """What the counts depend on besides the code."""
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.strip()
    names = sorted(name for name in os.environ if name.startswith("CARGO_PROFILE_RELEASE") or name == "RUSTFLAGS")
    return " ".join([rustc, *(f"{name}={os.environ[name]}" for name in names)])


def kept():
    """The compiler, and the counts that were kept."""
    compiler, counts = "", {}
    if os.path.exists(KEPT):
        with open(KEPT) as file:
            for line in file:
                if line.startswith(WITH):
                    compiler = line.removeprefix(WITH).strip()
                elif not line.startswith("#"):
                    name, number = line.split()
                    counts[name] = int(number.replace(",", ""))
    return compiler, counts


def keep(compiler, counts):
    with open(KEPT, "w") as file:
        file.write("# Instructions of the hot paths, by `benches/instructions.py --write` and a release build\n")
        file.write(f"{WITH}{compiler}\n")
        for name, number in counts.items():
            file.write(f"{name:<14}{number:>15,}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("works", nargs="*", help=", ".join(name for name, _ in WORKS) + "; all, when none is named")
    parser.add_argument("--write", action="store_true", help="keep these counts")
    parser.add_argument("--repeat", type=int, default=1, help="count so many times, and tell how far apart the counts are")
    parser.add_argument("--rawsock", default=os.path.join(ROOT, "target/release/rawsock"))
    arguments = parser.parse_args()
    unknown = set(arguments.works) - {name for name, _ in WORKS}
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    for program in ["valgrind", "setarch", arguments.rawsock]:
        if not shutil.which(program):
            sys.exit(f"{program} is not there")
    works = [(name, work) for name, work in WORKS if not arguments.works or name in arguments.works]
    compiler, before = kept()
    with tempfile.TemporaryDirectory() as folder:
        files = inputs(folder)
        runs = [(name, work) for name, work in works for _ in range(arguments.repeat)]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            counted = list(pool.map(lambda run: (run[0], count(arguments.rawsock, run[1], folder, files)), runs))
    all_counts = {}
    for name, number in counted:
        all_counts.setdefault(name, []).append(number)
    counts = {name: min(numbers) for name, numbers in all_counts.items()}
    grown = table(counts, before, all_counts if arguments.repeat > 1 else {})
    if arguments.write:
        keep(built_with(), {**{name: before[name] for name, _ in WORKS if name in before}, **counts})
        print(f"\nkept in {os.path.relpath(KEPT)}, with {built_with()}")
    elif compiler != built_with():
        print(f"\nNOT COMPARED: the counts that are kept are those of `{compiler}`, and this is `{built_with()}`.")
        print("Different compilers make different code: keep new counts with `benches/instructions.py --write`.")
    elif grown:
        print(f"\n{', '.join(grown)}: more than {MOST_GROWTH:.0%} more instructions than are kept in {os.path.relpath(KEPT)}.")
        print("Find out why (`valgrind --tool=callgrind`, callgrind_annotate). If it is worth it: `benches/instructions.py --write`,")
        print("and say so in the commit message.")
        sys.exit(1)


def table(counts, before, repeated):
    """Prints the counts beside those that were kept; returns what grew too much."""
    print(f"| work | instructions | kept | change |{' apart |' if repeated else ''}")
    print(f"| --- | ---: | ---: | ---: |{' ---: |' if repeated else ''}")
    grown = []
    for name, number in counts.items():
        old = before.get(name)
        change = number / old - 1 if old else 0.0
        said = "new" if old is None else f"{change:+.2%}"
        if change > MOST_GROWTH:
            grown.append(name)
            said += " GREW"
        elif change < -MOST_GROWTH:
            said += " fell: --write keeps that"
        apart = f" {max(repeated[name]) / min(repeated[name]) - 1:.4%} |" if repeated else ""
        print(f"| {name} | {number:,} | {f'{old:,}' if old else ''} | {said} |{apart}")
    return grown


main()
