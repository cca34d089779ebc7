"""Allocations and the contract of a receipt: alloc.*, contract.hashes (docs/LOG.md §7)."""

from hashlib import sha256
from uuid import UUID

from report import Wrong, compare
from trees import apportion, sum_tree
from wire import (
    array, decimal, demand, hash_value, hex_of, integer, parse_json, record, row, sats, text,
)

ALLOCATION = record(entries=array(row(decimal(), hash_value)))
DETAILS = record(
    units=decimal(minimum=1), from_ms=integer(), until_ms=integer(), price_sats=sats, terms=integer(),
    payment_reference=text, payout_script=hex_of(),
)


def operator_id(origin):
    """The id under which the operator keeps what is not sold."""
    return sha256(b"provenhash/operator/v1\n" + origin.encode()).digest()


class Receipt:
    """What the buyer kept."""

    def __init__(self, value):
        uuid, nonce = UUID(value["uuid"]), hash_value(value["nonce"])
        demand(str(uuid) == value["uuid"], "a uuid in another form")
        details = value["details"].encode()
        self.details = parse_json(details, DETAILS)
        self.contract = sha256(b"provenhash/contract/v1\n" + uuid.bytes + nonce + sha256(details).digest()).digest()


def read_allocation(files, epoch):
    """The allocation of an epoch as {id: units}, as its `epoch_open` committed to it."""
    stated = epoch.open.allocation
    path = allocation_path(epoch)
    if path not in files:
        raise Wrong(path, f"{stated.count} entries", "no file")
    rows = parse_json(files[path], ALLOCATION).entries
    total, root = sum_tree(rows)
    demand(rows, "an empty allocation")
    compare(path, stated.count, len(rows))
    compare(path, stated.total, total)
    compare(path, stated.root, root)
    return {identity: units for units, identity in rows}


def allocation_path(epoch):
    """Where an epoch's allocation is."""
    return f"allocation/{epoch.open.allocation.root.hex()}.json"


def check_running(epoch, allocation, contracts, operator):
    """The allocation is every running contract with its units, and the operator."""
    path = allocation_path(epoch)
    running = {identity: each.open.units for identity, each in contracts.items() if each.runs_in(epoch)}
    for identity, units in running.items():
        if allocation.get(identity) != units:
            raise Wrong(path, f"{units} units for {identity.hex()}", allocation.get(identity))
    for identity in allocation:
        if identity not in running and identity != operator:
            raise Wrong(path, "running contracts and the operator", identity.hex())


def check_bought(log, receipt):
    """The log opened the contract as the receipt says."""
    contract = log.order.contracts[receipt.contract]
    for field in ("units", "from_ms", "until_ms", "price_sats", "terms"):
        expected, found = getattr(receipt.details, field), getattr(contract.open, field)
        compare("log/tile/entries", f"{field} {expected}", f"{field} {found}", contract.open_index)


def check_units(log, epochs, identity):
    """Every epoch in which the contract runs gives it its units."""
    if identity not in log.order.contracts:
        raise Wrong("log/tile/entries", f"contract_open of {identity.hex()}", "none")
    contract = log.order.contracts[identity]
    for judged in epochs:
        if contract.runs_in(judged.epoch) and judged.allocation is not None:
            compare(allocation_path(judged.epoch), contract.open.units, judged.allocation.get(identity))


def part_of(judged, identity):
    """A contract's part of an epoch's work."""
    return judged.parts.get(identity, 0)


def divide(work, allocation):
    """An epoch's work, apportioned by units in order of id."""
    ids = sorted(allocation)
    return dict(zip(ids, apportion(work, [allocation[identity] for identity in ids])))


def check_claimed_work(epochs, identity, claims):
    """The page claims no other work for the contract than the evidence shows."""
    closed = {judged.epoch.number: judged for judged in epochs if judged.epoch.close}
    for claim in claims:
        number = claim["epoch"]
        right = part_of(closed[number], identity) if number in closed else 0
        compare(f"epoch/{number}/shares", str(right), claim["work"])


