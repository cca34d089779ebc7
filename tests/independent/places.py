"""Where jobs stand on the chain: its part of job.anchored and log.time (docs/LOG.md §10)."""

from epochs import DRIFT
from report import Wrong, compare
from wire import display


class Places:
    """Looks up blocks that the log and its jobs speak of."""

    def __init__(self, chain, report):
        self.chain, self.report = chain, report

    def find(self, file, hashed, height, index):
        """The chain as it looks from a block at this height; None where a side file is wrong."""
        try:
            found = self.chain.branch(hashed)
        except Wrong as wrong:
            self.report.fail("chain.linked", wrong)
            return None
        if found is None:
            raise Wrong(file, f"the block {display(hashed)} at height {height}", "not on the chain", index)
        compare(file, height, found[0], index)
        return found[1]

    def check_tip(self, epoch):
        """The tip that an epoch opened with."""
        tip = epoch.open.chain
        self.find("log/tile/entries", tip.hash, tip.height, epoch.open_index)

    def check_jobs(self, epoch, jobs):
        """Each job builds on a block of the chain, with the network target that is due there, at a likely time."""
        path = f"epoch/{epoch.number}/jobs.json"
        for job in jobs:
            with self.report.judging("job.anchored", path):
                branch = self.find(path, job.prevhash, job.height - 1, job.job)
                if branch is None:
                    continue
                required = branch.required_nbits(job.height, job.ntime)
                compare(path, f"{required:08x}", f"{job.nbits:08x}", job.job)
                with self.report.judging("log.time", path):
                    self.check_times(path, epoch, job, branch)

    def check_times(self, path, epoch, job, branch):
        """The block below is not from after the epoch, the next one not from long before the job."""
        below, latest = branch.header(job.height - 1), epoch.end_ms // 1000 + DRIFT
        if below.ntime > latest:
            raise Wrong(path, f"a previous block of at most {latest}", below.ntime, job.job)
        following = self.chain.header(job.height)
        if following and following.prevhash == job.prevhash and following.ntime < job.ntime - DRIFT:
            raise Wrong(path, f"a next block of at least {job.ntime - DRIFT}", following.ntime, job.job)
