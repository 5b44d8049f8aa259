# Two commands do all the set-up: `make up` and `make test`. Each installs what is missing, says so, and can be run again.
SHELL := /bin/bash
VENV := .venv
PY := $(VENV)/bin/python
TUNBRIDGE := $(VENV)/bin/tunbridge
# Files of tests that run at the same time: most of them wait more than they compute.
TEST_JOBS := 4
# Set in many containers; every agent, server and command that starts would compile all its modules anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help up down test test-attacks test-kernel test-ansible suites bench lint setup developer packages test-packages docs man dist deb lock clean

help:
	@echo 'make up      two real Open vSwitch hosts on this machine, wired as in examples/, two VMs, drawn   (root)'
	@echo 'make down    remove every trace of them                                                  (root)'
	@echo 'make test    every test; those on real Open vSwitch need root'
	@echo 'make test-kernel   agent and packets on kernel hosts (QEMU), an hour; some of it is in make test   (root)'
	@echo 'make test-attacks  attacks and faults at length; a short form of each is in make test       (root)'
	@echo 'make test-ansible  a day with the Ansible modules of OpenStack'
	@echo 'make suites  tempest and the other suites of OpenStack against a lab, half an hour          (root)'
	@echo 'make bench   the figures of docs/performance.md, measured here                           (root)'
	@echo 'make lint    formatting, lints, types, layering'
	@echo 'make setup   only .venv with .venv/bin/tunbridge in it'
	@echo 'make developer  .venv with what tests, lint and docs need as well'
	@echo 'make docs    make the pages that are derived from the code'
	@echo 'make man     the man pages, into build/man'
	@echo 'make dist    wheel and sdist, into dist/'
	@echo 'make deb     the Debian packages: tunbridge, tunbridge-agent, tunbridge-server, into dist/'
	@echo 'make lock    pin the dependencies anew into requirements*.lock'

up: packages setup
	$(TUNBRIDGE) lab up --server --vms --like examples/compute0.txt network0=examples/network.txt

down: setup
	$(TUNBRIDGE) lab down

test-kernel: test-packages developer
	TUNBRIDGE_KERNEL_TESTS=all $(PY) -m pytest -n 3 --dist loadfile --timeout 900 -k "vm or kernel" tests/agent tests/lab $(PYTEST_ARGS)
	TUNBRIDGE_HOSTS=vm $(PY) -m pytest -n 2 --dist loadfile --timeout 900 tests/packets $(PYTEST_ARGS)

test-attacks: test-packages developer
	TUNBRIDGE_ATTACKS=10 TUNBRIDGE_TEST_ROUNDS=3000 $(PY) -m pytest -n 2 --dist loadfile --timeout 900 -s \
		tests/attacks tests/api/test_crashes.py tests/api/test_hard_times.py tests/api/test_two_servers.py \
		tests/database/test_lost.py $(PYTEST_ARGS)

test-ansible: packages developer
	$(PY) -m tests.api.day.ansible

suites: test-packages developer
	$(PY) -m tests.api.suites $(SUITES_ARGS)

test: test-packages developer
	tools/tests.sh $(PY) -m pytest -n $(TEST_JOBS) --dist loadfile $(PYTEST_ARGS)

bench: developer
	@tools/packages.sh bench
	$(PY) -m bench

lint: developer
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/ruff check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

# Bytecode, as an installed package has it: where Python may not write it itself, each start would compile everything.
setup: $(VENV)/.installed
	@$(PY) -m compileall -q src

developer: $(VENV)/.done
	@$(PY) -m compileall -q src

$(VENV)/.installed: requirements.lock pyproject.toml tools/setup.sh
	tools/setup.sh $(VENV)

$(VENV)/.done: requirements.lock requirements-dev.lock pyproject.toml tools/setup.sh
	tools/setup.sh $(VENV) developer

test-packages:
	@tools/packages.sh tests

packages:
	@tools/packages.sh

docs: developer
	$(VENV)/bin/typer tunbridge.cli.main utils docs --name tunbridge --output docs/cli.md
	$(PY) -m tunbridge.inspect.checks.document > docs/checks.md
	$(PY) -m tunbridge.dataplane.document > docs/pipeline.md.new && mv docs/pipeline.md.new docs/pipeline.md
	$(PY) -m tests.model.coverage > docs/coverage.md
	$(PY) -c 'from tunbridge.inspect.document import schema_text; print(schema_text(), end="")' > docs/document.schema.json

man: developer
	@tools/packages.sh deb
	$(PY) tools/manpages.py build/man

dist: developer
	$(PY) -m build --no-isolation --outdir dist .

deb: developer
	@tools/packages.sh deb
	tools/deb.sh $(VENV)

lock:
	tools/lock.sh $(VENV)
	tools/service.sh keystone lock
	tools/service.sh designate lock
	tools/service.sh nova lock
	tools/service.sh suites lock

clean:
	rm -rf $(VENV) .venv-keystone .venv-designate .venv-nova .venv-ansible .venv-suites build out
