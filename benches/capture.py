#!/usr/bin/env python3
"""How many packets a capture tool gets onto a disk without losing one, at what cost, and whether what it says adds up.

A generator, pinned to one core, sends UDP frames over a veth pair between two network namespaces of its own; the tool captures
at the other end, pinned to another core. The generator starts when the tool has said that it captures. The interface's own
counter is the truth. Tools take turns in every round; the table has the medians, and ends with the highest rate at which each
tool had every packet in its file in every round. Needs root, iproute2, nftables, capinfos, and package netsniff-ng.

    benches/capture.py [--rounds 5] [--seconds 3] [--frames 60,1514] [--rates 100,500,0] [--folder DIR] [--generator trafgen]
                       [--only rawsock,tcpdump] [--rawsock PATH]

Rates are thousands of packets a second; 0 is as fast as the generator can. Frames are octets, without the check sequence. The
files are written into `--folder`, by default beside the binary: /dev/shm leaves the disk out. `--generator rawsock` sends by
AF_XDP, which is faster than trafgen.
"""

import argparse
import os
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

from network import RECEIVER, SENDER, received, run, set_up, sockets, tear_down

# Each tool's command, and the word by which it says that it captures (rawsock -q says nothing: its socket does).
TOOLS = {
    "rawsock": ("{rawsock} capture -q -i v1 -w {out}.pcapng", ""),
    "rawsock pcap": ("{rawsock} capture -q -i v1 -w {out}.pcap", ""),
    "tcpdump": ("tcpdump -n -i v1 -w {out}.pcap", "listening on"),
    "dumpcap": ("dumpcap -q -i v1 -w {out}.pcapng", "File:"),
    "netsniff-ng": ("netsniff-ng -s -i v1 -o {out}.pcap", "Running!"),
}
DROPPED = re.compile(r"(\d+)(?:\(\d+\))? packets? dropped by kernel|dropped on interface '[^']*': \d+/(\d+)|(\d+)\s+packets? failed filter|(\d+) packets dropped")
FRAME = """{{
  eth(da=02:00:00:00:00:02, sa=02:00:00:00:00:01),
  ipv4(saddr=10.66.0.1, daddr=10.66.0.2),
  udp(sport=1000, dport=9),
  fill(0x55, {fill}),
}}
"""
SPEC = "eth(src=02:00:00:00:00:01, dst=02:00:00:00:00:02)/ip(src=10.66.0.1, dst=10.66.0.2)/udp(srcport=1000, dstport=9)/data(zeros={fill})"
# Ethernet, IPv4 and UDP.
HEADERS = 42
FASTEST = {"trafgen": 1300, "rawsock": 2200}


def in_file(path):
    found = re.search(r"^Number of packets\s*[:=]\s*(\d+)", run(f"capinfos -Mc {path}", check=False), re.M)
    return int(found.group(1)) if found else 0


def generator(given, size, rate, folder):
    count = int((rate or FASTEST[given.generator]) * 1000 * given.seconds)
    bounded = f"taskset -c 0 timeout {given.seconds * 3 + 5} ip netns exec {SENDER}"
    if given.generator == "trafgen":
        pace = f"-b {rate * 1000:.0f}pps" if rate else ""
        return f"{bounded} trafgen -q -P 1 -o v0 -c {folder}/{size} {pace} -n {count}"
    pace = f"--rate {rate * 1000:.0f}/s" if rate else "--top-speed"
    spec = SPEC.format(fill=size - HEADERS)
    return f"{bounded} {given.rawsock} send '{spec}' -i v0 --engine xdp {pace} -c {count} -q --no-answers --yes-flood"


def wait_until_ready(log, word):
    began = time.monotonic()
    while time.monotonic() - began < 20:
        log.seek(0)
        if sockets() >= 1 and word in log.read().decode(errors="replace"):
            break
        time.sleep(0.05)
    time.sleep(0.3)


