"""Makes a network device whose kind of link is said to be GRE (ARPHRD_IPGRE), and answers the echo requests that come to it.

    odd_link.py NAME ADDRESS/BITS

Says "ready" once it is up, and ends with its standard input.
"""

import fcntl
import os
import select
import struct
import subprocess
import sys

TUNSETIFF, TUNSETLINK = 0x400454CA, 0x400454CD
IFF_TUN, IFF_NO_PI = 1, 0x1000
ARPHRD_IPGRE = 778

name, address = sys.argv[1:]
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
fcntl.ioctl(tun, TUNSETLINK, ARPHRD_IPGRE)
subprocess.run(["ip", "addr", "add", address, "dev", name], check=True)
subprocess.run(["ip", "link", "set", name, "up"], check=True)
print("ready", flush=True)
while True:
    readable = select.select([tun, sys.stdin], [], [])[0]
    if sys.stdin in readable:
        break
    packet = bytearray(os.read(tun, 2000))
    if packet[0] >> 4 == 4 and packet[9] == 1 and packet[20] == 8:
        packet[12:16], packet[16:20] = packet[16:20], packet[12:16]
        packet[20] = 0
        # The type is 8 less, the checksum so much more (RFC 1624).
        checksum = struct.unpack_from("!H", packet, 22)[0] + 0x0800
        struct.pack_into("!H", packet, 22, (checksum & 0xFFFF) + (checksum >> 16))
        os.write(tun, packet)
