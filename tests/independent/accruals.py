"""Recomputes what is paid by time: accrual.sum and input.chain (docs/LOG.md §8.3)."""

import settlements
from bitcoin import network_target
from entries import FEES, HASHPRICE, parse_chain_input
from report import Wrong, compare
from settlements import DEADLINE, PPM, charge, credit_rows
from trees import sum_tree
from wire import U32, array, display, hash_value, integer, record, row, sats

FILE = record(accrual=integer(), credits=array(row(sats, hash_value)))
BY_TIME = "pps", "fpps"
FEE_BLOCKS = 144
ENTRIES = "log/tile/entries"


def subsidy(network, height):
    """What a block creates besides its fees."""
    return 5_000_000_000 >> min(height // (150 if network == "regtest" else 210_000), 63)


def chain_inputs(order, name):
    """All inputs of a name that follow from the chain, as (leaf index, value, height, hash)."""
    inputs = ((index, entry) for index, entry in enumerate(order.entries) if entry.type == "external_input")
    return [(index, *parse_chain_input(entry)) for index, entry in inputs if entry.name == name]


def has_chain_inputs(order):
    """Whether a log has inputs that follow from the chain."""
    return any(chain_inputs(order, name) for name in (FEES, HASHPRICE))


def check_inputs(log, judged, chain, report):
    """Every rate and price is that of the blocks it names, and no epoch with an FPPS contract has an old rate."""
    rates, prices = chain_inputs(log.order, FEES), chain_inputs(log.order, HASHPRICE)
    needs = [each.epoch for each in judged if is_paid_by_fees(log.order, each) or is_suspended_by_fees(log.order, each.epoch)]
    if not rates and not prices and not needs:
        report.settle("input.chain", "not_applicable")
        return
    for of_chain, inputs in (fees_of, rates), (hashprice, prices):
        for index, value, height, hashed in inputs:
            with report.judging("input.chain", ENTRIES):
                header = chain.header(height)
                compare(ENTRIES, display(hashed), display(header.hash) if header else "no block", index)
                compare(ENTRIES, of_chain(chain, height), value, index)
    for epoch in needs:
        with report.judging("input.chain", ENTRIES):
            newest = [rate for rate in rates if rate[0] < epoch.open_index][-1:]
            oldest = epoch.open.chain.height - 2 * FEE_BLOCKS
            if not newest or newest[0][2] < oldest:
                raise Wrong(ENTRIES, f"a fee rate of height {oldest} or above", newest or "none", epoch.open_index)
    report.finish("input.chain")


def is_paid_by_fees(order, each):
    """Whether an FPPS contract runs in an epoch."""
    return bool(each.allocation) and any(scheme(order, one) == "fpps" for one in each.allocation)


def is_suspended_by_fees(order, epoch):
    """Whether an epoch's price decides on suspensions of FPPS contracts."""
    if epoch.number % order.every:
        return False
    before = (order.terms[one.open.terms] for one in order.contracts.values() if one.open_index < epoch.open_index)
    return any(terms.scheme[0] == "fpps" and terms.suspension[0] != "none" for terms in before)


def fees_of(chain, height):
    """Fees in millionths of subsidies, of the last blocks up to a height."""
    heights = range(max(height - FEE_BLOCKS + 1, chain.start), height + 1)
    subsidies = sum(subsidy(chain.network, each) for each in heights)
    rewards = sum(value for each in heights for value, _ in chain.outputs[each - chain.start])
    return min(max(rewards - subsidies, 0) * PPM // subsidies, U32) if subsidies else 0


def hashprice(chain, height):
    """What 10¹⁵ hashes a second can be expected to earn in a day on top of a height, in satoshis."""
    _, branch = chain.branch(chain.header(height).hash)
    nbits = branch.required_nbits(height + 1, branch.header(height).ntime)
    block_work = 2**256 // (network_target(nbits) + 1)
    return 86_400 * 10**15 * subsidy(chain.network, height + 1) * (PPM + fees_of(chain, height)) // (block_work * PPM)


def scheme(order, identity):
    """The name of a contract's scheme."""
    contract = order.contracts.get(identity)
    return order.terms[contract.open.terms].scheme[0] if contract else "proportional"


def price(chain, epoch, rates):
    """(subsidy, work of a block, fee rate) of an epoch."""
    tip = epoch.open.chain
    height, branch = chain.branch(tip.hash)
    nbits = branch.required_nbits(height + 1, branch.header(height).ntime)
    fees = [rate[1] for rate in rates if rate[0] < epoch.open_index][-1:]
    return subsidy(chain.network, height + 1), 2**256 // (network_target(nbits) + 1), (fees or [0])[0]


class Period:
    """The epochs of one accrual."""

    def __init__(self, number, judged):
        self.number, self.judged = number, judged
        self.since = judged[-1].epoch.close_index

    def worth(self, order, chain, rates):
        """Work and what it is worth, in 2⁻⁶⁴ satoshis, by contract; None where something is not known."""
        worth = {}
        for each in self.judged:
            if each.parts is None:
                return None
            by_time = {one: work for one, work in each.parts.items() if work and scheme(order, one) in BY_TIME}
            if not by_time:
                continue
            if chain is None or not chain.branch(each.epoch.open.chain.hash):
                return None
            created, block_work, fees_ppm = price(chain, each.epoch, rates)
            for one, work in by_time.items():
                fees = fees_ppm if scheme(order, one) == "fpps" else 0
                amount, sum_of_work = worth.get(one, (0, 0))
                amount += work * created * (PPM + fees) * 2**64 // (block_work * PPM)
                worth[one] = amount, sum_of_work + work
        return worth


def check_accruals(files, log, judged, chain, report):
    """Compares the log's accruals with what they must be; gives the recomputed credits of each that was logged."""
    order, every = log.order, log.order.every
    rates = chain_inputs(order, FEES)
    closed = [each for each in judged if each.epoch.close]
    periods = [Period(n, closed[(n - 1) * every : n * every]) for n in range(1, len(closed) // every + 1)]
    logged, credits, applies = list(order.accruals), {}, False
    for period in periods:
        worth = period.worth(order, chain, rates)
        found = logged.pop(0) if logged and logged[0][1].accrual <= period.number else None
        applies |= bool(found) or worth is None or bool(worth)
        with report.judging("accrual.sum", f"accrual/{period.number}.json"):
            check_deadline(period, found[0] if found else log.checkpoint.size, order, bool(found) or bool(worth))
            if worth is None:
                report.leave_out("accrual.sum")
            elif found:
                credits[found[1].accrual] = check_accrual(files, period, worth, *found, order, every)
    for index, entry in logged:
        with report.judging("accrual.sum", ENTRIES):
            raise Wrong(ENTRIES, "no accrual", entry.accrual, index)
    if applies or report.failed("accrual.sum"):
        report.finish("accrual.sum")
    else:
        report.settle("accrual.sum", "not_applicable")
    return credits


def check_deadline(period, until, order, applies):
    """An accrual stands before the third epoch_open after the close that made it due, and behind that close."""
    after = [epoch.open_index for epoch in order.epochs if period.since < epoch.open_index < until]
    if applies and (len(after) >= DEADLINE or until < period.since):
        raise Wrong(ENTRIES, f"accrual {period.number} in time", "none", period.since)


def check_accrual(files, period, worth, index, entry, order, every):
    """The entry and its file say what was computed; gives the credits."""
    if not worth:
        raise Wrong(ENTRIES, "no accrual: nothing is paid by time", entry.accrual, index)
    gross, fee, maintenance, credits = 0, 0, 0, {}
    for identity, (amount, work) in worth.items():
        whole = amount >> 64
        taken = charge(order.terms[order.contracts[identity].open.terms], whole, work)
        gross, fee, maintenance = gross + whole, fee + taken[0], maintenance + taken[1]
        credits[identity] = whole - sum(taken)
    rows = credit_rows(credits)
    total, root = sum_tree(rows)
    expected = {
        "accrual": period.number, "from_epoch": (period.number - 1) * every + 1, "to_epoch": period.number * every,
        "gross_sats": gross, "fee_sats": fee, "maintenance_sats": maintenance,
    }
    for field, value in expected.items():
        compare(ENTRIES, f"{field} {value}", f"{field} {getattr(entry, field)}", index)
    stated = entry.credits
    compare(ENTRIES, (len(rows), total, root.hex()), (stated.count, stated.total_sats, stated.root.hex()), index)
    path = f"accrual/{entry.accrual}.json"
    content = read_file(files, entry.accrual)
    compare(path, entry.accrual, content.accrual)
    compare(path, rows, content.credits)
    return credits


def read_file(files, number):
    """An accrual's file."""
    return settlements.read_file(files, f"accrual/{number}.json", FILE)


def read_credits(files, number):
    """An accrual's credits."""
    return read_file(files, number).credits


def check_mine(files, identity, credits, claims, report):
    """As for settlements."""
    return settlements.check_mine(files, identity, credits, claims, report, "accrual", read_credits)
