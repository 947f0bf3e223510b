# Everything happens in .venv, which the first target that needs it makes from the hashed locks in requirements/.
#   make demo [ARGS=…]   the 2014 story on embedded PostgreSQL and Kafka
#   make test [ARGS=…]   all tests that need no Docker; ARGS go to pytest
#   make test-containers the same on PostgreSQL and Kafka in containers, then the deployment itself; needs a Docker engine
#   make test-faults     the faults of docs/reliability.md in full, which it writes anew; make test has them in short
#   make check           style, types, import rules, secrets, known holes, and that the migrations apply from empty
#   make bench [ARGS=…]  all figures of docs/benchmarks.md, peers included, which are installed in .venv-bench; ARGS=--help tells more
#   make contracts       write docs/contracts anew: JSON Schemas, AsyncAPI, OpenAPI
#   make lock [ARGS=…]   resolve requirements/*.txt anew; ARGS=--upgrade takes newer versions
#   make clean           remove .venv and what the tools left

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

PEERS := .venv-bench/.ready
STREAMS := bench/peers/kafka_streams

.PHONY: demo test test-containers test-faults check bench peers contracts lock clean new-venv
.DELETE_ON_ERROR:

demo: $(READY)
	$(BIN)/qingsheng demo $(ARGS)

# Two at a time, on one pair of servers.
test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

# tests/embedded is about the embedded servers themselves.
test-containers: $(READY)
	@docker version >/dev/null || { echo "No Docker engine answers: set DOCKER_HOST, or start one." >&2; exit 1; }
	QINGSHENG_TEST_CONTAINERS=1 $(BIN)/python -m pytest --ignore=tests/embedded --ignore=tests/deploy $(ARGS)
	$(BIN)/python -m pytest -m containers tests/deploy

test-faults: $(READY)
	QINGSHENG_FAULTS=full QINGSHENG_RELIABILITY=docs/reliability.md \
		$(BIN)/python -m pytest -p tests.faults.summary -m fault $(ARGS)
	$(BIN)/python -m tests.faults.mutations docs/reliability.md

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports
	git ls-files -z | xargs -0 $(BIN)/detect-secrets-hook $(SECRETS)
	$(BIN)/pip-audit --progress-spinner off --disable-pip --no-deps -r requirements/runtime.txt
	$(BIN)/python -m pytest tests/test_migrations.py -q

# Digests and words are no secrets; nor are the places that these lines leave for a password.
SECRETS := --disable-plugin KeywordDetector --disable-plugin HexHighEntropyString --disable-plugin Base64HighEntropyString \
	--exclude-lines 'user:password@|:%s@|def test_'

bench: $(READY) peers
	$(BIN)/python -m bench $(ARGS)

# A peer that cannot be installed here is told of in the table; the others run.
peers: $(PEERS)
	-cd $(STREAMS) && mvn -q -B package

$(PEERS): bench/peers/requirements.txt
	$(PYTHON) -m venv --clear .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r bench/peers/requirements.txt \
		&& touch $@ || echo "Peers that are Python's are left out: their libraries could not be installed." >&2

contracts: $(READY)
	rm -rf docs/contracts
	$(BIN)/qingsheng contracts export docs/contracts

lock: $(READY)
	$(BIN)/uv pip compile $(LOCK) --extra embedded --extra otel $(ARGS) -o requirements/runtime.txt pyproject.toml
	$(BIN)/uv pip compile $(LOCK) --extra embedded --extra otel --group dev --group build -c requirements/runtime.txt $(ARGS) \
		-o requirements/dev.txt pyproject.toml
	$(BIN)/uv pip compile $(LOCK) -c requirements/runtime.txt $(ARGS) -o requirements/image.txt pyproject.toml
	$(BIN)/uv pip compile $(LOCK) --extra otel -c requirements/runtime.txt $(ARGS) -o requirements/image-otel.txt \
		pyproject.toml
	$(BIN)/uv pip compile $(LOCK) --group wheel -c requirements/dev.txt $(ARGS) -o requirements/wheel.txt
	$(BIN)/uv pip compile $(LOCK) $(ARGS) -o bench/peers/requirements.txt bench/peers/requirements.in

LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-config --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock"

clean:
	rm -rf .venv .venv-bench $(STREAMS)/target build dist node_modules shared/web/static/vendor .hypothesis .import_linter_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements/runtime.txt requirements/dev.txt pyproject.toml hatch_build.py package-lock.json
	@$(BIN)/python -c 'import pip, ssl' 2>/dev/null || $(MAKE) --no-print-directory new-venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

new-venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or later is needed. Where it has another name: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "Python's venv module is not installed. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
