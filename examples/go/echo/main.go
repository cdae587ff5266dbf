// SPDX-License-Identifier: Apache-2.0

// Echo answers every message with the same payload and the type plus one.
package main

import "microkernel/mk"

func handle(msg mk.Message) bool {
	if msg.Type == mk.Stop {
		return false
	}
	if msg.Type < mk.System {
		_ = msg.Reply(msg.Type+1, msg.Payload) // refused: the asker is gone, nobody is left to tell
	}
	return true
}

func init() { mk.Serve(handle) }

func main() {}
