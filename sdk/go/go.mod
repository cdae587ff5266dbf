// SPDX-License-Identifier: Apache-2.0

module microkernel/mk

go 1.24
