# SPDX-License-Identifier: Apache-2.0
"""A person at a terminal: cli_terminal.py COMMAND... with lines on standard input, "EXPECTED<TAB>TYPED" (Python's
escapes): waits for the one, types the other.  Prints what came, then the exit code and whether the terminal is as it
was."""
import os
import pty
import select
import signal
import sys
import termios
import time

SECONDS = 20


def read_until(fd, out, seen, expected, deadline):
    """The place behind what was expected, at or after seen; None at the end or the deadline."""
    while expected not in out[seen:]:
        if time.monotonic() > deadline:
            return None
        if not select.select([fd], [], [], 0.1)[0]:
            continue
        try:
            piece = os.read(fd, 4096)
        except OSError:
            return None
        if not piece:
            return None
        out += piece
    return out.index(expected, seen) + len(expected)


def unescape(text):
    return text.encode().decode('unicode_escape').encode('latin-1')


def main():
    steps = [unescape(line.rstrip('\n')).split(b'\t') for line in sys.stdin]
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (33, 77))
    before = termios.tcgetattr(slave)
    child = os.fork()
    if child == 0:
        os.setsid()
        for fd in (0, 1, 2):
            os.dup2(slave, fd)
        os.execvp(sys.argv[1], sys.argv[1:])
    deadline = time.monotonic() + SECONDS
    out = bytearray()
    seen = 0
    for expected, typed in steps:
        seen = read_until(master, out, seen, expected, deadline)
        if seen is None:
            print('missing: %r' % expected)
            os.kill(child, signal.SIGKILL)
            break
        if typed == b'SIGTERM':
            os.kill(child, signal.SIGTERM)
        else:
            os.write(master, typed)
    # the terminal stays open here, so that its end is the child's
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            break
        if select.select([master], [], [], 0.05)[0]:
            out += os.read(master, 4096)
    else:
        os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
    while select.select([master], [], [], 0.05)[0]:
        out += os.read(master, 4096)
    print(out.decode('utf-8', 'replace').replace('\r', ''))
    print('exit %d' % os.waitstatus_to_exitcode(status))
    print('terminal %s' % ('restored' if termios.tcgetattr(slave) == before else 'changed'))


main()
