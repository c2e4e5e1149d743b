#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One DNS question: dns_ask.py [-t] SERVER NAME [TYPE]. Prints the code, then the answers."""
import os
import socket
import struct
import sys

TYPES = {'A': 1, 'PTR': 12, 'MX': 15, 'AAAA': 28}
CODES = {0: 'NOERROR', 1: 'FORMERR', 2: 'SERVFAIL', 3: 'NXDOMAIN', 4: 'NOTIMP', 5: 'REFUSED'}


def encode(name):
    labels = [part.encode() for part in name.rstrip('.').split('.') if part]
    return b''.join(bytes([len(part)]) + part for part in labels) + b'\0'


def read_name(data, at):
    parts = []
    end = None
    while data[at]:
        if data[at] & 0xc0:
            end = end or at + 2
            at = (data[at] & 0x3f) << 8 | data[at + 1]
            continue
        parts.append(data[at + 1:at + 1 + data[at]].decode())
        at += 1 + data[at]
    return '.'.join(parts), end or at + 1


def ask(server, query, tcp):
    if not tcp:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.settimeout(15)
        s.connect((server, 53))
        s.send(query)
        return s.recv(65535)
    s = socket.create_connection((server, 53), 15)
    s.sendall(struct.pack('!H', len(query)) + query)
    size = struct.unpack('!H', s.recv(2, socket.MSG_WAITALL))[0]
    return s.recv(size, socket.MSG_WAITALL)


def main():
    args = sys.argv[1:]
    tcp = args[0] == '-t'
    args = args[tcp:]
    kind = TYPES[args[2] if len(args) > 2 else 'A']
    ident = os.urandom(2)
    query = ident + struct.pack('!HHHHH', 0x100, 1, 0, 0, 0) + encode(args[1]) + struct.pack('!HH', kind, 1)
    data = ask(args[0], query, tcp)
    assert data[:2] == ident
    at = read_name(data, 12)[1] + 4
    words = [CODES[data[3] & 15]]
    for _ in range(struct.unpack('!H', data[6:8])[0]):
        at = read_name(data, at)[1]
        got, _, _, size = struct.unpack('!HHIH', data[at:at + 10])
        at += 10
        if got == 1:
            words.append(socket.inet_ntoa(data[at:at + 4]))
        elif got == 12:
            words.append(read_name(data, at)[0])
        at += size
    print(' '.join(words))


main()
