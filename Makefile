# python3 >= 3.11 and make are all that is needed: `make` installs the rest below .uv and .venv.
.DEFAULT_GOAL := help
PYTHON ?= python3
UV_VERSION := 0.13.9
UV := $(CURDIR)/.uv/bin/uv
BIN := .venv/bin
SAM_VERSION := 1.167.0
SAM_ENV := .uv/sam
SAM := $(SAM_ENV)/bin/sam
EXPORT := $(UV) export --quiet --frozen --no-annotate --no-header --no-dev --no-emit-workspace

export UV
export UV_PYTHON_DOWNLOADS := never
export SAM_CLI_TELEMETRY := 0

.PHONY: help setup up demo test unit lint types schema openapi lock validate build deploy bench clean

help: ## Say what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.stamp ## Install everything the project needs

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Crawlset needs Python 3.11 or newer; $(PYTHON) is older. Try make PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -m venv .uv
	@.uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.stamp: $(UV) uv.lock pyproject.toml layers/core/pyproject.toml infra/local/pyproject.toml client/pyproject.toml
	@$(UV) sync --quiet --frozen --python $(PYTHON)
	@touch $@

up: setup ## Run the whole system on this machine
	@$(BIN)/crawlset up

demo: setup ## Run the main job against the sample site
	@$(BIN)/crawlset demo

test: setup ## Run every test
	$(BIN)/pytest tests/unit tests/infra -n 2 -q --disable-socket --allow-unix-socket
	$(BIN)/pytest tests/integration -n 2 -q
	$(BIN)/pytest tests/e2e -q -s

unit: setup ## Run the tests that need nothing but Python
	$(BIN)/pytest tests/unit tests/infra -n 2 -q --disable-socket --allow-unix-socket

lint: setup ## Check style, imports and the template
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	PYTHONPATH=. $(BIN)/lint-imports

bench: setup ## Measure; prints tables, writes docs/benchmarks.md
	$(BIN)/python -m tests.bench.cold_start
	$(BIN)/python -m tests.bench.decode_steps
	$(BIN)/python -m tests.bench.fetch --write
	$(BIN)/python -m tests.bench.routes --write
	$(BIN)/python -m tests.bench.plan_manifest
	$(BIN)/python -m tests.bench.near_duplicates --write
	$(BIN)/python -m tests.bench.validate --write
	$(BIN)/python -m tests.bench.export --write
	$(BIN)/python -m tests.bench.export.plan --write
	$(UV) run --frozen --group bench python -m tests.bench.quality --write

types: setup ## Check types
	$(BIN)/mypy layers/core/crawlset infra/local/crawlset_local client/crawlset_client functions tests alembic/env.py alembic/handler.py alembic/diagram.py

schema: setup ## Draw the tables into docs/database.md
	$(BIN)/python alembic/diagram.py

openapi: setup ## Write docs/openapi.json anew from the routes
	PYTHONPATH=. AWS_DEFAULT_REGION=us-east-1 $(BIN)/python -c \
		'from functions.api import app; print(app.document())' > docs/openapi.json

lock: $(UV) ## Lock, and derive what each layer ships
	$(UV) lock
	$(EXPORT) --package crawlset --output-file layers/core/requirements.txt
	$(EXPORT) --only-group imaging --output-file layers/imaging/requirements.txt
	$(EXPORT) --only-group fetching --output-file layers/fetching/requirements.txt
	$(EXPORT) --only-group tabular --output-file layers/tabular/requirements.txt
	$(EXPORT) --no-hashes --only-group migrate --output-file alembic/requirements.txt

$(SAM): $(UV)
	@$(UV) venv --quiet --clear --python $(PYTHON) $(SAM_ENV)
	@$(UV) pip install --quiet --python $(SAM_ENV)/bin/python aws-sam-cli==$(SAM_VERSION)

validate: $(SAM) ## Lint the template
	$(SAM) validate --lint
	$(SAM_ENV)/bin/cfn-lint infra/data.yaml

build: $(SAM) ## Build what is deployed; needs python3.13 on the PATH
	$(SAM) build

deploy: build ## Deploy a stack: make deploy STACK=crawlset-dev PARAMETERS="Contact=... DatabaseSecretArn=..."
	$(SAM) deploy --stack-name $(STACK) --parameter-overrides $(PARAMETERS)
	$(SAM) remote invoke MigrateFunction --stack-name $(STACK) --event '{"action": "upgrade"}'

clean: ## Forget what was installed and built; the data in .crawlset stays
	rm -rf .venv .uv .aws-sam
