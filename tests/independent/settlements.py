"""Recomputes every settlement: settle.sum and settle.mine (docs/LOG.md §8)."""

from report import Wrong, compare
from trees import apportion, sum_tree
from wire import Malformed, array, display, hash_value, integer, parse_json, record, row, sats

FILE = record(settlement=integer(), credits=array(row(sats, hash_value)))
PPM = 1_000_000
DEADLINE = 3


class Due:
    """A settlement that the log must hold."""

    def __init__(self, number, first, last, blocks, since):
        self.number, self.first, self.last = number, first, last
        self.blocks = sorted(found.hash for found in blocks)  # those that matured
        self.reward = sum(found.reward_sats for found in blocks)
        self.since = since  # the index of the entry that made it due


def list_due(order):
    """The settlements that the log's blocks call for, in order."""
    fates = {}
    for index, entry in order.decided:
        fates.setdefault(entry.hash, (index, entry.type == "block_matured"))
    due, first, since = [], 1, 0
    for epoch in order.epochs:
        if not epoch.found and epoch.close:
            continue
        if not epoch.close or any(found.hash not in fates for found in epoch.found):
            break
        since = max(since, epoch.close_index, *(fates[found.hash][0] for found in epoch.found))
        matured = [found for found in epoch.found if fates[found.hash][1]]
        if matured:
            due.append(Due(len(due) + 1, first, epoch.number, matured, since))
            first = epoch.number + 1
    return due


def compute(due, judged, order, operator, carry_in):
    """Credits, fee and carry of a settlement; None when the work of one of its epochs is not known."""
    epochs = judged[due.first - 1 : due.last]
    if any(each.parts is None for each in epochs):
        return None
    ids = sorted(set().union(*(each.parts for each in epochs)))
    works = [sum(each.parts.get(identity, 0) for each in epochs) for identity in ids]
    pot = due.reward + carry_in
    credits, fee = {}, 0
    for identity, gross in zip(ids, apportion(pot, works)):
        part = 0 if identity == operator else gross * fee_ppm(order, identity) // PPM
        credits[identity] = gross - part
        fee += part
    return credits, fee, pot - sum(credits.values()) - fee


def fee_ppm(order, identity):
    """The fee in the contract's own terms."""
    return order.terms[order.contracts[identity].open.terms].fee_ppm


def check_settlements(files, log, judged, operator, report):
    """Compares the log's settlements with what they must be; gives the recomputed credits of each that was logged."""
    order, due, credits, carry = log.order, list_due(log.order), {}, 0
    opened = [epoch.open_index for epoch in order.epochs]
    for position, (index, entry) in enumerate(order.settlements):
        with report.judging("settle.sum", f"settlement/{entry.settlement}.json"):
            if position >= len(due) or index < due[position].since:
                raise Wrong("log/tile/entries", "no settlement yet", entry.settlement, index)
            check_deadline(due[position], index, opened)
            right = compute(due[position], judged, order, operator, carry)
            if right is None:
                report.leave_out("settle.sum", "settle.mine")
                break
            carry = right[2]
            credits[due[position].number] = right[0]
            check_entry(index, entry, due[position], right)
            check_file(files, entry, right[0])
        if position >= len(due):
            break
    for missing in due[len(order.settlements) :]:
        with report.judging("settle.sum", "log/tile/entries"):
            check_deadline(missing, log.checkpoint.size, opened)
    return credits


def check_deadline(due, index, opened):
    """A settlement stands before the third epoch_open after the entry that made it due."""
    after = [at for at in opened if due.since < at < index]
    if len(after) >= DEADLINE:
        raise Wrong("log/tile/entries", f"settlement {due.number} before it", "none", after[DEADLINE - 1])


def check_entry(index, entry, due, right):
    """The entry says what was computed."""
    credits, fee, carry_out = right
    rows = credit_rows(credits)
    total, root = sum_tree(rows)
    expected = {
        "settlement": due.number, "from_epoch": due.first, "to_epoch": due.last, "fee_sats": fee,
        "carry_out_sats": carry_out, "reward_sats": due.reward,
        "carry_in_sats": total + fee + carry_out - due.reward,
    }
    where = "log/tile/entries"
    compare(where, [display(each) for each in due.blocks], [display(each) for each in entry.blocks], index)
    for field, value in expected.items():
        compare(where, f"{field} {value}", f"{field} {getattr(entry, field)}", index)
    stated = entry.credits
    compare(where, (len(rows), total, root.hex()), (stated.count, stated.total_sats, stated.root.hex()), index)


def credit_rows(credits):
    """Credits as they are listed: those of at least one satoshi, in order of id."""
    return [(amount, identity) for identity, amount in sorted(credits.items()) if amount]


def check_file(files, entry, credits):
    """The file lists the credits that were computed."""
    path = f"settlement/{entry.settlement}.json"
    content = read_file(files, path)
    compare(path, entry.settlement, content.settlement)
    rows = credit_rows(credits)
    for index, (expected, found) in enumerate(zip(rows, content.credits)):
        compare(path, f"{expected[0]} for {expected[1].hex()}", f"{found[0]} for {found[1].hex()}", index)
    compare(path, len(rows), len(content.credits))


def read_file(files, path):
    """A settlement's file."""
    if path not in files:
        raise Wrong(path, "the credits", "no file")
    return parse_json(files[path], FILE)


def check_mine(files, identity, credits, claims, report):
    """The contract's credits in the files and on the page are the recomputed ones; gives their sum."""
    for number, right in credits.items():
        path = f"settlement/{number}.json"
        try:
            rows = read_file(files, path).credits
        except (Wrong, Malformed):
            report.leave_out("settle.mine")  # that is settle.sum's failure
            continue
        listed = {identity: amount for amount, identity in rows}
        compare(path, right.get(identity, 0), listed.get(identity, 0))
    for claim in claims:
        number = claim["settlement"]
        right = credits.get(number, {}).get(identity, 0)
        compare(f"settlement/{number}.json", right, claim["credit_sats"])
    return sum(right.get(identity, 0) for right in credits.values())
