// SPDX-License-Identifier: Apache-2.0

// Beside an actor written for TinyGo: TinyGo exports what //export names and has an allocator to export; the standard
// toolchain wants both spelled out.
package main

import "unsafe"

//go:wasmexport handle_message
func exportedHandleMessage(msgType int32, source int64, payload *byte, size int32) int32 {
	return handleMessage(msgType, source, payload, size)
}

var payloads = map[unsafe.Pointer][]byte{}

//go:wasmexport mk_alloc
func alloc(size int32) unsafe.Pointer {
	room := make([]byte, size+1)
	payloads[unsafe.Pointer(&room[0])] = room
	return unsafe.Pointer(&room[0])
}

//go:wasmexport mk_free
func free(at unsafe.Pointer) {
	delete(payloads, at)
}
