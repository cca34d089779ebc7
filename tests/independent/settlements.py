"""Recomputes every settlement: settle.sum and settle.mine (docs/LOG.md §8)."""

from hashlib import sha256
from types import SimpleNamespace

from report import Wrong, compare
from trees import apportion, sum_tree
from wire import Malformed, array, display, hash_value, integer, parse_json, record, row, sats

FILE = record(settlement=integer(), credits=array(row(sats, hash_value)))
PPM = 1_000_000
THS_DAY = 10**12 * 86_400  # hashes of 1 TH/s in a day
DEADLINE = 3


class Due:
    """A settlement that the log must hold."""

    def __init__(self, number, first, epoch, blocks, since):
        self.number, self.first, self.last = number, first, epoch.number  # first: of the epochs whose work counts
        self.blocks = sorted((found.hash, found.reward_sats) for found in blocks)  # those that matured
        self.reward = sum(found.reward_sats for found in blocks)
        self.since = since  # the index of the entry that made it due


def list_due(order):
    """The settlements that the log's blocks call for, in order; which epoch each begins with is told later."""
    fates = {}
    for index, entry in order.decided:
        fates.setdefault(entry.hash, (index, entry.type == "block_matured"))
    due, since = [], 0
    for epoch in order.epochs:
        if not epoch.found and epoch.close:
            continue
        if not epoch.close or any(found.hash not in fates for found in epoch.found):
            break
        since = max(since, epoch.close_index, *(fates[found.hash][0] for found in epoch.found))
        matured = [found for found in epoch.found if fates[found.hash][1]]
        if matured:
            due.append(Due(len(due) + 1, None, epoch, matured, since))
    return due


class Settler:
    """Recomputes settlement after settlement."""

    def __init__(self, order, judged, operator):
        self.order, self.judged, self.operator = order, judged, operator
        self.settled_to = 0  # the last epoch whose blocks are settled
        self.used_to = 0  # the last epoch whose work a pooled reward used up
        self.carry = 0

    def settle(self, due):
        """What a settlement must say; None when the work of one of its epochs is not known."""
        due.first = self.used_to + 1
        if any(each.parts is None for each in self.judged[: due.last]):
            return None
        solo, pooled = self.draw(due)
        gross = dict(solo)
        if pooled:
            for identity, part in self.pool(due, pooled + self.carry).items():
                identity = self.operator if self.scheme(identity)[0] in ("pps", "fpps") else identity
                gross[identity] = gross.get(identity, 0) + part
        right = self.charge(due, gross)
        right.solo_sats, right.carry_in_sats = sum(solo.values()), self.carry
        self.carry = right.carry_out_sats = due.reward + self.carry - sum(gross.values())
        self.settled_to = due.last
        if pooled:
            self.used_to = due.last
        return right

    def draw(self, due):
        """Rewards of blocks drawn for solo contracts, and the sum of the others'."""
        solo, pooled = {}, 0
        allocation = self.judged[due.last - 1].allocation
        for block, reward in due.blocks:
            drawn = sha256(b"provenhash/solo/v1\n" + block.to_bytes(32, "little")).digest()
            point = int.from_bytes(drawn, "big") % sum(allocation.values())
            for identity in sorted(allocation):
                if point < allocation[identity]:
                    break
                point -= allocation[identity]
            if self.scheme(identity)[0] == "solo":
                solo[identity] = solo.get(identity, 0) + reward
            else:
                pooled += reward
        return solo, pooled

    def pool(self, due, total):
        """What is pooled, apportioned by work; within each PPLNS class by the work of its window."""
        ids = sorted({each for epoch in self.judged[: due.last] for each in epoch.parts if self.scheme(each)[0] != "solo"})
        parts = dict(zip(ids, apportion(total, [self.work(each, self.used_to, due.last) for each in ids])))
        for window in {self.scheme(each)[1].window_work for each in ids if self.scheme(each)[0] == "pplns"}:
            members = [each for each in ids if self.scheme(each)[0] == "pplns" and self.scheme(each)[1].window_work == window]
            counted = self.count_window(members, window, due.last)
            sums = sum(parts[each] for each in members)
            parts.update(zip(members, apportion(sums, [counted[each] for each in members])))
        return parts

    def count_window(self, members, left, last):
        """The members' work within the last `left` hashes of theirs, up to an epoch."""
        counted = dict.fromkeys(members, 0)
        for epoch in reversed(self.judged[:last]):
            works = [epoch.parts.get(each, 0) for each in members]
            counts = min(left, sum(works))
            for each, part in zip(members, apportion(counts, works)):
                counted[each] += part
            left -= counts
        return counted

    def charge(self, due, gross):
        """Credits, fees and maintenance."""
        right = SimpleNamespace(credits={}, fee_sats=0, maintenance_sats=0)
        for identity, amount in gross.items():
            used_to = self.settled_to if self.scheme(identity)[0] == "solo" else self.used_to
            fee, maintenance = charge(self.terms(identity), amount, self.work(identity, used_to, due.last))
            right.credits[identity] = amount - fee - maintenance
            right.fee_sats += fee
            right.maintenance_sats += maintenance
        return right

    def work(self, identity, after, last):
        """A contract's work in the epochs after one, up to another."""
        return sum(epoch.parts.get(identity, 0) for epoch in self.judged[after:last])

    def terms(self, identity):
        """A contract's own terms; None for the operator."""
        contract = self.order.contracts.get(identity)
        return contract and self.order.terms[contract.open.terms]

    def scheme(self, identity):
        """Name and parameter of a contract's scheme; the operator's is proportional."""
        terms = self.terms(identity)
        return terms.scheme if terms else ("proportional", None)


