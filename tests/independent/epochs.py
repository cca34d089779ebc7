"""The files of an epoch: jobs, sessions, shares, chunks, rejects (docs/LOG.md §5 and §6)."""

import base64
import struct
from dataclasses import dataclass
from hashlib import sha256

from bitcoin import (
    LEVELS, MAX_BRANCH, VERSION_BITS, fold, level_target, network_target, number, parse_coinbase, sha256d, work_of,
)
from report import Wrong, compare
from trees import leaf_hash, tree_root
from wire import (
    U32, Malformed, array, block_hash, demand, display, hash_value, hex_number, hex_of, integer, is_strictly_increasing, parse_json,
    record, row, text,
)

# job, level, session (8 and 16 bits), extranonce2, ntime offset, version bits, nonce, seconds
RECORD = struct.Struct(">HbBH8sHHIH")
MAX_NTIME_OFFSET = 7000
CHUNK = 4096
CHUNK_ROW = 80
BEST = 1024
DRIFT = 7200  # seconds

JOB = record(
    job=integer(0xFFFF), prevhash=block_hash, version=hex_number, nbits=hex_number, ntime=integer(U32),
    height=integer(U32), coinbase=row(hex_of(), hex_of(), hex_of()), branch=array(hash_value, MAX_BRANCH),
)
JOBS = record(epoch=integer(), jobs=array(JOB))
SESSIONS = record(epoch=integer(), sessions=array(row(hex_of(4), text, text)))
REJECTS = record(epoch=integer(), rejects=array(row(text, text, integer(minimum=1))))


def read_stated(files, path, stated, schema):
    """A JSON file that has the hash stated in the log."""
    data = read_hashed(files, path, stated)
    return parse_json(data, schema)


def read_hashed(files, path, stated):
    """A file that has the hash stated in the log."""
    if path not in files:
        raise Wrong(path, stated.hex(), "no file")
    compare(path, stated, sha256(files[path]).digest())
    return files[path]


def read_jobs(files, epoch):
    """The jobs of an epoch, each laid out as §5 demands."""
    path = f"epoch/{epoch.number}/jobs.json"
    content = read_stated(files, path, epoch.close.jobs, JOBS)
    compare(path, epoch.number, content.epoch)
    for index, job in enumerate(content.jobs):
        compare(path, index, job.job, index)
        check_job(path, job, epoch.manifest)
    return content.jobs


def check_job(path, job, manifest):
    """Puts a job's coinbase together with zeros for what varies, and reads it."""
    job.target = network_target(job.nbits)
    first, up_to_anchor, last = job.coinbase
    coinbase = parse_coinbase(first + bytes(12) + up_to_anchor + bytes(32) + last, job.height)
    tag = manifest.coinbase_tag + job.job.to_bytes(2, "big")
    compare(path, (tag + bytes(12)).hex(), coinbase.push.hex(), job.job)
    compare(path, len(first), coinbase.push_at + len(tag), job.job)
    compare(path, len(first) + 12 + len(up_to_anchor), coinbase.anchor_at, job.job)
    for script in coinbase.paid:
        if script not in manifest.payout_scripts:
            raise Wrong(path, "a payout script of the manifest", script.hex(), job.job)
    job.reward = coinbase.reward


def check_times(path, jobs, epoch):
    """Each job's time is near its epoch."""
    earliest, latest = epoch.open.start_ms // 1000 - DRIFT, epoch.end_ms // 1000 + DRIFT
    for job in jobs:
        if not earliest <= job.ntime <= latest:
            raise Wrong(path, f"a time of {earliest}…{latest}", job.ntime, job.job)


def anchor_hash(epoch, target, origin, root):
    """What the anchor of a coinbase commits to (§5)."""
    preimage = f"provenhash/anchor/v1\nepoch {epoch.number}\ntarget {target:064x}\n"
    preimage += f"{origin}\n{epoch.open_index + 1}\n{base64.b64encode(root).decode()}\n"
    return sha256(preimage.encode()).digest()


def read_sessions(files, epoch):
    """The extranonce1 of each session."""
    path = f"epoch/{epoch.number}/sessions.json"
    content = read_stated(files, path, epoch.close.sessions, SESSIONS)
    compare(path, epoch.number, content.epoch)
    pairs = [(extranonce1, worker) for extranonce1, worker, _ in content.sessions]
    demand(len(set(pairs)) == len(pairs), "two sessions with the same extranonce1 and worker")
    return [extranonce1 for extranonce1, _, _ in content.sessions]


