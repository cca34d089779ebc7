"""Every block is reported, with what it pays: block.all (docs/LOG.md §8 and §10)."""

from bitcoin import ANCHOR, LEVELS, level_target
from chain import PERIOD
from epochs import anchor_hash
from report import Wrong, compare
from wire import display

ENTRIES = "log/tile/entries"
MATURE = 100
DEADLINE = 3
UNSEEN = 6  # the pool may not yet know of the last few blocks


def check_shares(epoch, blocks):
    """The shares that are blocks are those that the log names, each once."""
    path = f"epoch/{epoch.number}/shares"
    expected = {(display(hashed), job.height, job.reward) for hashed, (job, _) in blocks.items()}
    stated = [(display(found.hash), found.height, found.reward_sats) for found in epoch.found]
    for block in expected.difference(stated):
        raise Wrong(ENTRIES, f"block_found of {block}", "none")
    for block in stated:
        if block not in expected:
            raise Wrong(path, f"the block {block}", "no such share, or logged twice")
        expected.remove(block)


def check_decisions(order):
    """Each block is decided at most once, after it was found. Gives the entries by hash."""
    decided = {}
    for index, entry in order.decided:
        if order.found_at.get(entry.hash, index) >= index or entry.hash in decided:
            raise Wrong(ENTRIES, "one decision for a found block", display(entry.hash), index)
        decided[entry.hash] = index, entry
    return decided


def check_chain(log, chain, decided, report):
    """What the chain shows: reported blocks are as they are said to be, and no other is the pool's."""
    for epoch in log.order.epochs:
        for found in epoch.found:
            with report.judging("block.all", ENTRIES):
                check_found(log.order, chain, found, decided.get(found.hash))
    with report.judging("block.all", "chain"):
        check_others(log, chain)


def check_found(order, chain, found, decision):
    """One reported block."""
    height, index = chain.height_of(found.hash), order.found_at[found.hash]
    if height is not None:
        reward = sum(value for value, _ in chain.outputs[height - chain.start])
        compare(ENTRIES, (height, reward), (found.height, found.reward_sats), index)
    decided_at, kind = (decision[0], decision[1].type) if decision else (None, None)
    if kind == "block_matured" and (height is None or chain.tip - height < MATURE):
        raise Wrong(ENTRIES, f"{MATURE} blocks on top of {display(found.hash)}", "fewer, or none", decided_at)
    if kind == "block_orphaned" and height is not None:
        raise Wrong(ENTRIES, f"{display(found.hash)} off the chain", f"at height {height}", decided_at)
    due = [epoch for epoch in order.epochs if epoch.open_index > index]
    ripe = [at for at, epoch in enumerate(due) if epoch.open.chain.height >= found.height + MATURE]
    if ripe and ripe[0] + DEADLINE < len(due):
        deadline = due[ripe[0] + DEADLINE].open_index
        if decided_at is None or decided_at >= deadline:
            raise Wrong(ENTRIES, f"a decision on {display(found.hash)} before", "none", deadline)


def check_others(log, chain):
    """No block that the log does not report pays the pool or carries one of its anchors."""
    anchors, scripts = all_anchors(log), paid_from(log.order)
    open_epochs = [epoch for epoch in log.order.epochs if not epoch.close] or log.order.epochs[-1:]
    last = open_epochs[0].open.chain.height - UNSEEN
    for height, (header, outputs) in enumerate(zip(chain.headers, chain.outputs), chain.start):
        if header.hash in log.order.found_at:
            continue
        for value, script in outputs:
            is_paid = value and scripts.get(script, height) < height <= last
            if is_paid or script in anchors:
                path = f"chain/{height // PERIOD}/coinbases"
                raise Wrong(path, f"block_found of {display(header.hash)}", "none", height % PERIOD)


def all_anchors(log):
    """The scripts of every anchor that a job of a closed epoch could carry."""
    origin, targets = log.checkpoint.origin, [level_target(level) for level in LEVELS]
    closed = [epoch for epoch in log.order.epochs if epoch.close]
    roots = {epoch.number: log.roots[epoch.open_index + 1] for epoch in closed}
    return {ANCHOR + anchor_hash(epoch, target, origin, roots[epoch.number]) for epoch in closed for target in targets}


def paid_from(order):
    """For each payout script the height above which the pool may have been paid by it."""
    scripts, listed = {}, set()
    for entry in order.entries:
        if entry.type == "manifest":
            listed.update(entry.payout_scripts)
        elif entry.type == "epoch_open":
            for script in listed:
                scripts.setdefault(script, entry.chain.height)
    return scripts
