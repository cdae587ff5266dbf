# SPDX-License-Identifier: Apache-2.0
# What a package of microkernel holds: headers, the library, WAMR's library where we built it, the CMake package
# `microkernel` (target microkernel::microkernel), microkernel.pc, and the command mk.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(targets microkernel)
if(MK_HAVE_WAMR)
  list(APPEND targets mk_wamr)
  set_target_properties(mk_wamr PROPERTIES EXPORT_NAME wamr)
endif()
install(TARGETS ${targets} EXPORT microkernelTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/microkernel" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.h")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
if(TARGET mk)
  install(TARGETS mk RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()

set(package "${CMAKE_INSTALL_LIBDIR}/cmake/microkernel")
install(EXPORT microkernelTargets NAMESPACE microkernel:: DESTINATION "${package}")
configure_package_config_file(cmake/microkernelConfig.cmake.in "${PROJECT_BINARY_DIR}/microkernelConfig.cmake"
                              INSTALL_DESTINATION "${package}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/microkernelConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/microkernelConfig.cmake" "${PROJECT_BINARY_DIR}/microkernelConfigVersion.cmake"
        DESTINATION "${package}")
if(MK_HAVE_MBEDTLS)
  install(FILES "${PROJECT_SOURCE_DIR}/cmake/FindMbedTLS.cmake" DESTINATION "${package}")
endif()

# The library is static, so everything it needs stands in Libs.
set(MK_PC_LIBS "-lmicrokernel")
if(MK_HAVE_WAMR)
  if(MK_WAMR_INSTALLED)
    string(APPEND MK_PC_LIBS " -liwasm")
  else()
    string(APPEND MK_PC_LIBS " -lmicrokernel_wamr")
  endif()
  string(APPEND MK_PC_LIBS " -ldl -Wl,-z,noexecstack -Wl,-z,now")
endif()
if(MK_HAVE_ZLIB)
  string(APPEND MK_PC_LIBS " -lz")
endif()
if(MK_HAVE_SQLITE)
  string(APPEND MK_PC_LIBS " -lsqlite3")
endif()
if(MK_HAVE_OPENSSL)
  string(APPEND MK_PC_LIBS " -lssl -lcrypto")
endif()
if(MK_HAVE_MBEDTLS)
  string(APPEND MK_PC_LIBS " -lmbedtls -lmbedx509 -lmbedcrypto")
endif()
if(MK_HAVE_MDNS)
  string(APPEND MK_PC_LIBS " -lavahi-core -lavahi-common")
endif()
string(APPEND MK_PC_LIBS " -lm")
if(MK_SANITIZE)
  string(APPEND MK_PC_LIBS " -fsanitize=${MK_SANITIZE}")
endif()
file(RELATIVE_PATH MK_PC_PREFIX "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix/")
configure_file(cmake/microkernel.pc.in "${PROJECT_BINARY_DIR}/microkernel.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/microkernel.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
