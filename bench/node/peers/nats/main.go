// SPDX-License-Identifier: Apache-2.0

// NATS: 64-byte messages between two clients, each a process, through its server, a process too. Clients publish without waiting, as
// its own benchmark does; a window keeps the slow consumer from being cut off.
//
//	nats oneway|roundtrip tcp [MILLISECONDS]
package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"sort"
	"strconv"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	messageBytes = 64
	ackEvery     = 1000
	window       = 50000
	warm         = 300 * time.Millisecond
)

func check(err error, what string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "nats: %s: %v\n", what, err)
		os.Exit(1)
	}
}

func connect(url string) *nats.Conn {
	for i := 0; ; i++ {
		c, err := nats.Connect(url)
		if err == nil {
			return c
		}
		if i == 200 {
			check(err, "connect")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func serve(port int) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, NoLog: true, NoSigs: true})
	check(err, "server")
	go s.Start()
	select {}
}

// Waits for an acknowledgement when too much is under way.
func sendMany(url string) {
	c := connect(url)
	acks := make(chan struct{}, 2*window/ackEvery)
	_, err := c.Subscribe("acks", func(*nats.Msg) { acks <- struct{}{} })
	check(err, "subscribe")
	check(c.Flush(), "flush")
	message := make([]byte, messageBytes)
	for credit := window; ; credit-- {
		for credit == 0 || len(acks) > 0 {
			<-acks
			credit += ackEvery
		}
		check(c.Publish("messages", message), "publish")
	}
}

func receiveMany(url string, span time.Duration) {
	c := connect(url)
	over := make(chan string)
	var count, began uint64
	var from time.Time
	start := time.Now().Add(warm)
	s, err := c.Subscribe("messages", func(m *nats.Msg) {
		count++
		if count%ackEvery != 0 {
			return
		}
		check(c.Publish("acks", nil), "publish")
		now := time.Now()
		if from.IsZero() && now.After(start) {
			from, began = now, count
		} else if !from.IsZero() && now.Sub(from) >= span {
			took := now.Sub(from).Seconds()
			over <- fmt.Sprintf("n=%d seconds=%.3f per_s=%.0f", count-began, took, float64(count-began)/took)
		}
	})
	check(err, "subscribe")
	check(s.SetPendingLimits(-1, -1), "limits")
	check(c.Flush(), "flush")
	run(url, "send")
	fmt.Println(<-over)
}

func echo(url string) {
	c := connect(url)
	_, err := c.Subscribe("there", func(m *nats.Msg) { check(c.Publish("back", m.Data), "publish") })
	check(err, "subscribe")
	check(c.Flush(), "flush")
	check(c.Publish("ready", nil), "publish")
	select {}
}

func throwAndCatch(url string, span time.Duration) {
	c := connect(url)
	ready, err := c.SubscribeSync("ready")
	check(err, "subscribe")
	back, err := c.SubscribeSync("back")
	check(err, "subscribe")
	check(c.Flush(), "flush")
	run(url, "echo")
	_, err = ready.NextMsg(10 * time.Second)
	check(err, "the other side")
	message := make([]byte, messageBytes)
	var took []time.Duration
	start := time.Now()
	for time.Since(start) < warm+span {
		before := time.Now()
		check(c.Publish("there", message), "publish")
		_, err := back.NextMsg(10 * time.Second)
		check(err, "receive")
		if before.Sub(start) > warm {
			took = append(took, time.Since(before))
		}
	}
	sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
	us := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
	fmt.Printf("n=%d p50_us=%.3f p99_us=%.3f\n", len(took), us(took[len(took)/2]), us(took[len(took)*99/100]))
}

var children []*exec.Cmd

// Another process of this program.
func run(args ...string) {
	self, err := os.Executable()
	check(err, "executable")
	child := exec.Command(self, args...)
	child.Stderr = os.Stderr
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	check(child.Start(), "start")
	children = append(children, child)
}

func main() {
	if len(os.Args) == 3 && os.Args[2] == "send" {
		sendMany(os.Args[1])
	}
	if len(os.Args) == 3 && os.Args[2] == "echo" {
		echo(os.Args[1])
	}
	if len(os.Args) == 3 && os.Args[1] == "serve" {
		port, err := strconv.Atoi(os.Args[2])
		check(err, "port")
		serve(port)
	}
	if len(os.Args) < 3 || os.Args[2] != "tcp" {
		fmt.Fprintln(os.Stderr, "usage: nats oneway|roundtrip tcp [MILLISECONDS]")
		os.Exit(2)
	}
	ms := 1000
	if len(os.Args) > 3 {
		var err error
		ms, err = strconv.Atoi(os.Args[3])
		check(err, "milliseconds")
	}
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	check(err, "a free port")
	port := probe.Addr().(*net.TCPAddr).Port
	probe.Close()
	url := fmt.Sprintf("nats://127.0.0.1:%d", port)
	run("serve", strconv.Itoa(port))
	span := time.Duration(ms) * time.Millisecond
	if os.Args[1] == "oneway" {
		receiveMany(url, span)
	} else {
		throwAndCatch(url, span)
	}
	for _, child := range children {
		child.Process.Kill()
		child.Wait()
	}
}
