// SPDX-License-Identifier: Apache-2.0

// The workloads of bench/actors written the way Go programs are: a goroutine and a channel for each actor, on one
// processor. A channel holds as many messages as a mailbox there. Usage: go-peer WORKLOAD
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"time"
)

// The sizes of bench/actors/bench.h.
const (
	mailbox         = 64
	pingpongTrips   = 1000000
	countingN       = 5000000
	ringActors      = 1000
	ringHops        = 5000000
	fjActors        = 60
	fjMessages      = 100000
	bigActors       = 1000
	bigPings        = 1000
	spawnActors     = 1000000
	spawnBatch      = 100
	idleActors      = 1000000
	timersN         = 1000000
	timersSpanMs    = 2000
	payloadMessages = 2000000
	payloadBytes    = 256
)

// What an actor is sent; a reply goes to where `source` says.
type message struct {
	source chan message
	kind   uint32
	value  uint32
}

func random(state *uint32, below uint32) uint32 {
	*state = *state*1664525 + 1013904223
	return uint32(uint64(*state) * uint64(below) >> 32)
}

func check(ok bool, what string) {
	if !ok {
		fmt.Fprintln(os.Stderr, "failed:", what)
		os.Exit(1)
	}
}

func pingpong() (int, string) {
	a, b := make(chan message, mailbox), make(chan message, mailbox)
	go func() {
		for m := range b {
			m.source <- message{source: b}
		}
	}()
	for i := 0; i < pingpongTrips; i++ {
		b <- message{source: a}
		<-a
	}
	return 2 * pingpongTrips, "-"
}

func counting() (int, string) {
	counter, total := make(chan message, mailbox), make(chan message, 1)
	go func() {
		counted := uint32(0)
		for m := range counter {
			if m.source != nil {
				m.source <- message{value: counted}
			} else {
				counted++
			}
		}
	}()
	for i := 0; i < countingN; i++ {
		counter <- message{}
	}
	counter <- message{source: total}
	check((<-total).value == countingN, "every message was counted")
	return countingN, "-"
}

func threadring() (int, string) {
	var ring [ringActors]chan message
	for i := range ring {
		ring[i] = make(chan message, mailbox)
	}
	done := make(chan bool)
	for i := range ring {
		go func(in, out chan message) {
			for m := range in {
				if m.value == 0 {
					done <- true
					return
				}
				out <- message{value: m.value - 1}
			}
		}(ring[i], ring[(i+1)%ringActors])
	}
	ring[0] <- message{value: ringHops}
	<-done
	return ringHops, "-"
}

func fjthroughput() (int, string) {
	var workers [fjActors]chan message
	done := make(chan bool)
	for i := range workers {
		workers[i] = make(chan message, mailbox)
		go func(in chan message) {
			for left := fjMessages; left > 0; left-- {
				<-in
			}
			done <- true
		}(workers[i])
	}
	for n := 0; n < fjMessages; n++ {
		for _, worker := range workers {
			worker <- message{}
		}
	}
	for range workers {
		<-done
	}
	return fjActors * fjMessages, "-"
}

const (
	ping = 1
	pong = 2
)

func big() (int, string) {
	var everybody [bigActors]chan message
	for i := range everybody {
		everybody[i] = make(chan message, bigActors) // never more than one ping from each: nobody may wait for another
	}
	done := make(chan bool)
	for i := range everybody {
		go func(in chan message, state uint32) {
			left := bigPings
			for m := range in {
				if m.kind == ping {
					m.source <- message{source: in, kind: pong}
				} else if left > 0 {
					left--
					everybody[random(&state, bigActors)] <- message{source: in, kind: ping}
				} else {
					done <- true
				}
			}
		}(everybody[i], uint32(i))
	}
	for _, one := range everybody {
		one <- message{kind: pong}
	}
	for range everybody {
		<-done
	}
	return 2 * bigActors * bigPings, "-"
}

