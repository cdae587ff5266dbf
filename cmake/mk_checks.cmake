# SPDX-License-Identifier: Apache-2.0
# Tests of the house rather than of a room: the layers, the licence lines, the installed package, the bare board.

find_package(Python3 COMPONENTS Interpreter REQUIRED)
foreach(check layers tidy)
  add_test(NAME house/${check} COMMAND "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/tools/check_${check}")
endforeach()
add_test(NAME house/checks COMMAND "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/tests/house/checks_test.py")

# --- the package that others build on: installed into a folder of this build, then used both ways -------------------
if(MK_INSTALL)
  set(prefix "${PROJECT_BINARY_DIR}/installed")
  add_test(NAME house/install
           COMMAND "${CMAKE_COMMAND}" --install "${PROJECT_BINARY_DIR}" --prefix "${prefix}")
  set_tests_properties(house/install PROPERTIES FIXTURES_SETUP installed)
  add_test(NAME house/consumer_find_package
           COMMAND "${CMAKE_CTEST_COMMAND}" --build-and-test
                   "${PROJECT_SOURCE_DIR}/tests/consumer" "${PROJECT_BINARY_DIR}/consumer"
                   --build-generator "${CMAKE_GENERATOR}" --build-noclean
                   --build-options "-DCMAKE_PREFIX_PATH=${prefix}" "-DCMAKE_C_COMPILER=${CMAKE_C_COMPILER}"
                   --test-command consumer)
  add_test(NAME house/consumer_pkg_config
           COMMAND "${PROJECT_SOURCE_DIR}/tests/consumer/pkg_config.sh" "${prefix}" "${CMAKE_C_COMPILER}"
                   "${PROJECT_BINARY_DIR}/consumer_pkg_config")
  set_tests_properties(house/consumer_find_package house/consumer_pkg_config
                       PROPERTIES FIXTURES_REQUIRED installed TIMEOUT 300)
endif()

# --- the same rooms on a board without an operating system -----------------------------------------------------------
find_program(MK_RISCV_GCC riscv64-unknown-elf-gcc)
find_program(MK_QEMU_RISCV32 qemu-system-riscv32)
if(MK_RISCV_GCC AND MK_QEMU_RISCV32)
  add_test(NAME bare/tests_in_qemu
           COMMAND "${CMAKE_CTEST_COMMAND}" --build-and-test "${PROJECT_SOURCE_DIR}" "${PROJECT_BINARY_DIR}/bare"
                   --build-generator "${CMAKE_GENERATOR}" --build-noclean
                   --build-options "-DCMAKE_TOOLCHAIN_FILE=${PROJECT_SOURCE_DIR}/cmake/toolchains/bare-riscv32.cmake"
                                   -DMK_PORT=bare -DMK_TESTS=ON -DCMAKE_BUILD_TYPE=MinSizeRel
                                   "-DMK_WERROR=${MK_WERROR}" "-DMK_SPEC_TESTS=${MK_SPEC_TESTS}"
                   --test-command "${CMAKE_CTEST_COMMAND}" --output-on-failure --no-tests=error)
  set_tests_properties(bare/tests_in_qemu PROPERTIES TIMEOUT 900 RESOURCE_LOCK bare_build)

  # A guest that travels between this machine and the board.
  if(TARGET guest-tests-guests-count AND TARGET guest-tests-guests-digest)
    add_test(NAME bare/build_journey
             COMMAND "${CMAKE_CTEST_COMMAND}" --build-and-test "${PROJECT_SOURCE_DIR}" "${PROJECT_BINARY_DIR}/bare"
                     --build-generator "${CMAKE_GENERATOR}" --build-noclean --build-target vm-journey
                     --build-options "-DCMAKE_TOOLCHAIN_FILE=${PROJECT_SOURCE_DIR}/cmake/toolchains/bare-riscv32.cmake"
                                     -DMK_PORT=bare -DMK_TESTS=ON -DCMAKE_BUILD_TYPE=MinSizeRel
                                     "-DMK_WERROR=${MK_WERROR}" "-DMK_SPEC_TESTS=${MK_SPEC_TESTS}")
    add_test(NAME bare/journey
             COMMAND "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/tests/system/journey_test.py"
                     "${PROJECT_BINARY_DIR}/tests/guests" $<TARGET_FILE:vm-journey>
                     "${MK_QEMU_RISCV32}" -M virt -m 128M -bios none -semihosting-config enable=on -nographic
                     -monitor none -serial none -kernel "${PROJECT_BINARY_DIR}/bare/tests/vm/vm-journey")
    set_tests_properties(bare/build_journey PROPERTIES FIXTURES_SETUP journey_board TIMEOUT 900
                                                       RESOURCE_LOCK bare_build)
    set_tests_properties(bare/journey PROPERTIES FIXTURES_REQUIRED journey_board TIMEOUT 600)
  endif()
else()
  message(STATUS "bare: no riscv64-unknown-elf-gcc or no qemu-system-riscv32 (Debian: gcc-riscv64-unknown-elf "
                 "picolibc-riscv64-unknown-elf qemu-system-misc); its tests are left out")
endif()
