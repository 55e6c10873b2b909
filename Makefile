# `make demo` and `make test` do all the set-up: nothing else is needed first but make and Python >= 3.11.
# Another Python than `python3`: make demo PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo test lint format docs example bench-tool bench-training bench-growth dist release clean

help:  ## these lines
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/tool  ## scaffold the default project into demo/digits and train it to the end
	rm -rf demo/digits
	$(BIN)/torchgen new demo/digits --defaults --no-git
	@echo "Installing what the project needs (PyTorch is the large one) ..."
	$(INSTALL) --editable demo/digits
	cd demo/digits && "$(CURDIR)/$(BIN)/python" -m digits.train configs/baseline.py
	cd demo/digits && "$(CURDIR)/$(BIN)/python" -m digits.evaluate runs/baseline --test
	@echo "Look at demo/digits: digits/train.py is the loop, runs/baseline what came of it."

test: lint  ## check the style and the types, then run every test
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist worksteal

lint: $(VENV)/dev  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/dev  ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/tool  ## write docs/reference anew, from the catalogue and the command line
	$(BIN)/python docs/generate.py

example: $(VENV)/tool  ## write examples/digits anew from the template
	rm -rf examples/digits
	$(BIN)/torchgen new examples/digits --defaults --no-git --quiet

bench-tool: $(VENV)/tool  ## measure torchgen beside other programs, and write docs/benchmarks.md (minutes)
	$(BIN)/python benchmarks/tool/run.py

bench-training: $(VENV)/tool  ## measure the generated loop beside other libraries, and write docs/benchmarks-training.md (an hour)
	$(BIN)/python -m benchmarks.training.run

bench-growth: $(VENV)/dev  ## measure how the cost of a training grows with its work, and write docs/benchmarks-growth.md (a quarter of an hour)
	$(BIN)/python -m benchmarks.growth.run

dist: $(VENV)/dev  ## build the sdist and the wheel into dist/
	rm -rf dist
	$(BIN)/python -m build --no-isolation

release: $(VENV)/tool  ## add templates/ to the history of releases: make release VERSION=x.y.z
	@test -n "$(VERSION)" || { echo "Which one? make release VERSION=x.y.z" >&2; exit 2; }
	$(BIN)/python scripts/release.py "$(VERSION)"

clean:  ## remove the environment, the demo and what was built
	rm -rf $(VENV) build demo dist

# Empty files that say what .venv holds, so that the set-up is repeated only when it has to be.
SETUP := pyproject.toml constraints.txt src/torchgen/torchgen_cli/__init__.py

$(VENV)/tool: $(SETUP) | $(BIN)/python
	@echo "Installing torchgen into $(VENV) ..."
	$(INSTALL) --editable .
	@touch $@

$(VENV)/dev: $(SETUP) | $(BIN)/python
	@echo "Installing torchgen and all that its tests need into $(VENV) (PyTorch is the large one) ..."
	$(INSTALL) --editable '.[dev]'
	@touch $@ $(VENV)/tool

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "torchgen needs Python 3.11 or newer, and $(PYTHON) is not: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
