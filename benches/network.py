"""Two network namespaces joined by a veth pair, for the benchmarks of capturing and of sending: `v0` sends, `v1` receives.

At `v1` every packet is dropped behind the taps, so that nothing but the tool is measured. That interface's own counter is
the truth. Needs root, iproute2 and nftables.
"""

import os
import subprocess
import sys

SENDER, RECEIVER = f"bench{os.getpid()}a", f"bench{os.getpid()}b"


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
    rules = "table netdev t { chain c { type filter hook ingress device v1 priority 0; policy drop; }; }"
    run(f"echo '{rules}' | ip netns exec {RECEIVER} nft -f -")


def tear_down():
    run(f"ip netns del {SENDER}; ip netns del {RECEIVER}", check=False)


def received():
    """Packets that have come in at `v1`, by the interface's counter."""
    for line in run(f"ip netns exec {RECEIVER} cat /proc/net/dev").splitlines():
        if line.strip().startswith("v1:"):
            return int(line.split(":")[1].split()[1])
    sys.exit("v1 is gone")


def sockets():
    """How many packet sockets run at `v1`."""
    rows = run(f"ip netns exec {RECEIVER} cat /proc/net/packet").splitlines()[1:]
    return sum(row.split()[5] == "1" for row in rows)