def charge(terms, gross, work):
    """What a contract pays of a gross credit, as (fee, maintenance)."""
    if terms is None:
        return 0, 0
    fee = gross * terms.fee_ppm // PPM
    rule, rate = terms.maintenance
    cost = rate * work // THS_DAY if rule == "sats_per_ths_day" else 0
    return fee, min(cost, gross - fee)


def check_settlements(files, log, judged, operator, report):
    """Compares the log's settlements with what they must be; gives the recomputed credits of each that was logged."""
    order, due, credits = log.order, list_due(log.order), {}
    settler = Settler(order, judged, operator)
    opened = [epoch.open_index for epoch in order.epochs]
    for position, (index, entry) in enumerate(order.settlements):
        with report.judging("settle.sum", f"settlement/{entry.settlement}.json"):
            if position >= len(due) or index < due[position].since:
                raise Wrong("log/tile/entries", "no settlement yet", entry.settlement, index)
            check_deadline(due[position], index, opened)
            right = settler.settle(due[position])
            if right is None:
                report.leave_out("settle.sum", "settle.mine")
                break
            credits[due[position].number] = right.credits
            check_entry(index, entry, due[position], right)
            check_file(files, entry, right.credits)
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
    rows = credit_rows(right.credits)
    total, root = sum_tree(rows)
    expected = {
        "settlement": due.number, "from_epoch": due.first, "to_epoch": due.last, "reward_sats": due.reward,
        "solo_sats": right.solo_sats, "carry_in_sats": right.carry_in_sats, "fee_sats": right.fee_sats,
        "maintenance_sats": right.maintenance_sats, "carry_out_sats": right.carry_out_sats,
    }
    where = "log/tile/entries"
    compare(where, [display(each) for each, _ in due.blocks], [display(each) for each in entry.blocks], index)
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


def read_file(files, path, file=FILE):
    """A settlement's file, or one of another kind."""
    if path not in files:
        raise Wrong(path, "the credits", "no file")
    return parse_json(files[path], file)


def read_credits(files, number):
    """A settlement's credits."""
    return read_file(files, f"settlement/{number}.json").credits


def check_mine(files, identity, credits, claims, report, kind="settlement", credits_of=read_credits):
    """The contract's credits in the files of a kind and on the page are the recomputed ones; gives their sum."""
    for number, right in credits.items():
        path = f"{kind}/{number}.json"
        try:
            rows = credits_of(files, number)
        except (Wrong, Malformed):
            report.leave_out("settle.mine")  # that is the failure of settle.sum, accrual.sum or conclusion.sum
            continue
        listed = {each: amount for amount, each in rows}
        compare(path, right.get(identity, 0), listed.get(identity, 0))
    for claim in claims:
        number = claim[kind]
        right = credits.get(number, {}).get(identity, 0)
        compare(f"{kind}/{number}.json", right, claim["credit_sats"])
    return sum(right.get(identity, 0) for right in credits.values())
