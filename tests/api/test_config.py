"""The server's configuration: what is refused, and in which words."""

from pathlib import Path

import pytest

from tunbridge.api import config
from tunbridge.configuration import ConfigurationError
from tunbridge.errors import TunbridgeError


def load(tmp_path: Path, text: str = "", **environ: str) -> config.ServerConfig:
    path = tmp_path / "server.toml"
    path.write_text(text)
    return config.load(path, environ)


def test_without_a_file_it_is_on_loopback_with_users_of_its_own(tmp_path: Path) -> None:
    found = config.load(None, {})
    assert found.listen == ["127.0.0.1:9696"]
    assert found.auth.mode == "builtin"
    assert found.database == []
    assert load(tmp_path) == found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('listne = ["127.0.0.1:9696"]', "server.toml: listne: no such setting"),
        ("listen = 9696", "server.toml: listen: Expected `array`, got `int`"),
        ('listen = ["127.0.0.1"]', "is not HOST:PORT"),
        ("[networking]\nipam = 3", "networking.ipam: Expected `str`, got `int`"),
        ("[networking]\nmtu = 3", "networking: Object contains unknown field `mtu`"),
        ("[auth]\nmode = 'keystnoe'", "auth.mode: Invalid enum value 'keystnoe'"),
        ("[auth]\nmode = 'keystone'", "there is no auth.keystone"),
        ("listen = [", "not TOML"),
        ("[networking]\nexternal_dns_driver = 'designate'", "one of them is missing"),
        ("[designate]\nauth_url = 'http://[::1]/v3'", "one of them is missing"),
        (
            "[designate]\nauth_url = 'http://[::1]/v3'\n[networking]\nexternal_dns_driver = 'designate'",
            "designate: give either username and password_file",
        ),
        (
            "[designate]\nauth_url = 'http://[::1]/v3'\nipv4_ptr_zone_prefix_size = 20",
            "designate.ipv4_ptr_zone_prefix_size: Invalid enum value 20",
        ),
        (
            "[designate]\nauth_url = 'http://[::1]/v3'\nipv6_ptr_zone_prefix_size = 63",
            "designate.ipv6_ptr_zone_prefix_size: Expected `int` that's a multiple of 4",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(TunbridgeError, match=None) as error:
        load(tmp_path, text)
    assert told in str(error.value)


def test_no_open_api_by_accident(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="set tls, or insecure = true"):
        load(tmp_path, 'listen = ["0.0.0.0:9696"]')
    assert load(tmp_path, 'listen = ["0.0.0.0:9696"]\ninsecure = true').insecure
    with pytest.raises(TunbridgeError, match="whoever reaches"):
        load(tmp_path, 'listen = ["0.0.0.0:9696"]\ninsecure = true\n[auth]\nmode = "none"')


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    found = load(tmp_path, 'log_level = "debug"', TUNBRIDGE_SERVER_LOG_LEVEL="warning")
    assert found.log_level == "warning"
    with pytest.raises(ConfigurationError, match="TUNBRIDGE_SERVER_LOGLEVEL: no such setting"):
        load(tmp_path, "", TUNBRIDGE_SERVER_LOGLEVEL="warning")


def test_users_are_in_the_state_dir_unless_they_have_a_place_of_their_own(tmp_path: Path) -> None:
    assert load(tmp_path).auth.path == Path("/var/lib/tunbridge-server/auth")
    assert load(tmp_path, 'state_dir = "/srv/two"').auth.path == Path("/srv/two/auth")
    assert load(tmp_path, 'state_dir = "/srv/two"\n[auth]\ndirectory = "/etc/users"').auth.path == Path("/etc/users")


@pytest.mark.parametrize("kind", ["local_ip", "nonsense"])
def test_a_limit_for_what_is_not_there_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ConfigurationError, match=f"networking.default_quotas: {kind}: nothing of this kind"):
        load(tmp_path, f"[networking]\ndefault_quotas = {{ {kind} = 10, network = 5 }}")


def test_where_collectors_may_be_is_networks(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"mirror_collectors: 192\.0\.2\.1/24 has host bits set"):
        load(tmp_path, '[networking]\nmirror_collectors = ["192.0.2.1/24"]')


def test_limits_of_what_is_there_are_taken(tmp_path: Path) -> None:
    config = load(tmp_path, "[networking]\ndefault_quotas = { router = 10, floatingip = 5 }")
    assert config.networking.default_quotas == {"router": 10, "floatingip": 5}
