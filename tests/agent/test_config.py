from pathlib import Path

import pytest

from tunbridge.agent.config import AgentConfig, load
from tunbridge.configuration import ConfigurationError

MINIMAL = 'local_ip = "10.0.0.25"\n'


def config(tmp_path: Path, text: str, **environ: str) -> AgentConfig:
    path = tmp_path / "agent.toml"
    path.write_text(text)
    return load(path, environ)


def test_defaults_are_the_form_of_the_two_hosts(tmp_path: Path) -> None:
    made = config(tmp_path, MINIMAL)
    assert (made.manager, made.controller, made.tunnel_types) == (
        "ptcp:6640:127.0.0.1",
        "tcp:127.0.0.1:6633",
        ("vxlan",),
    )
    assert made.datapath_type is None
    assert made.host


def test_everything_can_be_set(tmp_path: Path) -> None:
    text = """
        host = "network0"
        local_ip = "fd00:0::27"
        tunnel_types = ["geneve"]
        tunnel_dscp = "inherit"
        datapath_type = "netdev"
        manager = false
        controller = "unix:/run/ovs/tunbridge.sock"
        ovs_rundir = "/run/ovs"
        ovsdb = "unix:/run/ovs/db.sock"
        log_format = "json"
        [[peers]]
        host = "compute0"
        ip = "fd00::0025"
        [providers.physnet1]
        bridge = "br-eth1"
        nics = ["eno16777736"]
    """
    made = config(tmp_path, text)
    assert (made.manager, made.tunnel_dscp) == (False, "inherit")
    assert (made.local_ip, made.peers[0].ip) == ("fd00::27", "fd00::25")
    assert made.providers["physnet1"].nics == ["eno16777736"]


def test_environment_overrides_the_file_with_values_as_in_the_file_or_bare_strings(tmp_path: Path) -> None:
    made = config(
        tmp_path,
        MINIMAL,
        TUNBRIDGE_AGENT_LOCAL_IP="10.0.0.99",
        TUNBRIDGE_AGENT_MANAGER="false",
        TUNBRIDGE_AGENT_PEERS='[{host = "b", ip = "10.0.0.27"}]',
        TUNBRIDGE_AGENT_PROVIDERS='{p1 = {bridge = "br-ex"}}',
        OTHER="ignored",
    )
    assert made.local_ip == "10.0.0.99"
    assert made.manager is False
    assert made.peers[0].host == "b"
    assert made.providers["p1"].bridge == "br-ex"


def test_the_environment_alone_is_enough() -> None:
    assert load(None, {"TUNBRIDGE_AGENT_LOCAL_IP": "10.0.0.1"}).local_ip == "10.0.0.1"


def test_every_setting_has_its_environment_variable(tmp_path: Path) -> None:
    for name in AgentConfig.__struct_fields__:
        with pytest.raises(ConfigurationError, match=f"TUNBRIDGE_AGENT_{name.upper()}"):
            config(tmp_path, MINIMAL, **{f"TUNBRIDGE_AGENT_{name.upper()}": "[[1]]"})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "local_ip"),
        ("local_ip = 10", "local_ip"),
        ('local_ip = "10.0.0.256"', "local_ip"),
        ('local_ip = "224.0.0.1"', "local_ip"),
        (MINIMAL + 'tunel_type = "vxlan"', "tunel_type"),
        (MINIMAL + 'tunnel_types = ["stt"]', "tunnel_types"),
        (MINIMAL + "tunnel_types = []", "tunnel_types"),
        (MINIMAL + 'tunnel_types = ["gre", "vxlan", "gre"]', "tunnel_types"),
        (MINIMAL + "manager = true", "manager"),
        (MINIMAL + 'manager = "ptcp:6640"', "manager"),
        (MINIMAL + 'manager = "ptcp:6640:0.0.0.0"', "manager"),
        (MINIMAL + 'manager = "ptcp:6640:10.0.0.25"', "manager"),
        (MINIMAL + 'controller = "tcp:10.0.0.25:6633"', "controller"),
        (MINIMAL + 'controller = "unix:/tmp/x.sock"', "controller"),
        (MINIMAL + 'ovsdb = "ssl:1.2.3.4:6640"', "ovsdb"),
        (MINIMAL + '[[peers]]\nhost = "a"', r"peers\[0\]"),
        (MINIMAL + '[[peers]]\nhost = "a"\nip = "fd00::1"', r"peers\[0\].ip"),
        (MINIMAL + '[[peers]]\nhost = "a"\nip = "10.0.0.1"\nport = 1', r"peers\[0\]"),
        (MINIMAL + '[[peers]]\nhost="a"\nip="10.0.0.1"\n[[peers]]\nhost="b"\nip="10.0.0.1"', r"peers\[1\].ip"),
        (MINIMAL + '[providers.p1]\nbridge = "a-name-of-sixteen"', "providers"),
        (MINIMAL + '[providers.p1]\nbridge = "br-int"', "providers.p1"),
        (MINIMAL + '[providers.p1]\nbridge = "br/x"', "providers"),
        (
            MINIMAL + '[providers.p1]\nbridge = "b"\nnics = ["e"]\n[providers.p2]\nbridge = "c"\nnics = ["e"]',
            "providers.p2",
        ),
        (MINIMAL + "nonsense", "not TOML"),
    ],
)
def test_bad_configuration_is_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        config(tmp_path, text)


def test_an_unknown_variable_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="TUNBRIDGE_AGENT_LOCALIP"):
        config(tmp_path, MINIMAL, TUNBRIDGE_AGENT_LOCALIP="1")


def test_a_missing_file_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml"):
        load(tmp_path / "nowhere.toml", {})


def test_what_is_missing_is_told_with_its_variable() -> None:
    with pytest.raises(ConfigurationError, match=r"required setting local_ip is missing.*TUNBRIDGE_AGENT_LOCAL_IP"):
        load(None, {})
