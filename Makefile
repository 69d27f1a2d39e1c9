# Thin on purpose: every target is one command that also works without make.
# Use another Python:  make lab PYTHON=python3.12
# Pass arguments on:   make lab ARGS="--port 9000"     make test ARGS="-k masks"
# Your copy elsewhere: make lab COPY=~/my-pixels
# Only one notebook:   make notebooks NOTEBOOKS=notebooks/13_two_stage_generation.ipynb
# A fork, a new home:  make move ADDRESS=https://github.com/you/fork

PYTHON ?= $(shell command -v python3 || command -v python)
ifeq ($(strip $(PYTHON)),)
$(error Neither python3 nor python is on the PATH. Install Python 3.10 or newer, then run make again)
endif

VENV_PYTHON := $(if $(filter Windows_NT,$(OS)),.venv/Scripts/python.exe,.venv/bin/python)
NOTEBOOKS ?=
ADDRESS ?=
COPY ?=
export COPY_AS_TYPED := $(value COPY)
ARGS ?=

.PHONY: help environment test-environment lab test check lint format notebooks browser colab faults move bench \
        results constraints site clean

help:
	@echo "make lab          open your copy of the notebooks in JupyterLab (sets everything up first)"
	@echo "make test         run every unit test and every notebook: about six minutes on two cores"
	@echo "make check        for a minute, the unit tests of what you changed since main; and lint"
	@echo "make lint         check the style, and that notebooks and their texts agree"
	@echo "make format       rewrite code, notebooks and texts in the project's style"
	@echo "make notebooks    sync the texts into the notebooks, run them, store their outputs"
	@echo "make browser      Run All and every widget of every notebook, in JupyterLab in a Chromium"
	@echo "make colab        run each notebook alone, in an environment with Colab's versions"
	@echo "make site         build the site, from which a reader's browser draws: site/_build/html"
	@echo "make move         give the project another address: make move ADDRESS=https://github.com/.."
	@echo "make faults       make every fault hundreds of times; all tests, colab and browser"
	@echo "make bench        run the benchmarks"
	@echo "make results      score the shipped weights again and compare with results/"
	@echo "make constraints  pin the newest versions that work together in constraints.txt"
	@echo "make clean        remove caches (the environment stays: delete .venv by hand)"

environment:
	@"$(PYTHON)" tools/set_up.py

lab:
	@"$(PYTHON)" tools/set_up.py lab $(if $(value COPY),--copy="$$COPY_AS_TYPED") $(ARGS)

# The tests build and grade a course, for which learners need no nbgrader.
test-environment:
	@"$(PYTHON)" tools/set_up.py --extras lab,test,course

test: test-environment
	@$(VENV_PYTHON) tools/run_tests.py $(ARGS)

check: test-environment lint
	@$(VENV_PYTHON) tools/run_tests.py changed $(ARGS)

lint: environment
	@status=0; \
	$(VENV_PYTHON) -m ruff check . || status=1; \
	$(VENV_PYTHON) -m ruff format --check . || status=1; \
	$(VENV_PYTHON) tools/notebooks.py check || status=1; \
	exit $$status

format: environment
	@$(VENV_PYTHON) tools/notebooks.py sync
	@$(VENV_PYTHON) -m ruff check --fix-only .
	@$(VENV_PYTHON) -m ruff format .
	@$(VENV_PYTHON) tools/notebooks.py sync --from-notebooks

notebooks: environment
	@$(VENV_PYTHON) tools/notebooks.py sync $(ARGS) $(NOTEBOOKS)
	@$(VENV_PYTHON) tools/notebooks.py stamp $(NOTEBOOKS)
	@$(VENV_PYTHON) tools/notebooks.py run $(NOTEBOOKS)
	@$(VENV_PYTHON) tools/notebooks.py check $(NOTEBOOKS)

browser:
	@"$(PYTHON)" tools/set_up.py --extras lab,test,browser
	@"$(PYTHON)" tools/find_chromium.py
	@$(VENV_PYTHON) -m pytest -q -m browser tests/browser $(ARGS)

colab: environment
	@$(VENV_PYTHON) tools/colab_run.py $(ARGS) $(NOTEBOOKS)

# Show it as well, on this machine: make site ARGS=--serve
site:
	@"$(PYTHON)" tools/set_up.py --extras site
	@$(VENV_PYTHON) tools/build_site.py $(ARGS)

# With arguments only the drills: make faults ARGS="-k saving"
faults: test-environment
	@$(VENV_PYTHON) tools/run_faults.py $(ARGS)
	@$(if $(ARGS),,$(VENV_PYTHON) tools/run_tests.py all)
	@$(if $(ARGS),,"$(MAKE)" -k colab browser)

move: environment
	@$(VENV_PYTHON) tools/notebooks.py move "$(ADDRESS)"

bench: environment
	@set -e; for script in benchmarks/*.py; do \
	    if [ ! -e "$$script" ]; then echo "No benchmarks yet: benchmarks/ holds no scripts."; break; fi; \
	    echo "== $$script"; $(VENV_PYTHON) "$$script"; \
	done

results: environment
	$(VENV_PYTHON) tools/evaluate_weights.py $(ARGS)

constraints: environment
	$(VENV_PYTHON) tools/pin_versions.py $(ARGS)

clean:
	@find . \( -path ./.venv -o -path ./my-copy \) -prune -o -type d \
	    \( -name __pycache__ -o -name .pytest_cache -o -name .ruff_cache -o -name .hypothesis \
	    -o -name .ipynb_checkpoints \) -print0 | xargs -0 rm -rf
