# Each target does the set-up it needs. `make run` installs what a run needs; the rest adds what developers need.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test check bench sample clean

run: $(VENV)/run.stamp
	$(BIN)/python -m pipelines sample

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest

check: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/dev.stamp
	$(BIN)/python -m pipelines bench

sample: $(VENV)/dev.stamp  ## Makes the sample catalogue again; needs espeak-ng.
	$(BIN)/python tests/sample/make_sample.py

$(VENV)/run.stamp: setup.py configs/constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint configs/constraints.txt --editable ".[cpu]"
	touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp
	$(BIN)/pip install --quiet --constraint configs/constraints.txt --editable ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
