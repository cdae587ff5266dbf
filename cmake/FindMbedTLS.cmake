# SPDX-License-Identifier: Apache-2.0
# Finds mbedTLS 2.28 or 3, which distributions package without a CMake file of its own. Defines MbedTLS_FOUND,
# MbedTLS_VERSION and the targets MbedTLS::mbedtls, MbedTLS::mbedx509 and MbedTLS::mbedcrypto, named as upstream's.
include(FindPackageHandleStandardArgs)

find_path(MbedTLS_INCLUDE_DIR mbedtls/ssl.h)
foreach(part mbedtls mbedx509 mbedcrypto)
  find_library(MbedTLS_${part}_LIBRARY ${part})
endforeach()

# 2.28 tells its version in version.h, 3 in build_info.h.
set(MbedTLS_VERSION "")
foreach(header version.h build_info.h)
  if(NOT MbedTLS_VERSION AND EXISTS "${MbedTLS_INCLUDE_DIR}/mbedtls/${header}")
    file(STRINGS "${MbedTLS_INCLUDE_DIR}/mbedtls/${header}" line REGEX "define +MBEDTLS_VERSION_STRING +\"")
    if(line MATCHES "\"([0-9.]+)\"")
      set(MbedTLS_VERSION "${CMAKE_MATCH_1}")
    endif()
  endif()
endforeach()

find_package_handle_standard_args(MbedTLS
  REQUIRED_VARS MbedTLS_mbedtls_LIBRARY MbedTLS_mbedx509_LIBRARY MbedTLS_mbedcrypto_LIBRARY MbedTLS_INCLUDE_DIR
  VERSION_VAR MbedTLS_VERSION)
mark_as_advanced(MbedTLS_INCLUDE_DIR MbedTLS_mbedtls_LIBRARY MbedTLS_mbedx509_LIBRARY MbedTLS_mbedcrypto_LIBRARY)

if(MbedTLS_FOUND AND NOT TARGET MbedTLS::mbedtls)
  foreach(part mbedcrypto mbedx509 mbedtls)
    add_library(MbedTLS::${part} UNKNOWN IMPORTED)
    set_target_properties(MbedTLS::${part} PROPERTIES IMPORTED_LOCATION "${MbedTLS_${part}_LIBRARY}"
                                                      INTERFACE_INCLUDE_DIRECTORIES "${MbedTLS_INCLUDE_DIR}")
  endforeach()
  set_property(TARGET MbedTLS::mbedx509 PROPERTY INTERFACE_LINK_LIBRARIES MbedTLS::mbedcrypto)
  set_property(TARGET MbedTLS::mbedtls PROPERTY INTERFACE_LINK_LIBRARIES MbedTLS::mbedx509 MbedTLS::mbedcrypto)
endif()
