%% SPDX-License-Identifier: Apache-2.0
%% Erlang distribution: 64-byte binaries from a process of one node to one of another, and there and back. The sender is suspended
%% when the connection's buffer is full; the receiver's mailbox has no bound, so a window keeps it short.
%%     node_peer:serve(Kind, Ms): the node that is called, prints the figure of `oneway`; node_peer:call(Kind, Node, Ms)
-module(node_peer).
-export([serve/2, call/3]).

-define(WARM_MS, 300).
-define(ACK_EVERY, 1000).
-define(WINDOW, 20000).

serve(oneway, Ms) ->
    register(peer, self()),
    receive {from, Sender} -> ok end,
    count(Sender, 0, ms() + ?WARM_MS, none, Ms);
serve(roundtrip, _) ->
    register(peer, self()),
    echo().

call(Kind, Node, Ms) ->
    Peer = wait_for(Node, 500),
    case Kind of
        oneway -> Peer ! {from, self()}, send(Peer, binary:copy(<<0>>, 64), ?WINDOW);
        roundtrip -> throw_and_catch(Peer, binary:copy(<<0>>, 64), ms(), Ms, [])
    end.

ms() -> erlang:monotonic_time(millisecond).

wait_for(Node, N) when N > 0 ->
    case rpc:call(Node, erlang, whereis, [peer]) of
        Peer when is_pid(Peer) -> Peer;
        _ -> timer:sleep(20), wait_for(Node, N - 1)
    end.

count(Sender, N, Start, From, Ms) ->
    receive B when is_binary(B) -> ok end,
    N1 = N + 1,
    case N1 rem ?ACK_EVERY of
        0 ->
            Sender ! ack,
            Now = ms(),
            case From of
                none when Now >= Start -> count(Sender, N1, Start, {Now, N1}, Ms);
                {T, N0} when Now - T >= Ms ->
                    io:format("n=~b seconds=~.3f per_s=~b~n", [N1 - N0, (Now - T) / 1000, (N1 - N0) * 1000 div (Now - T)]);
                _ -> count(Sender, N1, Start, From, Ms)
            end;
        _ -> count(Sender, N1, Start, From, Ms)
    end.

send(Peer, B, 0) -> receive ack -> send(Peer, B, ?ACK_EVERY) end;
send(Peer, B, Credit) -> Peer ! B, send(Peer, B, Credit - 1).

echo() -> receive {From, B} -> From ! B end, echo().

throw_and_catch(Peer, B, Start, Ms, Took) ->
    T = erlang:monotonic_time(nanosecond),
    Peer ! {self(), B},
    receive B -> ok end,
    Us = (erlang:monotonic_time(nanosecond) - T) / 1000,
    Gone = ms() - Start,
    if Gone < ?WARM_MS -> throw_and_catch(Peer, B, Start, Ms, Took);
       Gone < ?WARM_MS + Ms -> throw_and_catch(Peer, B, Start, Ms, [Us | Took]);
       true ->
            Sorted = lists:sort(Took), N = length(Sorted),
            io:format("n=~b p50_us=~.3f p99_us=~.3f~n", [N, lists:nth(N div 2 + 1, Sorted), lists:nth(N - N div 100, Sorted)])
    end.
