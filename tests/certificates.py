"""Keys and certificates of two authorities, for tests of TLS."""

import ssl
import subprocess
from pathlib import Path

NONE = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients without TLS: to load the certificates of all CAs, as httpx does otherwise, takes 0.1 s of CPU."""


def make(folder: Path) -> Path:
    """Make `server` and `client`, signed by `ca`, and `stranger`, signed by `other`: NAME.pem and NAME-key.pem."""
    _authority(folder, "ca")
    _authority(folder, "other")
    for name, by in (("server", "ca"), ("client", "ca"), ("stranger", "other")):
        _signed(folder, name, by)
    return folder


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=60)


def _authority(folder: Path, name: str) -> None:
    _openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-keyout", f"{folder}/{name}-key.pem", "-out", f"{folder}/{name}.pem", "-subj", f"/CN={name}",
    )  # fmt: skip


def _signed(folder: Path, name: str, by: str) -> None:
    _openssl(
        "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
        "-keyout", f"{folder}/{name}-key.pem", "-out", f"{folder}/{name}.csr",
    )  # fmt: skip
    _openssl(
        "x509", "-req", "-in", f"{folder}/{name}.csr", "-CA", f"{folder}/{by}.pem", "-CAkey", f"{folder}/{by}-key.pem",
        "-CAcreateserial", "-days", "2", "-out", f"{folder}/{name}.pem",
    )  # fmt: skip
