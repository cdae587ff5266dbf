# SPDX-License-Identifier: Apache-2.0
# C sources that are published inside of a crate, as far as the Cargo.toml and Cargo.lock beside the caller pin it:
#   mk_crate(wamrx-sys HAS wasm-micro-runtime)
# sets mk_crate_dir to a copy in the build tree, which works offline once cargo has the crate, or to nothing and
# mk_crate_why to the reason. `cargo vendor` compiles nothing, needs no rustc, and goes by the checksum in Cargo.lock.

function(mk_crate name)
  cmake_parse_arguments(C "" "HAS" "" ${ARGN})
  file(STRINGS Cargo.toml pinned REGEX "^${name} ")
  string(REGEX MATCH "=([0-9.]+)" pinned "${pinned}")
  set(version "${CMAKE_MATCH_1}")
  set(crate "${CMAKE_CURRENT_BINARY_DIR}/crate/${name}-${version}")
  set(mk_crate_version "${version}" PARENT_SCOPE)
  set(mk_crate_dir "" PARENT_SCOPE)
  if(NOT EXISTS "${crate}/.complete")
    find_program(MK_CARGO cargo PATHS "${PROJECT_SOURCE_DIR}/.tools/bin" NO_DEFAULT_PATH
                 DOC "cargo 1.85 or newer: fetches C sources that crates carry")
    find_program(MK_CARGO cargo)
    if(NOT MK_CARGO)
      set(mk_crate_why "no cargo to fetch its sources" PARENT_SCOPE)
      return()
    endif()
    set(complaint "")
    foreach(way --offline "") # no network is touched when cargo has the crate
      execute_process(COMMAND "${MK_CARGO}" ${way} vendor --locked --versioned-dirs --respect-source-config
                              "${CMAKE_CURRENT_BINARY_DIR}/crate"
                      WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}"
                      RESULT_VARIABLE failed OUTPUT_QUIET ERROR_VARIABLE complaint)
      if(NOT failed)
        break()
      endif()
    endforeach()
    if(failed OR NOT EXISTS "${crate}/${C_HAS}")
      set(mk_crate_why "${MK_CARGO} could not provide the crate ${name} (1.85 or newer is needed): ${complaint}" PARENT_SCOPE)
      return()
    endif()
    file(WRITE "${crate}/.complete" "")
  endif()
  set(mk_crate_dir "${crate}" PARENT_SCOPE)
endfunction()
