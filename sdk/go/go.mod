module microkernel/mk

go 1.24
