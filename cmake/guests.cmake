# SPDX-License-Identifier: Apache-2.0
# Guests: WebAssembly modules built from C, Rust, Zig, Go or text, each with its own toolchain and none with the
# host's compiler. One call per module; the name is the path below the build folder, without ".wasm":
#   mk_guest_c(examples/echo SOURCES c/echo.c [WASI] [OPTIONS ...] [LINK ...])
#   mk_guest_rust(examples/echo-rust SOURCE rust/echo.rs)
#   mk_guest_zig(examples/echo-zig SOURCE zig/echo.zig)
#   mk_guest_go(examples/echo-go SOURCES go/echo/main.go)
#   mk_guest_tinygo(examples/echo-tinygo SOURCES go/echo-tinygo/main.go)
#   mk_guest_wat(tests/guests/no_handler SOURCE no_handler.wat [UNCHECKED])
# A missing toolchain is told once and its guests are left out; MK_GUESTS_ALL makes that an error. Afterwards the
# global property MK_GUESTS lists every file the target `guests` builds.

include_guard(GLOBAL)

option(MK_GUESTS     "build the example and test guests" ON)
option(MK_GUESTS_ALL "a missing guest toolchain is an error (TinyGo excepted)" OFF)
set(MK_TOOLS_DIR "${PROJECT_SOURCE_DIR}/.tools" CACHE PATH "where the setup puts toolchains that no package has")

set(MK_GUEST_SDK "${PROJECT_SOURCE_DIR}/sdk")
set_property(GLOBAL PROPERTY MK_GUESTS "")
add_custom_target(guests ALL)

# ---- finding the toolchains: each probe sets MK_HAVE_<X>, and says what is missing ----

function(mk_guest_toolchain language found detail)
  set(MK_HAVE_${language} ${found} PARENT_SCOPE)
  if(found)
    message(STATUS "guests: ${language}: ${detail}")
  elseif(MK_GUESTS_ALL AND NOT language STREQUAL "TINYGO")
    message(FATAL_ERROR "guests: ${language}: ${detail} (MK_GUESTS_ALL is on)")
  else()
    message(STATUS "guests: ${language}: ${detail}; its guests are left out")
  endif()
endfunction()

# find_program without a trace in the cache, so that a toolchain installed later is found.
function(mk_guest_find out)
  unset(mk_guest_found CACHE)
  find_program(mk_guest_found NAMES ${ARGN})
  set(${out} "${mk_guest_found}" PARENT_SCOPE)
  unset(mk_guest_found CACHE)
endfunction()

# A clang may lack the WebAssembly target or its linker, and only trying tells.
function(mk_guest_probe_c)
  find_program(MK_GUEST_CLANG NAMES clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14)
  set(found FALSE)
  set(wasi FALSE)
  if(MK_GUEST_CLANG)
    set(probe "${CMAKE_BINARY_DIR}/CMakeFiles/guest_probe")
    file(WRITE "${probe}.c" "#include <stdlib.h>\nvoid *probe(void); void *probe(void) { return malloc(1); }\n")
    file(WRITE "${probe}_free.c" "int probe(void); int probe(void) { return 1; }\n")
    execute_process(COMMAND "${MK_GUEST_CLANG}" --target=wasm32 -nostdlib -Wl,--no-entry -o "${probe}.wasm" "${probe}_free.c"
                    RESULT_VARIABLE result OUTPUT_QUIET ERROR_QUIET)
    if(result EQUAL 0)
      set(found TRUE)
    endif()
    execute_process(COMMAND "${MK_GUEST_CLANG}" --target=wasm32-wasi -mexec-model=reactor -o "${probe}.wasm" "${probe}.c"
                    RESULT_VARIABLE result OUTPUT_QUIET ERROR_QUIET)
    if(result EQUAL 0)
      set(wasi TRUE)
    endif()
  endif()
  if(found)
    mk_guest_toolchain(C TRUE "${MK_GUEST_CLANG}")
  else()
    mk_guest_toolchain(C FALSE "no clang that compiles for wasm32 (Debian: clang lld)")
  endif()
  if(wasi)
    mk_guest_toolchain(WASI TRUE "wasi-libc of ${MK_GUEST_CLANG}")
  else()
    mk_guest_toolchain(WASI FALSE "no wasi-libc (Debian: wasi-libc libclang-rt-14-dev-wasm32)")
  endif()
  set(MK_HAVE_C ${MK_HAVE_C} PARENT_SCOPE)
  set(MK_HAVE_WASI ${MK_HAVE_WASI} PARENT_SCOPE)
