PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
COMPAT := .venv-compat
DUCKDBS := 1.2.2 1.4.5 1.5.5 1.5.6 2.0.0
DELTA_EXTENSION := 1.5.5
PARALLEL := -n 2 --dist worksteal
GUARDS_SECONDS := 1800
GUARDED := tests/store tests/operations tests/faults tests/catalog tests/model tests/ingest tests/exports

.DEFAULT_GOAL := help
.PHONY: help catalogs test test-guards test-all test-compat check bench docs clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,bench,sign,verify]'
	@touch $@

catalogs: $(STAMP) ## ingest what is configured (else the bundled sample), publish, show what is there
	@$(BIN)/rdlake refresh || { code=$$?; [ $$code -eq 3 ] || exit $$code; }

test: $(STAMP) ## the tests of each commit
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow and not compat"

test-guards: $(STAMP) ## the long tests that guard data, as many as fit into GUARDS_SECONDS
	timeout $(GUARDS_SECONDS) $(BIN)/python -m pytest $(PARALLEL) -x -m guards $(GUARDED) || [ $$? -eq 124 ]

test-all: $(STAMP) ## every test
	$(BIN)/python -m pytest $(PARALLEL)

$(COMPAT)/%/.installed:
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check duckdb==$*
	$(if $(filter $(DELTA_EXTENSION),$*),-$(@D)/bin/python -m pip install --quiet --disable-pip-version-check duckdb-extension-delta==$*)
	@touch $@

test-compat: $(STAMP) $(DUCKDBS:%=$(COMPAT)/%/.installed) ## what other DuckDB versions and Delta readers read
	$(BIN)/python -m pytest $(PARALLEL) tests/compat

check: $(STAMP) ## format, lint, types, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MAKE) test

bench: $(STAMP) ## time it against plain pandas, in one run
	$(BIN)/python -m bench

docs: $(STAMP) ## write the generated pages again
	$(BIN)/python -m rdlake.schema.tables.docs > docs/tables.md
	$(BIN)/python -m rdlake.catalog.docs > docs/contract.md
	$(BIN)/python -m rdlake.exports.schemas docs/schemas
	$(BIN)/python -m tests.catalog.cookbook

clean: ## remove what was built; a lake is never touched
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -exec rm -rf {} +
