"""The key and certificates with which databases at `ssl:HOST:PORT` are read: one set for all of them.

Both sides show a certificate: ours must be signed by a CA that the server trusts, and the server's by `ca_cert`. The
host's name is not compared, as Open vSwitch does not (ovs-vsctl(8), "Public Key Infrastructure Options").
"""

from pathlib import Path

from msgspec import Struct

from tunbridge.errors import TunbridgeError


class TlsError(TunbridgeError):
    """A file for TLS is missing or cannot be read."""


class Files(Struct, frozen=True):
    """Paths of PEM files: our private key, our certificate, and the certificate of the servers' CA."""

    private_key: Path | None = None
    certificate: Path | None = None
    ca_cert: Path | None = None


_files = Files()


def use(files: Files) -> None:
    """Use these files for all further connections."""
    global _files
    _files = files


def used() -> Files:
    """Give the files that are used."""
    return _files


def prepare(remote: str) -> None:
    """Tell Open vSwitch's library of the files. Raises TlsError when one was not given or cannot be read."""
    for option, path in (
        ("--private-key", _files.private_key),
        ("--certificate", _files.certificate),
        ("--ca-cert", _files.ca_cert),
    ):
        if path is None:
            raise TlsError(
                f"{remote}: {option} was not given; as with ovs-vsctl: tunbridge --private-key=FILE --certificate=FILE "
                "--ca-cert=FILE COMMAND ..."
            )
        try:
            path.open("rb").close()
        except OSError as e:
            raise TlsError(f"{option}={path}: cannot be read: {e.strerror or e}") from e
    from ovs.stream import Stream  # late: only who connects by Open vSwitch's library needs it

    Stream.ssl_set_private_key_file(str(_files.private_key))
    Stream.ssl_set_certificate_file(str(_files.certificate))
    Stream.ssl_set_ca_cert_file(str(_files.ca_cert))
