# Each target does its own set-up; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup demo up test results bench quality lint fmt types clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
DEMO_HOME ?= $(CURDIR)/.demo
PEERS := .bench/venv
PEERS_STAMP := $(PEERS)/.ready
# Three workers begin with the system tests, which mostly wait; the others with all the rest.
TEST_ARGS ?= -n 5 --dist loadgroup

help: ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(STAMP) ## Make .venv and install ANNA with its development tools into it

$(STAMP): pyproject.toml constraints.txt
	@echo "anna: setting up $(VENV) (Python packages, PyTorch among them; a few minutes the first time) …"
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "ANNA needs Python 3.11 or newer, found " + sys.version.split()[0] + ". Try: make PYTHON=python3.11 $(MAKECMDGOALS)")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $(STAMP)
	@echo "anna: set up."

demo: $(STAMP) ## Simulate a bank, train and promote a model, see a new month scored, and leave the UI running
	@$(BIN)/anna demo --home $(DEMO_HOME)

up: $(STAMP) ## Start the UI, the daemon and MLflow on the demo's deployment
	@ANNA_HOME=$(DEMO_HOME) $(BIN)/anna up

test: $(STAMP) ## Run all tests: unit, graph, system
	@$(BIN)/pytest $(TEST_ARGS)

results: $(STAMP) ## Train all samples of the real data and write docs/results.md
	@$(BIN)/python -m benchmarks.real_data

bench: $(STAMP) $(PEERS_STAMP) ## Measure speed beside the peers (BENCH="training mart" for some pieces), write docs/speed.md
	@$(BIN)/python -m benchmarks.speed $(BENCH)

quality: $(STAMP) ## Train all tasks on five splits beside the peers (QUALITY="fast --tasks inactive"), write docs/quality.md
	@$(BIN)/python -m benchmarks.quality $(QUALITY)

$(PEERS_STAMP): benchmarks/requirements.txt constraints.txt
	@echo "anna: setting up the peers in $(PEERS) …"
	@$(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/pip install --quiet --disable-pip-version-check --requirement benchmarks/requirements.txt
	@touch $(PEERS_STAMP)

lint: $(STAMP) ## Check style and format
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

fmt: $(STAMP) ## Mend style and format
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

types: $(STAMP) ## Check types
	@$(BIN)/mypy

clean: ## Remove the environments, caches, benchmark data and the demo's deployment
	rm -rf $(VENV) $(DEMO_HOME) .bench .pytest_cache .ruff_cache .mypy_cache .hypothesis
