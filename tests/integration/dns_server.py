#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A name server for tests: dns_server.py ADDRESS MODE LOG. Modes: answer (every A is 192.0.2.ADDRESS's last byte), fail (SERVFAIL),
silent. UDP and TCP; each question is a line in LOG: its name and who asked."""
import socket
import struct
import sys
import threading

address, mode, log = sys.argv[1:4]


def reply(query, peer):
    at = 12
    parts = []
    while query[at]:
        parts.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    with open(log, 'a', encoding='ascii') as f:
        f.write('.'.join(parts) + ' ' + peer[0] + '\n')
    question = query[12:at + 5]
    if mode == 'fail':
        return query[:2] + struct.pack('!HHHHH', 0x8182, 1, 0, 0, 0) + question
    last = int(address.split('.')[3])
    answer = b'\xc0\x0c' + struct.pack('!HHIH', 1, 1, 60, 4) + bytes([192, 0, 2, last])
    return query[:2] + struct.pack('!HHHHH', 0x8180, 1, 1, 0, 0) + question + answer


def serve_tcp(listener):
    while True:
        s, peer = listener.accept()
        size = struct.unpack('!H', s.recv(2, socket.MSG_WAITALL))[0]
        data = reply(s.recv(size, socket.MSG_WAITALL), peer)
        s.sendall(struct.pack('!H', len(data)) + data)
        s.close()


udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind((address, 53))
tcp = socket.socket()
tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
tcp.bind((address, 53))
tcp.listen(8)
threading.Thread(target=serve_tcp, args=(tcp,), daemon=True).start()
print('ready', flush=True)
while True:
    question, peer = udp.recvfrom(65535)
    if mode == 'silent':
        with open(log, 'a', encoding='ascii') as out:
            out.write('silent\n')
        continue
    udp.sendto(reply(question, peer), peer)
