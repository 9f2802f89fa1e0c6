# The verbs a newcomer types. Everything they need is installed by them: Debian's packages,
# the virtual environment .venv, the lab's images.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
export PATH := $(BIN):$(PATH)
# The Pythons of Debian 13 and Debian 11, for which the lab's hosts get wheels.
TARGET_PYTHONS := 3.13 3.9
APT_PACKAGES := python3-venv mariadb-server-core mariadb-client-core openssh-client

.PHONY: help lab test lint unit integration molecule bench clean distclean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

# --- what everything else needs -------------------------------------------------------

.cache/apt:
	@echo "Installing Debian packages: $(APT_PACKAGES)"
	@apt-get update -q > /dev/null
	@DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $(APT_PACKAGES) > /dev/null
	@mkdir -p $(@D) && touch $@

$(VENV)/complete: requirements.txt plugins/balancer/requirements.txt | .cache/apt
	@echo "Making the virtual environment (a minute)"
	@PATH="$${PATH#$(BIN):}" python3 -m venv --clear $(VENV) # not with the one that it clears
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.cache/wheels/complete: plugins/balancer/requirements.txt | $(VENV)/complete
	@echo "Fetching the wheels for the lab's hosts"
	@rm -rf .cache/wheels && mkdir -p .cache/wheels
	@for python in $(TARGET_PYTHONS); do \
	  $(BIN)/python -m pip download --quiet --disable-pip-version-check --only-binary=:all: --no-deps \
	    --python-version $$python --dest .cache/wheels -r plugins/balancer/requirements.txt; done
	@touch $@

# The clone is the collection evenfloor.cluster to Ansible (ansible.cfg) and to Python (pytest.ini).
COLLECTION := .cache/collections/ansible_collections/evenfloor/cluster
$(COLLECTION):
	@mkdir -p $(@D) && ln -sfn ../../../.. $@

.PHONY: ready
ready: $(VENV)/complete .cache/wheels/complete $(COLLECTION)

# --- the lab --------------------------------------------------------------------------

lab: ready ## Build a whole cluster on this machine, log agents in, add a dialer, show the floor
	@python -m tests.tour

clean: ## Take the lab, and what tests have left, away
	@if [ -e $(VENV)/complete ]; then \
	  ansible-playbook playbooks/lab_down.yml; \
	  ansible-playbook -i molecule/default/inventory playbooks/lab_down.yml; \
	  ansible-playbook -i molecule/vicidial/inventory playbooks/lab_down.yml; \
	fi
	@rm -rf inventory/lab/dialer4.yml .cache/lab .cache/molecule .cache/vicidial .pytest_cache .hypothesis .ruff_cache \
	  plugins/balancer/build plugins/balancer/*.egg-info

distclean: ## The same, and the cached images, wheels and the virtual environment
	@if [ -e $(VENV)/complete ]; then ansible-playbook playbooks/lab_down.yml -e lab_hosts_remove_images=true; fi
	@$(MAKE) --no-print-directory clean
	@rm -rf .cache $(VENV)

# --- tests ----------------------------------------------------------------------------

test: lint unit integration molecule ## Run every check and test

lint: ready ## Look at the code
	@ruff check . && ruff format --check .
	@yamllint --strict .
	@ansible-lint --offline --strict

unit: ready ## Test the pure parts
	@pytest -q tests/unit

integration: ready ## Test the SQL against a real MariaDB
	@pytest -q tests/integration

molecule: ready ## Test the roles, and the promise end to end, on a cluster of containers
	@molecule test --scenario-name default
	@molecule test --scenario-name vicidial

bench: export PYTHONPATH := plugins/balancer
bench: ready ## Measure the choice, the service, provisioning, and on the lab, if it is up, ringing and size
	@python -m bench.choice
	@python -m bench.curve
	@python -m bench.service
	@python -m bench.provision
	@python -m bench.ring
	@python -m bench.size
