#!/usr/bin/env python3
"""How many packets a second a tool sends from one core, at what cost, and whether as many arrive as it says.

Each tool, pinned to one core, sends 64-octet UDP frames (60 and the check sequence) over a veth pair between two network
namespaces of its own; at the other end they are dropped at once. That interface's own counter is the truth. Tools take turns in
every round; the table has the medians. `changing`: the UDP source port differs from packet to packet, of those that can also the IPv4
identification, with both checksums. Needs root, iproute2, nftables; of the tools (Debian: hping3, netsniff-ng, tcpreplay, nmap,
python3-scapy) those that are not installed are left out, and named.

    benches/send.py [--rounds 7] [--seconds 1.5] [--only 'rawsock sendmmsg;trafgen, changing'] [--rawsock PATH] [--paced]

`--paced` measures rawsock's pace: what was delivered of what was asked, and what it says of its lateness.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from network import SENDER, received, run, set_up, tear_down

ETH = "eth(src=02:00:00:00:00:01, dst=02:00:00:00:00:02)"
IP = "ip(src=10.66.0.1, dst=10.66.0.2, id={id})/udp(srcport={port}, dstport=9)/data(zeros=18)"
FIXED, CHANGING = IP.format(id=7, port=1000), IP.format(id="0..65535", port="1024..65000")
# Two sweeps multiply; a count that both run through is enough.
SEND = "{rawsock} send '{spec}' --top-speed --yes-flood -c {count} --json"
TRAFGEN = "trafgen -q -P 1 -o v0 -c {folder}/{frame} -n {count}"
TCPREPLAY = "tcpreplay -q -K -t -i v0 --loop={loops} {folder}/"
MAUSEZAHN = (
    "mausezahn v0 -q -c {count} -a 02:00:00:00:00:01 -b 02:00:00:00:00:02 -A 10.66.0.1 -B 10.66.0.2 -t udp {ports},dp=9 "
    "-P 123456789012345678"
)
SCAPY = "{python} {folder}/scapy_send.py "
# As its manual has it: a loop of send and sendp over one socket.
SCAPY_SEND = """
import sys
from scapy.all import IP, UDP, Ether, L3RawSocket, conf
way, count = sys.argv[1], int(sys.argv[2])
is_ip = way.endswith("-ip")
link = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
packet = IP(src="10.66.0.1", dst="10.66.0.2", id=7) / UDP(sport=1000, dport=9) / bytes(18)
socket = L3RawSocket(iface="v0") if is_ip else conf.L2socket(iface="v0")
packet = packet if is_ip else link / packet
for number in range(count):
    if way.startswith("changing"):
        packet[IP].id, packet[UDP].sport = number % 65536, 1024 + number % 60000
    socket.send(packet)
"""
# What each is asked for, and about how many packets a second it sends, for a run of the wanted time.
TOOLS = {
    "rawsock sendmmsg": (SEND.replace("{spec}", f"{ETH}/{FIXED}") + " -i v0 --engine sendmmsg", 1600e3),
    "rawsock sendmmsg, changing": (SEND.replace("{spec}", f"{ETH}/{CHANGING}") + " -i v0 --engine sendmmsg", 1500e3),
    "rawsock xdp": (SEND.replace("{spec}", f"{ETH}/{FIXED}") + " -i v0 --engine xdp", 2000e3),
    "rawsock xdp, changing": (SEND.replace("{spec}", f"{ETH}/{CHANGING}") + " -i v0 --engine xdp", 2000e3),
    "rawsock ip": (SEND.replace("{spec}", FIXED), 800e3),
    "rawsock ip, changing": (SEND.replace("{spec}", CHANGING), 800e3),
    "rawsock replay": ("{rawsock} replay {folder}/file.pcap -i v0 --top-speed --yes-flood --json --loop 0 -c {count}", 1500e3),
    "rawsock replay --preload": (
        "{rawsock} replay {folder}/file.pcap -i v0 --top-speed --yes-flood --json --loop 0 -c {count} --preload", 1500e3),
    "trafgen": (TRAFGEN.replace("{frame}", "fixed"), 1300e3),
    "trafgen, changing": (TRAFGEN.replace("{frame}", "changing"), 900e3),
    "tcpreplay --preload-pcap": (TCPREPLAY + "file.pcap", 1100e3),
    "tcpreplay --preload-pcap, changing": (TCPREPLAY + "changing.pcap", 1100e3),
    "mausezahn": (MAUSEZAHN.replace("{ports}", "sp=1000"), 900e3),
    # Its count is of rounds through the ports.
    "mausezahn, changing": (MAUSEZAHN.replace("{count}", "{loops}").replace("{ports}", "sp=1001-2000"), 900e3),
    "hping3 --flood": ("timeout -s INT {seconds} hping3 --flood -q -2 -s 1000 -k -p 9 -d 18 10.66.0.2", 500e3),
    "hping3 --flood, changing": ("timeout -s INT {seconds} hping3 --flood -q -2 -s 1024 -p 9 -d 18 10.66.0.2", 500e3),
    "nping": ("nping -q --udp -g 1000 -p 9 --data-length 18 -N -H --rate 10000000 -c {count} 10.66.0.2", 250e3),
    "nping --send-eth": (
        "nping -q --udp -g 1000 -p 9 --data-length 18 -N -H --rate 10000000 -c {count} -e v0 --send-eth --dest-mac 02:00:00:00:00:02 "
        "--source-mac 02:00:00:00:00:01 10.66.0.2", 250e3),
    "scapy": (SCAPY + "fixed {count}", 2e3),
    "scapy, changing": (SCAPY + "changing {count}", 1.5e3),
    "scapy ip": (SCAPY + "fixed-ip {count}", 2e3),
    "scapy ip, changing": (SCAPY + "changing-ip {count}", 1.5e3),
}
TRAFGEN_FRAMES = {
    "fixed": "udp(sport=1000, dport=9)",
    "changing": "udp(sport=drnd(), dport=9)",
}


def frames(folder):
    for name, udp in TRAFGEN_FRAMES.items():
        with open(f"{folder}/{name}", "w") as file:
            identification = "id=drnd(), " if name == "changing" else ""
            file.write(
                "{ eth(da=02:00:00:00:00:02, sa=02:00:00:00:00:01),\n"
                f"  ipv4({identification}saddr=10.66.0.1, daddr=10.66.0.2), {udp}, fill(0x00, 18), }}\n"
            )


def one(command, folder):
    """One run: packets that arrived, seconds that it took, seconds of CPU, what the tool says that it sent."""
    before = received()
    words = ["taskset", "-c", "0", "ip", "netns", "exec", SENDER, "sh", "-c", "exec " + command]
    with open(f"{folder}/out", "w+") as out:
        began = time.monotonic()
        tool = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL)
        _, _, usage = os.wait4(tool.pid, 0)
        tool.returncode = 0
        took = time.monotonic() - began
        out.seek(0)
        said = out.read()
    arrived = received() - before
    try:
        summary = json.loads(said)
    except ValueError:
        summary = {}
    return arrived, took, usage.ru_utime + usage.ru_stime, summary


def python_with_scapy():
    """An interpreter that has scapy; the system's own, where a package brought it."""
    for python in ("python3", "/usr/bin/python3"):
        path = shutil.which(python)
        if path and subprocess.run([path, "-c", "import scapy"], capture_output=True).returncode == 0:
            return os.path.realpath(run(f"{path} -c 'import sys; print(sys.executable)'").strip())
    return "scapy"


