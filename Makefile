# SOHO China's electronic-seal platform. `make help` lists what can be done; everything sets itself up first.

PYTHON := .venv/bin/python
export PYTHONUNBUFFERED := 1
# Without cached bytecode every process would take seconds longer to start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run demo test screens check bench reset fmt proto proto-baseline

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## virtual environment, locked packages, system tools, fonts, the portal (quick when nothing changed)
	@python3 scripts/bootstrap.py

run: setup ## start the whole platform on this machine; Ctrl-C stops it (ARGS="--data-dir DIR")
	@$(PYTHON) -m esign_local run $(ARGS)

demo: setup ## three contracts from dispatch to verified files, one per face channel, on a fresh platform; results in build/demo
	@$(PYTHON) -m esign_e2e.demo $(ARGS)

test: setup ## unit and integration tests in parallel, then end-to-end (ARGS="-k name" goes to pytest)
	@$(PYTHON) scripts/test.py $(ARGS)

screens: setup ## pictures of every page at 1280 and 360 pixels, into build/screens (index.html shows them)
	@$(PYTHON) scripts/screens.py $(ARGS)

check: setup ## format, lint, types, import rules, protos, generated code
	@$(PYTHON) scripts/check.py

bench: setup ## measurements as a table; also in build/bench/results.json
	@$(PYTHON) -m bench $(ARGS)

reset: setup ## forget all state of `make run` (.data)
	@$(PYTHON) -m esign_local reset $(ARGS)

fmt: setup ## format the code and mend what the linters can
	@$(PYTHON) -m ruff format . && $(PYTHON) -m ruff check --fix . && $(PYTHON) scripts/portal.py fmt

proto: setup ## generate libs/protos from proto/
	@PATH="$(CURDIR)/.venv/bin:$$PATH" $(PYTHON) scripts/gen_protos.py

proto-baseline: setup ## accept the protos as they are as what `make check` compares later changes with
	@.venv/bin/buf build proto --exclude-source-info -o proto/baseline.binpb
