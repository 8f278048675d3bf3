# The doors: make demo, make test, make check, make bench-accuracy. Everything runs in .venv, made on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# pytest-xdist workers: two processes is what two cores bear, each worker of `prepare` being one more
JOBS ?= 2

.PHONY: demo test test-all check bench-accuracy clean

demo: $(VENV)/.installed
	$(BIN)/facedata prepare demo --out demo-faces

test: check
	$(BIN)/python -m pytest -n $(JOBS) -m "not slow"

test-all: check
	$(BIN)/python -m pytest -n $(JOBS)

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench-accuracy: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmark.accuracy

clean:
	rm -rf demo-faces bench-out build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@ $(VENV)/.installed
