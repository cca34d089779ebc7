"""Signed notes and checkpoints (docs/LOG.md §3; c2sp.org/signed-note, tlog-checkpoint)."""

import base64
import binascii
from dataclasses import dataclass
from hashlib import sha256

import ed25519
from wire import U64, Malformed, demand

ED25519 = 1
COSIGNATURE = 4
MAX_SIGNATURES = 100


@dataclass(frozen=True)
class Vkey:
    """A verifier key: a name, a key id, the algorithm's number, the public key."""

    name: str
    key_id: bytes
    algorithm: int
    key: bytes


@dataclass(frozen=True)
class Note:
    """A text and the signatures below it: (name, key id, signature)."""

    text: str
    signatures: list


@dataclass(frozen=True)
class Checkpoint:
    """What a log signs of itself."""

    origin: str
    size: int
    root: bytes


def decode_base64(encoded):
    """Standard base64 with padding, in its only form."""
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed(f"no base64: {encoded}") from None
    demand(base64.b64encode(raw).decode() == encoded, f"base64 that is not canonical: {encoded}")
    return raw


def parse_name(name):
    """A key's name: something without white space and plus."""
    demand(name and "+" not in name and not any(char.isspace() for char in name), f"no key name: {name!r}")
    return name


def parse_vkey(line):
    """Reads `name+id+base64(algorithm ‖ key)`."""
    parts = line.split("+", 2)
    demand(len(parts) == 3, f"no verifier key: {line}")
    name, key_id, encoded = parse_name(parts[0]), parts[1], decode_base64(parts[2])
    demand(len(encoded) == 33, f"no key of 32 bytes: {line}")
    expected = sha256(name.encode() + b"\n" + encoded).digest()[:4]
    demand(key_id == expected.hex(), f"key id {key_id}, not {expected.hex()}")
    demand(ed25519.is_usable(encoded[1:]), f"no point of large order: {line}")
    return Vkey(name, expected, encoded[0], encoded[1:])


def parse_note(data):
    """Splits a note at its last empty line."""
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("a note that is no UTF-8") from None
    demand(not any(char < " " and char != "\n" for char in whole), "a control character in a note")
    body, empty, below = whole.rpartition("\n\n")
    demand(empty and below.endswith("\n"), "a note without signatures")
    lines = below[:-1].split("\n")
    demand(len(lines) <= MAX_SIGNATURES, f"more than {MAX_SIGNATURES} signatures")
    return Note(body + "\n", [parse_signature(line) for line in lines])


def parse_signature(line):
    """Reads `— name base64(key id ‖ signature)`."""
    parts = line.split(" ")
    demand(len(parts) == 3 and parts[0] == "—", f"no signature line: {line}")
    raw = decode_base64(parts[2])
    demand(len(raw) > 4, "a signature without content")
    return parse_name(parts[1]), raw[:4], raw[4:]


def parse_checkpoint(text):
    """Reads origin, size and root; further lines say nothing here."""
    lines = text.split("\n")
    demand(len(lines) >= 4 and lines[-1] == "", "a checkpoint without origin, size and root")
    origin, size, root = lines[:3]
    demand(origin, "an empty origin")
    return Checkpoint(origin, parse_size(size), parse_root(root))


def parse_size(digits):
    """A tree size: a decimal number without leading zeros."""
    demand(digits.isascii() and digits.isdecimal() and len(digits) <= 20, f"no size: {digits}")
    demand(str(int(digits)) == digits and int(digits) <= U64, f"no size: {digits}")
    return int(digits)


def parse_root(encoded):
    """A root hash."""
    root = decode_base64(encoded)
    demand(len(root) == 32, "a root that is not 32 bytes")
    return root
