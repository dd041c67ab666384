# Answers questions for `www.example` with the name `other.example`, and those for that with an address.
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.77.2.2", 53))
print("ready", flush=True)
while True:
    q, peer = s.recvfrom(2048)
    name = q[12:q.index(0, 12) + 1]
    head = q[:2] + bytes.fromhex("8180000100010000 0000") + q[12:12 + len(name) + 4]
    if name == b"\x03www\x07example\x00":
        data, kind = b"\x05other\xc0\x10", b"\x00\x05"
    elif name == b"\x05other\x07example\x00":
        data, kind = bytes([192, 0, 2, 7]), b"\x00\x01"
    else:
        continue
    s.sendto(head + b"\xc0\x0c" + kind + b"\x00\x01\x00\x00\x00\x3c" + len(data).to_bytes(2, "big") + data, peer)
