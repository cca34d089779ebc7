"""The chain's side of the evidence: chain.linked (docs/LOG.md §5.1)."""

from dataclasses import dataclass

from bitcoin import compact, fold, network_target, number, parse_transaction, sha256d
from report import Wrong, compare
from wire import MAX_SATS, U32, Malformed, demand, display

PERIOD = 2016
HEADER = 80
MAX_BRANCH = 16
SPACING = 600  # seconds
TIMESPAN = PERIOD * SPACING
NULL = 0, U32

LIMITS = {
    "bitcoin": 2**224 - 1,
    "testnet4": 2**224 - 1,
    "signet": 0x0377AE << 216,
    "regtest": 2**255 - 1,
}
GENESIS = {
    "bitcoin": 0x000000000019D6689C085AE165831E934FF763AE46A2A6C172B3F1B60A8CE26F,
    "testnet4": 0x00000000DA84F2BAFBBC53DEE25A72AE507FF4914B867C565BE350B0DA8BF043,
    "signet": 0x00000008819873E925422C1FF0F99F7CC9BBB232AF63A077A480A3633BEE1EF6,
}


@dataclass(frozen=True)
class Header:
    """The fields of a header that rules look at, and its hash as a number."""

    prevhash: int
    merkle_root: bytes
    ntime: int
    nbits: int
    hash: int


def parse_headers(data):
    """Headers of 80 bytes each."""
    demand(len(data) % HEADER == 0, "bytes that are no whole headers")
    return [parse_header(data[at : at + HEADER]) for at in range(0, len(data), HEADER)]


def parse_header(raw):
    """One header."""
    ntime, nbits = int.from_bytes(raw[68:72], "little"), int.from_bytes(raw[72:76], "little")
    return Header(number(raw[4:36]), raw[36:68], ntime, nbits, number(sha256d(raw)))


