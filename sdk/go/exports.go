// SPDX-License-Identifier: Apache-2.0

//go:build wasm

package mk

import "unsafe"

var handler func(Message) bool

// payloads holds what the node was given by mk_alloc and has not given back: an address outside of Go keeps nothing
// from the garbage collector. A handler may keep a payload for as long as it likes.
var payloads = map[unsafe.Pointer][]uint64{}

// Serve names the function that gets this guest's messages. Call it in an init function: main is not run in a module
// that is built with -buildmode=c-shared. The handler returns true to stay and false to end normally.
func Serve(handle func(Message) bool) {
	handler = handle
}

//go:wasmexport handle_message
func handleMessage(kind uint32, source uint64, payload unsafe.Pointer, size uint32) int32 {
	if handler == nil {
		Log(Error, "no handler: call mk.Serve in an init function")
		return 0
	}
	msg := Message{Type: kind, Source: Actor(source)}
	if size > 0 {
		msg.Payload = unsafe.Slice((*byte)(payload), size)
	}
	if handler(msg) {
		return 1
	}
	return 0
}

//go:wasmexport mk_alloc
func alloc(size uint32) unsafe.Pointer {
	words := make([]uint64, size/8+1) // words for the alignment, and never none of them
	at := unsafe.Pointer(&words[0])
	payloads[at] = words
	return at
}

//go:wasmexport mk_free
func free(at unsafe.Pointer) {
	delete(payloads, at)
}
