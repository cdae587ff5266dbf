#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: pkg_config.sh PREFIX CC OUT    builds consumer.c against the package installed in PREFIX and runs it
set -eu
here=$(dirname "$0")
pc=$(find "$1" -name microkernel.pc)
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
# shellcheck disable=SC2046 # flags are words
"$2" -std=c11 -Wall -Wextra -Wpedantic -Werror "$here/consumer.c" -o "$3" $(pkg-config --cflags --libs microkernel)
exec "$3"
