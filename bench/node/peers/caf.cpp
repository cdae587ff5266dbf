// SPDX-License-Identifier: Apache-2.0
// caf.cpp -- CAF (C++ Actor Framework): 64-byte messages between actors of two processes. It bounds nothing by itself, so the receiver
// acknowledges every so many and the sender keeps a window, as a program that should not run out of memory has to.
//
//     caf oneway|roundtrip tcp [MILLISECONDS]
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <unistd.h>

#include "../kit.h"
#include "caf/all.hpp"
#include "caf/io/all.hpp"

using namespace caf;

namespace {

constexpr uint64_t ack_every = 500, window = 20000;

bool        oneway;
kit_rate_t  rate;
kit_trips_t trips;
uint16_t    port;

using bytes = std::vector<uint8_t>;

struct counter {
  uint64_t handled = 0;
};

// Answers every so many.
behavior receiver(stateful_actor<counter>* self) {
  return {[self](const bytes&) {
    if (++self->state.handled % ack_every == 0)
      self->send(actor_cast<actor>(self->current_sender()), ok_atom::value);
    if (kit_rate(&rate, 1))
      exit(0);
  }};
}

struct state {
  uint64_t credit = window;
};

behavior sender(stateful_actor<state>* self, actor to) {
  auto fill = [self, to] {
    for (; self->state.credit > 0; --self->state.credit)
      self->send(to, bytes(MESSAGE_BYTES));
  };
  fill();
  return {[self, fill](ok_atom) {
    self->state.credit += ack_every;
    fill();
  }};
}

behavior echo(event_based_actor* self) {
  return {[self](bytes& message) { self->send(actor_cast<actor>(self->current_sender()), std::move(message)); }};
}

behavior thrower(event_based_actor* self, actor to) {
  kit_trip(&trips);
  self->send(to, bytes(MESSAGE_BYTES));
  return {[self, to](bytes& message) {
    if (kit_trip(&trips))
      exit(0);
    self->send(to, std::move(message));
  }};
}

// The side that is called: the receiver, or who throws back.
void serve(actor_system& system) {
  auto self = oneway ? system.spawn(receiver) : system.spawn(echo);
  kit_check(bool(system.middleman().publish(self, port, "127.0.0.1")), "publish");
}

void call(actor_system& system) {
  for (int i = 0; i < 500; ++i) {
    if (auto to = system.middleman().remote_actor("127.0.0.1", port)) {
      if (oneway)
        system.spawn(sender, *to);
      else
        system.spawn(thrower, *to);
      return;
    }
    usleep(10000);
  }
  kit_check(false, "connect");
}

void run(int core, void (*part)(actor_system&)) {
  kit_pin(core);
  actor_system_config config;
  config.load<io::middleman>();
  config.add_message_type<bytes>("bytes");
  config.set("scheduler.max-threads", 1);
  actor_system system{config};
  part(system);
  system.await_all_actors_done();
}

void other(void*) {
  run(1, oneway ? call : serve);
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 3 || strcmp(argv[2], "tcp") != 0) {
    fprintf(stderr, "usage: caf oneway|roundtrip tcp [MILLISECONDS]\n");
    return 2;
  }
  oneway = strcmp(argv[1], "oneway") == 0;
  rate.ms = trips.ms = argc > 3 ? strtoul(argv[3], nullptr, 10) : 1000;
  port = kit_free_port();
  kit_fork(other, nullptr);
  run(0, oneway ? serve : call);
}
