# Kunyu 坤舆. `make up` and `make test` each do their own set-up; the rest works offline once that is done.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help

export PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
# the tests start hundreds of programs and nodes: each would compile all of Kunyu anew, a fifth of its start
unexport PYTHONDONTWRITEBYTECODE
BIN := .venv/bin
PARCELS ?= 5000
SEED ?= 1
# processes of pytest; the browser and the database share the machine with them
WORKERS ?= 2

# what is seen without running anything; the longest first, for they run side by side
LINTS := check-types check-security check-style check-licences
CHECKS := $(LINTS) check-imports check-reference check-packs check-migrations check-format

.PHONY: help setup setup-test up down test test-long check static lint format docs bench sample new-pack lock
.PHONY: $(CHECKS) check-web

help: ## 显示命令 / show the commands
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## 安装运行所需的一切 / install what a node needs
	@tools/system_packages.sh
	tools/venv.sh node
	tools/web.sh

setup-test: ## 安装测试所需的一切 / install what the tests need
	@tools/system_packages.sh test
	tools/venv.sh dev
	tools/web.sh

up: setup ## 启动节点并显示地址与账户 / start the node, show address and accounts
	@$(BIN)/kunyu up --detach

down: ## 停止节点 / stop the node
	@$(BIN)/kunyu down

test: setup-test ## 全部检查与测试 / everything
	@$(MAKE) --no-print-directory -j $(WORKERS) --output-sync=target check-types check-web $(filter-out check-types,$(CHECKS))
	$(BIN)/pytest -n $(WORKERS) --dist loadscope -m "not long" --durations=60 --durations-min=4

test-long: setup-test ## 模糊、崩溃与规模测试 / fuzzing, crash and scale runs
	@tools/system_packages.sh test-long
	@$(BIN)/pytest -n $(WORKERS) --dist loadscope

check: static ## 快速检查 / the quick set
	@$(BIN)/pytest -q -n $(WORKERS) --dist loadscope -m quick

static: setup-test ## 不运行程序的检查 / what is seen without running anything
	@$(MAKE) --no-print-directory -j $(WORKERS) --output-sync=target $(CHECKS)

lint: ## 风格与类型 / style and types
	@$(MAKE) --no-print-directory -j $(WORKERS) --output-sync=target $(LINTS)

check-types:
	@$(BIN)/mypy

check-security:
	@$(BIN)/bandit -q -r kunyu -c pyproject.toml -ll -ii

check-style:
	@$(BIN)/ruff check --quiet .

check-licences:
	@$(BIN)/python tools/check_licences.py

check-imports:
	@$(BIN)/lint-imports --no-cache 2>/dev/null | tail -n +10

check-reference:
	@$(BIN)/python tools/reference_docs.py --check

check-packs:
	@$(BIN)/python tools/packcheck.py

check-migrations:
	@$(BIN)/python tools/check_migrations.py

check-format:
	@$(BIN)/ruff format --check --quiet . || { echo "run: make format" >&2; exit 1; }

check-web:
	@cd web && npm run --silent check && npm test --silent

format: ## 统一格式 / format the code
	@$(BIN)/ruff check --quiet --fix . || true
	$(BIN)/ruff format --quiet .

docs: setup-test ## 由代码生成参考文档 / generate the reference pages from the code
	@$(BIN)/python tools/reference_docs.py
	$(BIN)/python tools/rule_pictures.py
	$(BIN)/python -m kunyu.engines.ingest.checks.reference_page

bench: setup-test ## 基准；ONLY=name 只运行一项 / benchmarks; ONLY=name runs one
	@$(BIN)/python -m benchmarks $(ONLY)

sample: setup ## 生成示例县 / generate the sample county (PARCELS=, SEED=)
	@$(BIN)/kunyu sample county samples/county --parcels $(PARCELS) --seed $(SEED)

new-pack: ## 新业务包 / a new pack: make new-pack NAME=land_conversion
	@$(PYTHON) tools/new_pack.py "$(NAME)"

lock: ## 重新锁定依赖 / lock the dependencies anew
	@tools/lock.sh
