# Each target does its own set-up: a machine needs Python 3.11 or newer, and make.
# PYTHON=/path/to/python3.12 chooses one; the first suitable one is taken otherwise.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

SUITABLE := import sys; sys.exit(sys.version_info < (3, 11))
ifndef PYTHON
PYTHON := $(shell for one in python3 python3.13 python3.12 python3.11; do \
	if $$one -c '$(SUITABLE)' 2>/dev/null; then echo $$one; break; fi; done)
endif

# Empty is off: where bytecode is not kept, each of the test processes compiles all tests and all code again.
export PYTHONDONTWRITEBYTECODE :=

VENV := .venv
BIN := $(VENV)/bin
DEV := $(VENV)/.installed-dev
SANDBOX := $(VENV)/.installed-sandbox
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes

.PHONY: help setup demo test bench lint fmt lock clean

help: ## what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

setup: $(DEV) ## makes .venv with all that development needs

demo: $(SANDBOX) ## tries Signalbox without Slack: plays the main job, then stays open for the browser
	@$(BIN)/python -m sandbox --demo

# Scenarios mostly wait: one at a time keeps a quarter of a core busy. A process that has none left takes over half of
# another's, which keeps the tests of a file together, as far as that goes: they may share a sandbox.
PYTEST := $(BIN)/python -m pytest -q
# On a busy machine a real program may miss its time: what failed is tried once more, alone. What fails twice has failed.
run = $(PYTEST) $(1) $(2) || { echo "Once more, alone, what failed:"; \
	$(PYTEST) --last-failed --last-failed-no-failures none $(2); } || status=$$?
test: lint ## checks style, types and imports, runs all tests, and says which were skipped and how to get them
	@status=0; \
	$(call run,-n 2,tests/unit); \
	$(call run,-n 4 --dist worksteal,tests/scenarios tests/real); \
	exit $$status

bench: $(DEV) ## measures
	@$(BIN)/python -m tests.bench

lint: $(DEV) ## checks style, types and who imports whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: $(DEV) ## puts the code into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# UPGRADE=--upgrade takes the newest versions; without it only what pyproject.toml asks for changes.
COMPILE = .cache/lock/bin/uv pip compile pyproject.toml --quiet --universal --generate-hashes --no-emit-index-url \
	--no-header --python-version 3.11 $(UPGRADE)
lock: python-is-there ## pins pyproject.toml's dependencies, with hashes
	@$(PYTHON) -m venv .cache/lock
	@.cache/lock/bin/python -m pip install -qq --disable-pip-version-check uv
	$(COMPILE) --output-file requirements.lock
	$(COMPILE) --group sandbox --constraint requirements.lock --output-file requirements-sandbox.lock
	$(COMPILE) --group dev --constraint requirements-sandbox.lock --output-file requirements-dev.lock

clean: ## removes what the other targets made
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Stamps: done again only when the lock has changed.
$(DEV): requirements-dev.lock | $(VENV)/.made
	@echo "Installing what requirements-dev.lock pins into $(VENV), once ..."
	@$(INSTALL) -r requirements-dev.lock
	@touch $@

# Whatever the sandbox needs, development needs too.
$(SANDBOX): requirements-sandbox.lock | $(VENV)/.made
	@if [ -e $(DEV) ] && [ $(DEV) -nt requirements-dev.lock ]; then :; else \
		echo "Installing what requirements-sandbox.lock pins into $(VENV), once ..."; \
		$(INSTALL) -r requirements-sandbox.lock; \
	fi
	@touch $@

$(VENV)/.made: | python-is-there
	@$(PYTHON) -m venv $(VENV) || { \
		echo "Python could not make $(VENV). On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@touch $@

.PHONY: python-is-there
python-is-there:
	@if [ -z "$(PYTHON)" ] || ! $(PYTHON) -c '$(SUITABLE)' 2>/dev/null; then \
		echo "Signalbox needs Python 3.11 or newer; found: $$($(or $(PYTHON),python3) --version 2>&1 | head -1)." >&2; \
		echo "Install one, or name it: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; fi
