"""Runs a program and writes into a file how much memory it had at most, in kB: peak.py FILE PROGRAM...

It ends with the program's exit code. What is told is at least what this interpreter itself has (getrusage(2): the peak is kept over an
execve).
"""
import os
import sys

target, *program = sys.argv[1:]
child = os.posix_spawnp(program[0], program, os.environ)
_, status, usage = os.wait4(child, 0)
with open(target, "w") as file:
    file.write(str(usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)
