"""Where evidence comes from: a folder, a canonical archive, a vector (docs/LOG.md §2 and §9)."""

import json
from hashlib import sha256
from pathlib import Path

from wire import Malformed, demand

SUMS = "SHA256SUMS"
BLOCK = 512


def read_source(path):
    """All files of the evidence by path, and, for a vector, the JSON it stands in."""
    path = Path(path)
    if path.is_dir():
        return read_folder(path), None
    if path.suffix == ".json":
        vector = json.loads(path.read_text("utf-8"))
        return {name: bytes.fromhex(content) for name, content in vector["files"].items()}, vector
    return read_tar(path.read_bytes()), None


def read_folder(folder):
    """The files of a bundle's folder."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def check_sums(files):
    """Compares every file with SHA256SUMS; raises with the first path that does not fit."""
    stated = files.get(SUMS)
    if stated is None:
        raise Misfit(SUMS, "a list of hashes", "none")
    expected = list_sums(files)
    if stated == expected:
        return
    for line, right in zip(stated.split(b"\n"), expected.split(b"\n")):
        if line != right:
            raise Misfit(SUMS, right.decode("utf-8", "replace"), line.decode("utf-8", "replace"))
    raise Misfit(SUMS, f"{len(expected)} bytes", f"{len(stated)} bytes")


def list_sums(files):
    """What SHA256SUMS must say."""
    paths = sorted(path.encode() for path in files if path != SUMS)
    return b"".join(sha256(files[path.decode()]).hexdigest().encode() + b"  " + path + b"\n" for path in paths)


class Misfit(Exception):
    """A file, what it should say, what it says."""


def read_tar(data):
    """The members of an archive that is written in the only allowed way."""
    files, at = {}, 0
    while any(data[at : at + BLOCK]):
        header = data[at : at + BLOCK]
        demand(len(header) == BLOCK, "an archive that ends in a header")
        name = header[:100].rstrip(b"\0")
        try:
            size, path = int(header[124:135], 8), name.decode("utf-8")
        except ValueError:
            raise Malformed(f"no size or name at byte {at} of the archive") from None
        files[path] = data[at + BLOCK : at + BLOCK + size]
        at += BLOCK + -(-size // BLOCK) * BLOCK
    demand(write_tar(files) == data, "an archive that is not canonical")
    return files


def write_tar(files):
    """The one archive of these files."""
    paths = sorted(path.encode() for path in files)
    return b"".join(map(lambda path: write_member(path, files[path.decode()]), paths)) + bytes(2 * BLOCK)


def write_member(path, content):
    """A member's header and its padded content."""
    demand(0 < len(path) <= 100, f"a name too long for an archive: {path!r}")
    header = bytearray(BLOCK)
    fields = {0: path, 100: b"0000644", 108: b"0000000", 116: b"0000000", 124: b"%011o" % len(content)}
    fields |= {136: b"0" * 11, 148: b" " * 8, 156: b"0", 257: b"ustar\0" b"00"}
    for at, value in fields.items():
        header[at : at + len(value)] = value
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + content + bytes(-len(content) % BLOCK)
