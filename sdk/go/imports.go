// SPDX-License-Identifier: Apache-2.0

//go:build wasm

package mk

import "unsafe"

// The imports as the node defines them; a Go string travels as its address and its length. None keeps a pointer
// beyond its return, hence noescape: what they fill may live on the stack.

//go:wasmimport env mk_send
//go:noescape
func mkSend(dest uint64, kind uint32, data unsafe.Pointer, size uint32) int32

//go:wasmimport env mk_send_u32
func mkSendU32(dest uint64, kind uint32, value uint32) int32

//go:wasmimport env mk_self
func mkSelf() uint64

//go:wasmimport env mk_time_ms
func mkTimeMs() int64

//go:wasmimport env mk_log
//go:noescape
func mkLog(level int32, text string)

//go:wasmimport env mk_print
//go:noescape
func mkPrint(text string)

//go:wasmimport env mk_sleep_ms
func mkSleepMs(ms uint32) int32

//go:wasmimport env mk_recv_full
//go:noescape
func mkRecvFull(kind *uint32, buf unsafe.Pointer, room uint32, size *uint32, source *uint64) int32

//go:wasmimport env mk_recv_timeout
//go:noescape
func mkRecvTimeout(kind *uint32, buf unsafe.Pointer, room uint32, size *uint32, source *uint64, ms uint32) int32

//go:wasmimport env mk_spawn_wasm
//go:noescape
func mkSpawnWasm(data unsafe.Pointer, size uint32) uint64

//go:wasmimport env mk_spawn_file
//go:noescape
func mkSpawnFile(path, name string, fileSize *uint32) uint64

//go:wasmimport env mk_stop
func mkStop(actor uint64) int32

//go:wasmimport env mk_list_actors
//go:noescape
func mkListActors(ids unsafe.Pointer, room uint32, count *uint32) int32

//go:wasmimport env mk_actor_status
//go:noescape
func mkActorStatus(actor uint64, buf unsafe.Pointer, room uint32) int32

//go:wasmimport env mk_register
//go:noescape
func mkRegister(name string) int32

//go:wasmimport env mk_lookup
//go:noescape
func mkLookup(name string) uint64

//go:wasmimport env mk_reverse_lookup
//go:noescape
func mkReverseLookup(actor uint64, buf unsafe.Pointer, room uint32) int32

//go:wasmimport env mk_ns_list
//go:noescape
func mkNsList(prefix string, buf unsafe.Pointer, room uint32, size *uint32) int32

//go:wasmimport env mk_node_name
//go:noescape
func mkNodeName(buf unsafe.Pointer, room uint32) int32

//go:wasmimport env mk_read_file
//go:noescape
func mkReadFile(path string, buf unsafe.Pointer, room uint32, size *uint32) int32

//go:wasmimport env mk_save_state
//go:noescape
func mkSaveState(key string, value unsafe.Pointer, size uint32) int32

//go:wasmimport env mk_load_state
//go:noescape
func mkLoadState(key string, buf unsafe.Pointer, room uint32) int32

//go:wasmimport env mk_last_error
//go:noescape
func mkLastError(buf unsafe.Pointer, room uint32) int32

//go:wasmimport env mk_http_get
//go:noescape
func mkHTTPGet(url string, buf unsafe.Pointer, room uint32, status, size *uint32) int32

//go:wasmimport env mk_http_open
//go:noescape
func mkHTTPOpen(method, url, headers string, body unsafe.Pointer, size uint32) int32

//go:wasmimport env mk_http_status
func mkHTTPStatus(handle int32) int32

//go:wasmimport env mk_http_header
//go:noescape
func mkHTTPHeader(handle int32, name string, buf unsafe.Pointer, room uint32) int32

//go:wasmimport env mk_http_read
//go:noescape
func mkHTTPRead(handle int32, buf unsafe.Pointer, room uint32) int32

//go:wasmimport env mk_http_close
func mkHTTPClose(handle int32) int32
