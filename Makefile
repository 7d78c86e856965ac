# Everything a contributor runs. `make` alone lists it; each target installs what it needs first.

BIN   := .venv/bin
STAMP := .venv/.installed
RUN_STAMP := .venv/.installed-to-run
PORT  ?=
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup run demo test faults check fix openapi env bench profile sdk lock clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Install everything into .venv; the other targets install what they need themselves

# All tools; what runs is a part of it.
$(STAMP): requirements.lock pyproject.toml scripts/setup.sh
	@sh scripts/setup.sh requirements.lock
	@touch $@ $(RUN_STAMP)

$(RUN_STAMP): requirements.dev-server.lock pyproject.toml scripts/setup.sh
	@sh scripts/setup.sh requirements.dev-server.lock
	@touch $@

run: $(RUN_STAMP) ## Start Redis, API and worker for development (PORT=8000)
	@$(BIN)/jobline dev $(if $(PORT),--port $(PORT))

demo: $(RUN_STAMP) ## Shrink a photo and cancel a countdown, on a service started for it
	@$(BIN)/jobline demo

test: check ## Check everything, then run every test (PYTEST_ARGS="-k lease")
ifeq ($(PYTEST_ARGS),)
	@$(BIN)/pytest -q -n 2 --dist loadfile --ignore tests/acceptance --ignore tests/sdk
	@$(BIN)/pytest tests/acceptance tests/sdk
else
	@$(BIN)/pytest $(PYTEST_ARGS)
endif

faults: setup ## Break everything in turn for half an hour, and print what became of the jobs (FAULTS_SEED=1)
	@FAULTS=full $(BIN)/pytest tests/acceptance/faults -o faulthandler_timeout=0 -q $(PYTEST_ARGS)

check: setup ## Lint (Python, Lua), types, import directions, and files that are generated or have a schema
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if command -v luacheck >/dev/null; then luacheck -q --no-color src/jobline/ledger/lua; \
	else echo "luacheck is not installed (Debian and Ubuntu: lua-check): the Lua scripts are not linted"; fi
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml
	$(BIN)/hadolint Dockerfile
	$(BIN)/jobline openapi --check
	$(BIN)/jobline settings --check

fix: setup ## Correct what the linter and the formatter can
	-$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

openapi: setup ## Write docs/openapi.json from the application
	$(BIN)/jobline openapi --write

env: setup ## Write .env.example and the table in docs/operating.md from the settings
	@$(BIN)/jobline settings --write

bench: setup ## Measure throughput and latency beside others on this machine (T=submit)
	@$(BIN)/python -m benchmarks $(T)

profile: setup ## Draw flame graphs of a busy API and a busy worker into build/profile
	@$(BIN)/python -m benchmarks.profiles

sdk: setup ## Generate clients by six generators into build/sdk; Java and Node ones where these are installed
	@sh scripts/sdk.sh || test $$? -eq 3

lock: setup ## Pin every dependency, with hashes, for all platforms (LOCK_ARGS=--upgrade)
	@sh scripts/lock.sh $(LOCK_ARGS)

clean: ## Remove what the other targets made
	rm -rf .venv .venv-sdk build sdk/node_modules .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache dist
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
