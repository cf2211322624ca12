# Bare `make` lists what there is. A target's help is the text after its `##`.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Any Python from 3.11 on. One of your own: make install PYTHON=/path/to/python
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$name"; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PORT ?= 8080
SCRATCH ?= $(shell [ -w /dev/shm ] && [ "$$(df -Pk /dev/shm | awk 'NR == 2 { print $$4 }')" -gt 6000000 ] \
	&& ! grep -q ' /dev/shm .*noexec' /proc/mounts && echo /dev/shm || echo "$${TMPDIR:-/tmp}")

# Migrations run in one transaction, in which `migrate` has set the timeouts. Versions of settings and rules fit an int.
SQUAWK := --assume-in-transaction --pg-version 16 --exclude require-lock-timeout,require-statement-timeout,prefer-bigint-over-int

.PHONY: help install run test test-fast check fmt schema openapi audit bench bench-all profile drills drills-short

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(INSTALLED) ## prepare .venv with everything, from the lock file

$(INSTALLED): uv.lock pyproject.toml
	@[ -n "$(PYTHON)" ] || { echo "No Python 3.11 or newer was found. Install one, or name it: make install PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than 3.11. Name a newer one: make install PYTHON=/path/to/python" >&2; exit 1; }
	[ -x $(BIN)/python ] || "$(PYTHON)" -m venv $(VENV)
	[ -x $(BIN)/uv ] || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	UV_PROJECT_ENVIRONMENT=$(VENV) $(BIN)/uv sync --frozen --all-extras --inexact
	@touch $@

run: install ## Postgres, a demo program with sample data, and the service on PORT (8080)
	exec $(BIN)/ledger-service dev --seed --port $(PORT)

# A Postgres for each process; more than four of them would wait for the same disk. In memory, where there is room for
# them, they are done in half the time: most of it goes into files that are made and thrown away. What is compiled is
# kept, whatever the environment says: tests start Python often, and half of a start would go into compiling.
test: install ## all tests but those that need a cluster
	TMPDIR="$(SCRATCH)" PYTHONDONTWRITEBYTECODE= PYTHONPYCACHEPREFIX="$(CURDIR)/$(VENV)/compiled" \
	$(BIN)/pytest -n logical --maxprocesses 4 --dist worksteal --ignore tests/cluster --ignore tests/drills

test-fast: install ## the tests that need no Postgres
	$(BIN)/pytest tests/unit tests/books/test_laws.py

check: install ## formatting, lint, types, imports, migrations, OpenAPI, lock file
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/squawk $(SQUAWK) $$(find migrations -name '*.sql')
	$(BIN)/python -m ledger_service.api.documents | diff -u openapi/openapi.json -
	$(BIN)/uv lock --check --offline --quiet

fmt: install ## format the code, and mend what lint can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

schema: install ## write schema.sql anew from the migrations
	$(BIN)/python migrations/draw_schema.py

openapi: install ## write openapi/openapi.json anew from the code
	mkdir -p openapi
	$(BIN)/python -m ledger_service.api.documents > openapi/openapi.json.new
	mv openapi/openapi.json.new openapi/openapi.json

audit: install ## known vulnerabilities of what is locked (needs the network)
	$(BIN)/uv export --frozen --all-extras --no-dev --no-emit-project --format requirements-txt --quiet --output-file $(VENV)/audited.txt
	$(BIN)/pip-audit --disable-pip --requirement $(VENV)/audited.txt

bench: install ## measure throughput and latency
	$(BIN)/ledger-service bench

bench-all: install ## everything and everyone side by side, with charts
	$(BIN)/ledger-service bench --all

profile: install ## a flame graph, and microseconds by station
	$(BIN)/ledger-service profile

drills: install ## every fault, under load, on a cluster of its own: hours
	$(BIN)/ledger-service drill all

drills-short: install ## the cluster's tests and a seeded choice of faults: minutes (needs etcd-server and haproxy)
	$(BIN)/pytest tests/cluster tests/drills
	$(BIN)/ledger-service drill all-short
