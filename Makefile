# Everything starts from a bare python3: each target installs what it needs into
# .venv, once, and again only when what is compiled or depended on changes.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUTPUT ?= demo

.PHONY: all bench contracts demo figures format help lab lint notebook sanitize setup slow strip stub test types web wheel

help:  ## List the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.installed  ## From pixels to pictures on MNIST, into demo/ (minutes; a second time: seconds)
	$(BIN)/latentscape run mnist -o $(OUTPUT)

test: $(VENV)/.developed  ## The test suite
	$(BIN)/python -m pytest

slow: $(VENV)/.developed  ## The tests that take minutes: published figures on 60,000 and 70,000 images
	$(BIN)/python -m pytest -m published

setup: $(VENV)/.developed  ## The environment for developing

lint: $(VENV)/.developed  ## Style and imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

types: $(VENV)/.developed  ## Static types
	$(BIN)/mypy

format: $(VENV)/.developed  ## Mend what the formatter can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

stub: $(VENV)/.developed  ## Write the types of the kernels anew, after a change of native/bindings.cpp
	$(BIN)/python -m nanobind.stubgen -q -m latentscape._native -o src/latentscape/_native.pyi

web:  ## Check, test and build the explorer's page (needs node and npm; users do not)
	cd web && npm ci --no-audit --no-fund && npm run check && npm test && npm run build

sanitize:  ## Run the kernels under the address, undefined-behaviour and thread sanitizers
	@mkdir -p build
	for kind in address,undefined thread; do \
	  $(CXX) -std=gnu++17 -O1 -g -ffp-contract=off -Wall -Wextra -Wno-psabi -Wno-ignored-attributes \
	    -fsanitize=$$kind -fno-sanitize-recover=all native/tests/sanitize.cpp -o build/sanitize -pthread \
	  && ./build/sanitize || exit 1; done

notebook: $(VENV)/.developed  ## Execute the notebook with small settings, in a scratch copy
	LATENTSCAPE_QUICK=1 $(BIN)/python notebooks/execute.py --check

lab: $(VENV)/.developed  ## The widget in a live JupyterLab (installs it: 110 MB), driven by Chromium
	$(BIN)/python -m pip install --disable-pip-version-check -e ".[lab]"
	LATENTSCAPE_REQUIRE_ALL=1 $(BIN)/python -m pytest tests/explorer/live_jupyterlab.py

wheel: $(VENV)/.developed  ## Build the wheel, list it, and use it from an environment of its own
	$(BIN)/python tests/check_wheel.py

bench: $(VENV)/.developed  ## The benchmarks (tens of minutes; nothing else should run beside them)
	$(BIN)/python -m pip install --disable-pip-version-check -e ".[compare]"
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/quality.py
	$(BIN)/python benchmarks/maps.py --million
	$(BIN)/python benchmarks/explorer.py

figures: $(VENV)/.installed  ## The README's pictures, from the atlas in demo/
	$(MAKE) demo
	$(BIN)/python docs/refresh.py $(OUTPUT)
	$(MAKE) strip

strip: $(VENV)/.developed  ## The pictures of the explorer, taken by Chromium from the page in demo/
	$(MAKE) demo
	$(BIN)/python docs/strip.py $(OUTPUT)

all: lint types test notebook wheel  ## What CI runs

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# An editable install follows changes in Python by itself, but not in C++.
BUILT_FROM := pyproject.toml CMakeLists.txt $(wildcard native/*.hpp native/*.cpp native/*.py)

$(VENV)/.installed: $(BUILT_FROM) | $(VENV)/bin/python
	$(BIN)/python -m pip install --disable-pip-version-check -e .
	@touch $@

$(VENV)/.developed: $(BUILT_FROM) | $(VENV)/bin/python
	$(BIN)/python -m pip install --disable-pip-version-check -e ".[dev]"
	@touch $(VENV)/.installed $@
