// SPDX-License-Identifier: Apache-2.0

module microkernel/tests/seed

go 1.24
