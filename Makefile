# TAM Workbench: `make demo` and `make test` do all the set-up themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check lint types bench bench-check system clean help
.DEFAULT_GOAL := help

help:           ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(BIN)/.demo: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all]'
	@touch $@

$(BIN)/.test: $(BIN)/.demo
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all,test]'
	@touch $@

demo: $(BIN)/.demo  ## watch this machine live in the dashboard
	$(BIN)/tam demo

test: $(BIN)/.test  ## every check and every test: lint, types, contracts, servers, browser, notebooks
	$(MAKE) --no-print-directory lint types
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(PYTEST_ARGS)

check: $(BIN)/.test ## lint, types, contracts and the quick tests
	$(MAKE) --no-print-directory lint types
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow and not browser and not kill"

lint: $(BIN)/.test  ## ruff and the import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: $(BIN)/.test ## mypy, strict
	$(BIN)/mypy

bench: $(BIN)/.demo ## print the README's figures
	$(BIN)/tam bench loop
	$(BIN)/tam bench stages
	$(BIN)/tam bench latency
	$(BIN)/tam bench growth
	$(BIN)/tam bench ui
	$(BIN)/tam bench start
	$(BIN)/tam eval scenarios
	$(BIN)/tam eval metrics
	$(BIN)/tam eval logs
	$(BIN)/tam eval poison
	$(BIN)/tam eval prediction
	$(BIN)/tam eval drift
	$(BIN)/tam eval policies
	$(BIN)/tam eval explanations
	$(BIN)/tam bench memory
	$(BIN)/tam eval recall
	$(BIN)/tam bench causal
	$(BIN)/tam eval clusters
	$(BIN)/tam eval rca
	$(BIN)/tam eval cases

bench-check: $(BIN)/.test ## fail if a ratio to a peer lost over 15 % of what tests/ratios.json says
	$(BIN)/tam bench loop --against tests/ratios.json
	$(BIN)/tam bench stages --against tests/ratios.json

system:         ## Debian packages that browser and cluster tests need (as root)
	apt-get update -q
	apt-get install -y -q --no-install-recommends chromium fonts-dejavu-core etcd-server etcd-client

clean:          ## remove what builds and tests leave
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
