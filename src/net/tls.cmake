# SPDX-License-Identifier: Apache-2.0
# TLS engines of room net. Sets tls_sources, tls_libs and tls_definitions for mk_room(net), and MK_HAVE_OPENSSL and
# MK_HAVE_MBEDTLS for everybody. Without any engine all else works.

set(MK_OPENSSL "AUTO" CACHE STRING "TLS by OpenSSL 3: AUTO (if it is there), ON (or fail), OFF")
set(MK_MBEDTLS "AUTO" CACHE STRING "TLS by mbedTLS 2.28 or 3: AUTO (if it is there), ON (or fail), OFF")

set(tls_sources crypto.c tls.c tls_cache.c tls_parts.c)
set(tls_libs "")
set(tls_definitions "")

# mk_tls_engine(OPENSSL package version target...): the imported targets are shown to the whole tree.
macro(mk_tls_engine engine package version)
  set(MK_HAVE_${engine} FALSE CACHE INTERNAL "")
  if(MK_${engine} STREQUAL "ON")
    find_package(${package} ${version} REQUIRED)
  elseif(NOT MK_${engine} STREQUAL "OFF")
    find_package(${package} ${version} QUIET)
  endif()
  if(${package}_FOUND AND NOT MK_${engine} STREQUAL "OFF")
    set(MK_HAVE_${engine} TRUE CACHE INTERNAL "")
    foreach(target ${ARGN})
      get_target_property(alias ${target} ALIASED_TARGET)
      if(NOT alias)
        set_target_properties(${target} PROPERTIES IMPORTED_GLOBAL TRUE)
      endif()
    endforeach()
    list(APPEND tls_definitions MK_HAVE_${engine})
    message(STATUS "tls: ${package} ${${package}_VERSION}${${engine}_VERSION}") # each calls it otherwise
  endif()
endmacro()

mk_tls_engine(OPENSSL OpenSSL 3 OpenSSL::SSL OpenSSL::Crypto)
if(MK_HAVE_OPENSSL)
  list(APPEND tls_sources openssl/context.c openssl/session.c openssl/bio.c openssl/psk.c openssl/why.c
       openssl/crypto.c)
  list(APPEND tls_libs OpenSSL::SSL OpenSSL::Crypto)
endif()

mk_tls_engine(MBEDTLS MbedTLS 2.28 MbedTLS::mbedtls MbedTLS::mbedx509 MbedTLS::mbedcrypto)
if(MK_HAVE_MBEDTLS)
  list(APPEND tls_sources mbedtls/context.c mbedtls/session.c mbedtls/trust.c mbedtls/resume.c mbedtls/why.c
       mbedtls/crypto.c)
  list(APPEND tls_libs MbedTLS::mbedtls MbedTLS::mbedx509 MbedTLS::mbedcrypto)
endif()

if(MK_HAVE_OPENSSL)
  list(APPEND tls_sources openssl/ed25519.c)
else()
  list(APPEND tls_sources ed25519_none.c)
endif()

mk_room_tests(net TESTS tls_cache_test crypto_test)
if(tls_definitions)
  mk_room_tests(net TESTS tls_engine_test)
endif()
