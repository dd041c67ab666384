"""Answers echo requests, each by its number, in all the ways in which an answer can be wrong. Linux, as root of its network."""

import socket
import struct
import sys
import time

own, other, limit = sys.argv[1], sys.argv[2], float(sys.argv[3])


def checksum(octets):
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets[: len(octets) // 2 * 2]))
    total += octets[-1] << 8 if len(octets) % 2 else 0
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def reply(request, payload):
    head = struct.pack("!BBHHH", 0, 0, 0, *struct.unpack("!HH", request[4:8]))
    return head[:2] + struct.pack("!H", checksum(head + payload)) + head[4:] + payload


def send(message, to, source=own):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(message), 1, 0, 64, 1, 0, socket.inet_aton(source), socket.inet_aton(to))
    raw.sendto(head + message, (to, 0))


icmp = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
icmp.settimeout(0.05)
print("ready", flush=True)
late = None
ends = time.monotonic() + limit
while time.monotonic() < ends:
    try:
        packet, (peer, _) = icmp.recvfrom(65535)
    except TimeoutError:
        continue
    request = packet[(packet[0] & 15) * 4 :]
    if request[0] != 8:
        continue
    payload = request[8:]
    good = reply(request, payload)
    kind = struct.unpack("!H", request[6:8])[0] % 12
    flipped = lambda at: payload[:at] + bytes([payload[at] ^ 0x10]) + payload[at + 1 :]
    if kind == 2:
        send(good, peer)
        send(good, peer)
    elif kind == 3:
        send(good[:2] + bytes([good[2] ^ 1]) + good[3:], peer)
    elif kind == 4:
        send(reply(request, flipped(30)), peer)
    elif kind == 5:
        send(reply(request, payload[:40]), peer)
    elif kind == 6:
        send(reply(request, payload[:16] + b"\0guessed" + payload[24:]), peer)
    elif kind == 7:
        pass
    elif kind == 8:
        late = good
    elif kind == 9:
        send(good, peer, other)
    elif kind == 10:
        held = good
    elif kind == 11:
        send(good, peer)
        send(held, peer)
    elif kind == 0:
        if late:
            send(late, peer)
        # To a request that nobody made.
        send(reply(request[:6] + b"\xff\xf0", b"\0" * len(payload)), peer)
        send(good, peer)
    else:
        send(good, peer)
