"""Encodings of docs/LOG.md §1: canonical JSON, read by a schema that names every field.

A schema is a function from a decoded JSON value to the value the verifier works with; it raises `Malformed`.
"""

import json
from types import SimpleNamespace

MAX_SATS = 2_100_000_000_000_000
U32 = 2**32 - 1
U64 = 2**64 - 1
U128 = 2**128 - 1


class Malformed(Exception):
    """Bytes that are not what docs/LOG.md says they are."""


def parse_json(data, schema):
    """Reads canonical JSON: there is exactly one way to write each value."""
    try:
        value = json.loads(data.decode("utf-8"))
        canonical = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise Malformed(f"no JSON: {error}") from None
    if canonical != data:
        raise Malformed("JSON that is not canonical")
    return schema(value)


def demand(condition, what):
    """Refuses what does not satisfy the condition."""
    if not condition:
        raise Malformed(what)


def integer(maximum=U64, minimum=0):
    """A JSON number without sign, point or exponent."""

    def read(value):
        demand(type(value) is int and minimum <= value <= maximum, f"no integer of {minimum}…{maximum}: {value!r}")
        return value

    return read


def text(value):
    """Any string."""
    demand(type(value) is str, f"no text: {value!r}")
    return value


def decimal(minimum=0, maximum=U128):
    """A number as decimal text, for work and hashrates."""

    def read(value):
        digits = type(value) is str and value.isascii() and value.isdecimal() and len(value) <= 39
        demand(digits and str(int(value)) == value, f"no decimal number: {value!r}")
        demand(minimum <= int(value) <= maximum, f"out of range: {value}")
        return int(value)

    return read


def hex_of(length=None, longest=None):
    """Lower-case hex, as bytes; of any length, of one length, or of a greatest length."""

    def read(value):
        demand(type(value) is str and len(value) % 2 == 0, f"no hex: {value!r}")
        demand(set(value) <= set("0123456789abcdef"), f"no lower-case hex: {value!r}")
        raw = bytes.fromhex(value)
        demand(length is None or len(raw) == length, f"not {length} bytes: {value}")
        demand(longest is None or len(raw) <= longest, f"more than {longest} bytes: {value}")
        return raw

    return read


hash_value = hex_of(32)


def block_hash(value):
    """A hash in display order, as the number it stands for."""
    return int.from_bytes(hash_value(value), "big")


def hex_number(value):
    """8 hex digits as a number: nbits and version."""
    return int.from_bytes(hex_of(4)(value), "big")


sats = integer(MAX_SATS)


def choice(*allowed):
    """One of the listed values; anything else is for a newer verifier."""

    def read(value):
        demand(value in allowed and type(value) is type(allowed[0]), f"this verifier is too old for {value!r}")
        return value

    return read


def rule(*names, **parameters):
    """A rule as (name, parameter): a name by itself, or an object with one name and the parameter of its schema."""

    def read(value):
        if type(value) is str:
            return choice(*names)(value), None
        demand(type(value) is dict and len(value) == 1, f"no rule: {value!r}")
        [(name, parameter)] = value.items()
        return choice(*parameters)(name), parameters[name](parameter)

    return read


def nullable(schema):
    """The schema's value, or None."""
    return lambda value: None if value is None else schema(value)


def array(schema, longest=None):
    """A list of like values."""

    def read(value):
        demand(type(value) is list and (longest is None or len(value) <= longest), "no list, or one too long")
        return [schema(item) for item in value]

    return read


def row(*schemas):
    """A list with one value for each schema."""

    def read(value):
        demand(type(value) is list and len(value) == len(schemas), f"no row of {len(schemas)}: {value!r}")
        return tuple(schema(item) for schema, item in zip(schemas, value))

    return read


def record(**fields):
    """An object with exactly these fields in this order."""

    def read(value):
        demand(type(value) is dict and list(value) == list(fields), f"fields are not {', '.join(fields)}")
        return SimpleNamespace(**{name: schema(value[name]) for name, schema in fields.items()})

    return read


def is_strictly_increasing(values):
    """Whether each value is greater than the one before."""
    return all(before < after for before, after in zip(values, values[1:]))


def display(number):
    """A block hash as people write it."""
    return f"{number:064x}"
