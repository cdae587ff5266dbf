// SPDX-License-Identifier: Apache-2.0

//go:build wasm

// Package mk is what a guest written in Go imports from its node. It is for the standard toolchain, 1.24 or newer:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o echo.wasm .
//
// A guest calls Serve in an init function; see examples/go/echo. Every pointer and length is checked by the node
// against this guest's memory. What was not granted fails like any other call; the error tells why.
//
// A guest is one thread: while a handler waits in Recv or Sleep, its other goroutines wait too.
package mk

import (
	"errors"
	"time"
	"unsafe"
)

// Actor identifies an actor: its node in the upper 32 bits, a sequence in the lower. Never reused; 0 is nobody.
type Actor uint64

const (
	// Stop is the message type by which the node asks this actor to end.
	Stop = 0
	// System and above are types that belong to the node: a guest may receive them, not define them.
	System = 0xFF000000
	// ChildExit tells the one that spawned it that an actor has ended; see Message.ChildEnd.
	ChildExit = 0xFF000004
)

// Message is one message. Cut tells that the payload was larger than the buffer it was received into.
type Message struct {
	Type    uint32
	Source  Actor
	Payload []byte
	Cut     bool
}

// Reply sends a message back to whom this one came from.
func (m Message) Reply(kind uint32, payload []byte) error {
	return Send(m.Source, kind, payload)
}

// Reason why an actor ended. A program's own begin at ReasonUser.
type Reason uint8

const (
	ReasonNormal       Reason = 0
	ReasonKilled       Reason = 1
	ReasonShutdown     Reason = 2
	ReasonTrapped      Reason = 3
	ReasonOutOfBudget  Reason = 4
	ReasonOutOfMemory  Reason = 5
	ReasonFailed       Reason = 8
	ReasonRestartLimit Reason = 9
	ReasonUser         Reason = 64
)

// ChildEnd tells how an actor ended that this one had spawned. Text is the trap's, say.
type ChildEnd struct {
	Child  Actor
	Reason Reason
	Text   string
}

// ChildEnd reads a message of type ChildExit; false for any other. Its payload: the id in eight bytes, the reason in
// one, seven of padding, the text.
func (m Message) ChildEnd() (ChildEnd, bool) {
	const reasonAt, textAt = 8, 16
	if m.Type != ChildExit || len(m.Payload) < textAt {
		return ChildEnd{}, false
	}
	var id Actor
	for at := reasonAt; at > 0; at-- {
		id = id<<8 | Actor(m.Payload[at-1])
	}
	return ChildEnd{id, Reason(m.Payload[reasonAt]), string(m.Payload[textAt:])}, true
}

// Level of a line in the node's log.
type Level int32

const (
	Debug Level = iota
	Info
	Warn
	Error
)

var (
	// ErrRefused is returned when the node gives no better reason.
	ErrRefused = errors.New("refused")
	// ErrTimeout is returned by RecvTimeout when nothing came.
	ErrTimeout = errors.New("timed out")
)

// reasonBytesMax is room for the node's own words; a longer text is cut.
const reasonBytesMax = 160

// nameBytesMax is room for the longest name a node accepts.
const nameBytesMax = 256

func refused() error {
	var text [reasonBytesMax]byte
	if n := mkLastError(unsafe.Pointer(&text), uint32(len(text))); n > 0 {
		return errors.New(string(text[:min(int(n), len(text))]))
	}
	return ErrRefused
}

func done(result int32) error {
	if result != 0 {
		return refused()
	}
	return nil
}

func accepted(result int32) error {
	if result != 1 {
		return refused()
	}
	return nil
}

func started(id uint64) (Actor, error) {
	if id == 0 {
		return 0, refused()
	}
	return Actor(id), nil
}

func data(b []byte) unsafe.Pointer {
	return unsafe.Pointer(unsafe.SliceData(b))
}

// milliseconds rounds up, so that a wait is never shorter than asked for.
func milliseconds(d time.Duration) uint32 {
	if d <= 0 {
		return 0
	}
	return uint32(min((d+time.Millisecond-1)/time.Millisecond, 1<<31-1))
}

// Send copies payload into the mailbox of dest; refused when that is unknown, dead or full.
func Send(dest Actor, kind uint32, payload []byte) error {
	return accepted(mkSend(uint64(dest), kind, data(payload), uint32(len(payload))))
}

// SendUint32 sends four bytes, least significant first.
func SendUint32(dest Actor, kind uint32, value uint32) error {
	return accepted(mkSendU32(uint64(dest), kind, value))
}

// Recv waits for the next message; what does not fit buf is cut off. A request to stop arrives here as well, as type
// Stop: leave the loop and return false.
func Recv(buf []byte) (Message, error) {
	var kind, size uint32
	var source uint64
	got := mkRecvFull(&kind, data(buf), uint32(len(buf)), &size, &source)
	return received(got, kind, source, buf, size)
}

// RecvTimeout is Recv for a limited time, after which it returns ErrTimeout.
func RecvTimeout(buf []byte, limit time.Duration) (Message, error) {
	var kind, size uint32
	var source uint64
	got := mkRecvTimeout(&kind, data(buf), uint32(len(buf)), &size, &source, milliseconds(limit))
	return received(got, kind, source, buf, size)
}

func received(got int32, kind uint32, source uint64, buf []byte, size uint32) (Message, error) {
	switch got {
	case 0:
		kept := min(int(size), len(buf))
		return Message{Type: kind, Source: Actor(source), Payload: buf[:kept], Cut: int(size) > kept}, nil
	case -2:
		return Message{}, ErrTimeout
	default:
		return Message{}, refused()
	}
}

// Sleep waits; other actors run meanwhile.
func Sleep(d time.Duration) error {
	return done(mkSleepMs(milliseconds(d)))
}