def one(command, word, sending, folder):
    """One run: what was delivered, what is in the file, what was reported as dropped, seconds of CPU, packets a second."""
    path = next(part for part in command.split() if part.startswith(folder))
    # Nothing that an earlier tool wrote is still on its way to the disk.
    os.sync()
    with open(os.path.join(folder, "log"), "w+b") as log:
        # stdbuf: netsniff-ng would otherwise keep its words until it ends.
        tool = subprocess.Popen(
            ["taskset", "-c", "1", "ip", "netns", "exec", RECEIVER, "stdbuf", "-oL", *command.split()],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )
        wait_until_ready(log, word)
        before = received()
        began = time.monotonic()
        run(sending, check=False)
        took = time.monotonic() - began
        delivered = received() - before
        time.sleep(0.2)
        tool.send_signal(signal.SIGINT)
        _, _, usage = os.wait4(tool.pid, 0)
        tool.returncode = 0
        log.seek(0)
        words = log.read().decode(errors="replace")
    drops = [int(next(group for group in found.groups() if group)) for found in DROPPED.finditer(words)]
    captured = in_file(path)
    os.unlink(path)
    return delivered, captured, max(drops, default=0), usage.ru_utime + usage.ru_stime, delivered / took


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rates", default="100,500,0")
    parser.add_argument("--frames", default="60,1514")
    parser.add_argument("--only", default="")
    parser.add_argument("--folder", default="")
    parser.add_argument("--generator", choices=FASTEST, default="trafgen")
    parser.add_argument("--rawsock", default="target/release/rawsock")
    given = parser.parse_args()
    given.rawsock = os.path.abspath(given.rawsock)
    return given


def main():
    given = arguments()
    wanted = {name: tool for name, tool in TOOLS.items() if not given.only or name in given.only.split(",")}
    tools = {name: tool for name, tool in wanted.items() if shutil.which(tool[0].split()[0].format(rawsock=given.rawsock))}
    folder = tempfile.mkdtemp(dir=given.folder or os.path.dirname(given.rawsock))
    # dumpcap gives up its rights before it opens its file.
    os.chmod(folder, 0o777)
    lossless = {}
    try:
        set_up()
        print("| octets | asked k/s | tool | delivered k/s | in the file | reported as dropped | missing | CPU µs a packet |")
        print("| ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: |")
        for size in map(int, given.frames.split(",")):
            with open(f"{folder}/{size}", "w") as frame:
                frame.write(FRAME.format(fill=size - HEADERS))
            for rate in map(float, given.rates.split(",")):
                results = {name: [] for name in tools}
                for _ in range(given.rounds):
                    for name, (command, word) in tools.items():
                        filled = command.format(rawsock=given.rawsock, out=f"{folder}/out")
                        results[name].append(one(filled, word, generator(given, size, rate, folder), folder))
                for name, runs in results.items():
                    rates = lossless.setdefault((size, name), [])
                    rates.append(row(size, rate, name, runs))
    finally:
        tear_down()
        shutil.rmtree(folder)
    print("\n| octets | tool | highest rate without a loss, k/s |\n| ---: | --- | ---: |")
    for (size, name), rates in lossless.items():
        print(f"| {size} | {name} | {max(rates) / 1000:.0f} |")


def row(size, rate, name, runs):
    """Prints one row; says the rate that was delivered, or 0 when a packet was lost."""
    median = lambda values: statistics.median(list(values))
    missing = [delivered - captured - dropped for delivered, captured, dropped, _, _ in runs]
    share = median(100 * captured / max(delivered, 1) for delivered, captured, _, _, _ in runs)
    cost = median(1e6 * cpu / max(captured, 1) for _, captured, _, cpu, _ in runs)
    reached = median(run[4] for run in runs)
    print(
        f"| {size} | {rate:.0f} | {name} | {reached / 1000:.0f} | {share:.2f} % "
        f"| {median(run[2] for run in runs):.0f} | {min(missing)} to {max(missing)} | {cost:.2f} |",
        flush=True,
    )
    return reached if all(captured >= delivered for delivered, captured, _, _, _ in runs) else 0


if __name__ == "__main__":
    main()
