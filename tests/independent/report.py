"""What the verifier says: an outcome for each check of docs/LOG.md §10."""

import json
from contextlib import contextmanager

from wire import Malformed

CHECKS = [
    "bundle.intact", "log.signed", "log.grew", "log.complete", "log.time", "chain.linked", "job.anchored", "share.work",
    "share.plausible", "alloc.sum", "alloc.all", "alloc.mine", "contract.life", "contract.hashes", "block.all", "settle.sum", "settle.mine", "accrual.sum",
    "conclusion.sum", "input.chain", "liab.sum", "payout.mine",
    "verifier.self",
]


class Wrong(Exception):
    """A place in the evidence where a check fails."""

    def __init__(self, file, expected, found, index=None):
        super().__init__(f"{file}: expected {expected}, found {found}")
        self.place = {"file": file, "index": index, "expected": str(expected), "found": str(found)}


def compare(file, expected, found, index=None):
    """Fails unless both are equal."""
    if expected != found:
        raise Wrong(file, plain(expected), plain(found), index)


def plain(value):
    """A value as the report shows it."""
    return value.hex() if isinstance(value, bytes) else str(value)


class Report:
    """Outcomes and totals. A check holds only once it was judged to its end without a failure or a gap."""

    def __init__(self):
        self.outcomes = dict.fromkeys(CHECKS, "not_checked")
        self.places = {check: [] for check in CHECKS}
        self.gaps = set()
        self.totals = {"tree_size": 0, "epochs": 0, "shares": 0, "work": 0, "blocks": 0, "reward_sats": 0, "credits_sats": 0}
        self.contract = self.estimate = None

    @contextmanager
    def judging(self, check, file):
        """Turns what goes wrong inside into a failure of the check."""
        try:
            yield
        except Wrong as wrong:
            self.fail(check, wrong)
        except Malformed as malformed:
            self.fail(check, Wrong(file, "what docs/LOG.md says", malformed))

    def fail(self, check, wrong):
        """Records a failure."""
        self.outcomes[check] = "failed"
        self.places[check].append(wrong.place)

    def leave_out(self, *checks):
        """Records that something a check is about could not be judged."""
        self.gaps.update(checks)

    def failed(self, check):
        """Whether the check failed."""
        return self.outcomes[check] == "failed"

    def finish(self, *checks):
        """Says that nothing more will be judged for these checks."""
        for check in checks:
            if not self.failed(check) and check not in self.gaps:
                self.outcomes[check] = "held"

    def settle(self, check, outcome):
        """Records an outcome other than held and failed."""
        self.outcomes[check] = outcome

    @property
    def held(self):
        """Whether the evidence holds: nothing failed, nothing was left unchecked."""
        return not {"failed", "not_checked"} & set(self.outcomes.values())

    def to_json(self):
        """The report as text."""
        checks = {check: {"outcome": self.outcomes[check], "places": self.places[check][:3]} for check in CHECKS}
        totals = self.totals | {"work": str(self.totals["work"])}
        content = {"held": self.held, "checks": checks, "totals": totals, "estimate": self.estimate, "contract": self.contract}
        return json.dumps(content, indent=1, ensure_ascii=False)