def check_rejects(files, epoch):
    """The rejects are orderly; what they say is the operator's statement."""
    path = f"epoch/{epoch.number}/rejects.json"
    content = read_stated(files, path, epoch.close.rejects, REJECTS)
    compare(path, epoch.number, content.epoch)
    keys = [(worker.encode(), reason.encode()) for worker, reason, _ in content.rejects]
    demand(is_strictly_increasing(keys), "rejects that are not sorted")


class Counter:
    """Rebuilds the shares of one epoch."""

    def __init__(self, epoch, jobs, sessions, origin, root):
        self.epoch, self.jobs, self.sessions = epoch, jobs, sessions
        self.targets = {level: level_target(level) for level in epoch.close.levels if level in LEVELS}
        self.works = {level: work_of(target) for level, target in self.targets.items()}
        self.anchors = {level: anchor_hash(epoch, target, origin, root) for level, target in self.targets.items()}

    def count(self, data):
        """A share's work, header hash as a number, job and coinbase."""
        job_number, level, high, low, extranonce2, offset, bits, nonce, _ = RECORD.unpack(data)
        session = high << 16 | low
        demand(job_number < len(self.jobs), f"a job that does not exist: {job_number}")
        demand(session < len(self.sessions), f"a session that does not exist: {session}")
        demand(level in self.targets, f"a level that the close does not list: {level}")
        demand(offset <= MAX_NTIME_OFFSET, f"ntime is {offset} s behind the job's")
        job = self.jobs[job_number]
        demand(self.targets[level] >= job.target, f"level {level} is above the network's difficulty")
        demand(job.ntime + offset <= U32, "a time beyond 32 bits")
        first, up_to_anchor, last = job.coinbase
        coinbase = first + self.sessions[session] + extranonce2 + up_to_anchor + self.anchors[level] + last
        version = job.version & ~VERSION_BITS | bits << 13
        header = version.to_bytes(4, "little") + job.prevhash.to_bytes(32, "little") + fold(sha256d(coinbase), job.branch)
        hashed = number(sha256d(header + struct.pack("<III", job.ntime + offset, job.nbits, nonce)))
        demand(hashed <= self.targets[level], f"{display(hashed)} does not meet level {level}")
        return self.works[level], hashed, job, coinbase


@dataclass(frozen=True)
class Counted:
    """What the shares of an epoch came to."""

    work: int
    blocks: dict  # (job, coinbase) of each share that is a block, by hash
    best: list  # the lowest header hashes
    levels: set  # of all shares


def check_shares(files, epoch, counter):
    """Rebuilds every share; gives what the epoch came to."""
    path, stated = f"epoch/{epoch.number}/shares", epoch.close.shares
    demand(is_strictly_increasing(epoch.close.levels), "levels that do not strictly increase")
    if path not in files:
        raise Wrong(path, f"{stated.count} shares", "no file")
    data = files[path]
    compare(path, stated.count * RECORD.size, len(data))
    records = [data[at : at + RECORD.size] for at in range(0, len(data), RECORD.size)]
    last, best, blocks, rows, levels = -1, [], {}, [], set()
    for start in range(0, len(records), CHUNK):
        chunk, work, first = records[start : start + CHUNK], 0, None
        for index, each in enumerate(chunk, start):
            share_work, hashed, job, coinbase = count_one(path, index, each, counter)
            if hashed <= last:
                raise Wrong(path, f"a hash above {display(last)}", display(hashed), index)
            first = hashed if first is None else first
            last = hashed
            work += share_work
            best += [hashed] if len(best) < BEST else []
            levels.add(level_of(each))
            if hashed <= job.target:
                blocks[hashed] = job, coinbase
        rows.append((tree_root([leaf_hash(each) for each in chunk]), first, work))
    check_chunks(files, epoch, rows)
    work = sum(work for _, _, work in rows)
    compare(path, stated.root, tree_root([root for root, _, _ in rows]))
    compare(path, stated.work, work)
    compare(path, epoch.close.best_hash, best[0] if best else None)
    return Counted(work, blocks, best, levels)


def level_of(data):
    """The level of a record."""
    return RECORD.unpack(data)[1]


def count_one(path, index, data, counter):
    """One share, with its place should it be wrong."""
    try:
        return counter.count(data)
    except Malformed as malformed:
        raise Wrong(path, "a share", malformed, index) from None


def check_chunks(files, epoch, rows):
    """The chunks file has one right row for each 4096 shares."""
    path = f"epoch/{epoch.number}/chunks"
    data = read_hashed(files, path, epoch.close.chunks)
    compare(path, len(rows) * CHUNK_ROW, len(data))
    for index, (root, first, work) in enumerate(rows):
        right = root + first.to_bytes(32, "big") + work.to_bytes(16, "big")
        compare(path, right, data[index * CHUNK_ROW : (index + 1) * CHUNK_ROW], index)
