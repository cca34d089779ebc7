"""Trees and dividing: RFC 6962 (docs/LOG.md §3), sum trees (§7), apportionment (§1.2)."""

from hashlib import sha256

from wire import U128, demand, is_strictly_increasing

EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(leaf):
    """The hash of an entry or of a share record."""
    return sha256(b"\0" + leaf).digest()


def node_hash(left, right):
    """The hash of an inner node."""
    return sha256(b"\1" + left + right).digest()


def tree_root(hashes):
    """The root over leaf hashes: pairs are joined level by level, and an odd last one moves up as it is."""
    if not hashes:
        return EMPTY_ROOT
    while len(hashes) > 1:
        joined = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2])]
        hashes = joined + ([hashes[-1]] if len(hashes) % 2 else [])
    return hashes[0]


class Frontier:
    """Roots of a growing tree, one size after the other."""

    def __init__(self):
        self.size = 0
        self.peaks = []  # full subtrees from the left, as (height, hash)

    def push(self, leaf):
        """Adds the next leaf hash."""
        self.size += 1
        height = 0
        while self.peaks and self.peaks[-1][0] == height:
            leaf = node_hash(self.peaks.pop()[1], leaf)
            height += 1
        self.peaks.append((height, leaf))

    def root(self):
        """The root at this size."""
        if not self.peaks:
            return EMPTY_ROOT
        *rest, (_, root) = self.peaks
        for _, peak in reversed(rest):
            root = node_hash(peak, root)
        return root


def sum_tree(rows):
    """Sum and root over (amount, id): every node commits to the sums below it."""
    demand(is_strictly_increasing([identity for _, identity in rows]), "ids that do not strictly increase")
    demand(all(1 <= amount for amount, _ in rows), "an amount below 1")
    demand(sum(amount for amount, _ in rows) <= U128, "a sum beyond 128 bits")
    nodes = [(amount, sha256(b"\0" + wide(amount) + identity).digest()) for amount, identity in rows]
    if not nodes:
        return 0, EMPTY_ROOT
    while len(nodes) > 1:
        joined = [join(left, right) for left, right in zip(nodes[::2], nodes[1::2])]
        nodes = joined + ([nodes[-1]] if len(nodes) % 2 else [])
    return nodes[0]


def join(left, right):
    """An inner node of a sum tree."""
    content = wide(left[0]) + left[1] + wide(right[0]) + right[1]
    return left[0] + right[0], sha256(b"\1" + content).digest()


def wide(amount):
    """An amount as it is hashed."""
    return amount.to_bytes(16, "big")


def apportion(total, weights):
    """Divides a total by weights; what rounding leaves goes to the largest remainders, ties to the lower index."""
    weight = sum(weights)
    if weight == 0:
        return [0] * len(weights)
    parts = [total * each // weight for each in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % weight), i))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts
