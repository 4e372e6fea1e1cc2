# Set-up needs Python 3.11 or later with venv, and make: no root, no git, no other tool.
.PHONY: setup demo test check lint types layers tests bench chaos fuzz fix
.DEFAULT_GOAL := setup
PYTHON ?= python3
BIN := .venv/bin
UV_VERSION := 0.13.9
# uv is not one of the locked packages, and `uv sync` removes what is not locked: it lives in a corner of its own.
UV_HOME := .venv/uv-boot
# The interpreter of .venv and nothing that uv would download; an active environment of the caller's is not touched.
UV := env -u VIRTUAL_ENV UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=.venv $(UV_HOME)/bin/uv

# Byte code is made here: where Python may not write it later, each command would compile its libraries anew (2 s of CPU).
setup: .venv/ready  ## the locked environment, with .venv/bin/krypton

.venv/ready: pyproject.toml uv.lock Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Krypton needs Python 3.11 or later: make setup PYTHON=python3.12, for one" >&2; exit 1; }
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear .venv
	@$(UV_HOME)/bin/uv --version 2>/dev/null | grep -qF 'uv $(UV_VERSION)' || { \
	  $(PYTHON) -m venv --clear $(UV_HOME) && \
	  $(UV_HOME)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); }
	$(UV) sync --locked --extra devstack --compile-bytecode --python $(BIN)/python
	@$(BIN)/python -m compileall -q domain schemas postgres projections streams adapters policies krypton
	@touch $@

demo: setup  ## the main job, on real files, in under three minutes
	$(BIN)/python -m krypton.demo

test check: setup  ## all that CI runs; changes no file, needs no Docker
	@$(MAKE) --no-print-directory --jobs=2 lint types layers tests  # mypy keeps one core busy for long: tests begin beside it

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup
	$(BIN)/mypy

layers: setup
	$(BIN)/lint-imports

tests: setup
	$(BIN)/pytest -n 3 --dist loadscope --no-loadscope-reorder

bench: setup  ## figures on standard output and as JSON in .krypton/bench
	$(BIN)/python -m bench

SECONDS ?= 60
chaos: setup  ## random faults under load: make chaos SECONDS=600 SEED=1
	$(BIN)/python -m tests.chaos --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

fuzz: setup  ## odd input to every reader: make fuzz SECONDS=600 SEED=1 TARGET=records, or COUNT=10000 of each; one input again: REPLAY=file
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) $(if $(SEED),--seed $(SEED)) $(if $(TARGET),--target $(TARGET)) $(if $(COUNT),--count $(COUNT)) $(if $(REPLAY),--replay $(REPLAY))

fix: setup  ## rewrite what ruff can; never part of check
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