def commands(given, folder):
    rawsock = os.path.abspath(given.rawsock)
    python = python_with_scapy()
    has_xdp = "--engine" in run(f"{rawsock} send --help", check=False)
    for name, (command, rate) in TOOLS.items():
        if given.only and name not in given.only.split(";"):
            continue
        count = max(int(rate * given.seconds) // 1000, 1) * 1000
        filled = command.format(
            rawsock=rawsock, folder=folder, count=count, loops=count // 1000, seconds=given.seconds, python=python)
        program = next(word for word in filled.split() if word not in ("timeout", "-s", "INT", str(given.seconds)))
        if not shutil.which(program):
            print(f"{name}: {program} is not installed", file=sys.stderr)
        elif has_xdp or "--engine" not in filled:
            yield name, filled


def compare(given, folder):
    tools = dict(commands(given, folder))
    results = {name: [] for name in tools}
    for _ in range(given.rounds):
        for name, command in tools.items():
            results[name].append(one(command, folder))
    print("| tool | packets/s | CPU µs a packet | said − arrived |")
    print("| --- | --- | --- | --- |")
    for name, runs in results.items():
        rate = statistics.median(arrived / took for arrived, took, _, _ in runs)
        cost = statistics.median(1e6 * cpu / max(arrived, 1) for arrived, _, cpu, _ in runs)
        if not all(arrived for arrived, _, _, _ in runs):
            print(f"{name}: nothing arrived: {tools[name]}", file=sys.stderr)
        missing = [said["sent"] - arrived for arrived, _, _, said in runs if "sent" in said]
        print(f"| {name} | {rate / 1e6:.3f} M | {cost:.2f} | {f'{min(missing)} to {max(missing)}' if missing else ''} |", flush=True)


def paced(given, folder):
    rawsock = os.path.abspath(given.rawsock)
    print("| asked packets/s | delivered / asked | late: half, 99 %, most (µs) |")
    print("| --- | --- | --- |")
    for rate in [1000, 10_000, 100_000, 500_000, 1_000_000]:
        runs = []
        for _ in range(given.rounds):
            command = f"{rawsock} send '{ETH}/{CHANGING}' -i v0 --rate {rate}/s -c {int(rate * given.seconds)} -q --no-answers --yes-flood --json"
            runs.append(one(command, folder))
        share = statistics.median(said["sent"] / (said["elapsed_ns"] / 1e9) / rate for _, _, _, said in runs)
        late = lambda name: statistics.median(said["pace_error_ns"][name] for _, _, _, said in runs) / 1000
        print(f"| {rate} | {share:.4f} | {late('p50'):.1f}, {late('p99'):.1f}, {late('max'):.0f} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--only", default="")
    parser.add_argument("--paced", action="store_true")
    parser.add_argument("--rawsock", default="target/release/rawsock")
    given = parser.parse_args()
    folder = tempfile.mkdtemp(dir="/dev/shm")
    try:
        set_up()
        # Raw sockets need addresses, and a neighbour that is known.
        run(f"ip -n {SENDER} address add 10.66.0.1/24 dev v0 && ip -n {SENDER} link set lo up")
        run(f"ip -n {SENDER} neighbour replace 10.66.0.2 lladdr 02:00:00:00:00:02 dev v0 nud permanent")
        frames(folder)
        for name, packets in (("file", FIXED), ("changing", CHANGING)):
            run(f"{os.path.abspath(given.rawsock)} craft -q '{ETH}/{packets}' --count 1000 -w {folder}/{name}.pcap")
        with open(f"{folder}/scapy_send.py", "w") as file:
            file.write(SCAPY_SEND)
        (paced if given.paced else compare)(given, folder)
    finally:
        tear_down()
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
