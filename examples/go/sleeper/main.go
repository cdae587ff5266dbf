// SPDX-License-Identifier: Apache-2.0

// Sleeper does as echo, but takes 100 ms over each reply while everybody else keeps running.
package main

import (
	"time"

	"microkernel/mk"
)

const nap = 100 * time.Millisecond

func handle(msg mk.Message) bool {
	if msg.Type == mk.Stop {
		return false
	}
	if msg.Type < mk.System {
		if err := mk.Sleep(nap); err != nil {
			mk.Log(mk.Warn, "sleeper: cannot sleep here: "+err.Error())
		}
		_ = msg.Reply(msg.Type+1, msg.Payload)
	}
	return true
}

func init() { mk.Serve(handle) }

func main() {}
