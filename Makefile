# The front door of the project: `make help` lists what there is.

CARGO ?= cargo
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
NETLAB := $(TARGET_DIR)/release/netlab
LAB := labs/two-node.toml

.DEFAULT_GOAL := help
.PHONY: help demo build test test-vm lint fmt doc bench ci

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build the release: target/release/netlab
	$(CARGO) build --release --locked

# The lab is left up, to be played with. A second `make demo` finds it there and goes on.
demo: build ## Build netlab, test a lab of two nodes, bring it up and send packets through it
	@echo 'Does every pod reach every other one, by the hops that somebody has reviewed?'
	$(NETLAB) test --check $(LAB)
	@echo
	$(NETLAB) up $(LAB)
	@echo
	@echo 'On one node: cbr0 switches the packet, no router is passed, the TTL stays 64.'
	$(NETLAB) ping --lab $(LAB) -c 1 pod1 pod2
	@echo
	@echo 'On two nodes: node1 and node2 route the packet, and each takes one off the TTL.'
	$(NETLAB) ping --lab $(LAB) -c 1 pod1 pod4
	@echo
	$(NETLAB) traceroute --lab $(LAB) pod1 pod4
	@echo
	@echo 'The lab is still up. Go on with:'
	@echo '  $(NETLAB) status                     what runs'
	@echo '  $(NETLAB) walk pod1 pod4             one packet, step by step, and why it goes there'
	@echo '  $(NETLAB) matrix                     who reaches whom'
	@echo '  $(NETLAB) exec pod1 ip address       any command, in any pod or node'
	@echo '  $(NETLAB) sh node1                   a shell on a node'
	@echo '  $(NETLAB) plan $(LAB)    what was made, as ip and bridge commands'
	@echo '  $(NETLAB) --help                     everything else'
	@echo 'and take it down with:'
	@echo '  $(NETLAB) down two-node'

# Tests that cannot run here say so in target/skipped.txt; cargo itself knows only passed and failed.
test: ## Run all tests that this machine can run
	@rm -f target/skipped.txt
	$(CARGO) test --locked --no-fail-fast; status=$$?; \
	  if [ -s target/skipped.txt ]; then sort -u target/skipped.txt; \
	  echo "$$(sort -u target/skipped.txt | wc -l) tests, or parts of tests, were SKIPPED on this machine"; fi; \
	  exit $$status

test-vm: ## Run the kernel tests in throw-away VMs on other kernels (needs vmrun, see CONTRIBUTING.md)
	.ci/vm-tests

lint: ## Check the format and let clippy look
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings

fmt: ## Format the code
	$(CARGO) fmt

doc: ## Build the documentation; a broken link is an error
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --no-deps

bench: ## Measure netlab beside what the kernel itself needs and beside `ip -batch`: docs/benchmarks.md
	$(CARGO) bench --locked --bench labs

# One after the other even under `make -j`: they share the target directory's lock anyway.
ci: ## Everything that has to pass before a change goes in
	$(MAKE) lint
	$(MAKE) test
	$(MAKE) doc
