# The verbs a newcomer types. Each installs what it needs: Debian's packages, the virtual
# environment .venv, the lab's images.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
export PATH := $(BIN):$(PATH)
# The Pythons of Debian 13 and Debian 11, for which the lab's hosts get wheels.
TARGET_PYTHONS := 3.13 3.9
APT_PACKAGES := python3-venv mariadb-server-core mariadb-client-core openssh-client php-cli php-mysql \
  chromium libjs-chart.js libpangoft2-1.0-0

.PHONY: help lab lab-ha vicidial-lab vicidial-phases test check lint sanity unit integration pictures molecule test-steps test-phones test-ha test-browser bench clean distclean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 17

# --- what everything else needs -------------------------------------------------------

# The list of packages is in this file.
.cache/apt: Makefile
	@echo "Installing Debian packages: $(APT_PACKAGES)"
	@apt-get update -q > /dev/null
	@DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $(APT_PACKAGES) > /dev/null
	@mkdir -p $(@D) && touch $@

# Tests run hundreds of modules on this machine, too: what compiled_modules.py keeps, it keeps here.
COMPILED := roles/lab_hosts/files/compiled_modules.py
$(VENV)/complete: requirements.txt plugins/balancer/requirements.txt $(COMPILED) | .cache/apt
	@echo "Making the virtual environment (a minute)"
	@PATH="$${PATH#$(BIN):}" python3 -m venv --clear $(VENV) # not with the one that it clears
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@cd $(VENV)/lib/python3.*/site-packages && mkdir compiled_modules.cache && cp $(CURDIR)/$(COMPILED) . && \
	  echo 'import compiled_modules' > compiled_modules.pth
	@touch $@

.cache/wheels/complete: plugins/balancer/requirements.txt | $(VENV)/complete
	@echo "Fetching the wheels for the lab's hosts"
	@rm -rf .cache/wheels && mkdir -p .cache/wheels
	@for python in $(TARGET_PYTHONS); do \
	  $(BIN)/python -m pip download --quiet --disable-pip-version-check --only-binary=:all: --no-deps \
	    --python-version $$python --dest .cache/wheels -r plugins/balancer/requirements.txt; done
	@touch $@

