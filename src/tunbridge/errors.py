"""The one base of errors that a person can act on: the command line prints their text, without a traceback."""


class TunbridgeError(Exception):
    """What is wrong, with what, and what to do about it. `exit_status` is what the command line ends with."""

    exit_status = 2