class Branch:
    """The chain as it looks from one block: headers by height."""

    def __init__(self, network, start, headers, above=()):
        self.network, self.start, self.headers = network, start, headers
        self.above = above  # the headers off the best chain, ascending
        self.fork = 0  # height of the first of them

    def header(self, height):
        """The header at a height, or None."""
        if self.above and height >= self.fork:
            return self.above[height - self.fork] if height - self.fork < len(self.above) else None
        return self.headers[height - self.start] if 0 <= height - self.start < len(self.headers) else None

    def required_nbits(self, height, ntime):
        """What the network's rules demand of a header on top of height − 1."""
        before = self.header(height - 1)
        if self.network == "regtest":
            return before.nbits
        if height % PERIOD:
            return self.required_within(height, ntime) if self.network == "testnet4" else before.nbits
        first = self.header(height - PERIOD)
        took = min(max(before.ntime - first.ntime, TIMESPAN // 4), TIMESPAN * 4)
        old = network_target(first.nbits if self.network == "testnet4" else before.nbits)
        return compact(min(old * took // TIMESPAN, LIMITS[self.network]))

    def required_within(self, height, ntime):
        """Testnet 4's rule within a period: after 20 minutes a block may be easy."""
        easy = compact(LIMITS["testnet4"])
        if ntime > self.header(height - 1).ntime + 2 * SPACING:
            return easy
        below = height - 1
        while below % PERIOD and self.header(below).nbits == easy:
            below -= 1
        return self.header(below).nbits

    def check(self, file, index, height, header):
        """Fails unless the header is right on top of height − 1."""
        if height == 0:
            compare(file, display(GENESIS.get(self.network, header.hash)), display(header.hash), index)
            return
        before = self.header(height - 1)
        if before:
            compare(file, display(before.hash), display(header.prevhash), index)
            self.check_time(file, index, height, header)
            compare(file, f"{self.required_nbits(height, header.ntime):08x}", f"{header.nbits:08x}", index)
        try:
            target = network_target(header.nbits)
        except Malformed as malformed:
            raise Wrong(file, "nbits with a target", malformed, index) from None
        if target > LIMITS[self.network] or header.hash > target:
            raise Wrong(file, f"proof of work for {header.nbits:08x}", display(header.hash), index)

    def check_time(self, file, index, height, header):
        """Above the median of the eleven before, as far as they are known."""
        before = [self.header(below) for below in range(max(height - 11, 0), height)]
        if None not in before:
            median = sorted(each.ntime for each in before)[len(before) // 2]
            if header.ntime <= median:
                raise Wrong(file, f"a time above {median}", header.ntime, index)
        if self.network == "testnet4" and height % PERIOD == 0:
            earliest = before[-1].ntime - SPACING
            if header.ntime < earliest:
                raise Wrong(file, f"a time of at least {earliest}", header.ntime, index)


class Chain(Branch):
    """The best chain, its coinbases, and the side files that were asked for."""

    def __init__(self, files, network, start):
        super().__init__(network, start, [])
        self.files = files
        self.outputs = []  # (value, script) of each block's coinbase
        self.heights = {}
        self.sides = {}

    @property
    def tip(self):
        """The greatest height."""
        return self.start + len(self.headers) - 1

    def height_of(self, hashed):
        """The height of a block of the best chain, or None."""
        return self.heights.get(hashed)

    def read_period(self, period):
        """Takes the headers and coinbases of a period; whether it is full."""
        path, rows_path = f"chain/{period}/headers", f"chain/{period}/coinbases"
        behind = self.headers and len(self.headers) % PERIOD == 0
        if not behind:
            for each in (path, rows_path):
                if each not in self.files:
                    raise Wrong(each, "the chain's side", "no file")
        headers = read(path, parse_headers, self.files.get(path, b""))
        rows = read(rows_path, parse_rows, self.files.get(rows_path, b""))
        if len(headers) > PERIOD or (not headers and not behind):
            raise Wrong(path, f"1 to {PERIOD} headers", len(headers))
        for index, header in enumerate(headers):
            self.check(path, index, self.tip + 1, header)
            self.heights[header.hash] = self.tip + 1
            self.headers.append(header)
        compare(rows_path, len(headers), len(rows))
        for index, (header, (coinbase, branch)) in enumerate(zip(headers, rows)):
            compare(rows_path, header.merkle_root, fold(sha256d(coinbase), branch), index)
            self.outputs.append(read(rows_path, parse_any_coinbase, coinbase))
        return len(headers) == PERIOD

    def branch(self, hashed):
        """The chain as it looks from a block, or None when the evidence does not have that block."""
        if hashed in self.heights:
            return self.heights[hashed], self
        if hashed not in self.sides:
            self.sides[hashed] = self.read_side(hashed)
        return self.sides[hashed]

    def read_side(self, hashed):
        """Headers off the best chain, up to this block."""
        path = f"chain/side/{display(hashed)}"
        if path not in self.files:
            return None
        headers = read(path, parse_headers, self.files[path])
        if not 1 <= len(headers) <= PERIOD or headers[-1].hash != hashed:
            raise Wrong(path, f"headers up to {display(hashed)}", f"{len(headers)} headers")
        found = None if headers[0].prevhash == hashed else self.branch(headers[0].prevhash)
        if found is None:
            raise Wrong(path, f"the block {display(headers[0].prevhash)} below", "none")
        height, below = found
        above = [below.above[i] for i in range(height + 1 - below.fork)] if below.above else []
        side = Branch(self.network, self.start, self.headers, above)
        side.fork = below.fork if below.above else height + 1
        for index, header in enumerate(headers):
            side.check(path, index, height + 1 + index, header)
            above.append(header)
        return height + len(headers), side


def read(path, parse, data):
    """Parses, naming the file should it be wrong."""
    try:
        return parse(data)
    except Malformed as malformed:
        raise Wrong(path, "what docs/LOG.md says", malformed) from None


def parse_rows(data):
    """Coinbases with their branches."""
    rows, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        at += 4
        coinbase, siblings = data[at : at + length], data[at + length : at + length + 1]
        demand(len(coinbase) == length and siblings and siblings[0] <= MAX_BRANCH, "no row of a coinbase")
        at += length + 1
        branch = [data[at + 32 * i : at + 32 * (i + 1)] for i in range(siblings[0])]
        at += 32 * siblings[0]
        demand(at <= len(data), "a row that ends too early")
        rows.append((coinbase, branch))
    return rows


def parse_any_coinbase(data):
    """The outputs of a coinbase, of whatever miner."""
    inputs, outputs = parse_transaction(data)
    txid, vout, script = inputs[0]
    demand(len(inputs) == 1 and (txid, vout) == NULL and 2 <= len(script) <= 100, "no coinbase")
    demand(sum(value for value, _ in outputs) <= MAX_SATS, "more than all money")
    return outputs


def read_chain(files, order, policy):
    """The best chain from the first epoch on; fails where it is not right."""
    networks = {entry.network for entry in order.entries if entry.type == "manifest"}
    if len(networks) != 1:
        raise Wrong("log/tile/entries", "one network", sorted(networks))
    first = max(0, order.epochs[0].open.chain.height - 100) // PERIOD
    chain, period = Chain(files, networks.pop(), first * PERIOD), first
    while chain.read_period(period):
        period += 1
    if policy.chain_start:
        height, hashed = policy.chain_start
        found = chain.header(height)
        compare(f"chain/{height // PERIOD}/headers", display(hashed), display(found.hash) if found else "none")
    return chain
