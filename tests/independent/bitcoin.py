"""Bitcoin's part: targets and work (docs/LOG.md §1.1), headers (§6) and coinbases (§5)."""

from dataclasses import dataclass
from hashlib import sha256

from wire import MAX_SATS, demand

LEVELS = range(-32, 64)
VERSION_BITS = 0x1FFFE000  # BIP 320
ANCHOR = b"\x6a\x24PVH1"
COMMITMENT = b"\x6a\x24\xaa\x21\xa9\xed"  # BIP 141
MAX_COINBASE = 500
MAX_BRANCH = 16


def sha256d(data):
    """Bitcoin's double hash."""
    return sha256(sha256(data).digest()).digest()


def number(hashed):
    """A hash as the number that targets are compared with."""
    return int.from_bytes(hashed, "little")


def level_target(level):
    """The target of a share level, a share difficulty of 2 to the level."""
    highest = 0xFFFF << 208
    return highest << -level if level < 0 else highest >> level


def work_of(target):
    """The expected number of hashes to meet a target."""
    return 2**256 // (target + 1)


def network_target(nbits):
    """The target that nbits encode."""
    exponent, mantissa = nbits >> 24, nbits & 0x7FFFFF
    target = mantissa << 8 * (exponent - 3) if exponent > 3 else mantissa >> 8 * (3 - exponent)
    demand(not nbits & 0x800000 and mantissa and target and target < 2**256, f"no target: nbits {nbits:08x}")
    return target


def compact(target):
    """The nbits of a target: the least exponent whose mantissa fits 23 bits."""
    exponent = (target.bit_length() + 8) // 8
    mantissa = target >> 8 * (exponent - 3) if exponent > 3 else target << 8 * (3 - exponent)
    return exponent << 24 | mantissa


def fold(txid, branch):
    """The merkle root of a block whose leftmost transaction has this branch."""
    for sibling in branch:
        txid = sha256d(txid + sibling)
    return txid


@dataclass(frozen=True)
class Coinbase:
    """What the rules ask of a coinbase."""

    push: bytes  # the one push behind the height
    push_at: int
    anchor_at: int  # where the anchor hash stands
    paid: list  # scripts of outputs with value
    reward: int


class Reader:
    """Takes fields off the front of bytes. Counts have one byte unless the caller allows long ones."""

    def __init__(self, data, long_counts=False):
        self.data, self.at, self.long_counts = data, 0, long_counts

    def take(self, length):
        """The next bytes."""
        demand(self.at + length <= len(self.data), "a transaction that ends too early")
        self.at += length
        return self.data[self.at - length : self.at]

    def count(self):
        """A length or count: CompactSize, in its shortest form."""
        value = self.take(1)[0]
        if value < 253:
            return value
        demand(self.long_counts, "a length or count of 253 or more")
        width = {253: 2, 254: 4, 255: 8}[value]
        value = self.little(width)
        demand(value >= {2: 253, 4: 1 << 16, 8: 1 << 32}[width], "a length or count that is not in its shortest form")
        return value

    def little(self, length):
        """A little-endian number."""
        return int.from_bytes(self.take(length), "little")


def parse_coinbase(data, height):
    """Reads a coinbase of this pool for a block of this height."""
    demand(len(data) <= MAX_COINBASE and len(data) != 64, f"a coinbase of {len(data)} bytes")
    reader = Reader(data)
    reader.take(4)
    demand(reader.count() == 1, "not one input")
    demand(reader.take(36) == bytes(32) + b"\xff" * 4, "an input that spends an output")
    script = reader.take(reader.count())
    script_at = reader.at - len(script)
    reader.take(4)
    outputs = []
    for _ in range(reader.count()):
        value = reader.little(8)
        script_length = reader.count()
        outputs.append((value, reader.at, reader.take(script_length)))
    reader.take(4)
    demand(reader.at == len(data), "bytes behind the coinbase")
    push, push_at = parse_script_sig(script, height)
    return Coinbase(push, script_at + push_at, *judge_outputs(outputs))


def parse_script_sig(script, height):
    """The height, then one push; gives the push and where its content starts."""
    start = height_push(height)
    demand(script.startswith(start), f"a scriptSig that does not start with height {height}")
    rest = script[len(start) :]
    demand(rest and rest[0] <= 75 and len(rest) == 1 + rest[0], "not exactly one push behind the height")
    return rest[1:], len(start) + 1


def height_push(height):
    """A number as Bitcoin Core pushes it."""
    if height == 0:
        return b"\0"
    if height <= 16:
        return bytes([0x50 + height])
    # One bit more than the number needs, for the sign.
    raw = height.to_bytes(height.bit_length() // 8 + 1, "little")
    return bytes([len(raw)]) + raw


def parse_transaction(data):
    """Inputs (txid, vout, script) and outputs (value, script) of a transaction without its witnesses."""
    demand(len(data) != 64, "a transaction of 64 bytes")
    reader = Reader(data, long_counts=True)
    reader.take(4)
    inputs = [parse_input(reader) for _ in range(reader.count())]
    outputs = [(reader.little(8), reader.take(reader.count())) for _ in range(reader.count())]
    reader.take(4)
    demand(reader.at == len(data), "bytes behind a transaction")
    demand(inputs and outputs, "a transaction without inputs or outputs")
    demand(all(value <= MAX_SATS for value, _ in outputs), "an output of more than all money")
    return inputs, outputs


def parse_input(reader):
    """The output that an input spends, and its script."""
    txid, vout = number(reader.take(32)), reader.little(4)
    script = reader.take(reader.count())
    reader.take(4)
    return txid, vout, script


def judge_outputs(outputs):
    """Where the anchor hash stands, the scripts paid, the reward."""
    anchors, commitments, paid, reward = [], 0, [], 0
    for value, at, script in outputs:
        if value:
            paid.append(script)
            reward += value
        elif len(script) == 38 and script.startswith(ANCHOR):
            anchors.append(at + len(ANCHOR))
        else:
            demand(len(script) == 38 and script.startswith(COMMITMENT), "an output without value of another kind")
            commitments += 1
    demand(len(anchors) == 1, f"{len(anchors)} anchors")
    demand(commitments <= 1, f"{commitments} witness commitments")
    demand(reward <= MAX_SATS, "more than all money")
    return anchors[0], paid, reward
