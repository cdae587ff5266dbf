# SPDX-License-Identifier: Apache-2.0
"""Turns the public tests into one file for run.c: numbers are LEB128 and texts have their length in front, as in a module.

    file    = mode (a byte), bytes of module `spectest`, command*
    command = its letter, then:
      F name                                  a .wast file begins, with nothing left of the one before
      M line name shared bytes                module; shared: others will import from it
      R line as name                          register; no name: the module that came last
      A line action                           action
      E line action count (type how value)*   assert_return; how: see below
      T line action text                      assert_trap, assert_exhaustion
      I line text bytes                       assert_invalid, assert_malformed
      U line text bytes                       assert_unlinkable
      N line text bytes                       assert_uninstantiable, and assert_trap of a module
      S line reason                           skipped
    action  = i or g, name of module, name of export, count, (type value)*
    how     = '=' these bits, 'c' a canonical NaN, 'a' an arithmetic NaN, 'r' any reference but null
"""
import json

from loader import convert

TYPES = {"i32": 0x7F, "i64": 0x7E, "f32": 0x7D, "f64": 0x7C, "funcref": 0x70, "externref": 0x6F}
HOW = {"nan:canonical": "c", "nan:arithmetic": "a"}


def number(value):
    """Unsigned LEB128."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def signed(value):
    """64 bits as signed LEB128: that is what the engine's reader knows for them."""
    value -= value >> 63 << 64
    out = bytearray()
    while not -64 <= value < 64:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)


def data(content):
    return number(len(content)) + content


def text(content):
    return data(content.encode())


def bits(value):
    """An externref of the host is its number plus one, so that null stays 0."""
    if value["type"] in ("externref", "funcref"):
        return 0 if value["value"] == "null" else int(value["value"]) + 1
    return int(value["value"])


def argument(value):
    return bytes([TYPES[value["type"]]]) + signed(bits(value))


def result(value):
    how = "r" if "value" not in value else HOW.get(value["value"], "=")
    return bytes([TYPES[value["type"]]]) + how.encode() + signed(bits(value) if how == "=" else 0)


def action(what):
    args = what.get("args", [])
    kind = {"invoke": b"i", "get": b"g"}[what["type"]]
    return (kind + text(what.get("module", "")) + text(what["field"]) + number(len(args)) +
            b"".join(argument(arg) for arg in args))


def shared_modules(commands):
    """Those whose exports others may import: the places of modules that are registered later."""
    shared, named, last = set(), {}, None
    for place, command in enumerate(commands):
        if command["type"] == "module":
            last = place
            named[command.get("name")] = place
        elif command["type"] == "register":
            shared.add(named[command["name"]] if "name" in command else last)
    return shared


def encode(command, shared, folder):
    kind, line = command["type"], number(command["line"])
    if command.get("module_type") == "text":
        return b"S" + line + text(f"{kind.removeprefix('assert_')} as text: not read by an engine")
    content = data((folder / command["filename"]).read_bytes()) if "filename" in command else b""
    if kind == "module":
        return b"M" + line + text(command.get("name", "")) + bytes([shared]) + content
    if kind == "register":
        return b"R" + line + text(command["as"]) + text(command.get("name", ""))
    if kind == "action":
        return b"A" + line + action(command["action"])
    if kind == "assert_return":
        expected = command["expected"]
        return b"E" + line + action(command["action"]) + number(len(expected)) + b"".join(map(result, expected))
    if kind in ("assert_trap", "assert_exhaustion") and "action" in command:
        return b"T" + line + action(command["action"]) + text(command["text"])
    letter = {"assert_invalid": b"I", "assert_malformed": b"I", "assert_unlinkable": b"U",
              "assert_uninstantiable": b"N", "assert_trap": b"N"}[kind]
    return letter + line + text(command["text"]) + content


def commands_of(wast, name, folder):
    """The commands of one file; folder is for the modules. SystemExit: wabt cannot read it."""
    complaint = convert(wast, folder / "all.json")
    if complaint:
        raise SystemExit(f"{name}: {complaint}")
    commands = json.loads((folder / "all.json").read_bytes())["commands"]
    shared = shared_modules(commands)
    return b"F" + text(name) + b"".join(encode(command, place in shared, folder)
                                        for place, command in enumerate(commands))
