# Everything runs through uv, which installs itself beside the project where the machine has none.
UV_VERSION := 0.13.9
UV := $(shell command -v uv 2>/dev/null || echo .tools/uv/bin/uv)
PYTHON ?= python3
RUN := $(UV) run --no-sync

.DEFAULT_GOAL := help
.PHONY: help plan test test-lowest test-newest fuzz check package-test attacks bench lab lab-test lab-test-day2 lab-shell programs docs clean

help: ## what can be made here
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /  make \1\t/' | expand -t 22

plan: .venv/runtime ## the plan of every stack, without credentials
	@$(RUN) velero-eks plan
	@[ ! -t 1 ] || printf '\nNext, for your own cluster: %s\n' '.venv/bin/velero-eks init STACK --cluster NAME --region REGION'

test: .venv/ready ## the quick tests, two and a half minutes on two cores
	@$(RUN) pytest -q -n auto

test-lowest: .venv/ready ## the quick tests with the oldest versions that the distributions allow
	@bash tools/resolution.sh lowest-direct

test-newest: .venv/ready ## the quick tests with the newest versions there are
	@bash tools/resolution.sh highest

fuzz: .venv/ready ## 5,000 mutated stack files and 500 hostile backups, and the engine's reader beside ours
	@VELERO_EKS_FUZZ=nightly $(RUN) pytest -q -n auto -m 'not lab' tests/fuzz

check: .venv/ready ## the lock, lint, types, workflows, knowledge written twice
	@$(UV) lock --check --offline --quiet
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) pyright
	@$(RUN) python -m tests.knowledge
	@$(RUN) bash tools/workflows.sh

package-test: .venv/ready ## both distributions, built, and used in another project
	@$(RUN) pytest -q -m package

attacks: .venv/ready ## the attack table, tried with a policy simulator
	@$(RUN) pytest -q -m simulator tests/attacks

bench: .venv/ready ## what a plan, a diff and a recovery cost, as ratios measured in one run
	@$(RUN) python -m benchmarks

lab: .venv/ready ## the rehearsal: a real Velero, three incidents, three recoveries
	@$(RUN) python -m lab

lab-test: .venv/ready ## the tests that need the real programs
	@VELERO_EKS_REQUIRE_PROGRAMS=1 $(RUN) pytest -q -m '(lab or chart or oracle) and not day2'

lab-test-day2: .venv/ready ## the rehearsals of day 2, of new clusters and of the runbooks
	@VELERO_EKS_REQUIRE_PROGRAMS=1 $(RUN) pytest -q -m day2

lab-shell: .venv/ready ## the lab, left running, with a shell in it
	@$(RUN) python -m lab --shell

programs: .venv/ready ## find or build the lab's programs
	@$(RUN) python -m lab.programs

docs: .venv/ready ## generated pages and pictures, and the site from docs/ in build/site
	@$(RUN) python -m tests.generated
	@$(RUN) python -m tests.pictures
	@$(RUN) python -m tests.mistakes
	@UV_PROJECT_ENVIRONMENT=build/docs $(UV) run --frozen --only-group docs --quiet \
		sphinx-build -q -n -W --keep-going -E -c tools/site -d build/doctrees docs build/site

clean: ## remove what was installed here
	rm -rf .venv .tools build/docs build/doctrees build/site tools/simulator/node_modules .pytest_cache .ruff_cache .hypothesis

LOCKED := pyproject.toml components/pyproject.toml uv.lock
INSTALL := $(UV) run --frozen

# What a plan and a deployment need. Neither rule takes away what the other installed: `uv run` only adds and updates.
.venv/runtime: $(LOCKED) | $(UV)
	@echo "Installing what a plan needs into .venv (once): 50 MB to download, 280 MB on disk"
	@$(INSTALL) python -c ''
	@touch $@

# Compiled while it is installed: the tests' many processes would each compile the same modules.
.venv/ready: $(LOCKED) | $(UV)
	@echo "Installing what development and the lab need into .venv (once): 180 MB to download, 1 GB on disk"
	@UV_COMPILE_BYTECODE=1 $(INSTALL) --group dev --group lab python -c ''
	@touch .venv/runtime $@

# `--target` works with nothing but pip: no venv module needed, and no distribution forbids it.
.tools/uv/bin/uv:
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || { \
	  echo "error: neither uv nor pip is installed. Install uv (https://docs.astral.sh/uv/getting-started/installation/)," \
	    "or pip for $(PYTHON) (Debian, Ubuntu: apt install python3-pip), and run make again." >&2; exit 1; }
	@echo "Installing uv $(UV_VERSION) into .tools/ (once): 18 MB to download"
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target .tools/uv 'uv==$(UV_VERSION)'
