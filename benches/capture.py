#!/usr/bin/env python3
"""How many packets a capture tool gets into a file, at what cost, and whether what it says adds up.

A generator (trafgen, pinned to one core) sends 64-octet UDP frames over a veth pair between two network namespaces of
its own; the tool captures at the other end, pinned to another core. The interface's own counter is the truth. Tools take
turns in every round; the table has the medians. Needs root, iproute2, nftables, netsniff-ng (for trafgen), capinfos.

    benches/capture.py [--rounds 5] [--seconds 3] [--rates 100,500,0] [--only rawsock,tcpdump] [--rawsock PATH]

Rates are thousands of packets a second; 0 is as fast as the generator can.
"""

import argparse
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

TOOLS = {
    "rawsock": "{rawsock} capture -q -i v1 -w {out}.pcapng",
    "rawsock pcap": "{rawsock} capture -q -i v1 -w {out}.pcap",
    "tcpdump": "tcpdump -n -i v1 -w {out}.pcap",
    "dumpcap": "dumpcap -q -i v1 -w {out}.pcapng",
    "netsniff-ng": "netsniff-ng -s -i v1 -o {out}.pcap",
}
DROPPED = re.compile(r"(\d+)(?:\(\d+\))? packets? dropped by kernel|dropped on interface '[^']*': \d+/(\d+)|(\d+)\s+packets? failed filter|(\d+) packets dropped")
SENDER, RECEIVER = f"bench{os.getpid()}a", f"bench{os.getpid()}b"
FRAME = """{
  eth(da=02:00:00:00:00:02, sa=02:00:00:00:00:01),
  ipv4(saddr=10.66.0.1, daddr=10.66.0.2),
  udp(sport=1000, dport=9),
  fill(0x55, 22),
}
"""


def run(command, check=True):
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    if check and done.returncode:
        sys.exit(f"{command}: {done.stderr}")
    return done.stdout


def set_up():
    run(f"ip netns add {SENDER} && ip netns add {RECEIVER}")
    run(f"ip -n {SENDER} link add v0 address 02:00:00:00:00:01 type veth peer name v1 netns {RECEIVER} address 02:00:00:00:00:02")
    for namespace, name in ((SENDER, "v0"), (RECEIVER, "v1")):
        run(f"ip netns exec {namespace} sysctl -qw net.ipv6.conf.all.disable_ipv6=1")
        run(f"ip -n {namespace} link set {name} up")
    # Behind the taps nothing is done with the packets, so that the capture alone is measured.
    rules = "table netdev t { chain c { type filter hook ingress device v1 priority 0; policy drop; }; }"
    run(f"echo '{rules}' | ip netns exec {RECEIVER} nft -f -")


def tear_down():
    run(f"ip netns del {SENDER}; ip netns del {RECEIVER}", check=False)


def received():
    for line in run(f"ip netns exec {RECEIVER} cat /proc/net/dev").splitlines():
        if line.strip().startswith("v1:"):
            return int(line.split(":")[1].split()[1])
    sys.exit("v1 is gone")


def sockets():
    return len(run(f"ip netns exec {RECEIVER} cat /proc/net/packet").splitlines()) - 1


def in_file(path):
    found = re.search(r"^Number of packets\s*[:=]\s*(\d+)", run(f"capinfos -Mc {path}", check=False), re.M)
    return int(found.group(1)) if found else 0


def one(command, rate, seconds, folder):
    """One run: what was delivered, what is in the file, what was reported as dropped, seconds of CPU."""
    path = next(word for word in command.split() if word.startswith(folder))
    log = open(os.path.join(folder, "log"), "w+b")
    tool = subprocess.Popen(
        ["taskset", "-c", "1", "ip", "netns", "exec", RECEIVER, *command.split()],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log,
    )
    began = time.monotonic()
    while sockets() < 1 and time.monotonic() - began < 5:
        time.sleep(0.05)
    time.sleep(0.3)
    before = received()
    pace = f"-b {rate * 1000:.0f}pps" if rate else ""
    count = int((rate or 1200) * 1000 * seconds)
    generator = f"taskset -c 0 timeout {seconds * 3 + 5} ip netns exec {SENDER} trafgen -q -P 1 -o v0 -c {folder}/frame {pace} -n {count}"
    sending = time.monotonic()
    run(generator, check=False)
    took = time.monotonic() - sending
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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rates", default="100,500,0")
    parser.add_argument("--only", default="")
    parser.add_argument("--rawsock", default="target/release/rawsock")
    given = parser.parse_args()
    tools = {name: words for name, words in TOOLS.items() if not given.only or name in given.only.split(",")}
    rawsock = os.path.abspath(given.rawsock)
    tools = {name: words for name, words in tools.items() if shutil.which(words.split()[0].format(rawsock=rawsock))}
    folder = tempfile.mkdtemp(dir="/dev/shm")
    with open(f"{folder}/frame", "w") as frame:
        frame.write(FRAME)
    try:
        set_up()
        print("| asked k/s | tool | delivered k/s | in the file | reported as dropped | missing | CPU µs a packet |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for rate in [float(rate) for rate in given.rates.split(",")]:
            results = {name: [] for name in tools}
            for _ in range(given.rounds):
                for name, words in tools.items():
                    command = words.format(rawsock=rawsock, out=f"{folder}/out")
                    results[name].append(one(command, rate, given.seconds, folder))
            for name, runs in results.items():
                row(rate, name, runs)
    finally:
        tear_down()
        shutil.rmtree(folder)


def row(rate, name, runs):
    median = lambda values: statistics.median(list(values))
    missing = [delivered - captured - dropped for delivered, captured, dropped, _, _ in runs]
    share = median(100 * captured / max(delivered, 1) for delivered, captured, _, _, _ in runs)
    cost = median(1e6 * cpu / max(captured, 1) for _, captured, _, cpu, _ in runs)
    print(
        f"| {rate:.0f} | {name} | {median(run[4] for run in runs) / 1000:.0f} | {share:.2f} % "
        f"| {median(run[2] for run in runs):.0f} | {min(missing)} to {max(missing)} | {cost:.2f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
