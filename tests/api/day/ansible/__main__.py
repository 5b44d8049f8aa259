"""Run the playbook against a server. Most of its minute is Ansible's own, so it is not part of the tests."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.api.serving import serving

ROOT = Path(__file__).parents[4]
VENV = ROOT / ".venv-ansible"


def main() -> int:
    """Give the playbook's exit status."""
    subprocess.run([ROOT / "tools" / "ansible.sh"], check=True)
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as cloud:
        env = {
            **os.environ,
            "OS_CLIENT_CONFIG_FILE": str(cloud.clouds_yaml),
            "OS_CLOUD": "tunbridge",
            "ANSIBLE_COLLECTIONS_PATH": str(VENV / "collections"),
            "ANSIBLE_HOME": folder,
            "ANSIBLE_LOCALHOST_WARNING": "false",
        }
        python = f"ansible_python_interpreter={VENV / 'bin' / 'python'}"
        playbook = Path(__file__).with_name("day.yml")
        return subprocess.run(
            [VENV / "bin" / "ansible-playbook", "-e", python, playbook], env=env, check=False
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
