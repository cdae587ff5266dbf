# SPDX-License-Identifier: Apache-2.0
# The front door. Each target sets up what is missing (tools/setup says what before it does it) and may be repeated.
#   make run      build and start a node with its shell
#   make test     build with address and undefined sanitizers, run every test
#   make sim      a simulated cluster through SEEDS bad times, the first is FROM; SEED=n replays one, with VERBOSE=1 event by event
#   make netem    three nodes on a bad network for MINUTES; OVER=udp, SEED=n
#   make bare     the bare RISC-V board in QEMU: every test there, with its text, data and peak heap in bytes
#   make bench    build and run the benchmarks
#   make fuzz     build the fuzz drivers and run each for FUZZ_SECONDS
#   make format   rewrite the .c files in our format (headers are set by hand)
#   make check    layers, licence lines, format, clang-tidy
#   make clean    remove everything that was built (not the toolchains in .tools)
FUZZ_SECONDS ?= 60
MINUTES      ?= 5
OVER         ?= tcp
JOBS         ?= $(shell nproc)
FROM         ?= 1
SEEDS        ?= 1000
SOURCES       = $(shell git ls-files '*.c')

.PHONY: build run test sim netem bare bench fuzz format check clean setup
.DEFAULT_GOAL := build

setup:
	@tools/setup

build: setup
	@cmake --preset release
	@cmake --build build -j $(JOBS)

run: build
	@build/mk shell

test: setup
	@cmake --preset asan -DMK_WAMR=ON -DMK_GUESTS_ALL=ON
	@cmake --build build/asan -j $(JOBS)
	@ctest --preset asan -j $(JOBS)

sim: setup
	@cmake -Wno-dev -S . -B build/sim -G Ninja -DCMAKE_BUILD_TYPE=Release -DMK_LTO=OFF -DMK_TESTS=ON -DMK_WAMR=OFF \
	       -DMK_TOOLS=OFF -DMK_GUESTS=OFF >build/sim.log
	@cmake --build build/sim -j $(JOBS) --target sim
	@build/sim/tests/sim/sim $(if $(VERBOSE),-v) -j $(JOBS) $(if $(SEED),$(SEED),$(FROM) $(SEEDS))

netem: setup
	@cmake --preset asan
	@cmake --build build/asan -j $(JOBS) --target system-node_probe
	@tests/system/node_netem build/asan/tests/system/node_probe --minutes $(MINUTES) --over $(OVER) $(if $(SEED),--seed $(SEED))

bare: setup
	@cmake -Wno-dev -S . -B build/bare -G Ninja -DMK_PORT=bare -DCMAKE_BUILD_TYPE=MinSizeRel \
	       -DCMAKE_TOOLCHAIN_FILE=cmake/toolchains/bare-riscv32.cmake
	@cmake --build build/bare -j $(JOBS)
	@ctest --test-dir build/bare -V >build/bare/tests.log; status=$$?; \
	  grep -E ' Test +#|footprint|FAILED|trap:|tests passed' build/bare/tests.log; exit $$status

bench: setup
	@cmake --preset bench
	@cmake --build build/bench -j $(JOBS)
	@bench/run build/bench

fuzz: setup
	@cmake --preset fuzz
	@cmake --build build/fuzz -j $(JOBS)
	@tools/fuzz build/fuzz $(FUZZ_SECONDS)

format:
	@clang-format --style=file -i $(SOURCES)

check: setup
	@tools/check_layers
	@tools/check_tidy
	@clang-format --style=file --dry-run -Werror $(SOURCES) && echo 'format: as it should be'
	@cmake --preset clang-debug
	@tools/lint build/clang-debug

clean:
	@rm -rf build
