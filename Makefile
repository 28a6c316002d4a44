# make run, make test: the first call makes .venv from requirements.lock, later calls use it as it is.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

# Dagster reads dagster.yaml out of DAGSTER_HOME and keeps its history in PIPELINE_DAGSTER_STORAGE; both must
# be absolute, a relative path would be taken from the caller's folder.
export DAGSTER_HOME := $(CURDIR)
export PIPELINE_DAGSTER_STORAGE := $(CURDIR)/warehouse/dagster

.DEFAULT_GOAL := help
.PHONY: help run qc pilot test check format ui bench soak lock clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 14

run: $(INSTALLED) ## raw forms to results, into warehouse/
	$(BIN)/pipeline run

qc: $(INSTALLED) ## a run with double programming: datasets again in SQL, figures again in R
	$(BIN)/pipeline qc

pilot: $(INSTALLED) ## a second study: CDISC's pilot, compared with its own analysis datasets
	$(BIN)/pipeline pilot

test: $(INSTALLED) ## every test
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: $(INSTALLED) ## format, lint, import order, types, known faults of packages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy
	.ci/audit

format: $(INSTALLED) ## put the code into the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

ui: $(INSTALLED) ## the Dagster UI on http://127.0.0.1:3000, with its daemon
	@mkdir -p $(PIPELINE_DAGSTER_STORAGE)
	$(BIN)/dagster dev -h 127.0.0.1 -p 3000 -m pipeline.definitions

bench: $(INSTALLED) ## what a run and each statistic cost
	$(BIN)/python -m benchmarks

soak: $(INSTALLED) ## hours: 200 runs killed under 20 readers, then 100 runs in one process
	$(BIN)/python -m tests.soak

lock: $(INSTALLED) ## write requirements.lock anew from pyproject.toml
	$(BIN)/pip-compile --quiet --upgrade --extra dev --build-deps-for editable --generate-hashes --allow-unsafe \
	  --no-strip-extras --no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
	  --output-file requirements.lock pyproject.toml

clean: ## remove everything made but .venv and the warehouse
	rm -rf .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis *.egg-info
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "This needs Python 3.11 or newer, and '$(PYTHON)' is not: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Installing the locked packages into .venv (once)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
