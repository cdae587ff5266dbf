%% SPDX-License-Identifier: Apache-2.0
%%
%% The workloads of bench/actors written the way Erlang programs are: a process for each actor. Mailboxes have no bound
%% here, so nobody is refused. Run it on one scheduler (bench/run does): erl -noshell +S 1 +P 4000000 -run workloads main WORKLOAD
-module(workloads).
-export([main/1, idle_wait/1]).

%% The sizes of bench/actors/bench.h.
-define(PINGPONG_TRIPS, 1000000).
-define(COUNTING, 5000000).
-define(RING_ACTORS, 1000).
-define(RING_HOPS, 5000000).
-define(FJ_ACTORS, 60).
-define(FJ_MESSAGES, 100000).
-define(BIG_ACTORS, 1000).
-define(BIG_PINGS, 1000).
-define(SPAWN_ACTORS, 1000000).
-define(SPAWN_BATCH, 100).
-define(IDLE_ACTORS, 1000000).
-define(TIMERS, 1000000).
-define(TIMERS_SPAN_MS, 2000).
-define(PAYLOAD_MESSAGES, 2000000).
-define(PAYLOAD_BYTES, 256).

main([Name]) ->
    {N, Us, Extra} = work(list_to_atom(Name)),
    io:format("workload=~s peer=erlang n=~b seconds=~.6f ops_per_s=~b extra=~s~n",
              [Name, N, Us / 1.0e6, round(N * 1.0e6 / Us), Extra]),
    halt(0).

timed(N, Fun) ->
    {Us, _} = timer:tc(Fun),
    {N, Us, "-"}.

work(pingpong) -> timed(2 * ?PINGPONG_TRIPS, fun pingpong/0);
work(counting) -> timed(?COUNTING, fun counting/0);
work(threadring) -> timed(?RING_HOPS, fun threadring/0);
work(fjthroughput) -> timed(?FJ_ACTORS * ?FJ_MESSAGES, fun fjthroughput/0);
work(big) -> timed(2 * ?BIG_ACTORS * ?BIG_PINGS, fun big/0);
work(spawn) -> timed(?SPAWN_ACTORS, fun() -> spawn_all(?SPAWN_ACTORS) end);
work(payload) -> timed(?PAYLOAD_MESSAGES, fun payload/0);
work(idle) -> idle();
work(timers) -> timers().

random(State, Below) ->
    Next = (State * 1664525 + 1013904223) band 16#ffffffff,
    {Next, (Next * Below) bsr 32}.

%% ---- pingpong

pingpong() ->
    Other = spawn(fun play/0),
    open_and_play(Other, ?PINGPONG_TRIPS).

play() ->
    receive From -> From ! ball end,
    play().

open_and_play(_, 0) -> ok;
open_and_play(Other, Left) ->
    Other ! self(),
    receive ball -> open_and_play(Other, Left - 1) end.

%% ---- counting

counting() ->
    Counter = spawn(fun() -> count(0) end),
    count_send(Counter, ?COUNTING),
    Counter ! {total, self()},
    receive ?COUNTING -> ok end.

count_send(_, 0) -> ok;
count_send(Counter, Left) ->
    Counter ! one,
    count_send(Counter, Left - 1).

count(Total) ->
    receive
        one -> count(Total + 1);
        {total, From} -> From ! Total
    end.

%% ---- threadring

threadring() ->
    Self = self(),
    First = spawn(fun() -> receive {next, Next} -> pass(Next, Self) end end),
    Last = lists:foldl(fun(_, Next) -> spawn(fun() -> pass(Next, Self) end) end, First, lists:seq(2, ?RING_ACTORS)),
    First ! {next, Last},
    First ! ?RING_HOPS,
    receive done -> ok end.

pass(Next, Main) ->
    receive
        0 -> Main ! done;
        Left -> Next ! Left - 1, pass(Next, Main)
    end.

%% ---- fjthroughput

fjthroughput() ->
    Self = self(),
    Workers = [spawn(fun() -> take(?FJ_MESSAGES, Self) end) || _ <- lists:seq(1, ?FJ_ACTORS)],
    feed(Workers, ?FJ_MESSAGES),
    [receive done -> ok end || _ <- Workers].

feed(_, 0) -> ok;
feed(Workers, Left) ->
    [Worker ! work || Worker <- Workers],
    feed(Workers, Left - 1).

