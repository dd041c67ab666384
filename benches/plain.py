#!/usr/bin/env python3
"""The four ways of waiting for sockets, beside ncat and socat: connections and messages a second, and memory.

Each server echoes over loopback TCP. For 1, 100 and 5,000 connections that stand, one process with epoll writes a message of 32
octets on each of them, waits for its echo and writes the next one, for some seconds; memory is what the server and its children
hold while they stand (Pss of /proc/PID/smaps_rollup), CPU what they used for the messages. Connections a second are opened, used for one
message and closed, one behind the other. Servers take turns in every round; the table has the medians.

ncat and socat start a process (cat) for each connection, and are asked for no more than 100.

    benches/plain.py [--rounds 3] [--seconds 3] [--rawsock PATH]
"""

import argparse
import os
import resource
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

from program import as_installed

HERE = os.path.dirname(os.path.abspath(__file__))
MESSAGE = b"0123456789abcdef0123456789abcde\n"
COUNTS = (1, 100, 5000)
SERVERS = {
    "threads": "{rawsock} serve tcp {port} --io threads -q --max-connections 6000",
    "nonblocking": "{rawsock} serve tcp {port} --io nonblocking -q --max-connections 6000",
    "epoll": "{rawsock} serve tcp {port} --io epoll -q --max-connections 6000",
    "async": "{rawsock} serve tcp {port} --io async -q --max-connections 6000",
    "ncat": "ncat -l 127.0.0.1 {port} -k -m 200 -e /bin/cat",
    "socat": "socat TCP4-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,backlog=200 EXEC:/bin/cat",
}
MOST = {"ncat": 100, "socat": 100}


def family(pid):
    """A process and all that it has started."""
    found, waiting = [], [pid]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as children:
                waiting += map(int, children.read().split())
    return found


def memory(pid):
    """kB, each shared page counted in parts."""
    total = 0
    for one in family(pid):
        try:
            with open(f"/proc/{one}/smaps_rollup") as lines:
                total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total


def cpu(pid):
    """Seconds, of all."""
    total = 0
    for one in family(pid):
        try:
            with open(f"/proc/{one}/stat") as line:
                fields = line.read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total / os.sysconf("SC_CLK_TCK")


def connect(port):
    one = socket.create_connection(("127.0.0.1", port), timeout=20)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return one


def echo(one):
    one.sendall(MESSAGE)
    got = b""
    while len(got) < len(MESSAGE):
        got += one.recv(4096) or sys.exit("the server has ended")
    if got != MESSAGE:
        sys.exit(f"{got} came back")


def messages(port, pid, count, seconds):
    """Messages a second, CPU microseconds of the server for each, and kB, with so many connections."""
    idle = memory(pid)
    clients = [connect(port) for _ in range(count)]
    for one in clients:
        echo(one)
    held = memory(pid) - idle
    poll = select.epoll()
    by_number = {one.fileno(): one for one in clients}
    waiting = {number: len(MESSAGE) for number in by_number}
    for one in clients:
        poll.register(one.fileno(), select.EPOLLIN)
        one.send(MESSAGE)
    begun, used, answered = time.perf_counter(), cpu(pid), 0
    while time.perf_counter() - begun < seconds:
        for number, _ in poll.poll(1):
            waiting[number] -= len(by_number[number].recv(4096))
            if waiting[number] == 0:
                answered += 1
                waiting[number] = len(MESSAGE)
                by_number[number].send(MESSAGE)
    took, used = time.perf_counter() - begun, cpu(pid) - used
    for one in clients:
        one.close()
    return answered / took, used / max(answered, 1) * 1e6, held


def connections(port, seconds):
    begun, opened = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        with connect(port) as one:
            echo(one)
            # A reset in place of TIME-WAIT, or ports would run out.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        opened += 1
    return opened / (time.perf_counter() - begun)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def measure(name, command, given):
    """One server's figures in this round."""
    port = free_port()
    words = command.format(rawsock=given.rawsock, port=port).split()
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        for _ in range(200):
            try:
                connect(port).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.02)
        time.sleep(0.2)
        figures = {"connections": connections(port, given.seconds)}
        for count in COUNTS:
            if count <= MOST.get(name, count):
                time.sleep(0.3)
                figures[count] = messages(port, server.pid, count, given.seconds)
        return figures
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rawsock", default=os.path.join(HERE, "..", "target", "release", "rawsock"))
    given = parser.parse_args()
    given.rawsock = as_installed(given.rawsock)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < max(COUNTS) + 100:
        sys.exit(f"`ulimit -n` allows {hard} descriptors only")
    servers = {name: line for name, line in SERVERS.items() if "{rawsock}" in line or shutil.which(name)}
    print(*(f"{name} is not installed, left out\n" for name in SERVERS if name not in servers), end="")
    rounds = {name: [] for name in servers}
    for _ in range(given.rounds):
        for name, line in servers.items():
            rounds[name].append(measure(name, line, given))
    print(f"{'':12}{'conn/s':>8}", *(f"{f'{count}: msg/s':>14}{'CPU us':>8}{'kB':>8}" for count in COUNTS))
    for name, figures in rounds.items():
        line = f"{name:12}{statistics.median(one['connections'] for one in figures):8.0f}"
        for count in COUNTS:
            if count not in figures[0]:
                line += f" {'-':>14}{'-':>8}{'-':>8}"
                continue
            rate, used, held = (statistics.median(one[count][at] for one in figures) for at in range(3))
            # What is too little to be measured is no zero.
            line += f" {rate:14.0f}" + (f"{used:8.1f}" if used > 0 else f"{'-':>8}") + (f"{held:8.0f}" if held > 0 else f"{'-':>8}")
        print(line)


main()
