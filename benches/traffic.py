"""Captures to measure with: always the same octets for the same name.

mixed   small packets as a busy network has them: TCP with and without options and data, UDP, DNS queries, pings, unreachable
        ports, ARP, IPv6, VLANs, between 600 pairs of hosts
flows   the same, but each packet has a pair of its own
"""

import random
import struct

SEED = 791
TEMPLATES = 40_000
HERE, THERE = bytes.fromhex("02000000000a"), bytes.fromhex("02000000000b")


def checksum(octets):
    if len(octets) % 2:
        octets += b"\0"
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def frame(kind, payload, vlan=None):
    tag = b"" if vlan is None else struct.pack(">HH", 0x8100, vlan)
    return THERE + HERE + tag + struct.pack(">H", kind) + payload


def ipv4(protocol, pair, payload, ident):
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), ident, 0x4000, 64, protocol, 0) + pair[0] + pair[1]
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def ipv6(protocol, pair, payload):
    return struct.pack(">IHBB", 6 << 28, len(payload), protocol, 64) + pair[0] + pair[1] + payload


def summed(protocol, pair, message, at):
    """The message with its checksum at this octet."""
    pseudo = pair[0] + pair[1] + struct.pack(">II", len(message), protocol)
    total = checksum(pseudo + message) or 0xFFFF
    return message[:at] + struct.pack(">H", total) + message[at + 2 :]


def tcp(r, ports, pair):
    flags, options, data = r.choice(
        [
            (0x02, bytes.fromhex("020405b40402080a") + r.randbytes(8) + bytes.fromhex("01030307"), 0),
            (0x10, bytes.fromhex("0101080a") + r.randbytes(8), 0),
            (0x11, b"", 0),
            (0x18, b"", r.choice([1, 20, 40, 80])),
        ]
    )
    words = (20 + len(options)) // 4
    head = struct.pack(">HHIIBBHHH", *ports, r.getrandbits(32), r.getrandbits(32), words << 4, flags, 64240, 0, 0)
    return summed(6, pair, head + options + r.randbytes(data), 16)


def udp(r, ports, pair, data):
    return summed(17, pair, struct.pack(">HHHH", *ports, 8 + len(data), 0) + data, 6)


def query(r):
    name = f"host{r.randrange(5000)}"
    labels = b"".join(bytes([len(part)]) + part.encode() for part in [name, "example", "net"]) + b"\0"
    return struct.pack(">HHHHHH", r.getrandbits(16), 0x0100, 1, 0, 0, 0) + labels + struct.pack(">HH", 1, 1)


def message(kind, rest):
    octets = struct.pack(">BBH", *kind, 0) + rest
    return octets[:2] + struct.pack(">H", checksum(octets)) + octets[4:]


def packet(r, hosts, ports):
    """One packet of the mix; `hosts` are a pair of addresses of IPv4 and one of IPv6."""
    (pair, pair6), ident, kind = hosts, r.getrandbits(16), r.randrange(20)
    if kind < 8:
        return frame(0x0800, ipv4(6, pair, tcp(r, ports, pair), ident))
    if kind < 12:
        data = r.randbytes(r.choice([4, 24, 48, 96]))
        return frame(0x0800, ipv4(17, pair, udp(r, (ports[0], 5000), pair, data), ident))
    if kind < 14:
        return frame(0x0800, ipv4(17, pair, udp(r, (ports[0], 53), pair, query(r)), ident))
    if kind == 14:
        echo = message((8, 0), struct.pack(">HH", 1, ident) + bytes(range(40)))
        return frame(0x0800, ipv4(1, pair, echo, ident))
    if kind == 15:
        lost = ipv4(17, pair[::-1], struct.pack(">HHHH", 40000, 33434, 8, 0), ident)
        return frame(0x0800, ipv4(1, pair, message((3, 3), bytes(4) + lost), ident))
    if kind == 16:
        asked = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + HERE + pair[0] + bytes(6) + pair[1]
        return frame(0x0806, asked).ljust(60, b"\0")
    if kind == 17:
        return frame(0x86DD, ipv6(6, pair6, tcp(r, ports, pair6)))
    if kind == 18:
        return frame(0x86DD, ipv6(17, pair6, udp(r, ports, pair6, bytes(32))))
    return frame(0x0800, ipv4(17, pair, udp(r, ports, pair, bytes(26)), ident), vlan=r.randrange(1, 4095))


def pair(number):
    """Addresses and ports of one pair of hosts."""
    first, last = number >> 8 & 0xFF, number & 0xFF
    there = number >> 16 & 0xFF
    network = bytes.fromhex("20010db8") + bytes(8)
    hosts = (
        (bytes([10, there, first, last]), bytes([192, 168, there, last ^ 1])),
        (network + bytes([0, there, first, last]), network + bytes([1, there, first, last])),
    )
    return hosts, (1024 + number * 7 % 60000, [80, 443, 22, 8080][number % 4])


def write(path, name, packets):
    """Writes a capture of so many packets with times in microseconds."""
    r = random.Random(SEED)
    mixed = name == "mixed"
    templates = [packet(r, *pair(r.randrange(600))) for _ in range(TEMPLATES)] if mixed else None
    now = 1_700_000_000_000_000
    with open(path, "wb", buffering=1 << 20) as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for number in range(packets):
            octets = templates[r.randrange(TEMPLATES)] if mixed else packet(r, *pair(number))
            now += r.randrange(1, 20)
            file.write(struct.pack("<IIII", now // 1_000_000, now % 1_000_000, len(octets), len(octets)))
            file.write(octets)


def memory(process):
    """The most memory that a process had so far, in kB; 0 when it has ended."""
    try:
        with open(f"/proc/{process}/status") as status:
            lines = [line for line in status if line.startswith("VmHWM:")]
    except FileNotFoundError:
        lines = []
    return int(lines[0].split()[1]) if lines else 0