take(0, Main) -> Main ! done;
take(Left, Main) ->
    receive work -> take(Left - 1, Main) end.

%% ---- big

big() ->
    Self = self(),
    Everybody = [spawn(fun() -> receive {all, All} -> take_part(All, I, ?BIG_PINGS, Self) end end)
                 || I <- lists:seq(0, ?BIG_ACTORS - 1)],
    All = list_to_tuple(Everybody),
    [One ! {all, All} || One <- Everybody],
    [One ! pong || One <- Everybody],
    [receive done -> ok end || _ <- Everybody].

take_part(All, State, Left, Main) ->
    receive
        {ping, From} ->
            From ! pong,
            take_part(All, State, Left, Main);
        pong when Left =:= 0 ->
            Main ! done,
            take_part(All, State, Left, Main);
        pong ->
            {Next, Which} = random(State, ?BIG_ACTORS),
            element(Which + 1, All) ! {ping, self()},
            take_part(All, Next, Left - 1, Main)
    end.

%% ---- spawn

spawn_all(0) -> ok;
spawn_all(Left) ->
    Self = self(),
    [spawn(fun() -> receive live -> Self ! lived end end) ! live || _ <- lists:seq(1, ?SPAWN_BATCH)],
    [receive lived -> ok end || _ <- lists:seq(1, ?SPAWN_BATCH)],
    spawn_all(Left - ?SPAWN_BATCH).

%% ---- payload: a binary above 64 bytes is shared, so each is made by copying one

payload() ->
    Self = self(),
    Consumer = spawn(fun() -> consume(?PAYLOAD_MESSAGES, 0, Self) end),
    payload_send(Consumer, binary:copy(<<1>>, ?PAYLOAD_BYTES), ?PAYLOAD_MESSAGES),
    receive 2 * ?PAYLOAD_MESSAGES -> ok end.

payload_send(_, _, 0) -> ok;
payload_send(Consumer, Bytes, Left) ->
    Consumer ! binary:copy(Bytes),
    payload_send(Consumer, Bytes, Left - 1).

consume(0, Sum, Main) -> Main ! Sum;
consume(Left, Sum, Main) ->
    receive Bytes -> consume(Left - 1, Sum + binary:first(Bytes) + binary:last(Bytes), Main) end.

%% ---- idle: hibernating, which is the least that a process can weigh

resident_bytes() ->
    {ok, Text} = file:read_file("/proc/self/statm"),
    [_, Pages | _] = string:lexemes(binary_to_list(Text), " "),
    list_to_integer(Pages) * 4096.

idle() ->
    Self = self(),
    Before = resident_bytes(),
    {Us, _} = timer:tc(fun() -> idle_spawn(Self, ?IDLE_ACTORS) end),
    Bytes = (resident_bytes() - Before) / ?IDLE_ACTORS,
    {?IDLE_ACTORS, Us, io_lib:format("bytes_per_actor=~.1f", [Bytes])}.

idle_spawn(_, 0) -> ok;
idle_spawn(Self, Left) ->
    spawn(fun() -> idle_wait(Self) end) ! hello,
    receive greeted -> idle_spawn(Self, Left - 1) end.

idle_wait(Main) ->
    receive hello -> Main ! greeted, erlang:hibernate(?MODULE, idle_wait, [Main]) end.

%% ---- timers

timers() ->
    process_flag(message_queue_data, off_heap), % else each collection walks what waits
    Start = erlang:monotonic_time(microsecond),
    arm(?TIMERS, 0),
    Us = erlang:monotonic_time(microsecond) - Start,
    Late = lists:sort(late(?TIMERS, [])),
    P99 = lists:nth(?TIMERS - ?TIMERS div 100, Late) / 1000,
    {?TIMERS, Us, io_lib:format("p99_late_ms=~.3f", [P99])}.

arm(0, _) -> ok;
arm(Left, State) ->
    {Next, WaitMs} = random(State, ?TIMERS_SPAN_MS + 1),
    erlang:send_after(WaitMs, self(), erlang:monotonic_time(microsecond) + WaitMs * 1000),
    arm(Left - 1, Next).

late(0, Late) -> Late;
late(Left, Late) ->
    receive DueUs -> late(Left - 1, [erlang:monotonic_time(microsecond) - DueUs | Late]) end.