endfunction()

# rustup's rustc usually comes first in the path but without this target, Debian's behind it with it.
function(mk_guest_probe_rust)
  if(NOT MK_RUSTC)
    mk_guest_find(rustc_in_path rustc)
    mk_guest_find(rustc_of_system rustc PATHS /usr/bin NO_DEFAULT_PATH)
    foreach(rustc IN LISTS rustc_in_path rustc_of_system)
      if(rustc)
        execute_process(COMMAND "${rustc}" --print target-libdir --target wasm32-unknown-unknown
                        OUTPUT_VARIABLE libdir OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
        file(GLOB core "${libdir}/libcore-*.rlib")
        if(core)
          set(MK_RUSTC "${rustc}" CACHE FILEPATH "a rustc that has the target wasm32-unknown-unknown" FORCE)
          break()
        endif()
      endif()
    endforeach()
  endif()
  if(MK_RUSTC)
    mk_guest_toolchain(RUST TRUE "${MK_RUSTC}")
  else()
    mk_guest_toolchain(RUST FALSE "no rustc with wasm32-unknown-unknown (Debian: rustc libstd-rust-dev-wasm32 lld)")
  endif()
  set(MK_HAVE_RUST ${MK_HAVE_RUST} PARENT_SCOPE)
endfunction()

# Zig renamed the way to ask for a module without main: build-lib -dynamic up to 0.11, build-exe -fno-entry since.
function(mk_guest_probe_zig)
  set(MK_ZIG "" CACHE STRING "the zig command, as a list")
  mk_guest_find(zig_in_path zig)
  mk_guest_find(python_in_path python3 python)
  set(candidates "${MK_TOOLS_DIR}/venv/bin/python|-m|ziglang" "${zig_in_path}" "${python_in_path}|-m|ziglang")
  if(MK_ZIG)
    string(REPLACE ";" "|" candidates "${MK_ZIG}")
  endif()
  foreach(candidate IN LISTS candidates)
    string(REPLACE "|" ";" zig "${candidate}")
    execute_process(COMMAND ${zig} version OUTPUT_VARIABLE version RESULT_VARIABLE result
                    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(result EQUAL 0 AND version MATCHES "^[0-9]+\\.[0-9]+" AND version VERSION_GREATER_EQUAL 0.9)
      mk_guest_toolchain(ZIG TRUE "${version}: ${zig}")
      if(version VERSION_LESS 0.12)
        set(build build-lib -dynamic -rdynamic)
      else()
        set(build build-exe -fno-entry -rdynamic)
      endif()
      set(MK_HAVE_ZIG TRUE PARENT_SCOPE)
      set(MK_ZIG_COMMAND "${zig}" PARENT_SCOPE)
      set(MK_ZIG_VERSION "${version}" PARENT_SCOPE)
      set(MK_ZIG_BUILD "${build}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
  mk_guest_toolchain(ZIG FALSE "no zig (pip install -r sdk/zig/requirements.txt, in a virtual environment)")
  set(MK_HAVE_ZIG FALSE PARENT_SCOPE)
endfunction()

function(mk_guest_probe_go)
  mk_guest_find(go_in_tools go PATHS "${MK_TOOLS_DIR}/venv/bin" NO_DEFAULT_PATH)
  mk_guest_find(go_in_path go)
  mk_guest_find(go_of_upstream go PATHS /usr/local/go/bin NO_DEFAULT_PATH)
  set(candidates "${MK_GO}" "${go_in_tools}" "${go_in_path}" "${go_of_upstream}")
  foreach(go IN LISTS candidates)
    if(go)
      execute_process(COMMAND "${CMAKE_COMMAND}" -E env GOTOOLCHAIN=local "${go}" env GOVERSION
                      OUTPUT_VARIABLE version OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
      if(version MATCHES "^go([0-9]+\\.[0-9]+)" AND CMAKE_MATCH_1 VERSION_GREATER_EQUAL 1.24)
        set(MK_GO "${go}" CACHE FILEPATH "Go, 1.24 or newer" FORCE)
        mk_guest_toolchain(GO TRUE "${version}: ${go}")
        set(MK_HAVE_GO TRUE PARENT_SCOPE)
        return()
      endif()
    endif()
  endforeach()
  mk_guest_toolchain(GO FALSE "no Go 1.24 or newer, the first with go:wasmexport")
  set(MK_HAVE_GO FALSE PARENT_SCOPE)
endfunction()

function(mk_guest_probe_tinygo)
  find_program(MK_TINYGO tinygo)
  if(MK_TINYGO)
    mk_guest_toolchain(TINYGO TRUE "${MK_TINYGO}")
  else()
    mk_guest_toolchain(TINYGO FALSE "not installed, and optional")
  endif()
  set(MK_HAVE_TINYGO ${MK_HAVE_TINYGO} PARENT_SCOPE)
endfunction()

function(mk_guest_probe_wat)
  find_program(MK_WAT2WASM wat2wasm)
  if(MK_WAT2WASM)
    mk_guest_toolchain(WAT TRUE "${MK_WAT2WASM}")
  else()
    mk_guest_toolchain(WAT FALSE "no wat2wasm (Debian: wabt)")
  endif()
  set(MK_HAVE_WAT ${MK_HAVE_WAT} PARENT_SCOPE)
endfunction()

if(MK_GUESTS)
  mk_guest_probe_c()
  mk_guest_probe_rust()
  mk_guest_probe_zig()
  mk_guest_probe_go()
  mk_guest_probe_tinygo()
  mk_guest_probe_wat()
endif()

# ---- building one guest ----

# Sets `out` to the file's path and makes the target `guests` build it.
function(mk_guest_output name out)
  set(file "${CMAKE_BINARY_DIR}/${name}.wasm")
  get_filename_component(folder "${file}" DIRECTORY)
  file(MAKE_DIRECTORY "${folder}")
  string(REPLACE "/" "-" target "guest-${name}")
  add_custom_target(${target} DEPENDS "${file}")
  add_dependencies(guests ${target})
  set_property(GLOBAL APPEND PROPERTY MK_GUESTS "${file}")
  set(${out} "${file}" PARENT_SCOPE)
endfunction()

# Paths as the caller wrote them, relative to its folder, made absolute.
function(mk_guest_paths out)
  set(paths "")
  foreach(path IN LISTS ARGN)
    get_filename_component(path "${path}" ABSOLUTE)
    list(APPEND paths "${path}")
  endforeach()
  set(${out} "${paths}" PARENT_SCOPE)
endfunction()

# 8 KiB of stack and no allocator keep a small guest within one page. Warnings are errors where the host's are.
function(mk_guest_c name)
  cmake_parse_arguments(G "WASI" "STACK" "SOURCES;OPTIONS;LINK" ${ARGN})
  if(NOT MK_HAVE_C OR (G_WASI AND NOT MK_HAVE_WASI))
    return()
  endif()
  mk_guest_output(${name} out)
  mk_guest_paths(sources ${G_SOURCES})
  if(NOT G_STACK)
    set(G_STACK 8192)
  endif()
  if(G_WASI)
    set(target --target=wasm32-wasi -mexec-model=reactor)
  else()
    set(target --target=wasm32 -ffreestanding -nostdlib -Wl,--no-entry)
  endif()
  set(warnings -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
  if(MK_WERROR)
    list(APPEND warnings -Werror)
  endif()
  add_custom_command(OUTPUT "${out}"
    COMMAND "${MK_GUEST_CLANG}" ${target} -std=c11 -O2 ${warnings} ${G_OPTIONS} "-I${MK_GUEST_SDK}/c"
            -Wl,-z,stack-size=${G_STACK} -Wl,--strip-all ${G_LINK} -o "${out}" ${sources}
    DEPENDS ${sources} "${MK_GUEST_SDK}/c/mk_guest.h"
    COMMENT "guest ${name}.wasm (C)" VERBATIM)
endfunction()

function(mk_guest_rust name)
  cmake_parse_arguments(G "" "SOURCE" "OPTIONS" ${ARGN})
  if(NOT MK_HAVE_RUST)
    return()
  endif()
  mk_guest_output(${name} out)
  mk_guest_paths(source ${G_SOURCE})
  string(MAKE_C_IDENTIFIER "${name}" crate)
  if(MK_WERROR)
    list(APPEND G_OPTIONS -D warnings)
  endif()
  add_custom_command(OUTPUT "${out}"
    COMMAND "${MK_RUSTC}" --edition 2021 --target wasm32-unknown-unknown --crate-type cdylib --crate-name ${crate}
            -C opt-level=s -C panic=abort -C strip=symbols -C link-arg=-zstack-size=8192 ${G_OPTIONS} -o "${out}" "${source}"
    DEPENDS "${source}" "${MK_GUEST_SDK}/rust/mk.rs"
    COMMENT "guest ${name}.wasm (Rust)" VERBATIM)
endfunction()

# Zig only imports files below the root source's folder, and its option for more has changed with every release:
# compiling a copy next to a copy of the SDK is the same command for all of them.
function(mk_guest_zig name)
  cmake_parse_arguments(G "" "SOURCE" "COMMAND" ${ARGN})
  if(NOT MK_HAVE_ZIG)
    return()
  endif()
  mk_guest_output(${name} out)
  mk_guest_paths(source ${G_SOURCE})
  get_filename_component(stem "${out}" NAME_WE)
  set(folder "${CMAKE_BINARY_DIR}/CMakeFiles/zig/${name}")
  file(MAKE_DIRECTORY "${folder}")
  if(NOT G_COMMAND)
    list(GET MK_ZIG_BUILD 0 verb)
    list(SUBLIST MK_ZIG_BUILD 1 -1 flags)
    set(G_COMMAND ${verb} -target wasm32-freestanding ${flags} --stack 8192 -O ReleaseSmall "${stem}.zig")
  endif()
  list(TRANSFORM G_COMMAND REPLACE "^@SOURCE@$" "${stem}.zig")
  add_custom_command(OUTPUT "${out}"
    COMMAND "${CMAKE_COMMAND}" -E copy "${source}" "${folder}/${stem}.zig"
    COMMAND "${CMAKE_COMMAND}" -E copy "${MK_GUEST_SDK}/zig/mk.zig" "${folder}/mk.zig"
    COMMAND ${MK_ZIG_COMMAND} ${G_COMMAND}
    COMMAND "${CMAKE_COMMAND}" -E copy "${stem}.wasm" "${out}"
    DEPENDS "${source}" "${MK_GUEST_SDK}/zig/mk.zig"
    WORKING_DIRECTORY "${folder}"
    COMMENT "guest ${name}.wasm (Zig)" VERBATIM)
endfunction()

# The first source names the folder of the package. GOTOOLCHAIN and GOFLAGS are set so that what was found is
# what runs.
function(mk_guest_go name)
  cmake_parse_arguments(G "" "" "SOURCES" ${ARGN})
  if(NOT MK_HAVE_GO)
    return()
  endif()
  mk_guest_output(${name} out)
  mk_guest_paths(sources ${G_SOURCES})
  list(GET sources 0 first)
  get_filename_component(folder "${first}" DIRECTORY)
  file(GLOB sdk "${MK_GUEST_SDK}/go/*.go" "${MK_GUEST_SDK}/go/go.mod")
  add_custom_command(OUTPUT "${out}"
    COMMAND "${CMAKE_COMMAND}" -E env GOOS=wasip1 GOARCH=wasm GOTOOLCHAIN=local GOFLAGS= GOWORK=off
            "${MK_GO}" build -buildvcs=false -trimpath -buildmode=c-shared "-ldflags=-s -w" -o "${out}" .
    DEPENDS ${sources} ${sdk}
    WORKING_DIRECTORY "${folder}"
    COMMENT "guest ${name}.wasm (Go)" VERBATIM)
endfunction()

function(mk_guest_tinygo name)
  cmake_parse_arguments(G "" "" "SOURCES" ${ARGN})
  if(NOT MK_HAVE_TINYGO)
    return()
  endif()
  mk_guest_output(${name} out)
  mk_guest_paths(sources ${G_SOURCES})
  list(GET sources 0 first)
  get_filename_component(folder "${first}" DIRECTORY)
  add_custom_command(OUTPUT "${out}"
    COMMAND "${MK_TINYGO}" build -o "${out}" -target wasm -scheduler=none -no-debug ${first}
    DEPENDS ${sources}
    WORKING_DIRECTORY "${folder}"
    COMMENT "guest ${name}.wasm (TinyGo)" VERBATIM)
endfunction()

# UNCHECKED lets through what is wrong on purpose.
function(mk_guest_wat name)
  cmake_parse_arguments(G "UNCHECKED" "SOURCE" "" ${ARGN})
  if(NOT MK_HAVE_WAT)
    return()
  endif()
  mk_guest_output(${name} out)
  mk_guest_paths(source ${G_SOURCE})
  set(check "")
  if(G_UNCHECKED)
    set(check --no-check)
  endif()
  add_custom_command(OUTPUT "${out}"
    COMMAND "${MK_WAT2WASM}" ${check} -o "${out}" "${source}"
    DEPENDS "${source}" COMMENT "guest ${name}.wasm (text)" VERBATIM)
endfunction()
