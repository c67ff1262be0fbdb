# GIS supervision: `make help` lists the targets. Needs Python 3.11 or newer, nothing else.

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint lock catalogue format
SHELL := /bin/sh
BIN := .venv/bin
# passed on to the demo, such as ARGS=--no-serve, and to pytest
ARGS :=
export PYTHON

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-11s %s\n", $$1, $$2 }' Makefile

setup: ## Install PostgreSQL with PostGIS, .venv and JavaScript, where they are missing
	@.ci/setup

demo: setup ## Build the worked example and serve it on 127.0.0.1:8000
	$(BIN)/gis-supervision demo $(ARGS)

test: ## Run the linters and the whole test suite
	@.ci/setup test
	@$(MAKE) --no-print-directory lint
	$(BIN)/pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile $(ARGS)

lint: ## Run the linters only
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint alembic/sql gis_supervision/storage/sql
	$(BIN)/python .ci/catalogue.py --check
	$(BIN)/gis-supervision catalogue check --no-database

format: ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

catalogue: ## Collect the texts of the interface for translation
	$(BIN)/python .ci/catalogue.py

lock: ## Renew the lock files; ARGS=--upgrade takes newer versions
	.ci/lock $(ARGS)
