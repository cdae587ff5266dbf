# SPDX-License-Identifier: Apache-2.0
# One call per room: its sources and its tests, by name, side by side.
#   mk_room(loop USES base port SOURCES loop.c TESTS loop_test TESTS_LINUX watch_test)
# Sources become the object library mk_<room>; all rooms together become `microkernel` (with the platform's port) and
# `microkernel_fake` (with the fake one). A test is tests/<room>/<name>.c: TESTS link the fake port (virtual time,
# scripted failures), TESTS_LINUX and TESTS_BARE the real one of that platform. TESTS_ENGINES and TESTS_ENGINES_LINUX are
# such tests that run once on each WebAssembly engine (MK_TEST_ENGINE). LIBS are libraries from elsewhere.
# USES names the rooms above; tools/check_layers holds the includes to it.

# --- how our own code is compiled; none of it reaches those who link the library ----------------------------------
add_library(mk_flags INTERFACE)
target_include_directories(mk_flags INTERFACE "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
target_compile_features(mk_flags INTERFACE c_std_11)
set(warnings -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes
             -Wmissing-prototypes -Wundef -Wvla)
if(MK_WERROR)
  list(APPEND warnings -Werror)
endif()
target_compile_options(mk_flags INTERFACE "$<$<COMPILE_LANGUAGE:C>:${warnings};-fno-strict-aliasing>")
if(MK_PORT STREQUAL "linux")
  target_compile_definitions(mk_flags INTERFACE _GNU_SOURCE)
endif()
if(MK_LTO AND MK_PORT STREQUAL "linux" AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
  # Fat objects: what we link ourselves is optimised as a whole, and an installed library suits any compiler.
  target_compile_options(mk_flags INTERFACE
                         "$<$<AND:$<COMPILE_LANGUAGE:C>,$<CONFIG:Release>>:-flto=auto;-ffat-lto-objects>")
  target_link_options(mk_flags INTERFACE $<$<CONFIG:Release>:-flto=auto>)
endif()
if(MK_SANITIZE)
  target_compile_options(mk_flags INTERFACE -fsanitize=${MK_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(mk_flags INTERFACE -fsanitize=${MK_SANITIZE})
endif()

set_property(GLOBAL PROPERTY MK_ROOMS "")
set_property(GLOBAL PROPERTY MK_ROOM_LIBS "")
set_property(GLOBAL PROPERTY MK_PENDING_TESTS "")

set(mk_test_lists TESTS TESTS_LINUX TESTS_BARE TESTS_ENGINES TESTS_ENGINES_LINUX)

function(mk_room name)
  cmake_parse_arguments(R "" "" "USES;SOURCES;LIBS;${mk_test_lists}" ${ARGN})
  add_library(mk_${name} OBJECT ${R_SOURCES})
  target_link_libraries(mk_${name} PRIVATE mk_flags ${R_LIBS})
  set_property(GLOBAL APPEND PROPERTY MK_ROOMS ${name})
  set_property(GLOBAL APPEND PROPERTY MK_ROOM_LIBS ${R_LIBS})
  set(tests "")
  foreach(list IN LISTS mk_test_lists)
    list(APPEND tests ${list} ${R_${list}})
  endforeach()
  mk_room_tests(${name} ${tests})
endfunction()

# Only remembers them: a test links all rooms, so it is built when the last one is known.
function(mk_room_tests name)
  cmake_parse_arguments(R "" "" "${mk_test_lists}" ${ARGN})
  string(TOUPPER "${MK_PORT}" port)
  foreach(each IN ITEMS "" "_ENGINES")
    foreach(test IN LISTS R_TESTS${each})
      set_property(GLOBAL APPEND PROPERTY MK_PENDING_TESTS "${name}/${test}/fake/${each}")
    endforeach()
    foreach(test IN LISTS R_TESTS${each}_${port})
      set_property(GLOBAL APPEND PROPERTY MK_PENDING_TESTS "${name}/${test}/${MK_PORT}/${each}")
    endforeach()
  endforeach()
endfunction()

function(mk_port_tests)
  mk_room_tests(port ${ARGN})
endfunction()

# The platform halves of room port: mk_port_<platform> holds everything behind port.h. Only the ones that this build
# can use are compiled: the fake one everywhere, the others on their platform.
function(mk_port platform)
  cmake_parse_arguments(P "" "" "SOURCES;LIBS" ${ARGN})
  if(platform STREQUAL MK_PORT OR (platform STREQUAL "fake" AND (MK_TESTS OR MK_FUZZ)))
    add_library(mk_port_${platform} OBJECT ${P_SOURCES})
    target_link_libraries(mk_port_${platform} PRIVATE mk_flags ${P_LIBS})
  endif()
endfunction()

function(mk_add_parts)
  foreach(part IN LISTS ARGN)
    add_subdirectory("${PROJECT_SOURCE_DIR}/${part}" "${PROJECT_BINARY_DIR}/${part}")
  endforeach()
endfunction()

function(mk_add_rooms)
  foreach(room IN LISTS ARGN)
    mk_add_parts(src/${room})
  endforeach()
endfunction()

# mk_test(room name port [_ENGINES] [LINK libs...]): one executable, one ctest entry, or one for each engine.
function(mk_test room name port)
  cmake_parse_arguments(T "_ENGINES" "" "LINK" ${ARGN})
  set(target "${room}-${name}")
  add_executable(${target} "${PROJECT_SOURCE_DIR}/tests/${room}/${name}.c")
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  target_compile_definitions(${target} PRIVATE "MK_SOURCE_DIR=\"${PROJECT_SOURCE_DIR}\""
                                               "MK_BINARY_DIR=\"${PROJECT_BINARY_DIR}\"")
  if(MK_HAVE_WAMR)
    target_compile_definitions(${target} PRIVATE MK_HAVE_WAMR)
  endif()
  target_link_libraries(${target} PRIVATE mk_flags mk_rig ${T_LINK})
  if(port STREQUAL "fake")
    target_link_libraries(${target} PRIVATE microkernel_fake)
  else()
    target_link_libraries(${target} PRIVATE microkernel)
  endif()
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests/${room}"
                                             OUTPUT_NAME "${name}")
  if(MK_PORT STREQUAL "bare")
    target_link_libraries(${target} PRIVATE mk_board)
  endif()
  set(entries ${room}/${name})
  add_test(NAME ${room}/${name} COMMAND ${target})
  if(T__ENGINES AND MK_HAVE_WAMR)
    list(APPEND entries ${room}/${name}@wamr)
    add_test(NAME ${room}/${name}@wamr COMMAND ${target})
    set_tests_properties(${room}/${name}@wamr PROPERTIES ENVIRONMENT MK_TEST_ENGINE=wamr)
  endif()
  set_tests_properties(${entries} PROPERTIES TIMEOUT 300)
  if(port STREQUAL "linux")
    set_tests_properties(${entries} PROPERTIES LABELS threads) # for the thread sanitizer
  endif()
endfunction()

# mk_library(name port): every room behind the public headers, on that port.
function(mk_library name port)
  get_property(rooms GLOBAL PROPERTY MK_ROOMS)
  get_property(libs GLOBAL PROPERTY MK_ROOM_LIBS)
  set(objects "$<TARGET_OBJECTS:mk_port_${port}>")
  foreach(room IN LISTS rooms)
    list(APPEND objects "$<TARGET_OBJECTS:mk_${room}>")
  endforeach()
  add_library(${name} STATIC ${objects})
  set_target_properties(${name} PROPERTIES LINKER_LANGUAGE C)
  target_include_directories(${name} PUBLIC "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
                                            "$<INSTALL_INTERFACE:include>")
  target_link_libraries(${name} PUBLIC ${libs})
  if(MK_PORT STREQUAL "linux")
    find_package(Threads REQUIRED)
    target_link_libraries(${name} PUBLIC Threads::Threads)
  endif()
  if(MK_SANITIZE)
    target_link_options(${name} PUBLIC -fsanitize=${MK_SANITIZE})
  endif()
endfunction()

# Gathers the rooms into the libraries and builds the tests that the rooms named.
function(mk_finish_rooms)
  mk_library(microkernel ${MK_PORT})
  add_library(microkernel::microkernel ALIAS microkernel)
  if(MK_TESTS OR MK_FUZZ)
    mk_library(microkernel_fake fake)
  endif()
  if(NOT MK_TESTS)
    return()
  endif()
  mk_add_parts(tests/rig)
  get_property(tests GLOBAL PROPERTY MK_PENDING_TESTS)
  foreach(entry IN LISTS tests)
    string(REPLACE "/" ";" parts "${entry}")
    mk_test(${parts})
  endforeach()
endfunction()
