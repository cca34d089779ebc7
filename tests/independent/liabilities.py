"""What is owed, what backs it, what was paid: liab.sum and payout.mine (docs/LOG.md §8.1 and §8.2)."""

from hashlib import sha256

from bitcoin import MAX_BRANCH, number, parse_transaction, sha256d
from report import Wrong, compare
from accruals import read_credits as read_accrual
from lives import read_file as read_conclusion
from settlements import read_file
from trees import sum_tree
from wire import U32, Malformed, array, block_hash, demand, display, hash_value, hex_of, integer, nullable, parse_json, record, row, sats

LIST_FILE = record(
    liabilities=integer(),
    balances=array(row(sats, hash_value)),
    coins=array(row(sats, hash_value, block_hash, integer(U32), integer(U32))),
)
PAYOUT_FILE = record(
    txid=block_hash, transaction=hex_of(), block=nullable(block_hash), index=integer(U32), branch=array(hash_value, MAX_BRANCH),
    outputs=array(row(sats, hash_value, integer(U32))),
)
LONGEST_GAP_MS = 26 * 3_600_000
NULL = 0, U32  # what the input of a coinbase spends


class Books:
    """What is owed and what backs it, as the log grows."""

    def __init__(self, operator, knows_all_coins):
        self.operator = operator
        self.knows_all_coins = knows_all_coins  # else a listed coin may be one of a block that could not be recomputed
        self.balances = {}
        self.coins = {}  # (sats, height) by (txid, vout)
        self.spent = set()
        self.txids = set()
        self.payouts = []  # (leaf index, file)
        self.lists = []  # (leaf index, entry, balances then)
        self.newest = None  # what the newest list says, where it could be read
        self.settlement = 0
        self.is_settled = False
        self.first_opened = None  # start of the first epoch opened since the newest list, or else the first settlement

    def settle(self, entry, credits):
        """A settlement credits everyone but the operator, who owes his part to himself."""
        self.settlement = entry.settlement
        self.accrue(credits)

    def accrue(self, credits):
        """So does an accrual, and a conclusion."""
        self.is_settled = True
        for amount, identity in credits:
            if identity != self.operator:
                self.balances[identity] = self.balances.get(identity, 0) + amount

    def mature(self, job, coinbase):
        """The outputs of a matured block's coinbase are coins."""
        txid = number(sha256d(coinbase))
        for vout, (value, _) in enumerate(parse_transaction(coinbase)[1]):
            if value:
                self.coins[txid, vout] = value, job.height

    def pay(self, path, file):
        """What a payout's rows say is owed no more; too much for one of them lowers the others' balances all the same."""
        wrong = None
        for position, (amount, identity, _) in enumerate(file.outputs):
            owed = self.balances.get(identity, 0)
            self.balances[identity] = max(owed - amount, 0)
            if amount > owed and not wrong:
                wrong = Wrong(path, f"at most {owed} for {identity.hex()}", amount, position)
        if wrong:
            raise wrong

    def spend(self, index, entry, path, file):
        """A payout's transaction pays what its rows say, out of coins that no other one spends."""
        self.payouts.append((index, file))
        logged_before = entry.txid in self.txids
        self.txids.add(entry.txid)
        spent = read_transaction(path, file)
        twice = self.spent & set(spent)
        self.spent.update(spent)
        demand(not logged_before, "a transaction that was logged before")
        demand(not twice, "a transaction that spends what an earlier one spent")
        demand(min(1, self.settlement) <= entry.from_settlement <= entry.to_settlement <= self.settlement, "a payout for settlements not yet logged")

    def list(self, files, index, entry):
        """A list says what is owed here, and names coins that back it."""
        before = self.lists[-1][1] if self.lists else None
        compare("log/tile/entries", before.liabilities + 1 if before else 1, entry.liabilities, index)
        demand(before is None or before.at_ms < entry.at_ms, "a list of liabilities that is not later than the last one")
        compare("log/tile/entries", self.settlement, entry.settlement, index)
        self.lists.append((index, entry, dict(self.balances)))
        self.first_opened = self.newest = None
        path = f"liabilities/{entry.liabilities}.json"
        file = read_list(files, path)
        self.newest = {identity: amount for amount, identity in file.balances}
        compare_list(path, entry, file)
        owed = [(amount, identity) for identity, amount in sorted(self.balances.items()) if amount]
        for position, (expected, found) in enumerate(zip(owed, file.balances)):
            compare(path, f"{expected[0]} for {expected[1].hex()}", f"{found[0]} for {found[1].hex()}", position)
        compare(path, len(owed), len(file.balances))
        for position, (amount, _, txid, vout, height) in enumerate(file.coins):
            if (txid, vout) not in self.coins and not self.knows_all_coins:
                continue
            demand((txid, vout) not in self.spent, f"a coin that was spent: {display(txid)}:{vout}")
            compare(path, self.coins.get((txid, vout), "no such coin"), (amount, height), position)

    def open(self, index, entry):
        """Lists follow each other closely once there is something to owe."""
        if self.first_opened is None and (self.lists or self.is_settled):
            self.first_opened = entry.start_ms
        if self.is_settled and entry.start_ms - self.first_opened > LONGEST_GAP_MS:
            raise Wrong("log/tile/entries", "liabilities within 26 hours", "none", index)


def read_list(files, path):
    """A list of liabilities."""
    if path not in files:
        raise Wrong(path, "a list of balances and coins", "no file")
    return parse_json(files[path], LIST_FILE)


def compare_list(path, entry, file):
    """It has the number and the sums that its entry states."""
    compare(path, entry.liabilities, file.liabilities)
    compare_sums(path, entry.balances, file.balances)
    for position, (_, identity, txid, vout, _) in enumerate(file.coins):
        compare(path, coin_id(txid, vout), identity, position)
    compare_sums(path, entry.coins, [(amount, identity) for amount, identity, *_ in file.coins])


def read_payout(files, path, entry):
    """A payout's file with the rows that its entry states."""
    if path not in files:
        raise Wrong(path, "a transaction and whom it pays", "no file")
    file = parse_json(files[path], PAYOUT_FILE)
    compare(path, display(entry.txid), display(file.txid))
    compare_sums(path, entry.outputs, [(amount, identity) for amount, identity, _ in file.outputs])
    return file


def read_transaction(path, file):
    """What a payout's transaction spends, when it is the one that the file names and pays what its rows say."""
    compare(path, display(number(sha256d(file.transaction))), display(file.txid))
    inputs, outputs = parse_transaction(file.transaction)
    spent = [(txid, vout) for txid, vout, _ in inputs]
    demand(spent != [NULL], "a coinbase")
    sums = {}
    for amount, _, vout in file.outputs:
        sums[vout] = sums.get(vout, 0) + amount
    for vout, amount in sums.items():
        compare(path, amount, outputs[vout][0] if vout < len(outputs) else f"no output {vout}")
    if file.block is None:
        demand(file.index == 0 and not file.branch, "a place in no block")
    else:
        demand(1 <= file.index < 1 << len(file.branch), "a place outside of the block's tree")
    return spent


def compare_sums(path, stated, rows):
    """Count, sum and root of a list are those its entry states."""
    total, root = sum_tree(rows)
    compare(path, (stated.count, stated.total_sats, stated.root.hex()), (len(rows), total, root.hex()))


def merkle_root(file):
    """The root that a payout's branch leads to."""
    node, index = file.txid.to_bytes(32, "little"), file.index
    for sibling in file.branch:
        node = sha256d(sibling + node if index & 1 else node + sibling)
        index >>= 1
    return node


def payout_path(txid):
    """Where a payout's file is."""
    return f"payout/{display(txid)}.json"


def coin_id(txid, vout):
    """The id of an output in the list of coins."""
    return sha256(b"provenhash/coin/v1\n" + txid.to_bytes(32, "little") + vout.to_bytes(4, "big")).digest()


def keep_books(files, log, judged, credits, operator, report):
    """Goes through the log's money in order; None where a part of it could not be judged."""
    blocks = {hashed: block for each in judged if each.counted for hashed, block in each.counted.blocks.items()}
    matured = (entry.hash for entry in log.order.entries if entry.type == "block_matured")
    books = Books(operator, all(hashed in blocks for hashed in matured))
    for index, entry in enumerate(log.order.entries):
        if entry.type in ("accrual", "conclusion") and not accrue(books, files, entry):
            report.leave_out("liab.sum", "payout.mine")
            return None
        if entry.type == "settlement" and not settled(books, files, entry, credits):
            report.leave_out("liab.sum", "payout.mine")
            return None
        if entry.type == "payout" and not paid(books, files, index, entry, report):
            report.leave_out("liab.sum", "payout.mine")
            return None
        if entry.type == "block_matured" and entry.hash in blocks:
            books.mature(*blocks[entry.hash])
        with report.judging("liab.sum", "log/tile/entries"):
            if entry.type == "liabilities":
                books.list(files, index, entry)
            elif entry.type == "epoch_open":
                books.open(index, entry)
    if books.lists:
        report.finish("liab.sum")
    elif not report.failed("liab.sum"):
        report.settle("liab.sum", "not_applicable")
    return books


def settled(books, files, entry, credits):
    """Owes the credits that a settlement's file states; False where they can't be known."""
    try:
        rows = read_file(files, f"settlement/{entry.settlement}.json").credits
    except (Wrong, Malformed):
        return False
    books.settle(entry, rows)
    return entry.settlement in credits


def accrue(books, files, entry):
    """Owes the credits that the file of an accrual or a conclusion states; False where they can't be known."""
    try:
        is_accrual = entry.type == "accrual"
        books.accrue(read_accrual(files, entry.accrual) if is_accrual else read_conclusion(files, entry.conclusion))
    except (Wrong, Malformed):
        return False
    return True


def paid(books, files, index, entry, report):
    """Judges a payout; False where its rows can't be known."""
    path, file = payout_path(entry.txid), None
    with report.judging("payout.mine", path):
        file = read_payout(files, path, entry)
    if file is None:
        return False
    with report.judging("liab.sum", path):
        books.pay(path, file)
    with report.judging("payout.mine", path):
        books.spend(index, entry, path, file)
    return True


def check_paid(books, receipt):
    """The payouts to the buyer's contract went to the script in the details, and what is left is on the newest list."""
    for _, file in books.payouts:
        outputs = parse_transaction(file.transaction)[1]
        for _, identity, vout in file.outputs:
            if identity == receipt.contract and vout < len(outputs):
                compare(payout_path(file.txid), receipt.details.payout_script, outputs[vout][1])


def check_confirmed(file, chain):
    """A payout whose block is on the chain is in it."""
    height = chain.height_of(file.block)
    if height is not None:
        compare(payout_path(file.txid), chain.header(height).merkle_root, merkle_root(file))


def check_listed(books, contract):
    """The newest list says of the contract what is owed to it."""
    if books.newest is not None:
        _, entry, balances = books.lists[-1]
        path = f"liabilities/{entry.liabilities}.json"
        compare(path, balances.get(contract, 0), books.newest.get(contract, 0))
