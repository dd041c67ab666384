#!/usr/bin/env python3
"""Reads a capture of 100 million packets through a pipe, and checks what comes out and the peak of memory.

    cargo build --release
    benches/long.py             # a few minutes
    benches/long.py --packets 1000000

The capture is never on the disk: a million packets are made once, and sent as often as need be.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import traffic  # noqa: E402

BLOCK = 1_000_000
FLOWS = 1_000


def block():
    """A million records of frames of 60 octets, UDP between a thousand pairs of hosts."""
    r = traffic.random.Random(traffic.SEED)
    records = []
    for number in range(FLOWS):
        (pair, _), ports = traffic.pair(number)
        octets = traffic.frame(0x0800, traffic.ipv4(17, pair, traffic.udp(r, ports, pair, bytes(18)), number))
        records.append(traffic.struct.pack("<IIII", 1_700_000_000, number, len(octets), len(octets)) + octets)
    assert all(len(record) == 76 for record in records)
    return b"".join(records) * (BLOCK // FLOWS)


def run(command, octets, times):
    """Sends the block so many times; returns what was printed, the seconds, and the peak of memory in kB."""
    output = subprocess.PIPE
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output)
    printed = bytearray()
    lines = [0]

    def drain():
        while piece := os.read(process.stdout.fileno(), 1 << 20):
            lines[0] += piece.count(b"\n")
            # Only the end of a long text is kept.
            printed.extend(piece)
            if len(printed) > 1 << 22:
                del printed[: -(1 << 21)]

    reader = threading.Thread(target=drain)
    start = time.perf_counter()
    reader.start()
    header = traffic.struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
    process.stdin.write(header)
    peaks = []
    for _ in range(times):
        process.stdin.write(octets)
        peaks.append(traffic.memory(process.pid))
    process.stdin.close()
    reader.join()
    if process.wait() != 0:
        sys.exit(f"{' '.join(command)} failed with {process.returncode}")
    return printed.decode(errors="replace"), lines[0], time.perf_counter() - start, max(peaks)


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packets", type=int, default=100 * BLOCK, help="in millions")
    parser.add_argument("--rawsock", default=os.path.join(root, "target/release/rawsock"))
    arguments = parser.parse_args()
    times = arguments.packets // BLOCK
    packets = times * BLOCK
    octets = block()
    print(f"{packets:,} packets of 60 octets through a pipe\n")
    print("| command | what came out | wall s | Mpackets/s | peak MB |\n| --- | --- | ---: | ---: | ---: |")

    def row(options, check):
        command = [arguments.rawsock, "read", "-", *options]
        text, lines, seconds, peak = run(command, octets, times)
        what = check(text, lines)
        print(
            f"| `rawsock read - {' '.join(options)}` | {what} | {seconds:.1f} | {packets / seconds / 1e6:.2f} "
            f"| {peak / 1024:.1f} |",
            flush=True,
        )

    def count(text, _):
        assert text == f"{packets}\n", text
        return f"{packets:,}"

    def lines(_, count):
        assert count == packets, count
        return f"{count:,} lines"

    def nothing(text, _):
        assert text == "", text
        return "the file"

    def statistics(text, _):
        all = json.loads(text)
        assert (all["packets"], all["octets"]) == (packets, 60 * packets), (all["packets"], all["octets"])
        talks = all["udp.conversations"]
        assert len(talks) == FLOWS and {talk["sent"][0]["packets"] for talk in talks} == {packets // FLOWS}
        return f"{packets:,} packets, {60 * packets:,} octets, {FLOWS:,} conversations of {packets // FLOWS:,}"

    row(["--count"], count)
    row(["--count", "udp and src net 10.0.0.0/8"], count)
    row(["-n"], lines)
    row(["--stats", "--json"], statistics)
    row(["-w", "/dev/null"], nothing)


main()
