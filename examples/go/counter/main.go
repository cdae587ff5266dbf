// SPDX-License-Identifier: Apache-2.0

// Counter counts messages, in a plain loop that waits for each.
//
// The first message starts the loop; from then on the handler does not return until the actor is asked to stop, and
// the count is a local variable. 100 counts; 110 is answered with 111 and the count in decimal; anything else is
// ignored.
package main

import (
	"strconv"

	"microkernel/mk"
)

const (
	count = 100
	query = 110
	total = 111
)

// A message larger than this still counts: its bytes are not needed.
const payloadBytes = 16

func handle(msg mk.Message) bool {
	var buf [payloadBytes]byte
	var counted uint64
	for msg.Type != mk.Stop {
		switch msg.Type {
		case count:
			counted++
		case query:
			_ = msg.Reply(total, strconv.AppendUint(nil, counted, 10))
		}
		var err error
		if msg, err = mk.Recv(buf[:]); err != nil {
			mk.Log(mk.Error, "counter: cannot wait here: "+err.Error())
			return false
		}
	}
	return false
}

func init() { mk.Serve(handle) }

func main() {}
