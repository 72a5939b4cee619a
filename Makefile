# Everything a person does with a checkout. `make` lists it.

VENV := .venv/bin
PYTEST_ARGS ?=
BENCH_ARGS ?=
# Two workers: the tests of real sockets wait more than they compute.
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help env run test check lint bench promises docs test-deps clean

help:  ## list what there is to make
	@sed -n 's/^\([a-z-]*\):.*## /\1 /p' $(MAKEFILE_LIST) | while read -r name what; do printf '  make %-10s %s\n' "$$name" "$$what"; done

env:  ## make .venv from uv.lock (finds or fetches Python 3.13 and uv; needs no root)
	@sh tools/env.sh

run: env  ## the quick start: a forward proxy, a reverse gateway and a small app behind it
	@$(VENV)/wicketgate run

test: env  ## every test that CI runs
	$(VENV)/pytest -m "not bench" -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

lint: env  ## style, types and import contracts
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	$(VENV)/lint-imports

check: lint  ## lint, then test: what must hold before a merge
	@$(MAKE) --no-print-directory test

bench: env  ## the gateway beside other proxies: every workload on every server (BENCH_ARGS="--seconds 0.8 --check")
	$(VENV)/python -m tests.bench $(BENCH_ARGS)

promises: env  ## speeds that are promised, each measured by itself
	$(VENV)/pytest -m bench tests/bench $(PYTEST_ARGS)

docs: env  ## the documentation as a site, in site/
	NO_MKDOCS_2_WARNING=1 $(VENV)/mkdocs build --strict

test-deps:  ## install the servers that the tests talk to (root or sudo; Debian, Ubuntu)
	@sh tools/test-deps.sh

clean:  ## remove everything that was made here, .venv too
	rm -rf .venv .venv-tools dist build site .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
