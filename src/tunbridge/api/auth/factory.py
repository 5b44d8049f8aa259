"""From the configuration to the authenticator."""

from typing import Any

from tunbridge.api.auth.base import Authenticator
from tunbridge.api.auth.config import AuthConfig, check


def make(config: AuthConfig, url: str, log: Any) -> Authenticator:
    """Give the authenticator of the mode. `url` is the server's own, for links where a request names none.

    Raises TunbridgeError.
    """
    check(config)
    if config.mode == "keystone":
        from tunbridge.api.auth.keystone import KeystoneAuthenticator

        assert config.keystone is not None
        return KeystoneAuthenticator(config.keystone, log)
    if config.mode == "http_basic":
        from tunbridge.api.auth.http_basic import HttpBasicAuthenticator

        return HttpBasicAuthenticator(config, url, log)
    if config.mode == "none":
        from tunbridge.api.auth.none import NoneAuthenticator

        return NoneAuthenticator(config)
    from tunbridge.api.auth.builtin import BuiltinAuthenticator

    return BuiltinAuthenticator(config, url, log)
