// SPDX-License-Identifier: Apache-2.0

// The peer Go: net/http for the answers, gorilla/websocket for the echo, on one core.
//
//	go-peer http PORT BYTES [CERT KEY] | go-peer ws PORT
package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"

	"github.com/gorilla/websocket"
)

func usage() {
	fmt.Fprintln(os.Stderr, "usage: go-peer http PORT BYTES [CERT KEY] | ws PORT")
	os.Exit(2)
}

func answer(size int) http.HandlerFunc {
	body := bytes.Repeat([]byte("x"), size)
	if size == 2 {
		body = []byte("ok")
	}
	length := []string{strconv.Itoa(size)}
	kind := []string{"text/plain"}
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Length"] = length
		w.Header()["Content-Type"] = kind
		w.Write(body)
	}
}

func echo(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{ReadBufferSize: 65536, WriteBufferSize: 65536}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	var message bytes.Buffer
	for {
		kind, reader, err := conn.NextReader()
		if err != nil {
			return
		}
		message.Reset()
		if _, err := io.Copy(&message, reader); err != nil {
			return
		}
		if err := conn.WriteMessage(kind, message.Bytes()); err != nil {
			return
		}
	}
}

func main() {
	runtime.GOMAXPROCS(1)
	log.SetOutput(io.Discard) // a client that leaves is not worth a line
	if len(os.Args) < 3 {
		usage()
	}
	server := &http.Server{}
	switch {
	case os.Args[1] == "ws":
		server.Handler = http.HandlerFunc(echo)
	case os.Args[1] == "http" && len(os.Args) >= 4:
		size, err := strconv.Atoi(os.Args[3])
		if err != nil {
			usage()
		}
		server.Handler = answer(size)
	default:
		usage()
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[2])
	if err == nil && len(os.Args) == 6 {
		server.TLSConfig = &tls.Config{NextProtos: []string{"http/1.1"}}
		err = server.ServeTLS(listener, os.Args[4], os.Args[5])
	} else if err == nil {
		err = server.Serve(listener)
	}
	fmt.Fprintln(os.Stderr, "go-peer:", err)
	os.Exit(1)
}
