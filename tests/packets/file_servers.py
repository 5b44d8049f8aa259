"""An FTP and a TFTP server that give anybody the address which they see of them: `python file_servers.py ADDRESS`.

As RFC 959 (with EPSV and EPRT of RFC 2428) and RFC 1350 say, as far as curl asks. And how tests ask them.
"""

import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

ACTIVE = {"PORT": ("--disable-eprt", "--ftp-port", "-")}
"""Options of curl; Open vSwitch 3.1 does not translate EPRT of IPv4."""
PASSIVE = {"PASV": ("--disable-epsv", "--no-ftp-skip-pasv-ip"), "EPSV": ()}


def fetched(run: Callable[..., Any], url: str, *options: str) -> str:
    """The address by which the server of a URL sees whoever `run` runs commands as; "" where it cannot be asked."""
    return str(run("curl", "-s", "-m", "5", *options, url, check=False).stdout)


def serve_ftp(address: str) -> None:
    listening = socket.create_server((address, 21))
    while True:
        threading.Thread(target=Session(*listening.accept()).run, daemon=True).start()


class Session:
    """One control connection."""

    def __init__(self, control: socket.socket, client: tuple[str, int]) -> None:
        self.control, self.client = control, client
        self.listening: socket.socket | None = None
        self.target: tuple[str, int] | None = None

    def say(self, text: str) -> None:
        self.control.sendall(f"{text}\r\n".encode())

    def run(self) -> None:
        self.say("220 ready")
        for line in self.control.makefile("r", newline="\r\n"):
            name, _, argument = line.strip().partition(" ")
            getattr(self, f"do_{name.lower()}", self.unknown)(argument)

    def unknown(self, _: str) -> None:
        self.say("502 not here")

    def do_user(self, _: str) -> None:
        self.say("230 come in")

    def do_pwd(self, _: str) -> None:
        self.say('257 "/"')

    def do_type(self, _: str) -> None:
        self.say("200 as you like")

    def do_pasv(self, _: str) -> None:
        address, port = self.listen()
        self.say(f"227 here ({address.replace('.', ',')},{port >> 8},{port & 255})")

    def do_epsv(self, _: str) -> None:
        self.say(f"229 here (|||{self.listen()[1]}|)")

    def do_port(self, argument: str) -> None:
        parts = argument.split(",")
        self.target = (".".join(parts[:4]), int(parts[4]) * 256 + int(parts[5]))
        self.say("200 there")

    def do_eprt(self, argument: str) -> None:
        _, _, address, port, _ = argument.split(argument[0])
        self.target = (address, int(port))
        self.say("200 there")

    def do_retr(self, _: str) -> None:
        self.say("150 now")
        try:
            with self.connection() as data:
                data.sendall(self.client[0].encode())
                data.shutdown(socket.SHUT_WR)
                data.recv(1)  # till curl has closed it: it takes an early end of the transfer for one without data
        except OSError as e:
            self.say(f"425 {e}")
        else:
            self.say("226 done")

    def listen(self) -> tuple[str, int]:
        self.target, self.listening = None, socket.create_server((self.control.getsockname()[0], 0))
        address, port = self.listening.getsockname()
        return address, port

    def connection(self) -> socket.socket:
        if self.target is not None:
            own = (self.control.getsockname()[0], 0)
            return socket.create_connection(self.target, timeout=2, source_address=own)
        assert self.listening is not None
        self.listening.settimeout(4)
        return self.listening.accept()[0]


def serve_tftp(address: str) -> None:
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind((address, 69))
    while True:
        _, client = listening.recvfrom(2000)
        answers = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        answers.bind((address, 0))  # from another port than the question went to, as TFTP says
        answers.sendto(b"\0\3\0\1" + client[0].encode(), client)


if __name__ == "__main__":
    threading.Thread(target=serve_tftp, args=sys.argv[1:2], daemon=True).start()
    print("up", flush=True)
    serve_ftp(sys.argv[1])
