# `make run` opens the wizard, `make test` runs the tests, `make demo` shows the whole journey without a screen.
# Each sets up what it needs in .venv first; nothing but Python 3.11+ and make must be there.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: run demo test torture mutation lint types clean

run: $(VENV)/.run
	@$(BIN)/multivm-wizard

demo: $(VENV)/.run
	@$(BIN)/multivm-wizard demo

# Most tests wait for probes and Azure's durations, hence more processes than cores; files with few long tests come in
# their own order, not last.
test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 5 --dist loadfile --no-loadscope-reorder

# The long form of the tests that kill, cut and disturb: within an hour; interrupted, the same command goes on.
torture: $(VENV)/.dev
	$(BIN)/python -m tests.torture $(SUITES)

# Whether the tests notice when rules, blueprint, engine or journal are changed: ten minutes on two idle cores; interrupted, it goes on.
mutation: $(VENV)/.mutation
	$(BIN)/python -m tests.mutation $(MODULES)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tests
	$(BIN)/lint-imports

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.run

$(VENV)/.mutation: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,mutation]'
	@touch $@

clean:
	rm -rf $(VENV) mutants dist build .mypy_cache .ruff_cache .pytest_cache
