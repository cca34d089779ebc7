"""Whom a verifier trusts, and what it believes of a checkpoint (docs/LOG.md §3.1).

c2sp.org/tlog-policy and c2sp.org/tlog-cosignature, and one line of our own.
"""

from dataclasses import dataclass

import ed25519
from notes import COSIGNATURE, ED25519, Checkpoint, Vkey, parse_checkpoint, parse_note, parse_vkey
from wire import U32, Malformed, block_hash, demand

LONGEST = 65_536
NONE = "none"


@dataclass
class Policy:
    """A policy file."""

    logs: list  # keys
    witnesses: dict  # key by name
    groups: dict  # (threshold, members) by name
    quorum: str | None
    chain_start: tuple | None  # height and header hash from which the chain is believed

    def is_met(self, witnesses):
        """Whether these witnesses, by name, are a quorum."""
        return self.quorum == NONE or self.saw(self.quorum, witnesses)

    def saw(self, name, witnesses):
        """Whether a witness or enough members of a group are among these."""
        if name in self.witnesses:
            return name in witnesses
        threshold, members = self.groups[name]
        return sum(self.saw(member, witnesses) for member in members) >= threshold


def parse_policy(data):
    """Reads a policy file; its texts are bytes that mean nothing but themselves."""
    demand(len(data) <= LONGEST, "a policy that is too long")
    demand(all(byte in b"\t\n" or 0x20 <= byte <= 0x7E or byte >= 0x80 for byte in data), "a control character in a policy")
    policy, members = Policy([], {}, {}, None, None), set()
    for line in data.decode("utf-8", "surrogateescape").removesuffix("\n").split("\n"):
        words = line.replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if words and words[0] == "#chain":
            parse_chain(policy, words)
        elif words and not words[0].startswith("#"):
            parse_line(policy, members, words)
    demand(policy.quorum is not None, "a policy without a quorum")
    return policy


def parse_chain(policy, words):
    """Our own addition, a comment elsewhere: `#chain <height> <block hash>`."""
    demand(len(words) == 3 and policy.chain_start is None, "no #chain line, or a second one")
    height = words[1]
    demand(height.isascii() and height.isdecimal() and str(int(height)) == height and int(height) <= U32, "no height")
    policy.chain_start = int(height), block_hash(words[2])


def parse_line(policy, members, words):
    """One line that is no comment."""
    kind, rest = words[0], words[1:]
    if kind == "log":
        demand(len(rest) in (1, 2), "log <vkey> [<url>]")
        policy.logs.append(parse_key(rest[0], ED25519, policy.logs))
    elif kind == "witness":
        demand(len(rest) in (2, 3), "witness <name> <vkey> [<url>]")
        define(policy, rest[0])
        policy.witnesses[rest[0]] = parse_key(rest[1], COSIGNATURE, policy.witnesses.values())
    elif kind == "group":
        demand(len(rest) >= 3, "group <name> all|any|<k> <name>…")
        define(policy, rest[0])
        policy.groups[rest[0]] = parse_threshold(rest[1], len(rest) - 2), rest[2:]
        for member in rest[2:]:
            demand(is_defined(policy, member) and member != rest[0], f"not defined: {member}")
            demand(member not in members, f"a member of two groups: {member}")
            members.add(member)
    elif kind == "quorum":
        demand(len(rest) == 1 and policy.quorum is None, "quorum <name>, once")
        demand(rest[0] == NONE or is_defined(policy, rest[0]), f"not defined: {rest[0]}")
        policy.quorum = rest[0]
    else:
        raise Malformed(f"not understood: {kind}")


def parse_key(line, algorithm, others):
    """A key of the right kind that is not listed yet."""
    vkey = parse_vkey(line)
    demand(vkey.algorithm == algorithm, f"a key of type {vkey.algorithm:#04x}")
    demand(all(vkey.key != other.key for other in others), f"listed twice: {line}")
    return vkey


def define(policy, name):
    """Names are given once."""
    demand(name != NONE and not is_defined(policy, name), f"defined before: {name}")


def is_defined(policy, name):
    """Whether a witness or group has this name."""
    return name in policy.witnesses or name in policy.groups


def parse_threshold(word, count):
    """How many members a group needs."""
    if word in ("any", "all"):
        return 1 if word == "any" else count
    demand(word.isascii() and word.isdecimal() and len(word) < 10 and str(int(word)) == word, f"no threshold: {word}")
    demand(1 <= int(word) <= count, f"{word} of {count}")
    return int(word)


@dataclass(frozen=True)
class Judged:
    """A checkpoint that a trusted log signed."""

    checkpoint: Checkpoint
    log: Vkey
    times: dict  # seconds by name of the witnesses that cosigned


def judge(data, policy):
    """Believes a note as far as the policy's keys signed it. The quorum is the caller's question."""
    note = parse_note(data)
    checkpoint = parse_checkpoint(note.text)
    logs = [vkey for vkey in policy.logs if vkey.name == checkpoint.origin]
    demand(logs, f"a checkpoint of {checkpoint.origin}, which the policy does not know")
    signed = [vkey for vkey in logs if check_signature(note, vkey)]
    times = {name: cosigned_at(note, vkey) for name, vkey in policy.witnesses.items()}
    demand(signed, f"not signed by {checkpoint.origin}")
    return Judged(checkpoint, signed[0], {name: time for name, time in times.items() if time is not None})


def first_signature(note, vkey):
    """The first signature under a key's name and id."""
    own = (signature for name, key_id, signature in note.signatures if (name, key_id) == (vkey.name, vkey.key_id))
    return next(own, None)


def check_signature(note, vkey):
    """Whether a log's key signed; a false signature condemns the note."""
    signature = first_signature(note, vkey)
    demand(signature is None or ed25519.verify(vkey.key, note.text.encode(), signature), f"a false signature of {vkey.name}")
    return signature is not None


def cosigned_at(note, vkey):
    """When a witness cosigned, or None; a false cosignature condemns the note."""
    signature = first_signature(note, vkey)
    if signature is None:
        return None
    time = int.from_bytes(signature[:8], "big")
    message = f"cosignature/v1\ntime {time}\n{note.text}".encode()
    demand(time < 1 << 63 and ed25519.verify(vkey.key, message, signature[8:]), f"a false cosignature of {vkey.name}")
    return time
