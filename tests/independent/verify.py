#!/usr/bin/env python3
"""An independent verifier of Provenhash's evidence: plain Python 3.11, standard library only.

It was written from docs/LOG.md alone, to show that the page says enough, and to disagree with the first verifier should
either of them be wrong. It reads a bundle's folder, its archive, or a vector of tests/vectors/audit.

    python3 verify.py SOURCE [--policy FILE] [--receipt FILE] [--contract HEX] [--claims FILE] [--seen FILE]
                      [--wasm-sha256 HEX]

It prints a JSON report; the exit code is 0 when the evidence holds, 1 when it does not, 2 when nothing could be verified.

Read in this order: wire, trees, notes, policy, entries, logs, bitcoin, chain, epochs, places, blocks, contracts,
settlements, accruals, lives, liabilities; `audit` below joins them.
"""

import argparse
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import accruals
import blocks
import contracts
import epochs
import liabilities
import lives
import plausible
import settlements
from chain import read_chain
from logs import read_log
from notes import Checkpoint, parse_checkpoint, parse_note
from places import Places
from policy import Policy, parse_policy
from report import Report, Wrong, compare
from sources import SUMS, Misfit, check_sums, read_source
from wire import Malformed, display, hash_value

ENTRIES = "log/tile/entries"


@dataclass
class Request:
    """Whom to trust and what to look for."""

    policy: Policy
    contract: bytes | None = None
    receipt: contracts.Receipt | None = None
    claims: dict = field(default_factory=lambda: {"epochs": [], "credits": []})
    seen: Checkpoint | None = None
    wasm_sha256: bytes | None = None
    is_bundle: bool = True


@dataclass
class Judged:
    """What the verifier found of one epoch; None for what it could not judge."""

    epoch: object
    allocation: dict | None = None
    counted: epochs.Counted | None = None
    parts: dict | None = None


def audit(files, request):
    """Judges all evidence."""
    report = Report()
    check_bundle(files, request, report)
    log = read_log(files, request, report)
    if log is None:
        return report
    check_self(log, request, report)
    operator = contracts.operator_id(log.checkpoint.origin)
    places = places_on_chain(files, log, request, report)
    judged = check_epochs(files, log, operator, places, report)
    check_blocks(log, places, report)
    credits = settlements.check_settlements(files, log, judged, operator, report)
    report.finish("settle.sum")
    accrued, concluded = check_by_time(files, log, judged, places, report)
    books = liabilities.keep_books(files, log, judged, credits, operator, report)
    check_contract(files, log, judged, (credits, accrued, concluded), request, report)
    check_paid(log, books, places, request, report)
    add_totals(log, judged, report)
    return report


def check_bundle(files, request, report):
    """bundle.intact."""
    if not request.is_bundle:
        report.settle("bundle.intact", "not_applicable")
        return
    try:
        check_sums(files)
    except Misfit as misfit:
        report.fail("bundle.intact", Wrong(*misfit.args))
    report.finish("bundle.intact")


def check_self(log, request, report):
    """verifier.self."""
    if request.wasm_sha256 is None:
        report.settle("verifier.self", "not_applicable")
        return
    with report.judging("verifier.self", ENTRIES):
        published = log.order.manifest.verifier_wasm_sha256 if log.order.manifest else []
        if request.wasm_sha256 not in published:
            raise Wrong(ENTRIES, [each.hex() for each in published], request.wasm_sha256.hex())
    report.finish("verifier.self")


def places_on_chain(files, log, request, report):
    """The chain's side of the evidence, where it is right."""
    with report.judging("chain.linked", "chain"):
        if log.order.epochs:
            return Places(read_chain(files, log.order, request.policy), report)
    return None


def check_epochs(files, log, operator, places, report):
    """Everything that is judged epoch by epoch."""
    judged = []
    for epoch in log.order.epochs:
        each = Judged(epoch)
        judged.append(each)
        if places:
            with report.judging("job.anchored", ENTRIES):
                places.check_tip(epoch)
        check_allocation(files, log, each, operator, report)
        if epoch.close:
            check_epoch(files, log, each, places, report)
    report.finish("alloc.sum", "alloc.all", "share.work", "share.plausible")
    report.estimate = plausible.estimate(judged)
    return judged


