"""Reads and checks the log itself: log.signed, log.grew, log.complete (docs/LOG.md §3 and §4)."""

from entries import Order, parse_bundle, parse_entry
from policy import judge
from report import Wrong, compare
from trees import Frontier, leaf_hash
from wire import Malformed, demand

CHECKPOINT = "log/checkpoint"
BUNDLE_WIDTH = 256
WITNESS_DRIFT = 600  # seconds


class Log:
    """A log whose entries give the signed root."""

    def __init__(self, checkpoint, order, roots):
        self.checkpoint, self.order, self.roots = checkpoint, order, roots


def read_log(files, request, report):
    """The log, or None when it can't be trusted; later checks have nothing to stand on then."""
    newest = None
    with report.judging("log.signed", CHECKPOINT):
        judged = read_checkpoint(files, CHECKPOINT, request.policy)
        newest = judged.checkpoint
        if not request.policy.is_met(judged.times):
            raise Wrong(CHECKPOINT, f"the quorum {request.policy.quorum}", f"cosignatures of {sorted(judged.times)}")
    if report.failed("log.signed"):
        return None
    report.totals["tree_size"] = newest.size
    order, frontier, roots = Order(), Frontier(), {0: Frontier().root()}
    kept = [request.seen.size] if request.seen else []
    with report.judging("log.complete", CHECKPOINT):
        for index, data in enumerate(read_entries(files, newest.size)):
            frontier.push(leaf_hash(data))
            push_entry(order, index, data)
            if order.entries[-1].type in ("epoch_open", "epoch_close") or index + 1 in kept:
                roots[index + 1] = frontier.root()
        compare(CHECKPOINT, newest.root, frontier.root())
        order.finish()
        report.finish("log.complete")
    if report.failed("log.complete"):
        return None
    log = Log(newest, order, roots)
    check_newest(log, request.policy, judged.times, report)
    check_kept(files, log, request.policy, report)
    check_growth(log, request.seen, report)
    return log


def push_entry(order, index, data):
    """Reads an entry and puts it in its place."""
    try:
        order.push(index, parse_entry(data))
    except Malformed as malformed:
        raise Wrong("log/tile/entries", "an entry in its place", malformed, index) from None


def read_checkpoint(files, path, policy):
    """A checkpoint that a trusted log signed, and when witnesses cosigned it."""
    if path not in files:
        raise Wrong(path, "a checkpoint", "no file")
    return judge(files[path], policy)


def read_entries(files, size):
    """The entries of a log of this size, from bundles of 256."""
    for number in range(-(-size // BUNDLE_WIDTH)):
        width = min(BUNDLE_WIDTH, size - number * BUNDLE_WIDTH)
        full = f"log/tile/entries/{tile_number(number)}"
        path = full if width == BUNDLE_WIDTH else f"{full}.p/{width}"
        if path not in files and full not in files:
            raise Wrong(path, f"{width} entries", "no file")
        try:
            entries = parse_bundle(files[path] if path in files else files[full])
            # A partial bundle may be gone once the full one is there.
            demand(len(entries) == (width if path in files else BUNDLE_WIDTH), f"{len(entries)} entries")
        except Malformed as malformed:
            raise Wrong(path, f"{width} entries", malformed) from None
        yield from entries[:width]


def tile_number(number):
    """A tile's number in groups of three digits."""
    groups = [f"{number % 1000:03}"]
    while number >= 1000:
        number //= 1000
        groups.insert(0, f"x{number % 1000:03}")
    return "/".join(groups)


def check_kept(files, log, policy, report):
    """The checkpoints at epoch boundaries are this log's, and witnesses saw them when the log says."""
    for index, entry in enumerate(log.order.entries):
        if entry.type not in ("epoch_open", "epoch_close"):
            continue
        path, kept = f"log/checkpoints/{index + 1}", None
        with report.judging("log.signed", path):
            kept = read_checkpoint(files, path, policy)
            compare(path, log.checkpoint.origin, kept.checkpoint.origin)
            compare(path, index + 1, kept.checkpoint.size)
            compare(path, log.roots[index + 1], kept.checkpoint.root)
        if kept and policy.quorum != "none" and policy.is_met(kept.times):
            epoch = log.order.epochs[entry.epoch - 1]
            window = opening(epoch) if entry.type == "epoch_open" else closing(epoch)
            with report.judging("log.time", path):
                check_window(path, policy, kept.times, *window)
    report.finish("log.signed")


def check_newest(log, policy, times, report):
    """The newest checkpoint is no older than the last epoch it holds."""
    if policy.quorum != "none" and log.order.epochs:
        earliest, _ = opening(log.order.epochs[-1])
        with report.judging("log.time", CHECKPOINT):
            check_window(CHECKPOINT, policy, times, earliest, None)


def check_window(path, policy, times, earliest, latest):
    """The quorum is met by the cosignatures of a span of time alone, in seconds."""
    fitting = {name: time for name, time in times.items() if earliest <= time and (latest is None or time <= latest)}
    if not policy.is_met(fitting):
        raise Wrong(path, f"a quorum of cosignatures within {earliest}…{latest}", sorted(times.items()))


def opening(epoch):
    """When witnesses may have seen an epoch open."""
    start = epoch.open.start_ms
    return start // 1000 - WITNESS_DRIFT, -(-start // 1000) + WITNESS_DRIFT


def closing(epoch):
    """When witnesses may have seen an epoch closed."""
    end = epoch.end_ms
    return end // 1000, -(-(end + epoch.manifest.grace_ms) // 1000) + WITNESS_DRIFT


def check_growth(log, seen, report):
    """What was seen before is a prefix of this log."""
    if seen is None:
        report.settle("log.grew", "not_applicable")
        return
    with report.judging("log.grew", CHECKPOINT):
        compare(CHECKPOINT, seen.origin, log.checkpoint.origin)
        if seen.size > log.checkpoint.size:
            raise Wrong(CHECKPOINT, f"a size of at least {seen.size}", log.checkpoint.size)
        compare(CHECKPOINT, seen.root, log.roots[seen.size])
    report.finish("log.grew")
