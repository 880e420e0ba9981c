# Needs Python >= 3.10 and make. Everything else goes into .venv and the user's cache.
PYTHON ?= python3
BIN := .venv/bin
SOAK ?= 1
# In seconds: when no further interpreter is begun.
DEADLINE ?= 3600
# Where bytecode is not kept, each process of the tests compiles what it imports anew, and there are hundreds.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install demo test unit unit-all soak check format bench boards image clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 12

.venv/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if v >= (3, 10) else f"wattnet-storage needs Python 3.10 or newer, this is {v.major}.{v.minor}. Try: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[all]' --group dev
	@touch $@

install: .venv/.installed  ## make .venv with everything in it

demo: install  ## the whole road on real Kafka and ClickHouse, with a year of eight US grids
	@$(BIN)/wattnet demo

test: install  ## all tests, against real Kafka and the real ClickHouse engine
	$(BIN)/python -m pytest -n 4 --no-loadscope-reorder

unit: install  ## the tests that need no service
	$(BIN)/python -m pytest -n 2 -m "not services"

unit-all: install  ## the same on each Python that is found, with the newest and the lowest dependencies
	$(BIN)/python tests/interpreters.py --deadline $(DEADLINE)

soak: install  ## what is large in tests/soak, whole: an hour or more; make soak SOAK=0.1 for a tenth
	$(BIN)/python -m pytest tests/soak --soak $(SOAK) -s -v --timeout 14400

check: install  ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install  ## put the code into the project's format
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

bench: install  ## measure everything that the README quotes, side by side
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.boards

boards: install  ## write Grafana's boards and alert rules out of their code
	$(BIN)/python -m grafana

image:  ## build the container image that docker-compose.yml and deploy/kubernetes run
	docker build --file deploy/Dockerfile --tag wattnet-storage:$(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml) .

clean:  ## remove what the targets made here
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
