# The commands of vethlab. `make` alone prints them.
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/vethlab
RUN := . "$(CACHE)/env" &&
SHELL := /bin/bash

help: ## What can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile

serve: ready ## Prepare, build and serve the page at http://127.0.0.1:8080
	@$(RUN) trunk serve --dist target/site-dev

test: ## Prepare, and run every check there is
	@scripts/setup.sh test
	@$(RUN) scripts/test.sh

build: ready ## The site as static files in dist/
	@$(RUN) scripts/site.sh

parity-envoy: ready ## Every scenario recorded from Envoy, against the sidecar
	@$(RUN) scripts/parity-envoy.sh all

parity-envoy-record: ready ## Record those scenarios anew, with Envoy from its Python wheel
	@$(RUN) scripts/parity-envoy.sh record

soak: ready ## Ten minutes of the sidecar under load, with upstreams that come and go
	@$(RUN) cargo build --quiet --release -p sidecar-native && scripts/soak-sidecar.py target/release/sidecar

bench: ## Prepare, and print how fast and how big it is
	@scripts/setup.sh test
	@$(RUN) scripts/bench.sh

fmt: ready ## Format the source
	@$(RUN) cargo fmt --all

setup: ## Prepare the machine for all of the above
	@scripts/setup.sh test

ready:
	@scripts/setup.sh build

.PHONY: help serve test build parity-envoy parity-envoy-record soak bench fmt setup ready
