"""The entries of a log and their order (docs/LOG.md §4)."""

from wire import (
    U32, array, block_hash, choice, decimal, demand, hash_value, hex_of, integer, nullable,
    parse_json, record, rule, sats, text,
)

LIST = record(count=integer(), total=decimal(), root=hash_value)
SATS_LIST = record(count=integer(), total_sats=sats, root=hash_value)
CONTRACT_CHANGE = {"contract": hash_value, "reason": text}
PREDECESSOR = record(origin=text, size=integer(), root=hash_value)
SHARES = record(count=integer(), work=decimal(), root=hash_value)
FEE_PPM = integer(1_000_000)
UNPROFITABLE = record(periods=integer(minimum=1), resume_ppm=integer(minimum=1_000_000), resume_periods=integer(minimum=1))
FEES = "block_fees_ppm"  # the input that FPPS depends on
HASHPRICE = "hashprice_sats_per_phs_day"  # the input that prices of contracts may follow

FIELDS = {
    "manifest": {
        "format": choice(1), "network": choice("bitcoin", "testnet4", "signet", "regtest"), "coin": choice("BTC"),
        "proof_of_work": choice("sha256d"), "payout_scripts": array(hex_of()), "coinbase_tag": hex_of(longest=20),
        "epoch_ms": integer(), "grace_ms": integer(), "accrual_epochs": integer(minimum=1), "verifier_wasm_sha256": array(hash_value),
        "software_version": text, "predecessor": nullable(PREDECESSOR), "retention": choice("all"),
    },
    "terms": {
        "scheme": rule("proportional", "solo", "pps", "fpps", pplns=record(window_work=decimal(minimum=1))), "fee_ppm": FEE_PPM,
        "maintenance": rule("included", sats_per_ths_day=sats),
        "rounding": choice("largest_remainder"), "suspension": rule("none", unprofitable=UNPROFITABLE),
        "shortfall": rule("pro_rata", make_good=record(tolerance_ppm=FEE_PPM)), "refund": choice("none", "unused_time"),
    },
    "contract_open": {
        "contract": hash_value, "units": decimal(minimum=1), "from_ms": integer(), "until_ms": integer(), "price_sats": sats,
        "terms": integer(),
    },
    "contract_suspend": CONTRACT_CHANGE,
    "contract_resume": CONTRACT_CHANGE,
    "contract_close": CONTRACT_CHANGE,
    "epoch_open": {
        "epoch": integer(), "start_ms": integer(), "chain": record(height=integer(U32), hash=block_hash), "allocation": LIST,
    },
    "epoch_close": {
        "format": choice(1), "epoch": integer(), "shares": SHARES, "levels": array(integer(63, -32)), "jobs": hash_value,
        "sessions": hash_value, "chunks": hash_value, "rejects": hash_value, "best_hash": nullable(block_hash),
        "end_ms": nullable(integer()),
    },
    "block_found": {"epoch": integer(), "height": integer(U32), "hash": block_hash, "reward_sats": sats},
    "block_matured": {"hash": block_hash},
    "block_orphaned": {"hash": block_hash},
    "external_input": {"name": text, "value": decimal(), "source": text, "at_ms": integer()},
    "settlement": {
        "settlement": integer(), "from_epoch": integer(), "to_epoch": integer(), "blocks": array(block_hash),
        "reward_sats": sats, "solo_sats": sats, "carry_in_sats": sats, "fee_sats": sats, "maintenance_sats": sats,
        "carry_out_sats": sats, "credits": SATS_LIST,
    },
    "accrual": {
        "accrual": integer(), "from_epoch": integer(), "to_epoch": integer(), "gross_sats": sats, "fee_sats": sats,
        "maintenance_sats": sats, "credits": SATS_LIST,
    },
    "conclusion": {
        "conclusion": integer(), "from_epoch": integer(), "to_epoch": integer(), "refund_sats": sats, "make_good_sats": sats,
        "credits": SATS_LIST,
    },
    "payout": {"txid": block_hash, "from_settlement": integer(), "to_settlement": integer(), "outputs": SATS_LIST},
    "liabilities": {
        "liabilities": integer(), "at_ms": integer(), "settlement": integer(), "balances": SATS_LIST, "coins": SATS_LIST,
    },
    "log_closed": {"successor": nullable(text)},
}


def parse_entry(data):
    """Reads one entry; its fields are attributes, `type` among them."""

    def read(value):
        demand(type(value) is dict, "an entry that is no object")
        fields = FIELDS.get(value.get("type"))
        demand(fields is not None, f"this verifier is too old for an entry of type {value.get('type')!r}")
        return record(type=text, **fields)(value)

    return parse_json(data, read)


def parse_chain_input(entry):
    """What follows from the chain up to a block, as (value, height, hash)."""
    words = entry.source.split(" ")
    demand(len(words) == 3 and words[0] == "block", "an input without its block")
    demand(entry.name != FEES or entry.value <= U32, "a fee rate out of range")
    height = words[1]
    demand(height.isascii() and height.isdecimal() and str(int(height)) == height and int(height) <= U32, "no height")
    return entry.value, int(height), block_hash(words[2])


