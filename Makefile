PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
TFIO = $(VENV)/tfio

.PHONY: quickstart modules test test-tfio

# Trains a small WaveGAN on the drum sounds that ship with the package.
quickstart: $(VENV)/installed
	$(BIN)/python -m gansynth_zoo.quickstart

# Trains and measures the modules that ship, and those that may not, again:
# hours. ARCHIVES is the folder of the archives of sounds.
modules: $(VENV)/installed
	$(BIN)/python -m benchmarks.shipped_modules --archives=$(ARCHIVES)

# Lint and all tests, with the same random cases each time.
test: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pytest -n 2 --dist loadfile --hypothesis-profile=ci

# The tests of tensorflow-io, which needs an older TensorFlow, and with it
# Python 3.12 at the most. None may be skipped.
test-tfio: $(TFIO)/installed
	GANSYNTH_ZOO_TFIO=required $(TFIO)/bin/pytest \
	    tests/test_tfio.py tests/test_audio_files.py

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: setup.py pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --editable .
	touch $@

$(VENV)/installed-test: setup.py pyproject.toml | $(BIN)/python
	$(BIN)/pip install --quiet --editable '.[test]'
	touch $@ $(VENV)/installed

$(TFIO)/installed: setup.py pyproject.toml
	$(PYTHON) -m venv $(TFIO)
	$(TFIO)/bin/pip install --quiet --editable '.[tfio]' pytest
	touch $@
