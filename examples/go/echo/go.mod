// SPDX-License-Identifier: Apache-2.0

module microkernel/examples/echo

go 1.24

require microkernel/mk v0.0.0

replace microkernel/mk => ../../../sdk/go