def parse_bundle(data):
    """Splits a bundle into its entries."""
    entries, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "big")
        entry = data[at + 2 : at + 2 + length]
        demand(length and len(entry) == length, "an entry bundle that ends too early, or an empty entry")
        entries.append(entry)
        at += 2 + length
    return entries


class Epoch:
    """What the log says of one epoch."""

    def __init__(self, number, index, opened, manifest):
        self.number, self.open_index, self.open, self.manifest = number, index, opened, manifest
        self.close_index = self.close = self.end_ms = None
        self.found = []  # block_found entries


class Contract:
    """What the log says of one contract."""

    def __init__(self, index, opened):
        self.open_index, self.open = index, opened
        self.changes = []  # (index, type, reason) of suspend, resume, close

    def runs_in(self, epoch):
        """Whether the contract has its part of an epoch (§7)."""
        if self.open_index > epoch.open_index or not self.open.from_ms <= epoch.open.start_ms < self.open.until_ms:
            return False
        before = [kind for index, kind, _ in self.changes if index < epoch.open_index]
        return not before or before[-1] == "contract_resume"


class Order:
    """Reads the entries in order and refuses any that stands where it must not."""

    def __init__(self):
        self.manifest = None
        self.terms = {}  # by leaf index
        self.contracts = {}  # by id
        self.epochs = []
        self.found_at = {}  # leaf index of the first block_found by hash
        self.decided = []  # (index, entry) of block_matured and block_orphaned
        self.settlements = []  # (index, entry)
        self.accruals = []  # (index, entry)
        self.conclusions = []  # (index, entry)
        self.every = None  # epochs of an accrual
        self.entries = []
        self.is_closed = False

    def push(self, index, entry):
        """Takes the next entry."""
        demand(not self.is_closed, "an entry behind log_closed")
        rule = getattr(self, "on_" + entry.type, None)
        if rule:
            rule(index, entry)
        self.entries.append(entry)

    def finish(self):
        """Judges what only the end of the log shows."""

    def on_manifest(self, _, entry):
        demand(self.every in (None, entry.accrual_epochs), "accruals of another length")
        self.manifest, self.every = entry, entry.accrual_epochs

    def on_terms(self, index, entry):
        is_possible = entry.suspension[0] == "none" or entry.maintenance[0] != "included"
        demand(is_possible, "a suspension without a maintenance rate")
        self.terms[index] = entry

    def on_contract_open(self, index, entry):
        demand(entry.contract not in self.contracts, "a contract that was opened before")
        demand(entry.terms in self.terms, "terms that are no earlier entry")
        demand(entry.from_ms < entry.until_ms, "a term that ends before it begins")
        demand(all(epoch.open.start_ms < entry.from_ms for epoch in self.epochs), "a term that begins in an opened epoch")
        self.contracts[entry.contract] = Contract(index, entry)

    def on_contract_suspend(self, index, entry):
        demand(entry.contract in self.contracts, "a contract that was not opened")
        self.contracts[entry.contract].changes.append((index, entry.type, entry.reason))

    on_contract_resume = on_contract_close = on_contract_suspend

    def on_epoch_open(self, index, entry):
        demand(self.manifest and self.terms, "an epoch without manifest and terms")
        demand(entry.epoch == len(self.epochs) + 1, f"not epoch {len(self.epochs) + 1}")
        if self.epochs:
            last = self.epochs[-1]
            demand(last.open.start_ms < entry.start_ms, "an epoch that does not start after the last one")
            demand(last.close is None, "an epoch behind the last close")
            last.end_ms = entry.start_ms
        demand(all(epoch.close for epoch in self.epochs[:-1]), "an epoch opens while two are open")
        self.epochs.append(Epoch(entry.epoch, index, entry, self.manifest))

    def on_epoch_close(self, index, entry):
        demand(1 <= entry.epoch <= len(self.epochs), "the close of an epoch that was not opened")
        epoch = self.epochs[entry.epoch - 1]
        demand(epoch.close is None, "an epoch that was closed before")
        demand(all(before.close for before in self.epochs[: entry.epoch - 1]), "an epoch is closed before an earlier one")
        demand((entry.end_ms is None) == (epoch is not self.epochs[-1]), "end_ms belongs to the last epoch, and to no other")
        if entry.end_ms is not None:
            demand(entry.end_ms > epoch.open.start_ms, "an epoch that ends before it starts")
            epoch.end_ms = entry.end_ms
        epoch.close_index, epoch.close = index, entry

    def on_block_found(self, index, entry):
        demand(1 <= entry.epoch <= len(self.epochs), "a block of an epoch that was not opened")
        epoch = self.epochs[entry.epoch - 1]
        demand(epoch.close is None, "a block of an epoch that was closed before")
        epoch.found.append(entry)
        self.found_at.setdefault(entry.hash, index)

    def on_block_matured(self, index, entry):
        self.decided.append((index, entry))

    on_block_orphaned = on_block_matured

    def on_settlement(self, index, entry):
        self.settlements.append((index, entry))

    def on_external_input(self, _, entry):
        if entry.name in (FEES, HASHPRICE):
            parse_chain_input(entry)

    def on_accrual(self, index, entry):
        self.accruals.append((index, entry))

    def on_conclusion(self, index, entry):
        self.conclusions.append((index, entry))

    def on_log_closed(self, *_):
        self.is_closed = True