// Self is this actor.
func Self() Actor {
	return Actor(mkSelf())
}

// Uptime is read from a clock that never goes back and means nothing outside this node.
func Uptime() time.Duration {
	return time.Duration(mkTimeMs()) * time.Millisecond
}

// Log writes one line, without a newline, to the node's log.
func Log(level Level, text string) {
	mkLog(int32(level), text)
}

// Print writes text, newlines included, for whoever sits at the console.
func Print(text string) {
	mkPrint(text)
}

// SpawnWasm starts the module in code.
func SpawnWasm(code []byte) (Actor, error) {
	return started(mkSpawnWasm(data(code), uint32(len(code))))
}

// SpawnFile reads, loads and starts a file of the node and, unless name is empty, registers the new actor under it;
// all or nothing. It also returns the size of the file.
func SpawnFile(path, name string) (Actor, uint32, error) {
	var size uint32
	actor, err := started(mkSpawnFile(path, name, &size))
	return actor, size, err
}

// End ends an actor; harmless when it is already gone.
func End(actor Actor) error {
	return done(mkStop(uint64(actor)))
}

// List returns up to limit actors of this node.
func List(limit int) ([]Actor, error) {
	ids := make([]Actor, limit)
	var count uint32
	err := done(mkListActors(unsafe.Pointer(unsafe.SliceData(ids)), uint32(limit), &count))
	return ids[:min(int(count), limit)], err
}

// StatusOf tells how a guest of this node fares ("on probation, waiting"); empty when there is nothing to say or it is no guest.
func StatusOf(actor Actor) string {
	var text [nameBytesMax]byte
	n := mkActorStatus(uint64(actor), unsafe.Pointer(&text), uint32(len(text)))
	return string(text[:max(0, min(int(n), len(text)))])
}

// Register names this actor; refused when the name is taken or not a name.
func Register(name string) error {
	return done(mkRegister(name))
}

// Lookup returns the actor with that name, or 0.
func Lookup(name string) Actor {
	return Actor(mkLookup(name))
}

// NameOf returns the first name of an actor, empty when it has none.
func NameOf(actor Actor) string {
	var name [nameBytesMax]byte
	n := mkReverseLookup(uint64(actor), unsafe.Pointer(&name), uint32(len(name)))
	return string(name[:max(0, min(int(n), len(name)))])
}

// Names puts path=id lines of the names of all nodes that begin with prefix into buf, as many as fit; "..." is the last
// when there are more.
func Names(prefix string, buf []byte) ([]byte, error) {
	var size uint32
	if err := done(mkNsList(prefix, data(buf), uint32(len(buf)), &size)); err != nil {
		return nil, err
	}
	return buf[:min(int(size), len(buf))], nil
}

// NodeName returns the name of this node.
func NodeName() string {
	var name [nameBytesMax]byte
	n := mkNodeName(unsafe.Pointer(&name), uint32(len(name)))
	return string(name[:max(0, min(int(n), len(name)))])
}

// SaveState keeps a value under this actor's first name; it is on the disk when this returns. Waits.
func SaveState(key string, value []byte) error {
	return done(mkSaveState(key, data(value), uint32(len(value))))
}

// LoadState gives what was saved, also by an earlier life of this actor; refused when there is nothing, or buf is too small.
func LoadState(key string, buf []byte) ([]byte, error) {
	size := mkLoadState(key, data(buf), uint32(len(buf)))
	if size < 0 {
		return nil, done(size)
	}
	return buf[:size], nil
}

// ReadFile reads a whole file of the node into buf; refused when it is missing, not granted or larger.
func ReadFile(path string, buf []byte) ([]byte, error) {
	var size uint32
	if err := done(mkReadFile(path, data(buf), uint32(len(buf)), &size)); err != nil {
		return nil, err
	}
	return buf[:min(int(size), len(buf))], nil
}

// HTTPGet waits for the whole answer and puts its body into buf; refused when there is none, when it is not granted, or
// when the body is larger.
func HTTPGet(url string, buf []byte) (status int, body []byte, err error) {
	var code, size uint32
	if err := done(mkHTTPGet(url, data(buf), uint32(len(buf)), &code, &size)); err != nil {
		return int(code), nil, err
	}
	return int(code), buf[:min(int(size), len(buf))], nil
}

// HTTP is a request whose answer's head has come. Close it.
type HTTP struct{ handle int32 }

// HTTPOpen sends a request and waits for the head of its answer. headers are lines of "Name: value", each ended by a
// newline.
func HTTPOpen(method, url, headers string, body []byte) (*HTTP, error) {
	handle := mkHTTPOpen(method, url, headers, data(body), uint32(len(body)))
	if handle <= 0 {
		return nil, done(-1)
	}
	return &HTTP{handle}, nil
}

// Status is the answer's: 200, 404, ...
func (h *HTTP) Status() int { return int(mkHTTPStatus(h.handle)) }

// Header is the value of the answer's first header of that name, "" when it has none.
func (h *HTTP) Header(name string) string {
	var value [1024]byte
	n := mkHTTPHeader(h.handle, name, unsafe.Pointer(&value), uint32(len(value)))
	return string(value[:max(0, min(int(n), len(value)))])
}

// Read waits for the next piece of the body: io.Reader but for its end, which is 0 and no error. Refused when it was cut
// off.
func (h *HTTP) Read(buf []byte) (int, error) {
	n := mkHTTPRead(h.handle, data(buf), uint32(len(buf)))
	if n < 0 {
		return 0, done(-1)
	}
	return int(n), nil
}

// Close ends the request, whole or not.
func (h *HTTP) Close() { mkHTTPClose(h.handle) }
