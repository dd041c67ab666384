"""Runs a command on a terminal of its own, as somebody would who looks at it and presses keys.

    on_terminal.py STEPS COMMAND...      STEPS: JSON, a list of [text to wait for, what to do then]

What to do: keys, or `signal:NAME`, or `nothing`. Prints as JSON what was written (`output`), the exit code (`status`, negative for a
signal), whether the terminal's modes are as they were (`restored`), the texts that never came (`missed`), and what stands there at the end
(`screen`).
"""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

LONGEST = 20
ROWS, COLUMNS = 40, 160


class Screen:
    """What somebody would see: text at the cursor, and sequences that move it or clear."""

    def __init__(self):
        self.rest, self.row, self.column = "", 0, 0
        self.clear()

    def clear(self):
        self.cells = [[" "] * COLUMNS for _ in range(ROWS)]

    def show(self, text):
        text = self.rest + text
        at = 0
        for match in re.finditer(r"\x1b\[([?0-9;]*)([A-Za-z])|[^\x1b]", text):
            at = match.end()
            arguments, command = match.group(1), match.group(2)
            if command is None:
                self.put(match.group(0))
            elif command == "H":
                row, _, column = arguments.partition(";")
                self.row, self.column = int(row or 1) - 1, int(column or 1) - 1
            elif command == "A":
                self.row = max(0, self.row - int(arguments or 1))
            elif command == "K":
                self.blank(self.row, self.column)
            elif command == "J" and not arguments:
                self.blank(self.row, self.column)
                for row in range(self.row + 1, ROWS):
                    self.blank(row, 0)
            elif command == "J" or (command == "h" and arguments == "?1049"):
                self.clear()
        self.rest = text[at:]

    def blank(self, row, column):
        if row < ROWS:
            self.cells[row][column:] = [" "] * (COLUMNS - column)

    def put(self, character):
        if character == "\n":
            self.row += 1
        elif character == "\r":
            self.column = 0
        elif self.row < ROWS and self.column < COLUMNS:
            self.cells[self.row][self.column] = character
            self.column += 1

    def text(self):
        return "\n".join("".join(row) for row in self.cells)


def main():
    steps, command = json.loads(sys.argv[1]), sys.argv[2:]
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    before = termios.tcgetattr(slave)
    process = os.fork()
    if process == 0:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for descriptor in range(3):
            os.dup2(slave, descriptor)
        os.execvp(command[0], command)
    output, status, screen = b"", None, Screen()
    until = time.monotonic() + LONGEST
    while time.monotonic() < until:
        if select.select([master], [], [], 0.05)[0]:
            octets = os.read(master, 65536)
            output += octets
            screen.show(octets.decode(errors="replace"))
        if steps and steps[0][0] in screen.text():
            _, action = steps.pop(0)
            if action.startswith("signal:"):
                os.kill(process, getattr(signal, action[7:]))
            elif action != "nothing":
                os.write(master, action.encode())
        if status is None:
            ended, code = os.waitpid(process, os.WNOHANG)
            if ended:
                status = os.waitstatus_to_exitcode(code)
                until = min(until, time.monotonic() + 0.3)
    if status is None:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    restored = termios.tcgetattr(slave) == before
    print(json.dumps({"output": output.decode(errors="replace"), "status": status, "restored": restored,
                      "missed": [text for text, _ in steps], "screen": screen.text()}))


main()
