# A fresh machine needs only python3 (3.11 or newer), make and pip.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Tests of a file stay in one process, which makes what they share once. The processes have one
# thread each, so that they do not take the CPUs from each other.
TESTS := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile
STAMP := $(VENV)/.installed

.PHONY: search test check slow format clean
.DEFAULT_GOAL := search

search: $(STAMP)  ## search 16 candidates on the embedded images
	$(BIN)/nas-search --budget 16

test: $(STAMP)  ## the fast tests
	$(TESTS)

slow: $(STAMP)  ## kills, clusters, long searches
	$(BIN)/python -m pytest -m slow

check: $(STAMP)  ## format, lint, types, import contracts, fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(TESTS)

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Pinned versions are installed once, and again when a pin or a dependency changes.
$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
