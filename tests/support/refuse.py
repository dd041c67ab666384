"""Runs a program whose kernel refuses some of its calls, by a seccomp filter: refuse.py WHAT ERROR PROGRAM...

WHAT is `socket=N`, sockets of an address family, `write>N`, writes of more than N octets, or the name of a call, which is refused in any
case. ERROR is a name of errno(3). Kernels without a call, and container runtimes that keep it away, answer so.
"""
import ctypes
import errno
import os
import platform
import struct
import sys

# seccomp(2), bpf in linux/filter.h: load a word, jump if equal or greater, return.
LOAD, EQUAL, GREATER, RETURN = 0x20, 0x15, 0x25, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
# struct seccomp_data: nr, arch, instruction_pointer, args[6].
NUMBER, ARGUMENTS = 0, 16
CALLS = {
    "x86_64": {"socket": 41, "write": 1, "seccomp": 317, "landlock_create_ruleset": 444},
    "aarch64": {"socket": 198, "write": 64, "seccomp": 277, "landlock_create_ruleset": 444},
}

what, error, *program = sys.argv[1:]
name, _, value = what.replace(">", "=").partition("=")
call = CALLS[platform.machine()][name]
argument, jump = (2, GREATER) if name == "write" else (0, EQUAL)
refused, allowed = (RETURN, 0, 0, ERRNO | getattr(errno, error)), (RETURN, 0, 0, ALLOW)
test = [(LOAD, 0, 0, ARGUMENTS + 8 * argument), (jump, 0, 1, int(value))] if value else []
rules = [(LOAD, 0, 0, NUMBER), (EQUAL, 0, len(test) + 1, call), *test, refused, allowed]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))


class Filter(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("rules", ctypes.c_void_p)]


libc = ctypes.CDLL(None, use_errno=True)
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
given = Filter(len(rules), ctypes.addressof(code))
if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(given)):
    sys.exit("refuse.py: no filter: " + os.strerror(ctypes.get_errno()))
os.execvp(program[0], program)
