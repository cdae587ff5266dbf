# SPDX-License-Identifier: Apache-2.0
"""Where the modules that two engines are compared with come from: made up by binaryen, damaged, or out of the public tests."""
import subprocess

# What both engines take, in binaryen's words.
FEATURES = ["--mvp-features", "--enable-sign-ext", "--enable-mutable-globals", "--enable-nontrapping-float-to-int",
            "--enable-bulk-memory", "--enable-reference-types", "--enable-multivalue", "--enable-tail-call",
            "--enable-extended-const"]
# Half of what it makes up with references is of types that came later.
NO_REFERENCES = ["--disable-reference-types"]
IMPORT, FUNCTION, TABLE, MEMORY, GLOBAL, EXPORT, CODE = 2, 3, 4, 5, 6, 7, 10

# Opcodes of one type: each may stand where another of its row stood.
ALIKE = [bytes(range(0x46, 0x50)), bytes(range(0x51, 0x5B)), bytes(range(0x5B, 0x61)), bytes(range(0x61, 0x67)),
         bytes(range(0x67, 0x6A)), bytes(range(0x6A, 0x79)), bytes(range(0x79, 0x7C)), bytes(range(0x7C, 0x8B)),
         bytes(range(0x8B, 0x92)), bytes(range(0x92, 0x99)), bytes(range(0x99, 0xA0)), bytes(range(0xA0, 0xA7)),
         bytes([0xA8, 0xA9, 0xBC]), bytes([0xAA, 0xAB]), bytes([0xAC, 0xAD]), bytes([0xAE, 0xAF]), bytes([0xB0, 0xB1, 0xBD]),
         bytes([0xB2, 0xB3, 0xBE]), bytes([0xB4, 0xB5]), bytes([0xB7, 0xB8]), bytes([0xB9, 0xBA, 0xBF]),
         bytes([0x28, 0x2C, 0x2D, 0x2E, 0x2F]), bytes([0x29, *range(0x30, 0x36)]), bytes([0x36, 0x3A, 0x3B]),
         bytes([0x37, 0x3C, 0x3D, 0x3E]), bytes([0x0C, 0x0D]), bytes([0x02, 0x03]), bytes([0x20, 0x22]), bytes([0xC0, 0xC1]),
         bytes([0xC2, 0xC3, 0xC4]), bytes([0x21, 0x24]), bytes([0x20, 0x23])]


class Malformed(Exception):
    pass


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def byte(self):
        self.at += 1
        if self.at > len(self.data):
            raise Malformed
        return self.data[self.at - 1]

    def number(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def bytes(self, count):
        self.at += count
        if self.at > len(self.data):
            raise Malformed
        return self.data[self.at - count:self.at]

    def limits(self):
        flags = self.byte()
        self.number()
        if flags & 1:
            self.number()


def leb(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def sections(module):
    """(id, body) of each."""
    reader, found = Reader(module[8:]), []
    while reader.at < len(reader.data):
        ident = reader.byte()
        found.append((ident, reader.bytes(reader.number())))
    return found


def join(found):
    return b"\0asm\1\0\0\0" + b"".join(bytes([ident]) + leb(len(body)) + body for ident, body in found)


def count_imports(body):
    counts, reader = [0, 0, 0, 0], Reader(body)
    for _ in range(reader.number()):
        reader.bytes(reader.number())
        reader.bytes(reader.number())
        kind = reader.byte()
        counts[kind] += 1
        if kind == 0:
            reader.number()
        elif kind == 1:
            reader.byte()
            reader.limits()
        elif kind == 2:
            reader.limits()
        else:
            reader.bytes(2)
    return counts


def widen(module):
    """The same module with everything in it exported, so that all of it can be called and looked at."""
    try:
        found = sections(module)
        bodies = dict(found)
        counts = count_imports(bodies[IMPORT]) if IMPORT in bodies else [0, 0, 0, 0]
        first_function = counts[0]
        for kind, ident in enumerate((FUNCTION, TABLE, MEMORY, GLOBAL)):
            if ident in bodies:
                counts[kind] += Reader(bodies[ident]).number()
        reader = Reader(bodies.get(EXPORT, b"\0"))
        total, entries = reader.number(), reader.data[reader.at:]
    except (Malformed, IndexError):
        return module
    for kind, letter in enumerate("ftmg"):
        for index in range(first_function if kind == 0 else 0, counts[kind]):
            name = f"~{letter}{index}".encode()
            entries += leb(len(name)) + name + bytes([kind]) + leb(index)
            total += 1
    found = [section for section in found if section[0] != EXPORT]
    behind = [i for i, (ident, _) in enumerate(found) if ident > EXPORT]
    found.insert(behind[0] if behind else len(found), (EXPORT, leb(total) + entries))
    return join(found)


def instructions(body):
    """Where in a code section instructions stand: a range for each function."""
    reader, ranges = Reader(body), []
    for _ in range(reader.number()):
        size = reader.number()
        end = reader.at + size
        for _ in range(reader.number()):
            reader.number()
            reader.byte()
        ranges.append(range(reader.at, end))
        reader.bytes(end - reader.at)
    return [r for r in ranges if len(r) > 1]


def damage(rng, module):
    """A few bytes changed, most of them within code and so that the types still fit."""
    found = sections(module)
    bodies = [bytearray(body) for _, body in found]
    code = next((i for i, (ident, _) in enumerate(found) if ident == CODE), None)
    places = instructions(found[code][1]) if code is not None else []
    for _ in range(rng.choice((1, 1, 2, 3, 5, 8))):
        if places and rng.random() < 0.95:
            body, at = bodies[code], rng.choice(rng.choice(places))
        else:
            body = rng.choice(bodies)
            at = rng.randrange(len(body)) if body else 0
        if not body:
            continue
        kind = rng.randrange(8)
        rows = [row for row in ALIKE if body[at] in row]
        if kind < 5 and rows:
            body[at] = rng.choice(rng.choice(rows))
        elif kind == 5:
            body[at] ^= 1 << rng.randrange(7)
        elif kind == 6:
            body[at] = (body[at] + rng.choice((-1, 1))) % 256
        elif kind == 7:
            body[at] = rng.choice(b"\x00\x01\x02\x1a\x0b\x0f\x20\x21\x22\x41\x45\x6a\x6b\xfc\x7f\x40")
    return join((ident, bytes(body)) for (ident, _), body in zip(found, bodies))


def made_up(rng, path):
    """A module made of random bytes by binaryen, or None: it found nothing to make."""
    seed = path.with_suffix(".bytes")
    seed.write_bytes(rng.randbytes(rng.choice((100, 300, 600, 1200, 2500, 5000))))
    options = ["--denan"] if rng.random() < 0.6 else []
    options += rng.choice(([], [], ["-O1"], ["-O3"], ["--flatten"], ["-O2", "--inlining-optimizing"]))
    features = FEATURES if rng.random() < 0.3 else FEATURES + NO_REFERENCES
    done = subprocess.run(["wasm-opt", *features, "-ttf", *options, seed, "-o", path], capture_output=True, timeout=120)
    seed.unlink()
    return widen(path.read_bytes()) if done.returncode == 0 and path.exists() else None
