# make demo        see it run, on simulated data
# make test        the whole test suite
# make lint        style and types
# make bench       the numbers of the README
# make simulation  twenty thousand random schedules of faults, under a virtual clock
# make mutants     whether the tests notice known bugs

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SEEDS ?= 20000
CORE := $(wildcard fastopts/core/*.pyx fastopts/core/*.pxd) setup.py pyproject.toml

.PHONY: demo test lint bench simulation mutants clean

demo: $(VENV)/.built
	@$(BIN)/python -m fastopts.demo

test: $(VENV)/.test
	@$(BIN)/python -m pytest

lint: $(VENV)/.lint
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m mypy.stubtest --concise --allowlist tests/core/stubtest.txt \
	  $(patsubst fastopts/core/%.pyx,fastopts.core.%,$(wildcard fastopts/core/*.pyx))

bench: $(VENV)/.bench
	@$(BIN)/python -m bench

simulation: $(VENV)/.test
	@$(BIN)/python -m tests.simulation --seeds $(SEEDS) --json reliability/simulation.json

mutants: $(VENV)/.test
	@$(BIN)/python -m tests.mutants --json reliability/mutants.json

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "fastopts needs Python >= 3.11; name one: make PYTHON=/path/to/python"; exit 1; }
	@echo "creating $(VENV) and building: about a minute"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.built: $(VENV)/bin/python $(CORE)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.test $(VENV)/.lint $(VENV)/.bench: $(VENV)/.%: $(VENV)/bin/python $(CORE)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $(VENV)/.built $@

clean:
	@rm -rf $(VENV) build *.egg-info fastopts/core/*.c fastopts/core/*.so
