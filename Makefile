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

.PHONY: help setup demo test quick one bench soak gallery audit sbom lint fmt lock clean

help: ## what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

setup: $(DEV) ## makes .venv with all that development needs

demo: $(SANDBOX) ## tries Signalbox without Slack: plays the main job, then stays open; REPOSITORY=dir takes yours instead
	@$(BIN)/python -m sandbox $(if $(REPOSITORY),--repository "$(REPOSITORY)",--demo)

PYTEST := $(BIN)/python -m pytest -q
# Three processes for each core of a small machine, since most scenarios wait most of the time: four left a third of two
# cores idle. A process without tests takes over half of another's.
WORKERS ?= 6
# Status 1 of pytest: a test failed. What fails twice has failed; what passes alone is named as flaky.
test: $(DEV) ## runs all tests, and beside them the checks of style, types and imports
	@mkdir -p .cache; \
	$(MAKE) --no-print-directory lint >.cache/lint.txt 2>&1 & lint=$$!; \
	$(PYTEST) -n $(WORKERS) --dist worksteal --durations 25; tests=$$?; \
	wait $$lint; lint=$$?; \
	cat .cache/lint.txt; \
	[ $$tests != 1 ] || { $(BIN)/python -m tests.second_try; tests=$$?; }; \
	[ $$tests = 0 ] || echo "make test: tests failed"; \
	[ $$lint = 0 ] || echo "make test: lint failed"; \
	[ $$tests$$lint = 00 ]

quick: $(DEV) ## runs lint, and the unit tests of what changed since the merge base with SINCE (main unless given)
	@mkdir -p .cache; \
	$(MAKE) --no-print-directory lint >.cache/lint.txt 2>&1 & lint=$$!; \
	tests=0; changed=$$($(BIN)/python -m tests.changed $(SINCE)); \
	if [ -n "$$changed" ]; then $(PYTEST) -n 2 --dist worksteal --durations 5 $$changed; tests=$$?; fi; \
	wait $$lint; lint=$$?; \
	cat .cache/lint.txt; \
	[ $$tests$$lint = 00 ]

one: $(DEV) ## runs the tests of a file, or one test: make one T=tests/unit/test_project.py
	@$(PYTEST) --durations 5 $(T)

bench: $(DEV) ## measures
	@$(BIN)/python -m tests.bench

soak: $(DEV) ## lets random faults befall three machines: N rounds (200) from the seed SEED (1) on, with a lease of LEASE seconds (5)
	@LEASE=$${LEASE:-5} $(BIN)/python -m tests.soak

gallery: $(DEV) ## writes pictures of all messages to .cache/gallery, and names those that are too long
	@$(BIN)/python -m tests.gallery

audit: $(DEV) ## checks what requirements.lock pins for known vulnerabilities, where the advisories can be reached
	@$(BIN)/python -m tests.audit

# The graph of dependencies is not part of a lock, which cyclonedx warns of.
sbom: $(DEV) ## writes sbom.cdx.json: what requirements.lock pins, as CycloneDX
	$(BIN)/python -W ignore -m cyclonedx_py requirements --output-reproducible --sv 1.6 --pyproject pyproject.toml requirements.lock -o sbom.cdx.json

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
	$(COMPILE) --group tracing --constraint requirements.lock --output-file requirements-tracing.lock
	$(COMPILE) --group sandbox --constraint requirements.lock --output-file requirements-sandbox.lock
	$(COMPILE) --group dev --constraint requirements-sandbox.lock --constraint requirements-tracing.lock --output-file requirements-dev.lock

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
