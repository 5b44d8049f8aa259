"""A DNS server (RFC 1035) over UDP and TCP, with a few names: `python3 dns_server.py ADDRESS`, a resolver"""

import socket
import socketserver
import struct
import sys
import threading

NAMES = {
    "www.example.test": [socket.inet_aton("192.0.2.80")],
    "many.example.test": [socket.inet_aton(f"192.0.2.{n}") for n in range(100)],
    "more.example.test": [socket.inet_aton(f"198.51.{n >> 8}.{n & 255}") for n in range(3000)],
}
"""The addresses of the second are too many for one datagram, those of the third for a window of TCP."""

SILENT = b"\6silent"
"""Names with this label get no answer over UDP."""


def answer(query: bytes) -> bytes:
    """The answer; NXDOMAIN for other names."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode())
        at += 1 + query[at]
    question = query[12 : at + 5]
    addresses = NAMES.get(".".join(labels).lower())
    records = [struct.pack("!HHHIH", 0xC00C, 1, 1, 60, 4) + one for one in addresses or ()]
    code = 3 if addresses is None else 0
    head = query[:2] + struct.pack("!5H", 0x8180 | code, 1, len(records), 0, 0)
    return head + question + b"".join(records)


class _OverTcp(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        while length := self.rfile.read(2):
            told = answer(self.rfile.read(int.from_bytes(length)))
            self.wfile.write(struct.pack("!H", len(told)) + told)


if __name__ == "__main__":
    over_tcp = socketserver.ThreadingTCPServer((sys.argv[1], 53), _OverTcp)
    threading.Thread(target=over_tcp.serve_forever, daemon=True).start()
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((sys.argv[1], 53))
    while True:
        asked, sender = server.recvfrom(4096)
        if SILENT not in asked:
            server.sendto(answer(asked), sender)
