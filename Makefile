# The front door: `make demo` and `make test` do everything on a fresh machine; `make` lists the rest.
# ARGS goes to the program behind a target: make test ARGS="-k journal -x"

PYTHON ?= python3
ARGS   ?=

BIN := .venv/bin
RUN := .venv/.ready-run
DEV := .venv/.ready-dev

.DEFAULT_GOAL := help
.PHONY: help demo test bench bench-languages bench-streams bench-peers sweep soak fuzz lint format docs fixtures pictures pins clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

demo: $(RUN) ## kill a workflow in mid-flight, twice, and see it complete
	@$(BIN)/python examples/demo/run.py $(ARGS)

test: $(DEV) ## run all tests, in three processes; with ARGS those it names, in one
	@$(BIN)/python -m pytest $(or $(ARGS),--numprocesses=3 --dist=loadfile --no-loadscope-reorder)

bench: $(RUN) ## measure speed and memory on this machine
	@$(BIN)/python -m benchmarks $(ARGS)

bench-languages: $(RUN) ## measure Python and Rust side by side, and the engine without a guest
	@$(BIN)/python -m benchmarks.languages $(ARGS)

bench-streams: $(RUN) ## measure 1,000 readers of events beside 50 starts/s, for two minutes
	@$(BIN)/python -m benchmarks.subscribers $(ARGS)

bench-peers: $(RUN) ## measure Flawless beside DBOS, Restate and Temporal (half an hour)
	@$(BIN)/python -m benchmarks.peers $(ARGS)

sweep: $(DEV) ## all tests with all their variants and every point to kill at (hours); ARGS=tests/crash for storms
	@rm -f sweep.jsonl
	@SWEEP_RECORD=$(CURDIR)/sweep.jsonl $(BIN)/python -m pytest --sweep=whole $(ARGS)
	@if test -f sweep.jsonl; then PYTHONPATH=src $(BIN)/python tests/crash/record.py sweep.jsonl; fi

soak: $(DEV) ## an hour of mixed load with random kills; ARGS="--minutes 5" for less
	@$(BIN)/python -m tests.soak $(ARGS)

fuzz: $(DEV) ## fuzz every surface for a minute, guided by coverage (ARGS="protocol --seconds 600")
	@$(BIN)/python -c "import atheris" 2>/dev/null || $(PYTHON) tools/environment.py fuzz || true
	@$(BIN)/python tests/fuzz/run.py $(or $(ARGS),all)

lint: $(DEV) ## check style, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@tools/lint-rust

format: $(DEV) ## format the code and mend what can be mended without thought
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@if command -v cargo-fmt >/dev/null; then cargo fmt; fi

fixtures: $(DEV) ## build tests/rust/programs.wasm.gz, which tests run on, from its sources
	@$(BIN)/python tools/fixtures.py

pictures: $(DEV) ## take the pictures of the web UI and the checkout anew
	@$(BIN)/python tools/screenshots.py $(ARGS)

docs: $(DEV) ## build the documentation into docs/_build/html
	@$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet docs docs/_build/html $(ARGS)
	@echo "open docs/_build/html/index.html"

pins: ## choose the newest allowed versions for requirements/*.txt (needs uv)
	@tools/pins

clean: ## remove what these targets made, .venv included
	rm -rf .venv .peers build dist target docs/_build .hypothesis .mypy_cache .pytest_cache .ruff_cache

# The environment is made again only when what it is made from changes.
$(RUN): requirements/build.txt requirements/base.txt pyproject.toml tools/environment.py
	@$(PYTHON) tools/environment.py run
	@touch $@

$(DEV): $(RUN) requirements/dev.txt requirements/docs.txt
	@$(PYTHON) tools/environment.py dev
	@touch $@
