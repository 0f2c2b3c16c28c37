# Tenure's commands. Everything needs only make and a Python; `make` alone lists them.
# The scripts under deploy/ find the Python, make .venv and install the locked requirements; a second start only compares.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help demo up test lint types bench roles states backup restore lock stop clean base-ready test-ready demo-ready

PYTHON_HERE := .venv/bin/python
STACK := $(PYTHON_HERE) -m config.stack
MANAGE := $(PYTHON_HERE) manage.py

help: ## this list
	@echo "Tenure: make COMMAND [PORT=8000] [TENURE_DATA=var]"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{printf "%-11s %s\n", $$1, $$2}'

demo: demo-ready ## start everything and walk two organizations through the whole life of a model; again: continues
	@exec $(STACK) demo

up: base-ready ## start everything, empty: the first page asks for your organization and account
	@exec $(STACK) up

stop: base-ready ## stop a portal that runs in another terminal, or what a killed one left behind
	@exec $(STACK) stop

test: test-ready ## style, types, layers, migrations, production settings, tests (ARGS="tests/core -x" goes to pytest)
	@exec $(STACK) test $(ARGS)

lint: test-ready ## style of code and templates, and the line of apps
	@exec $(STACK) lint

types: test-ready ## mypy
	@exec $(STACK) types

bench: test-ready ## time and queries of the most used pages, and the cost of the walls, as ratios
	@exec $(STACK) shell $(PYTHON_HERE) -m benchmarks $(ARGS)

roles: base-ready ## who may do what: the matrix of roles and permissions
	@exec $(STACK) offline $(MANAGE) roles

states: base-ready ## every state machine as a diagram
	@exec $(STACK) offline $(MANAGE) states

backup: base-ready ## write database, files and secrets of the portal into one archive (TO=tenure.tar)
	@exec $(STACK) backup "$(or $(TO),tenure.tar)"

restore: base-ready ## read such an archive into an empty portal (FROM=tenure.tar)
	@exec $(STACK) restore "$(or $(FROM),tenure.tar)"

lock: test-ready ## write requirements/*.txt anew from requirements/*.in (UPGRADE=1 takes the newest versions)
	@sh deploy/lock.sh $(if $(UPGRADE),--upgrade)

clean: ## remove .venv and caches; the data folder stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

base-ready:
	@sh deploy/bootstrap.sh base

test-ready:
	@sh deploy/bootstrap.sh test demo

demo-ready:
	@sh deploy/bootstrap.sh base demo
