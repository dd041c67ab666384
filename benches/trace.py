#!/usr/bin/env python3
"""How long a trace of five hops takes, from start to exit, and how much CPU.

Each tool traces the same way over a chain of network namespaces (tests/support/chain.sh), three probes a hop, addresses as numbers.
Tools take turns in every round; the table has the medians, the 10th and the 90th percentile. Needs iproute2 and user namespaces; of
traceroute and mtr, those that are not installed are left out, and named.

    benches/trace.py [--rounds 41] [--rawsock PATH]
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time

from program import as_installed

HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = {
    "rawsock, UDP": "{rawsock} trace 10.9.5.2",
    "traceroute, UDP": "traceroute -n 10.9.5.2",
    "rawsock, ICMP": "{rawsock} trace -I 10.9.5.2",
    "traceroute, ICMP": "traceroute -n -I 10.9.5.2",
    "rawsock, TCP": "{rawsock} trace -T 10.9.5.2",
    "traceroute, TCP": "traceroute -n -T 10.9.5.2",
    "rawsock, UDP, IPv6": "{rawsock} trace fd09:5::2",
    "traceroute, UDP, IPv6": "traceroute -n fd09:5::2",
    "mtr -c1, ICMP": "mtr -n -r -c 1 10.9.5.2",
}
# As the slowest of them may take.
SLOWEST = 30


def measure(command):
    """Seconds from start to exit, and seconds of CPU."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(command.split(), capture_output=True, text=True, timeout=SLOWEST)
    took = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    last = "fd09:5::2" if "fd09" in command else "10.9.5.2"
    if done.returncode or not any(last in line for line in done.stdout.splitlines()[1:]):
        sys.exit(f"{command}: {done.stdout}{done.stderr}")
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare(given):
    """Within the chain's client."""
    missing = [tool for tool in ("traceroute", "mtr") if not shutil.which(tool)]
    if missing:
        print(f"not installed, left out: {', '.join(missing)}\n")
    tools = {name: command for name, command in TOOLS.items() if command.split()[0] not in missing}
    rawsock = as_installed(given.rawsock)
    measured = {name: [] for name in tools}
    for number in range(given.rounds + 1):
        for name, command in tools.items():
            result = measure(command.format(rawsock=rawsock))
            # The first round is for neighbours to be found.
            if number:
                measured[name].append(result)
    print(f"{'':24}{'median ms':>10}{'p10':>8}{'p90':>8}{'CPU ms':>8}")
    for name, results in measured.items():
        times = sorted(took * 1e3 for took, _ in results)
        p10, p90 = times[len(times) // 10], times[len(times) * 9 // 10]
        cpu = statistics.median(cpu for _, cpu in results) * 1e3
        print(f"{name:24}{statistics.median(times):10.2f}{p10:8.2f}{p90:8.2f}{cpu:8.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=41)
    parser.add_argument("--rawsock", default=os.path.join(HERE, "..", "target", "release", "rawsock"))
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        compare(given)
        return
    chain = os.path.join(HERE, "..", "tests", "support", "chain.sh")
    keeper = subprocess.Popen(
        ["unshare", "-Urn", "sh", chain, "5"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        client = keeper.stdout.readline().split()[0]
        inside = ["nsenter", "-t", client, "-U", "-n", "--preserve-credentials"]
        subprocess.run(inside + [sys.executable] + sys.argv + ["--inside"], check=True)
    finally:
        keeper.stdin.close()
        keeper.wait()


main()