# Installing Debian's packages would start the services. Where promtool is a package of its own, it is fetched too.
.cache/prometheus/complete: | .cache/apt
	@echo "Fetching Prometheus and the exporters for the tests"
	@rm -rf $(@D) && mkdir -p $(@D)
	@apt-get update -q > /dev/null
	@cd $(@D) && apt-get download -q prometheus prometheus-mysqld-exporter prometheus-node-exporter \
	  $$(apt-cache show promtool > /dev/null 2>&1 && echo promtool) > /dev/null 2>&1
	@cd $(@D) && for package in *.deb; do dpkg -x $$package .; done && rm ./*.deb
	@touch $@

# The library that makes several databases one.
.cache/galera/complete: | .cache/apt
	@echo "Fetching Galera for the tests"
	@rm -rf $(@D) && mkdir -p $(@D)
	@apt-get update -q > /dev/null
	@cd $(@D) && apt-get download -q galera-4 > /dev/null 2>&1 && dpkg -x *.deb . && rm ./*.deb
	@touch $@

# The clone is the collection evenfloor.cluster to Ansible (ansible.cfg) and to Python (pytest.ini).
COLLECTION := .cache/collections/ansible_collections/evenfloor/cluster
$(COLLECTION):
	@mkdir -p $(@D) && ln -sfn ../../../.. $@

.PHONY: ready
ready: $(VENV)/complete .cache/wheels/complete .cache/prometheus/complete .cache/galera/complete $(COLLECTION)

# --- the lab --------------------------------------------------------------------------

lab: ready ## Build a whole cluster on this machine, log agents in, add a dialer, show the floor
	@python -m lab.tour

lab-ha: ready ## Build a cluster with three databases, and kill the one that is written to while agents log in
	@python -m lab.three_databases

# VICIdial's source isn't in this project: the folder with it is the operator's.
vicidial-lab: $(if $(SOURCE),ready) ## Build a whole real VICIdial cluster from SOURCE=folder, and log agents in on its page
	@python3 -m lab.vicidial_lab $(SOURCE)

vicidial-phases: ready ## Measure logins there while dialers and services come, go and fail (half an hour)
	@python -m lab.vicidial_phases

VICIDIAL_LAB := inventory/vicidial_lab
clean: ## Remove the labs and everything that tests have left
	@if [ -e $(VENV)/complete ]; then ansible-playbook playbooks/lab_down.yml; fi
	@if [ -e $(VENV)/complete ]; then ansible-playbook -i $(VICIDIAL_LAB) playbooks/lab_down.yml; fi
	@$(MAKE) --no-print-directory clean-tests
	@rm -rf $(VICIDIAL_LAB)/dialer4.yml $(VICIDIAL_LAB)/group_vars/all/source.yml .cache/vicidial-lab
	@rm -rf inventory/lab/dialer4.yml .cache/lab .cache/log .pytest_cache .hypothesis .ruff_cache \
	  plugins/balancer/build plugins/balancer/*.egg-info

.PHONY: clean-tests
clean-tests:
	@if [ -e $(VENV)/complete ]; then for scenario in $(SCENARIOS) ha phones; do \
	  ansible-playbook -i molecule/$$scenario/inventory molecule/$$scenario/destroy.yml; done; fi
	@rm -rf $(SCENARIOS:%=.cache/%) .cache/ha .cache/molecule .cache/phones

distclean: ## The same, and remove the cached images, the wheels and the virtual environment
	@$(MAKE) --no-print-directory clean
	@if [ -e $(VENV)/complete ]; then ansible-playbook playbooks/lab_down.yml -e lab_hosts_remove_images=true; fi
	@rm -rf .cache $(VENV)

# --- tests ----------------------------------------------------------------------------

# The longest first.
SCENARIOS := default outages interrupted vicidial
LANES := default integration modules outages vicidial interrupted
INTEGRATION := pytest -q tests/integration
integration_lane := $(INTEGRATION) --ignore tests/integration/modules
modules_lane := $(INTEGRATION)/modules
lane = $(1) "$(or $($(1)_lane),molecule test --scenario-name $(1))"
LINTERS := ruff yamllint ansible-lint
SIDE_BY_SIDE := $(MAKE) --no-print-directory --jobs --output-sync=target

test: check ## Run the checks and the tests: three quarters of an hour
	@python -m tests.lanes $(foreach name,$(LANES),$(call lane,$(name)))

check: ready ## Run the linters and the unit tests: a minute and a half
	@$(SIDE_BY_SIDE) $(LINTERS) unit

lint: ready ## Run the linters
	@$(SIDE_BY_SIDE) $(LINTERS)

.PHONY: $(LINTERS)
ruff:
	@ruff check . && ruff format --check .
yamllint:
	@yamllint --strict .
ansible-lint:
	@ansible-lint --offline --strict

# ansible-test refuses a link, so it gets the built collection. It looks only at files that git may see.
# Its script for pip comes from a server of Ansible's; tests/sanity/get_pip.py needs only the package index.
SANITY := .cache/sanity
HOSTS_PYTHONS := $(wildcard $(HOME)/.pyenv/versions/3.9.*/bin $(HOME)/.pyenv/versions/3.13.*/bin)
empty :=
space := $(empty) $(empty)
sanity: ready ## Run ansible-test sanity, for the Pythons that this machine has
	@rm -rf $(SANITY)/ansible_collections $(SANITY)/*.tar.gz && mkdir -p $(SANITY)/home/.ansible/test/cache
	@ansible-galaxy collection build --output-path $(SANITY) > /dev/null
	@ansible-galaxy collection install $(SANITY)/*.tar.gz -p $(SANITY) --no-deps --offline --force > /dev/null 2>&1
	@cp tests/sanity/get_pip.py $(SANITY)/home/.ansible/test/cache/get_pip_24_2.py
	@mkdir -p $(SANITY)/ansible_collections/evenfloor/cluster/tests/sanity
	@cp tests/sanity/ignored.txt $(SANITY)/ansible_collections/evenfloor/cluster/tests/sanity/ignore-2.19.txt
	@cd $(SANITY)/ansible_collections/evenfloor/cluster && git init -q . && \
	  HOME=$(CURDIR)/$(SANITY)/home PATH=$(BIN):$(subst $(space),:,$(HOSTS_PYTHONS)):/usr/bin:/bin ansible-test sanity

unit: ready ## Test the pure parts
	@pytest -q -n auto tests/unit

integration: ready ## Test the SQL against a real MariaDB
	@$(INTEGRATION)

pictures: export PYTHONPATH := plugins/balancer
pictures: ready ## Take the pictures of the pages in docs/pictures anew
	@pytest -q tests/integration/test_looks.py
	@python -m tests.pictures

molecule: ready ## Test the roles, and the promise end to end, on clusters of containers
	@python -m tests.lanes $(foreach name,$(SCENARIOS),$(call lane,$(name)))

# None is a part of `make test`, which is long enough.
test-steps: ready ## Test with runs that are killed at every one of their steps, not at some
	@EVENFLOOR_EVERY_STEP=yes python -m tests.lanes $(foreach name,interrupted default,$(call lane,$(name)))

test-phones: ready ## Test a Linphone and desk phones that fetch their accounts, also when a dialer is added
	@molecule test --scenario-name phones

test-ha: ready ## Test a cluster with three databases that are struck while agents log in
	@molecule test --scenario-name ha

BROWSER_TEST := -i tests/browser_phone/inventory
test-browser: ready ## Test browser phones: Chromium on a cluster with Asterisk 16 and 22
	@apt-get install -y -q --no-install-recommends libnss3-tools > /dev/null
	@trap 'ansible-playbook $(BROWSER_TEST) playbooks/lab_down.yml > /dev/null' EXIT; \
	  ansible-playbook $(BROWSER_TEST) playbooks/lab_up.yml && ansible-playbook $(BROWSER_TEST) playbooks/site.yml && \
	  pytest -q tests/browser_phone

bench: export PYTHONPATH := plugins/balancer:.cache/collections
bench: ready ## Measure the choice, the service, the pages, idle dialers, several databases, provisioning, and if the lab is up, ringing, strangers and size there
	@python -m bench.choice
	@python -m bench.curve
	@python -m bench.service
	@python -m bench.agents
	@python -m bench.watch
	@python -m bench.idle
	@python -m bench.several
	@python -m bench.failover
	@python -m bench.guesses
	@python -m bench.pages
	@python -m bench.provision
	@python -m bench.ring
	@python -m bench.front
	@python -m bench.size
