# SPDX-License-Identifier: Apache-2.0
# mDNS for room node. Sets discover_sources and discover_libs for mk_room(node), and MK_HAVE_MDNS for everybody.

set(MK_MDNS "AUTO" CACHE STRING "finding nodes by mDNS, over avahi-core: AUTO (if it is there), ON (or fail), OFF")

set(discover_sources discover_none.c)
set(discover_libs "")
set(MK_HAVE_MDNS FALSE CACHE INTERNAL "")
if(NOT MK_MDNS STREQUAL "OFF")
  find_path(MK_AVAHI_INCLUDE avahi-core/core.h)
  find_library(MK_AVAHI_CORE avahi-core)
  find_library(MK_AVAHI_COMMON avahi-common)
  mark_as_advanced(MK_AVAHI_INCLUDE MK_AVAHI_CORE MK_AVAHI_COMMON)
  if(MK_AVAHI_INCLUDE AND MK_AVAHI_CORE AND MK_AVAHI_COMMON)
    set(MK_HAVE_MDNS TRUE CACHE INTERNAL "")
    set(discover_sources discover.c discover_avahi.c)
    set(discover_libs avahi-core avahi-common) # by name: an installed library may be linked on another machine
  elseif(MK_MDNS STREQUAL "ON")
    message(FATAL_ERROR "MK_MDNS=ON: there is no avahi-core (Debian: libavahi-core-dev)")
  endif()
endif()
