#!/usr/bin/env python3
"""Measures rawsock beside tcpdump, tshark and capinfos, whole processes, one after the other in turn.

    cargo build --release
    benches/compare.py                      # all, in some minutes
    benches/compare.py --rounds 9 text copy # some, more often

Prints a table in Markdown: for each command the median of the wall-clock times, packets a second, processor time, the peak
of memory, and how many times as fast rawsock is. The captures are made once, in a folder of the system's for temporary
files, or in that of --folder.
"""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import traffic  # noqa: E402
from program import as_installed  # noqa: E402

PACKETS = 1_000_000
# tshark takes a hundred times as long as the others, so that it gets fewer packets; what counts is packets a second.
FEW = 50_000


def works(rawsock, out):
    """What is measured: its name, what it is, and for each program the capture and the command."""
    read = [rawsock, "read"]
    mixed, few, flows = ("mixed", PACKETS), ("mixed", FEW), ("flows", 100_000)
    return {
        "text": (
            "one line a packet",
            [
                (mixed, [*read, "FILE"]),
                (mixed, [*read, "--threads", "1", "FILE"]),
                (mixed, ["tcpdump", "-n", "-r", "FILE"]),
                (few, ["tshark", "-n", "-r", "FILE"]),
            ],
        ),
        "flows": (
            "one line a packet, each of a flow of its own",
            [
                (flows, [*read, "FILE"]),
                (flows, [*read, "--threads", "1", "FILE"]),
                (flows, ["tcpdump", "-n", "-r", "FILE"]),
            ],
        ),
        "json": (
            "JSON with verdicts on checksums",
            [
                (mixed, [*read, "--json", "FILE"]),
                (mixed, [*read, "--threads", "1", "--json", "FILE"]),
                (
                    few,
                    ["tshark", "-n", "-T", "ek", "-r", "FILE"]
                    + ["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"],
                ),
            ],
        ),
        "copy": (
            "copy",
            [
                (mixed, [*read, "FILE", "-w", out + ".pcap"]),
                (mixed, ["tcpdump", "-r", "FILE", "-w", out + "2.pcap"]),
            ],
        ),
        "filter": (
            "filter and copy",
            [
                (mixed, [*read, "FILE", "tcp", "-w", out + ".pcap"]),
                (mixed, ["tcpdump", "-r", "FILE", "-w", out + "2.pcap", "tcp"]),
            ],
        ),
        "count": ("how many packets", [(mixed, [*read, "--count", "FILE"]), (mixed, ["capinfos", "-c", "FILE"])]),
        # Without being told what, capinfos would reckon three hashes of the file, too.
        "info": ("packets, octets, times, rates", [(mixed, [*read, "--info", "FILE"]), (mixed, ["capinfos", "-csaeduixyzo", "FILE"])]),
        "stats": (
            "protocols, conversations, end points, sizes",
            [
                (mixed, [*read, "--stats", "FILE"]),
                (mixed, ["capinfos", "FILE"]),
                (few, ["tshark", "-n", "-q", "-z", "io,phs", "-r", "FILE"]),
            ],
        ),
    }


def peak(command):
    """The peak of memory in kB, in a run of its own: what wait4(2) says has this program's own memory in it."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    most = 0
    while process.poll() is None:
        most = max(most, traffic.memory(process.pid))
        time.sleep(0.001)
    return most


def run(command):
    """Seconds by the clock and of the processor."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)} failed with {process.returncode}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime


def version(program):
    options = {"tcpdump": "--version", "tshark": "--version", "capinfos": "--version"}
    output = subprocess.run([program, options.get(program, "--version")], capture_output=True, text=True)
    return (output.stdout + output.stderr).splitlines()[0]


def table(chosen, rounds, folder):
    files = {}
    for _, entries in chosen.values():
        for name, packets in (capture for capture, _ in entries):
            path = os.path.join(folder, f"rawsock-bench-{name}-{packets}.pcap")
            if (name, packets) not in files and not os.path.exists(path):
                traffic.write(path + ".new", name, packets)
                os.rename(path + ".new", path)
            files[name, packets] = path
    print("| work | command | packets | wall ms | Mpackets/s | processor ms | peak MB | rawsock is |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for what, entries in chosen.values():
        entries = [(capture, command) for capture, command in entries if shutil.which(command[0])]
        commands = [[files[capture] if word == "FILE" else word for word in command] for capture, command in entries]
        times = [[] for _ in entries]
        for _ in range(rounds):
            for command, seconds in zip(commands, times):
                seconds.append(run(command))
        rates = []
        for ((name, packets), command), full, measured in zip(entries, commands, times):
            wall, processor = (statistics.median(column) for column in zip(*measured))
            rates.append(packets / wall)
            is_ours = os.path.basename(command[0]) == "rawsock"
            ratio = "" if is_ours else " / ".join(f"{rate / rates[-1]:.1f}×" for rate, ours in zip(rates, ours_of(entries)) if ours)
            words = [os.path.basename(word) if "/" in word else word for word in command]
            print(
                f"| {what} | `{' '.join(words)}` | {packets:,} ({name}) | {wall * 1e3:.0f} | {packets / wall / 1e6:.3f} "
                f"| {processor * 1e3:.0f} | {peak(full) / 1024:.1f} | {ratio} |"
            )
            what = ""


def ours_of(entries):
    return [os.path.basename(command[0]) == "rawsock" for _, command in entries]


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("works", nargs="*", help="text, flows, json, copy, filter, count, stats; all, when none is named")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rawsock", default=os.path.join(root, "target/release/rawsock"))
    parser.add_argument("--folder", default=tempfile.gettempdir(), help="where the captures are kept")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
        known = works(as_installed(arguments.rawsock), os.path.join(scratch, "out"))
        unknown = set(arguments.works) - set(known)
        if unknown:
            parser.error(f"unknown: {', '.join(sorted(unknown))}; known are {', '.join(known)}")
        print(f"Linux {platform.release()}, {os.cpu_count()} processors, {arguments.rounds} rounds. ", end="")
        there = [program for program in ["tcpdump", "tshark", "capinfos"] if shutil.which(program)]
        print("; ".join(version(program) for program in there) + ".\n")
        table({name: known[name] for name in arguments.works or known}, arguments.rounds, arguments.folder)


main()
