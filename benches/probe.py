#!/usr/bin/env python3
"""How long it takes to ask 1,000 TCP ports of a host, plain and raw, from start to exit, and how much CPU.

Each tool asks ports 1 to 1000 of a host one router away, over a chain of network namespaces (tests/support/chain.sh); ten of them are
open, all others are closed. Each must say so of all ten, or the run does not count. Tools take turns in every round; the table has
the medians, the 10th and the 90th percentile. Needs iproute2 and user namespaces; of nmap and nping, those that are not installed are
left out, and named.

    benches/probe.py [--rounds 21] [--rawsock PATH]
"""

import argparse
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time

from program import as_installed

HERE = os.path.dirname(os.path.abspath(__file__))
HOST, HOST6 = "10.9.2.2", "fd09:2::2"
OPEN = list(range(50, 1001, 100))
# How many ports each says are open.
RAWSOCK, NMAP = r"(\d+) open, ", r"/tcp +open"
TOOLS = {
    "rawsock, plain": ("{rawsock} probe tcp %s:1-1000" % HOST, RAWSOCK),
    "nmap -sT": ("nmap -n -Pn -sT -p 1-1000 %s" % HOST, NMAP),
    "nmap -sT -T5": ("nmap -n -Pn -sT -T5 -p 1-1000 %s" % HOST, NMAP),
    "nping --tcp-connect": ("nping --tcp-connect -c 1 --rate 100000 -p 1-1000 %s" % HOST, r"completed"),
    "rawsock, raw": ("{rawsock} probe tcp --raw %s:1-1000" % HOST, RAWSOCK),
    "nmap -sS": ("nmap -n -Pn -sS -p 1-1000 %s" % HOST, NMAP),
    "nmap -sS -T5": ("nmap -n -Pn -sS -T5 -p 1-1000 %s" % HOST, NMAP),
    "nping --tcp": ("nping --tcp -c 1 --rate 100000 -p 1-1000 %s" % HOST, r"RCVD .* SA "),
    "rawsock, plain, IPv6": ("{rawsock} probe tcp [%s]:1-1000" % HOST6, RAWSOCK),
    "nmap -6 -sT": ("nmap -6 -n -Pn -sT -p 1-1000 %s" % HOST6, NMAP),
    "rawsock, raw, IPv6": ("{rawsock} probe tcp --raw [%s]:1-1000" % HOST6, RAWSOCK),
    "nmap -6 -sS": ("nmap -6 -n -Pn -sS -p 1-1000 %s" % HOST6, NMAP),
}
LISTEN = """
import socket, sys, time
held = []
for port in %s:
    listener = socket.socket(socket.AF_INET6)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("::", port))
    listener.listen(1000)
    held.append(listener)
print("ready", flush=True)
import select
while True:
    for listener in select.select(held, [], [])[0]:
        listener.accept()[0].close()
""" % OPEN
# As the slowest of them may take.
SLOWEST = 60


def measure(command, sign):
    """Seconds from start to exit, seconds of CPU, and how many of the open ports were found."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(command.split(), capture_output=True, text=True, timeout=SLOWEST)
    took = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = re.findall(sign, done.stdout)
    count = int(found[0]) if sign == RAWSOCK and found else len(found)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, count


def compare(given):
    """Within the chain's client."""
    missing = [tool for tool in ("nmap", "nping") if not shutil.which(tool)]
    if missing:
        print(f"not installed, left out: {', '.join(missing)}\n")
    tools = {name: of for name, of in TOOLS.items() if of[0].split()[0] not in missing}
    rawsock = as_installed(given.rawsock)
    measured = {name: [] for name in tools}
    for number in range(given.rounds + 1):
        for name, (command, sign) in tools.items():
            result = measure(command.format(rawsock=rawsock), sign)
            # The first round is for neighbours to be found.
            if number:
                measured[name].append(result)
    print(f"{'':24}{'median ms':>10}{'p10':>8}{'p90':>8}{'CPU ms':>8}{'of 10 open':>12}")
    for name, results in measured.items():
        times = sorted(took * 1e3 for took, _, _ in results)
        p10, p90 = times[len(times) // 10], times[len(times) * 9 // 10]
        cpu = statistics.median(cpu for _, cpu, _ in results) * 1e3
        found = min(count for _, _, count in results)
        print(f"{name:24}{statistics.median(times):10.1f}{p10:8.1f}{p90:8.1f}{cpu:8.1f}{found:12}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--rawsock", default=os.path.join(HERE, "..", "target", "release", "rawsock"))
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        compare(given)
        return
    chain = os.path.join(HERE, "..", "tests", "support", "chain.sh")
    keeper = subprocess.Popen(
        ["unshare", "-Urn", "sh", chain, "2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    server = None
    try:
        hosts = keeper.stdout.readline().split()
        inside = ["nsenter", "-t", hosts[0], "-U", "-n", "--preserve-credentials"]
        there = ["nsenter", "-t", hosts[-1], "-U", "-n", "--preserve-credentials"]
        server = subprocess.Popen(there + [sys.executable, "-c", LISTEN], stdout=subprocess.PIPE, text=True)
        server.stdout.readline()
        subprocess.run(inside + [sys.executable] + sys.argv + ["--inside"], check=True)
    finally:
        if server:
            server.kill()
        keeper.stdin.close()
        keeper.wait()


main()
