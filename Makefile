# Each target does the set-up it needs. `make run` installs what a run needs; the rest adds what developers need.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test cloud airflow flink flink-start flink-stop browser check bench templates sample clean

run: $(VENV)/run.stamp
	$(BIN)/python -m pipelines sample

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest

cloud: $(VENV)/dev.stamp $(VENV)-emulators/stamp  ## Every pipeline from object storage to BigQuery, both emulated.
	EMULATORS=$(VENV)-emulators/bin $(BIN)/python -m pytest tests/cloud

airflow: $(VENV)/run.stamp $(VENV)-airflow/stamp  ## The DAGs, run by Airflow in an environment of its own.
	VENV=$(VENV) $(VENV)-airflow/bin/python -m pytest tests/airflow

flink: $(VENV)/dev.stamp  ## Every pipeline on a Flink cluster of this machine; needs Java 17 and Maven.
	$(BIN)/python -m pytest tests/flink --durations=0 --junit-xml=build/flink/tests.xml

flink-start: $(VENV)/run.stamp  ## Starts one, and prints the Beam options that run a pipeline there.
	$(BIN)/python tests/flink/cluster.py start

flink-stop:
	$(BIN)/python tests/flink/cluster.py stop

browser: $(VENV)/dev.stamp  ## The report in a headless Chromium, which must be on the path or in CHROMIUM.
	$(BIN)/pip install --quiet --constraint configs/constraints.txt --editable ".[browser]"
	$(BIN)/python -m pytest tests/browser

check: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/dev.stamp
	$(BIN)/python -m pipelines bench

templates: $(VENV)/dev.stamp  ## Writes configs/templates again, after a change of a pipeline's config.
	$(BIN)/python -m pipelines templates

sample: $(VENV)/dev.stamp  ## Makes the sample catalogue again; needs espeak-ng.
	$(BIN)/python tests/sample/make_sample.py

$(VENV)/run.stamp: setup.py configs/constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint configs/constraints.txt --editable ".[cpu]"
	touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp
	$(BIN)/pip install --quiet --constraint configs/constraints.txt --editable ".[dev]"
	touch $@

$(VENV)-emulators/stamp: configs/constraints-emulators.txt
	$(PYTHON) -m venv $(VENV)-emulators
	$(VENV)-emulators/bin/pip install --quiet --requirement configs/constraints-emulators.txt
	$(VENV)-emulators/bin/python -c 'import duckdb_extensions; duckdb_extensions.import_extension("spatial")'
	touch $@

$(VENV)-airflow/stamp: configs/constraints-airflow.txt
	$(PYTHON) -m venv $(VENV)-airflow
	$(VENV)-airflow/bin/pip install --quiet --requirement configs/constraints-airflow.txt
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-emulators $(VENV)-airflow build *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