def check_blocks(log, places, report):
    """What block.all says of the log as a whole, and the end of all checks that need the chain."""
    decided = None
    with report.judging("block.all", ENTRIES):
        decided = blocks.check_decisions(log.order)
    if places and decided is not None and not report.failed("chain.linked"):
        blocks.check_chain(log, places.chain, decided, report)
    if report.failed("chain.linked"):
        report.leave_out("job.anchored", "log.time", "block.all")
    elif log.order.epochs:
        report.finish("chain.linked")
    else:
        report.settle("chain.linked", "not_applicable")
    report.finish("job.anchored", "log.time", "block.all")


def check_allocation(files, log, each, operator, report):
    """alloc.sum and alloc.all."""
    path = contracts.allocation_path(each.epoch)
    with report.judging("alloc.sum", path):
        each.allocation = contracts.read_allocation(files, each.epoch)
    if each.allocation is None:
        report.leave_out("alloc.all", "alloc.mine")
        return
    with report.judging("alloc.all", path):
        contracts.check_running(each.epoch, each.allocation, log.order.contracts, operator)


def check_epoch(files, log, each, places, report):
    """job.anchored, log.time, share.work and block.all of one closed epoch."""
    epoch, folder = each.epoch, f"epoch/{each.epoch.number}"
    jobs = sessions = None
    with report.judging("job.anchored", f"{folder}/jobs.json"):
        jobs = epochs.read_jobs(files, epoch)
    if jobs is not None and places:
        places.check_jobs(epoch, jobs)
    with report.judging("share.work", f"{folder}/sessions.json"):
        sessions = epochs.read_sessions(files, epoch)
    with report.judging("share.work", f"{folder}/rejects.json"):
        epochs.check_rejects(files, epoch)
    if jobs is None or sessions is None:
        report.leave_out("log.time", "share.work", "block.all")
        return
    with report.judging("log.time", f"{folder}/jobs.json"):
        epochs.check_times(f"{folder}/jobs.json", jobs, epoch)
    root = log.roots[epoch.open_index + 1]
    counter = epochs.Counter(epoch, jobs, sessions, log.checkpoint.origin, root)
    with report.judging("share.work", f"{folder}/shares"):
        each.counted = epochs.check_shares(files, epoch, counter)
    if each.counted is None:
        report.leave_out("block.all")
        return
    if each.allocation is not None:
        each.parts = contracts.divide(each.counted.work, each.allocation)
    with report.judging("block.all", ENTRIES):
        blocks.check_shares(epoch, each.counted.blocks)


def check_by_time(files, log, judged, places, report):
    """accrual.sum, input.chain, contract.life and conclusion.sum; gives the recomputed credits of accruals and conclusions."""
    chain = places.chain if places and not report.failed("chain.linked") else None
    if chain:
        accruals.check_inputs(log, judged, chain, report)
    elif accruals.has_chain_inputs(log.order):
        report.leave_out("input.chain")
        report.finish("input.chain")
    else:
        report.settle("input.chain", "not_applicable")
    lives.check_lives(log, chain, report)
    accrued = accruals.check_accruals(files, log, judged, chain, report)
    return accrued, lives.check_conclusions(files, log, judged, report)


def check_contract(files, log, judged, credits, request, report):
    """alloc.mine, contract.hashes and settle.mine."""
    identity = request.contract
    if identity is None:
        for check in ("alloc.mine", "contract.hashes", "settle.mine"):
            report.settle(check, "not_applicable")
        return
    with report.judging("alloc.mine", ENTRIES):
        contracts.check_units(log, judged, identity)
    if identity not in log.order.contracts:
        return
    if request.receipt:
        with report.judging("alloc.mine", ENTRIES):
            contracts.check_bought(log, request.receipt)
    report.finish("alloc.mine")
    if not request.receipt and not report.failed("alloc.mine"):
        report.settle("alloc.mine", "not_bound")
    if any(each.epoch.close and each.parts is None for each in judged):
        report.leave_out("contract.hashes", "settle.mine")
    else:
        with report.judging("contract.hashes", "epoch"):
            contracts.check_claimed_work(judged, identity, request.claims["epochs"])
    with report.judging("settle.mine", "settlement"):
        settled, accrued, concluded = credits
        credited = settlements.check_mine(files, identity, settled, request.claims["credits"], report)
        credited += accruals.check_mine(files, identity, accrued, request.claims.get("accruals", []), report)
        credited += lives.check_mine(files, identity, concluded, request.claims.get("conclusions", []), report)
        work = sum(contracts.part_of(each, identity) for each in judged if each.parts)
        report.contract = {"id": identity.hex(), "work": str(work), "credited_sats": credited}
    report.finish("contract.hashes", "settle.mine")


def check_paid(log, books, places, request, report):
    """payout.mine."""
    if books and places:
        for _, file in books.payouts:
            with report.judging("payout.mine", "payout"):
                liabilities.check_confirmed(file, places.chain)
    if request.contract is None:
        if not report.failed("payout.mine"):
            report.settle("payout.mine", "not_applicable")
    elif books and request.contract in log.order.contracts:
        with report.judging("payout.mine", "payout"):
            liabilities.check_listed(books, request.contract)
            if request.receipt:
                liabilities.check_paid(books, request.receipt)
        report.finish("payout.mine")
        if not request.receipt and not report.failed("payout.mine"):
            report.settle("payout.mine", "not_bound")


def add_totals(log, judged, report):
    """Sums over the log."""
    closed = [each for each in judged if each.epoch.close]
    report.totals |= {
        "epochs": len(closed),
        "shares": sum(each.epoch.close.shares.count for each in closed),
        "work": sum(each.counted.work for each in closed if each.counted),
        "blocks": sum(len(each.epoch.found) for each in judged),
        "reward_sats": sum(entry.reward_sats for _, entry in log.order.settlements),
        "credits_sats": sum(entry.credits.total_sats for _, entry in log.order.settlements),
    }


def read_head(value):
    """A checkpoint that a vector remembers."""
    return value and Checkpoint(value["origin"], value["size"], hash_value(value["root"]))


def read_request(arguments, vector):
    """The question: from the command line, or from a vector."""
    if vector:
        receipt = contracts.Receipt(vector["receipt"]) if vector["receipt"] else None
        return Request(
            parse_policy(vector["policy"].encode()),
            receipt.contract if receipt else None,
            receipt,
            vector["claims"] or {"epochs": [], "credits": []},
            seen=read_head(vector["remembered"]),
            wasm_sha256=bytes.fromhex(vector["wasm_sha256"]) if vector["wasm_sha256"] else None,
            is_bundle=SUMS in vector["files"],
        )
    request = Request(parse_policy(Path(arguments.policy).read_bytes()))
    if arguments.receipt:
        request.receipt = contracts.Receipt(json.loads(Path(arguments.receipt).read_text("utf-8")))
        request.contract = request.receipt.contract
    if arguments.contract:
        request.contract = bytes.fromhex(arguments.contract)
    if arguments.claims:
        request.claims = json.loads(Path(arguments.claims).read_text("utf-8"))
    if arguments.seen:
        request.seen = parse_checkpoint(parse_note(Path(arguments.seen).read_bytes()).text)
    if arguments.wasm_sha256:
        request.wasm_sha256 = bytes.fromhex(arguments.wasm_sha256)
    return request


def main():
    """Verifies one source."""
    parser = argparse.ArgumentParser(description="Verifies a bundle or a vector of Provenhash's evidence.")
    parser.add_argument("source")
    for option in ("--policy", "--receipt", "--contract", "--claims", "--seen", "--wasm-sha256"):
        parser.add_argument(option)
    arguments = parser.parse_args()
    try:
        files, vector = read_source(arguments.source)
        if not vector and not arguments.policy:
            parser.error("a bundle needs --policy")
        report = audit(files, read_request(arguments, vector))
    except (Malformed, OSError) as error:
        print(f"{arguments.source}: {error}", file=sys.stderr)
        return 2
    print(report.to_json())
    return 0 if report.held else 1


if __name__ == "__main__":
    sys.exit(main())
