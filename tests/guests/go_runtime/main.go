// SPDX-License-Identifier: Apache-2.0

// What standard Go's runtime asks of a node: output, clocks, sleep, goroutines, garbage collection, a panic, an end.
package main

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"microkernel/mk"
)

const (
	ping   = 2
	pong   = 3
	result = 4

	say       = 10 // fmt.Println of the payload: the console
	complain  = 11 // the same to os.Stderr: the log
	nap       = 12 // time.Sleep of 20 ms; RESULT: milliseconds it took by Go's own clock
	farm      = 13 // sums 0 to 999 by ten goroutines; RESULT: 499500
	garbage   = 14 // collects with payloads at hand; RESULT: bytes of the kept payloads that changed
	keep      = 15 // keeps its payload, which follows the pattern i * 7 + n, for `garbage`
	surprise  = 16 // panics
	exit      = 17 // os.Exit(3)
	deadlock  = 18 // waits for a channel nobody writes to
	arguments = 19 // RESULT: number of arguments and environment variables
)

var kept [][]byte

func sum() uint32 {
	parts := make(chan uint32)
	for g := uint32(0); g < 10; g++ {
		go func() {
			var part uint32
			for i := g * 100; i < g*100+100; i++ {
				part += i
				if i%10 == 0 {
					runtime.Gosched()
				}
			}
			parts <- part
		}()
	}
	var total uint32
	for g := 0; g < 10; g++ {
		total += <-parts
	}
	return total
}

func collect() (wrong uint32) {
	var heap [][]byte
	for i := 0; i < 200; i++ {
		heap = append(heap, make([]byte, 20000))
		if i%20 == 0 {
			heap = nil
			runtime.GC()
		}
	}
	runtime.KeepAlive(heap)
	for _, payload := range kept {
		for i, b := range payload {
			if b != byte(i*7+len(payload)) {
				wrong++
			}
		}
	}
	return wrong
}

func handle(msg mk.Message) bool {
	reply := func(value uint32) { _ = mk.SendUint32(msg.Source, result, value) }
	switch msg.Type {
	case mk.Stop:
		return false
	case ping:
		_ = msg.Reply(pong, msg.Payload)
	case say:
		fmt.Println(string(msg.Payload))
	case complain:
		fmt.Fprintln(os.Stderr, string(msg.Payload))
	case nap:
		start := time.Now()
		time.Sleep(20 * time.Millisecond)
		reply(uint32(time.Since(start).Milliseconds()))
	case farm:
		reply(sum())
	case garbage:
		reply(collect())
	case keep:
		kept = append(kept, msg.Payload)
	case surprise:
		panic(string(msg.Payload))
	case exit:
		os.Exit(3)
	case deadlock:
		<-make(chan bool)
	case arguments:
		reply(uint32(len(os.Args) + len(os.Environ())))
	}
	return true
}

func init() { mk.Serve(handle) }

func main() {}
