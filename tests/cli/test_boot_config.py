"""`tunbridge port boot-config` against a running server."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.serving import Cloud, serving

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGKqLsB1qkmHyOV2p7xh7xWdT9JHxvhVHcVwUuZ7kXq1 mia@example.com"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with serving(tmp_path_factory.mktemp("server")) as made:
        user = made.user("admin")
        user.create("port", network_id=user.create("network")["id"], name="web")
        yield made


def run(cloud: Cloud, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"OS_CLIENT_CONFIG_FILE": str(cloud.clouds_yaml), "PATH": "/usr/bin:/bin", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "tunbridge", "port", "boot-config", *arguments, "--os-cloud", "tunbridge"]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def shown(cloud: Cloud) -> object:
    done = run(cloud, "show", "web")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    del found["port_id"]
    return found


def test_it_is_set_part_by_part_shown_and_removed(cloud: Cloud, tmp_path: Path) -> None:
    keys, data = tmp_path / "keys.pub", tmp_path / "setup.yaml"
    keys.write_text(f"# mine\n{KEY}\n\n")
    data.write_text("#cloud-config\n")
    assert run(cloud, "show", "web").returncode == 1
    assert run(cloud, "set", "web", "--hostname", "web.example.com", "--ssh-key", str(keys)).returncode == 0
    assert shown(cloud) == {"hostname": "web.example.com", "public_keys": [KEY], "user_data": ""}
    assert run(cloud, "set", "web", "--user-data", str(data)).returncode == 0
    assert shown(cloud) == {"hostname": "web.example.com", "public_keys": [KEY], "user_data": "#cloud-config\n"}
    data.write_bytes(b"\xff\x00")
    assert run(cloud, "set", "web", "--user-data", str(data)).returncode == 0
    assert shown(cloud) == {"hostname": "web.example.com", "public_keys": [KEY], "user_data_base64": "/wA="}
    assert run(cloud, "unset", "web").returncode == 0
    assert run(cloud, "show", "web").returncode == 1


def test_a_private_key_is_not_sent(cloud: Cloud, tmp_path: Path) -> None:
    path = tmp_path / "id_ed25519"
    path.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n-----END OPENSSH PRIVATE KEY-----\n")
    done = run(cloud, "set", "web", "--ssh-key", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "is a private key; the public one is usually" in done.stderr
    assert run(cloud, "show", "web").returncode == 1
