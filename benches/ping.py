#!/usr/bin/env python3
"""Round trips, beside ping, fping, nping and hping3: as root, over a veth between two network namespaces that it makes and removes.

    benches/ping.py [--rounds 5] [--rawsock PATH] [bias] [startup] [sweep] [steady] [flood]

bias     1,000 requests at 1 ms: what each tool tells of each round trip, less what a tap on the sender's interface saw of it
startup  one request to the loopback address, from start to exit
sweep    254 hosts, and 10,000, each once: from start to exit, and processor time for each request
steady   2,000 requests at 1 ms: processor time for each, and how even the intervals are on the wire
flood    200,000 round trips as fast as they go

Tools take turns in every round; the figures are medians of the rounds. Those that are not installed are left out, and named.
"""

import argparse
import ctypes
import os
import re
import resource
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time

from program import as_installed

HERE = os.path.dirname(os.path.abspath(__file__))
NEAR, FAR = f"rsping{os.getpid()}a", f"rsping{os.getpid()}b"
PEER = "10.67.1.1"
SLOWEST = 120
CLONE_NEWNET = 0x40000000


def system(command):
    done = subprocess.run(command.split(), capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


def set_up():
    for name in (NEAR, FAR):
        system(f"ip netns add {name}")
        system(f"ip -n {name} link set lo up")
        for setting in ("net.ipv6.conf.all.disable_ipv6=1", "net.ipv4.icmp_ratelimit=0", "net.ipv4.icmp_msgs_per_sec=1000000"):
            subprocess.run(["ip", "netns", "exec", name, "sysctl", "-qw", setting], stderr=subprocess.DEVNULL)
        # Who has no rights may use datagram sockets.
        group_range = "net.ipv4.ping_group_range=0 2147483647"
        subprocess.run(["ip", "netns", "exec", name, "sysctl", "-qw", group_range], stderr=subprocess.DEVNULL)
    system(f"ip -n {NEAR} link add v0 type veth peer name v1 netns {FAR}")
    system(f"ip -n {NEAR} addr add 10.67.0.1/16 dev v0")
    system(f"ip -n {FAR} addr add {PEER}/16 dev v1")
    # Each address of these is the peer's (AnyIP, ip-route(8)).
    system(f"ip -n {FAR} route add local 10.68.0.0/16 dev lo")
    for name, interface in ((NEAR, "v0"), (FAR, "v1")):
        system(f"ip -n {name} link set {interface} up")
    system(f"ip -n {NEAR} route add 10.68.0.0/16 via {PEER}")
    # From here on this process is there, so that no figure has the start of `ip netns exec` in it.
    with open(f"/run/netns/{NEAR}") as near:
        if ctypes.CDLL(None, use_errno=True).setns(near.fileno(), CLONE_NEWNET):
            sys.exit(f"enter {NEAR}: {os.strerror(ctypes.get_errno())}")


def tear_down():
    for name in (NEAR, FAR):
        subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)