func spawn() (int, string) {
	ended := make(chan bool, spawnBatch)
	for left := spawnActors; left > 0; left -= spawnBatch {
		for i := 0; i < spawnBatch; i++ {
			in := make(chan message, 1)
			go func() {
				<-in
				ended <- true
			}()
			in <- message{}
		}
		for i := 0; i < spawnBatch; i++ {
			<-ended
		}
	}
	return spawnActors, "-"
}

func residentBytes() uint64 {
	var total, resident uint64
	text, err := os.ReadFile("/proc/self/statm")
	check(err == nil, "/proc/self/statm")
	fmt.Sscan(string(text), &total, &resident)
	return resident * uint64(os.Getpagesize())
}

func idle() (int, string) {
	keep := make([]chan message, idleActors)
	greeted := make(chan bool, 1)
	before := residentBytes()
	for i := range keep {
		in := make(chan message, 1)
		keep[i] = in
		go func() {
			for range in {
				greeted <- true
			}
		}()
		in <- message{}
		<-greeted
	}
	bytes := float64(residentBytes()-before) / idleActors
	runtime.KeepAlive(keep)
	return idleActors, fmt.Sprintf("bytes_per_actor=%.1f", bytes)
}

// The arming, which is what is timed, ends before the firing does.
func timers() (int, float64, string) {
	due, late := make([]int64, timersN), make([]int64, timersN)
	fired := make(chan int, timersN)
	state := uint32(0)
	start := time.Now()
	for i := 0; i < timersN; i++ {
		i, wait := i, time.Duration(random(&state, timersSpanMs+1))*time.Millisecond
		due[i] = int64(time.Since(start) + wait)
		time.AfterFunc(wait, func() {
			late[i] = int64(time.Since(start)) - due[i]
			fired <- i
		})
	}
	seconds := time.Since(start).Seconds()
	for i := 0; i < timersN; i++ {
		<-fired
	}
	sort.Slice(late, func(a, b int) bool { return late[a] < late[b] })
	return timersN, seconds, fmt.Sprintf("p99_late_ms=%.3f", float64(late[timersN-1-timersN/100])/1e6)
}

func payload() (int, string) {
	type data struct{ bytes []byte }
	consumer, sum := make(chan data, mailbox), make(chan int)
	go func() {
		total := 0
		for i := 0; i < payloadMessages; i++ {
			d := <-consumer
			total += int(d.bytes[0]) + int(d.bytes[payloadBytes-1])
		}
		sum <- total
	}()
	var words [payloadBytes]byte
	sent := 0
	for i := 0; i < payloadMessages; i++ {
		words[0] = byte(i)
		sent += int(words[0])
		copied := make([]byte, payloadBytes)
		copy(copied, words[:])
		consumer <- data{copied}
	}
	check(<-sum == sent, "first and last bytes arrived")
	return payloadMessages, "-"
}

func main() {
	runtime.GOMAXPROCS(1)
	workloads := map[string]func() (int, string){"pingpong": pingpong, "counting": counting, "threadring": threadring,
		"fjthroughput": fjthroughput, "big": big, "spawn": spawn, "idle": idle, "payload": payload}
	if len(os.Args) != 2 || workloads[os.Args[1]] == nil && os.Args[1] != "timers" {
		fmt.Fprintln(os.Stderr, "usage: go-peer pingpong|counting|threadring|fjthroughput|big|spawn|idle|timers|payload")
		os.Exit(2)
	}
	name, n, seconds, extra := os.Args[1], 0, 0.0, "-"
	if name == "timers" {
		n, seconds, extra = timers()
	} else {
		start := time.Now()
		n, extra = workloads[name]()
		seconds = time.Since(start).Seconds()
	}
	fmt.Printf("workload=%s peer=go n=%d seconds=%.6f ops_per_s=%.0f extra=%s\n", name, n, seconds, float64(n)/seconds, extra)
}
