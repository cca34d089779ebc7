"""Recomputes how contracts' lives go on and end: contract.life and conclusion.sum (docs/LOG.md §8.4)."""

import settlements
from accruals import chain_inputs, price
from entries import FEES
from report import Wrong, compare
from settlements import DEADLINE, PPM, THS_DAY
from trees import sum_tree
from wire import array, hash_value, integer, record, row, sats

FILE = record(conclusion=integer(), rows=array(row(sats, sats, hash_value)))
ENTRIES = "log/tile/entries"
SUSPEND, RESUME, FULFILLED, CLOSE = "suspended", "resumed", "fulfilled", "closed by the operator"


class Period:
    """The end of K epochs."""

    def __init__(self, number, last, order):
        self.number, self.last = number, last  # its last epoch
        self.since, self.end_ms = last.close_index, last.end_ms
        following = order.epochs[last.number :]
        self.next_open = following[0].open_index if following else None


def periods(order):
    """All periods that are over."""
    every = order.every or 1
    closed = [epoch for epoch in order.epochs if epoch.close]
    return [Period(number, closed[number * every - 1], order) for number in range(1, len(closed) // every + 1)]


def kind(change):
    """What a change is."""
    _, entry, reason = change
    if entry == "contract_close":
        return FULFILLED if reason == "fulfilled" else CLOSE
    return SUSPEND if entry == "contract_suspend" else RESUME


def closed_at(contract):
    """The index of the entry that ends a contract."""
    return next((change[0] for change in contract.changes if kind(change) in (FULFILLED, CLOSE)), None)


class Rule:
    """The suspension rule of one entry of terms."""

    def __init__(self, index, terms):
        self.index, self.terms = index, terms
        self.below = self.above = 0
        self.suspends, self.is_known = False, True

    def count(self, period, order, chain, rates):
        """Another period, at the price of its last epoch."""
        name, parameter = self.terms.suspension
        if name == "none" or self.index > period.last.open_index or not self.is_known:
            return
        if chain is None or not chain.branch(period.last.open.chain.hash):
            self.is_known = False
            return
        created, block_work, fees_ppm = price(chain, period.last, rates)
        fees = fees_ppm if self.terms.scheme[0] == "fpps" else 0
        worth = THS_DAY * created * (PPM + fees) * 2**64 // (block_work * PPM) * (PPM - self.terms.fee_ppm)
        cost = self.terms.maintenance[1] * 2**64 * PPM
        self.below = self.below + 1 if worth < cost else 0
        self.above = self.above + 1 if worth * PPM >= cost * parameter.resume_ppm else 0
        self.suspends = self.above < parameter.resume_periods if self.suspends else self.below >= parameter.periods


class Life:
    """A contract, and the changes that it must have."""

    def __init__(self, identity, contract, terms):
        self.identity, self.contract, self.terms = identity, contract, terms
        self.left = list(contract.changes)
        self.is_suspended = self.has_ended = False

    def take_before(self, end, is_known):
        """Changes that nothing calls for: only the operator's close is allowed, where there are refunds."""
        while self.left:
            found, is_close = kind(self.left[0]), self.left[0][1] == "contract_close"
            is_judged = is_close or self.has_ended or is_known
            if is_judged and end is not None and self.left[0][0] >= end:
                return
            change = self.left.pop(0)
            if found == CLOSE and not self.has_ended:
                self.check_close(change)
            elif is_judged:
                raise Wrong(ENTRIES, f"no change of {self.identity.hex()}", found, change[0])
            self.has_ended |= is_close

    def check_close(self, change):
        """The operator may close a contract early when he pays back what is left."""
        if self.terms.refund == "none":
            raise Wrong(ENTRIES, "no close where nothing is refunded", CLOSE, change[0])

    def due(self, period, rule):
        """What the end of a period calls for."""
        if self.has_ended or self.contract.open_index > period.since:
            return None
        if self.contract.open.until_ms <= period.end_ms:
            return FULFILLED
        if not rule.is_known or rule.suspends == self.is_suspended:
            return None
        return SUSPEND if rule.suspends else RESUME

    def take_due(self, period, rule, order, size):
        """The change that a period's end calls for comes next, in time."""
        due = self.due(period, rule)
        if not due:
            return
        until = self.left[0][0] if self.left else size
        change = self.left.pop(0) if self.left else None
        self.is_suspended = due == SUSPEND
        self.has_ended = due == FULFILLED or (change is not None and change[1] == "contract_close")
        check_deadline(period, until, order, f"{due}: {self.identity.hex()}")
        if change is None or kind(change) == due:
            return
        if kind(change) == CLOSE and due != FULFILLED:
            self.check_close(change)
            return
        raise Wrong(ENTRIES, f"{due}: {self.identity.hex()}", kind(change), change[0])


def check_deadline(period, until, order, what):
    """It stands before the third epoch_open behind the close that made it due."""
    after = [epoch for epoch in order.epochs if period.since < epoch.open_index < until]
    if len(after) >= DEADLINE:
        raise Wrong(ENTRIES, f"{what} in time", "none", period.since)


def check_lives(log, chain, report):
    """contract.life: contracts change where their terms say so, and nowhere else."""
    order, rates = log.order, chain_inputs(log.order, FEES)
    if not order.contracts:
        report.settle("contract.life", "not_applicable")
        return
    rules = {index: Rule(index, terms) for index, terms in order.terms.items()}
    lives = [Life(identity, each, order.terms[each.open.terms]) for identity, each in order.contracts.items()]
    used = {each.open.terms for each in order.contracts.values()}
    for period in periods(order):
        for rule in rules.values():
            rule.count(period, order, chain, rates)
        for life in lives:
            rule = rules[life.contract.open.terms]
            if life.has_ended:
                continue
            with report.judging("contract.life", ENTRIES):
                life.take_before(period.since, rule.is_known)
                life.take_due(period, rule, order, log.checkpoint.size)
    for life in lives:
        with report.judging("contract.life", ENTRIES):
            life.take_before(None, rules[life.contract.open.terms].is_known)
    if not all(rules[index].is_known for index in used):
        report.leave_out("contract.life")
    report.finish("contract.life")


def gives_back(terms):
    """Whether a contract of these terms can be owed anything when it ends."""
    return terms.refund != "none" or terms.shortfall[0] != "pro_rata"


def has_ended(contract, period):
    """Whether a contract's life was over when a period was."""
    closed = closed_at(contract)
    if contract.open.until_ms <= period.end_ms:
        return True
    return closed is not None and (period.next_open is None or closed < period.next_open)


def owed(contract, identity, terms, judged):
    """(refund, make-good) of a contract that has ended; None where the work of one of its epochs is not known."""
    opened, closed = contract.open, closed_at(contract)
    ran = suspended = delivered = 0
    last = opened.from_ms
    for each in judged:
        epoch = each.epoch
        if not opened.from_ms <= epoch.open.start_ms < opened.until_ms or (closed is not None and closed < epoch.open_index):
            continue
        if each.parts is None:
            return None
        last = min(epoch.end_ms, opened.until_ms)
        if contract.runs_in(epoch):
            ran += last - epoch.open.start_ms
            delivered += each.parts.get(identity, 0)
        else:
            suspended += last - epoch.open.start_ms
    term, refund, make_good = opened.until_ms - opened.from_ms, 0, 0
    if terms.refund == "unused_time":
        refund = opened.price_sats * (suspended + opened.until_ms - last) // term
    if terms.shortfall[0] == "make_good":
        tolerance = terms.shortfall[1].tolerance_ppm
        missing = max(opened.units * ran * (PPM - tolerance) - delivered * 1000 * PPM, 0)
        make_good = opened.price_sats * missing // (opened.units * term * PPM)
    return refund, make_good


def check_conclusions(files, log, judged, report):
    """conclusion.sum: what ended contracts are owed; gives the recomputed credits of each that was logged."""
    order, check = log.order, "conclusion.sum"
    followed = {one: each for one, each in order.contracts.items() if gives_back(order.terms[each.open.terms])}
    logged, credits, applies = list(order.conclusions), {}, False
    for period in periods(order):
        ended = {one: each for one, each in followed.items() if each.open_index < period.since and has_ended(each, period)}
        followed = {one: each for one, each in followed.items() if one not in ended}
        known = judged[: period.last.number]
        rows = {one: owed(each, one, order.terms[each.open.terms], known) for one, each in ended.items()}
        is_known = all(rows.values())
        rows = [(*rows[one], one) for one in sorted(rows) if is_known and any(rows[one])]
        found = logged.pop(0) if logged and logged[0][1].conclusion <= period.number else None
        applies |= bool(found) or bool(rows)
        with report.judging(check, f"conclusion/{period.number}.json"):
            if found or rows:
                check_deadline(period, found[0] if found else log.checkpoint.size, order, f"conclusion {period.number}")
            if found and not is_known:
                report.leave_out(check)
            elif found:
                credits[found[1].conclusion] = check_conclusion(files, period, rows, *found, order.every)
    for index, entry in logged:
        with report.judging(check, ENTRIES):
            raise Wrong(ENTRIES, "no conclusion", entry.conclusion, index)
    if applies or report.failed(check):
        report.finish(check)
    else:
        report.settle(check, "not_applicable")
    return credits


def check_conclusion(files, period, rows, index, entry, every):
    """The entry and its file say what was computed; gives the credits."""
    if not rows:
        raise Wrong(ENTRIES, "no conclusion: nothing is owed", entry.conclusion, index)
    if index < period.since:
        raise Wrong(ENTRIES, "a conclusion behind its period", "before", index)
    expected = {
        "conclusion": period.number, "from_epoch": (period.number - 1) * every + 1, "to_epoch": period.number * every,
        "refund_sats": sum(refund for refund, _, _ in rows), "make_good_sats": sum(good for _, good, _ in rows),
    }
    for field, value in expected.items():
        compare(ENTRIES, f"{field} {value}", f"{field} {getattr(entry, field)}", index)
    credited = to_credits(rows)
    total, root = sum_tree(credited)
    stated = entry.credits
    compare(ENTRIES, (len(rows), total, root.hex()), (stated.count, stated.total_sats, stated.root.hex()), index)
    path = f"conclusion/{entry.conclusion}.json"
    content = settlements.read_file(files, path, FILE)
    compare(path, entry.conclusion, content.conclusion)
    compare(path, rows, content.rows)
    return {identity: amount for amount, identity in credited}


def to_credits(rows):
    """What each contract is credited."""
    return [(refund + make_good, identity) for refund, make_good, identity in rows]


def read_file(files, number):
    """A conclusion's credits."""
    return to_credits(settlements.read_file(files, f"conclusion/{number}.json", FILE).rows)


def check_mine(files, identity, credits, claims, report):
    """As for settlements."""
    return settlements.check_mine(files, identity, credits, claims, report, "conclusion", credits_of=read_file)