def run(command):
    """Seconds from start to exit, seconds of processor time, what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(command.split(), capture_output=True, text=True, timeout=SLOWEST, errors="replace")
    took = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return took, cpu, done.stdout


def installed(tools):
    missing = {command.split()[0] for command in tools.values() if not shutil.which(command.split()[0])}
    if missing:
        print(f"not installed, left out: {', '.join(sorted(missing))}\n")
    return {name: command for name, command in tools.items() if command.split()[0] not in missing}


def rounds(tools, count, measure):
    """What each tool gave in each round; one round before is for neighbours to be found."""
    results = {name: [] for name in tools}
    for number in range(count + 1):
        for name, command in tools.items():
            result = measure(command)
            if number:
                results[name].append(result)
    return results


def wall_table(tools, count, each=1):
    print(f"{'':26}{'wall ms':>10}{'p10':>9}{'p90':>9}{'CPU ms':>9}{'CPU µs each':>13}")
    for name, runs in rounds(tools, count, lambda command: run(command)[:2]).items():
        walls = sorted(wall * 1e3 for wall, _ in runs)
        cpu = statistics.median(cpu for _, cpu in runs)
        p10, p90 = walls[len(walls) // 10], walls[len(walls) * 9 // 10]
        print(f"{name:26}{statistics.median(walls):10.2f}{p10:9.2f}{p90:9.2f}{cpu * 1e3:9.2f}{cpu / each * 1e6:13.2f}")


def trips(path):
    """Round trips in microseconds by identifier and number, and the times of requests, from a pcap of nanoseconds."""
    octets = open(path, "rb").read()
    at, asked, found, times = 24, {}, {}, []
    while at + 16 <= len(octets):
        seconds, nanos, held, _ = struct.unpack_from("<IIII", octets, at)
        frame = octets[at + 16 : at + 16 + held]
        at += 16 + held
        if len(frame) < 42 or frame[12:14] != b"\x08\x00" or frame[23] != 1:
            continue
        icmp = frame[14 + (frame[14] & 15) * 4 :]
        key, now = struct.unpack(">HH", icmp[4:8]), seconds * 10**9 + nanos
        if icmp[0] == 8:
            asked[key] = now
            times.append(now)
        elif icmp[0] == 0 and key in asked:
            found.setdefault(key, (now - asked[key]) / 1e3)
    return found, times


def tapped(command):
    """What the command printed, and what a tap on the sender's interface saw meanwhile."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        path = os.path.join(folder, "tap.pcap")
        tap = subprocess.Popen(
            f"tcpdump -n -i v0 --time-stamp-precision=nano -U -w {path} icmp".split(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(0.5)
        took, cpu, text = run(command)
        # A block that is not full is handed over after a second.
        time.sleep(1.2)
        tap.terminate()
        tap.wait()
        seen, times = trips(path)
    return took, cpu, text, seen, times


def told(text):
    """Round trips in microseconds, as a tool printed them."""
    if "SENT" in text:
        sent, came = {}, {}
        for what, when, seq in re.findall(r"(SENT|RCVD) \(([\d.]+)s\) ICMP .*?seq=(\d+)", text):
            (sent if what == "SENT" else came)[seq] = float(when)
        return [(came[seq] - sent[seq]) * 1e6 for seq in came if seq in sent]
    exact = re.findall(r'"rtt_ns":(\d+),"left_by"', text)
    if exact:
        return [int(nanos) / 1e3 for nanos in exact]
    return [float(millis) * 1e3 for millis in re.findall(r"(?:time=|rtt=|bytes, )([\d.]+) ms", text)]


def bias(given):
    tools = installed({
        "rawsock": f"{given.rawsock} ping --json --flood -i 0.001 -c 1000 {PEER}",
        "rawsock, datagram": "setpriv --ambient-caps=-all --inh-caps=-all --bounding-set=-all "
        f"{given.rawsock} ping --json --flood -i 0.001 -c 1000 {PEER}",
        "ping": f"ping -n -i 0.001 -c 1000 {PEER}",
        "fping": f"fping -c 1000 -p 1 -i 1 {PEER}",
        "nping": f"nping --icmp -c 1000 --delay 1ms {PEER}",
        "hping3": f"hping3 -1 -c 1000 -i u1000 {PEER}",
    })
    print(f"{'':22}{'told µs':>9}{'tap µs':>9}{'bias µs':>9}{'p5':>9}{'p95':>9}{'greatest':>10}")
    results = rounds(tools, given.rounds, tapped)
    for name, runs in results.items():
        rows = []
        for _, _, text, seen, _ in runs:
            times, true = told(text), list(seen.values())
            if len(times) != len(true) or not times:
                continue
            off = sorted(one - other for one, other in zip(times, true))
            rows.append((statistics.median(times), statistics.median(true), statistics.median(off),
                         off[len(off) // 20], off[len(off) * 19 // 20], off[-1]))
        if not rows:
            print(f"{name:22} told another number of round trips than the tap saw")
            continue
        columns = [statistics.median(column) for column in zip(*rows)]
        print(f"{name:22}" + "".join(f"{value:{width}.2f}" for value, width in zip(columns, (9, 9, 9, 9, 9, 10))))


def startup(given):
    tools = {
        "rawsock ping -c1": f"{given.rawsock} ping -c1 -n 127.0.0.1",
        "ping -c1": "ping -c1 -n 127.0.0.1",
        "fping -c1": "fping -c1 -q 127.0.0.1",
        "nping": "nping --icmp -c1 127.0.0.1",
    }
    wall_table(installed(tools), given.rounds * 8)


def sweep(given):
    for count in (254, 10_000):
        hosts = [f"10.68.{number // 250 + 1}.{number % 250 + 1}" for number in range(count)]
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("\n".join(hosts) + "\n")
            file.flush()
            tools = {
                "rawsock --targets": f"{given.rawsock} ping -q -n -c1 --targets {file.name}",
                # A line for each host at the end, as rawsock has it; and nothing at all.
                "fping -i0 -c1": f"fping -q -c1 -i 0 -f {file.name}",
                "fping -i0": f"fping -q -r0 -i 0 -f {file.name}",
            }
            if count == 254:
                tools["nmap -sn"] = f"nmap -n -sn -PE --disable-arp-ping -T5 --min-rate 100000 -iL {file.name}"
            print(f"{count} hosts")
            wall_table(installed(tools), given.rounds * (4 if count == 254 else 1), count)


def steady(given):
    tools = installed({
        "rawsock": f"{given.rawsock} ping -q --flood -i 0.001 -c 2000 {PEER}",
        "ping": f"ping -q -n -i 0.001 -c 2000 {PEER}",
        "fping": f"fping -q -c 2000 -p 1 -i 1 {PEER}",
    })
    print(f"{'':14}{'CPU µs each':>13}{'interval µs':>13}{'p99':>9}{'greatest':>10}")
    for name, runs in rounds(tools, given.rounds, tapped).items():
        rows = []
        for _, cpu, _, _, times in runs:
            gaps = sorted((after - before) / 1e3 for before, after in zip(times, times[1:]))
            rows.append((cpu / 2000 * 1e6, statistics.median(gaps), gaps[len(gaps) * 99 // 100], gaps[-1]))
        columns = [statistics.median(column) for column in zip(*rows)]
        print(f"{name:14}" + "".join(f"{value:{width}.1f}" for value, width in zip(columns, (13, 13, 9, 10))))


def flood(given):
    count = 200_000
    tools = installed({
        "rawsock -f": f"{given.rawsock} ping -q -f -c {count} {PEER}",
        "rawsock -f -l64": f"{given.rawsock} ping -q -f -l 64 -c {count} {PEER}",
        "ping -f": f"ping -q -f -c {count} {PEER}",
        "ping -f -l64": f"ping -q -f -l 64 -c {count} {PEER}",
    })
    print(f"{'':18}{'k round trips/s':>17}{'CPU µs each':>13}")
    for name, runs in rounds(tools, given.rounds, lambda command: run(command)[:2]).items():
        rate = statistics.median(count / wall / 1e3 for wall, _ in runs)
        cpu = statistics.median(cpu / count * 1e6 for _, cpu in runs)
        print(f"{name:18}{rate:17.0f}{cpu:13.2f}")


PARTS = {"startup": startup, "bias": bias, "sweep": sweep, "steady": steady, "flood": flood}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rawsock", default=os.path.join(HERE, "..", "target", "release", "rawsock"))
    parser.add_argument("parts", nargs="*", help="what to measure; all unless named")
    given = parser.parse_args()
    given.rawsock = as_installed(given.rawsock)
    unknown = set(given.parts) - set(PARTS)
    if unknown:
        sys.exit(f"no such part: {', '.join(sorted(unknown))}")
    set_up()
    try:
        for name, part in PARTS.items():
            if not given.parts or name in given.parts:
                print(f"\n{name}")
                part(given)
    finally:
        tear_down()


if __name__ == "__main__":
    main()
