# The lines people, CI and hooks run. `make demo` and `make test` need Python 3.11 or newer with venv, git and make.
PYTHON ?= python3
BIN := .venv/bin
.PHONY: setup setup-test browser demo check test test-all test-debian lock clean

setup: .venv/.run
	@$(BIN)/python -m fenji.config.assets >/dev/null

.venv/.run: requirements/run.lock pyproject.toml package-lock.json
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; set PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/run.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .
	$(BIN)/python -m fenji.config.assets
	@touch $@

setup-test: setup .venv/.test
	@$(BIN)/python -m fenji.config.assets --dev >/dev/null

.venv/.test: requirements/test.lock .venv/.run
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/test.lock
	$(BIN)/python -m fenji.config.assets --dev
	@touch $@

# the browser tests use the distribution's Chromium and a Chinese font; never skipped, see tests/browser
browser:
	@if ! command -v chromium >/dev/null || ! fc-list 2>/dev/null | grep -qi 'NotoSansCJK'; then \
	  if [ "$$(id -u)" = 0 ]; then \
	    echo "installing chromium and fonts-noto-cjk"; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk fontconfig procps >/dev/null; \
	  else \
	    echo "The browser tests need Chromium and a Chinese font. Run:"; \
	    echo "  sudo apt-get install -y chromium fonts-noto-cjk fontconfig"; exit 1; \
	  fi; fi

demo: setup
	@$(BIN)/fenji demo

check: setup-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m fenji.config.translations
	$(BIN)/python -m pytest -q tests/architecture

test: setup-test browser
	$(BIN)/python -m pytest -q

test-all: setup-test browser
	$(BIN)/python -m pytest -q --long

# the whole suite on the distribution's PostgreSQL server instead of the embedded one
test-debian: setup-test browser
	tools/with-postgresql $(BIN)/python -m pytest -q

# needs uv; rewrites both locks with hashes and without addresses
lock:
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra build pyproject.toml -o requirements/run.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra build --extra test pyproject.toml -c requirements/run.lock -o requirements/test.lock

clean:
	rm -rf .venv node_modules fenji/static/vendor var/static
