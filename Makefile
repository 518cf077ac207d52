# The verbs. Everything real is in CMake; `make` alone builds.
BUILD ?= build/release
JOBS ?= $(shell nproc)
.PHONY: all demo test asan bench clean rules-table fuzz

all: $(BUILD)/Makefile
	@cmake --build $(BUILD) -j$(JOBS) --target commands

$(BUILD)/Makefile: CMakeLists.txt
	@scripts/install_deps build
	@cmake -S . -B $(BUILD) -DPP_TESTS=OFF >/dev/null

demo:
	@scripts/demo

test:
	@scripts/run_tests

asan:
	@scripts/run_tests --asan

rules-table:
	@scripts/rules_table build/test

bench:
	@scripts/bench

fuzz:
	@scripts/fuzz

clean:
	rm -rf build
