#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the rules of the tree that no compiler checks.

    tools/tidy.py [ROOT]

Prints one line per fault, "file:line: what is wrong; what to do", and exits 1
if there is one. Each rule is a function that takes the tree and yields faults;
RULES lists them, tidy_test.py shows each of them firing. Standard library
only, a second or so: ctest runs it as Tidy.TreeFollowsTheRules.
"""

import os
import re
import sys
from typing import Iterator, NamedTuple

# A folder may include itself and the folders to its right.
MODULES = ("agent", "config", "evidence", "dataplane", "policy", "geo")

# Folders that no module may include, and that may include any module.
OUTSIDE = ("tests", "bench", "examples")

# Folders with a README.md of their own, where they exist.
ROOMS = MODULES + OUTSIDE + ("data", "deploy", "docs", "packaging",
                           "systemd", "tools")

# Include prefix of each third-party library, and the files that may include
# it; a folder stands for all files below it. Tests may include any library.
THIRD_PARTY = {
    "absl/": ("",),
    "fmt/": ("",),
    "maxminddb.h": ("geo/mmdb.cc", "bench/"),
    "xxhash.h": ("geo/joined_databases.cc",),
    "yaml-cpp/": ("config/yaml.cc",),
    "zlib.h": ("dataplane/byte_stream.cc", "agent/http_server.cc"),
    "zstd.h": ("dataplane/byte_stream.cc",),
    "libmnl/": ("dataplane/link_monitor.cc",),
    "pcap.h": ("bench/",),
    "pcap/": ("dataplane/interface_point.cc", "bench/"),
    "rte_": ("dataplane/dpdk*", "bench/dpdk.cc"),
    "openssl/": ("evidence/digest.cc",),
    "nlohmann/": ("evidence/json.h", "config/range_formats.cc"),
    "CLI/": ("agent/main.cc", "bench/generate.cc"),
    "spdlog/": ("agent/",),
    "microhttpd.h": ("agent/http_server.cc",),
    "gnutls/": ("agent/tls_credentials.cc",),
    "crypt.h": ("agent/password_hash.cc",),
    "prometheus/": ("agent/metrics.*", "agent/metric_text.*"),
    "seccomp.h": ("agent/syscall_filter.cc",),
    "systemd/": ("agent/",),
    "gtest/": ("tests/",),
    "gmock/": ("tests/",),
    "benchmark/": ("bench/",),
}

# System headers beside the C++ standard library's, which have no suffix.
# netdb.h is missing on purpose: octroi resolves no names.
SYSTEM = re.compile(
    r"^(sys|net|netinet|arpa|linux|asm|bits|sanitizer)/"
    r"|^(dirent|endian|errno|fcntl|ifaddrs|immintrin|malloc|poll|pthread|sched"
    r"|semaphore|signal|spawn|stdint|stdio|stdlib|string|strings|termios|time"
    r"|unistd|x86intrin)\.h$")

# What the hot path may not include: what allocates, locks, logs or formats.
BANNED_ON_HOT_PATH = re.compile(
    r"^(absl|fmt|spdlog)/"
    r"|^(condition_variable|fstream|functional|future|iomanip|iostream|list|map"
    r"|mutex|ostream|regex|set|shared_mutex|sstream|string|thread"
    r"|unordered_map|unordered_set)$")

# Tests of the program as a whole, which mirror no one source file.
WHOLE_PROGRAM_TESTS = ("tests/agent/", "tests/replay/")

CODE_COLUMN_LIMIT = 100
SPDX = "SPDX-License-Identifier: Apache-2.0"
# Written so that this file does not contain them.
NO_ASSERT_MACRO = "N" + "DEBUG"
MACHINE_PATHS = re.compile("(?<![\\w.])/" + "(work|home/\\w+|root)/")
OPEN_WORD = re.compile(r"\bTO" + r"DO\b(?!\([^)\s]+\): \S)")

CODE_SUFFIXES = (".h", ".cc")
SCRIPT_SUFFIXES = (".py", ".sh", ".cmake")
PROSE_SUFFIXES = (".md", ".yml", ".yaml", ".json", ".service")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


class Fault(NamedTuple):
    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class SourceFile(NamedTuple):
    """A text file: its path from the root, and its lines."""

    path: str
    text: str

    @property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    @property
    def folder(self) -> str:
        return self.path.split("/")[0] if "/" in self.path else ""

    @property
    def is_code(self) -> bool:
        return self.path.endswith(CODE_SUFFIXES)

    @property
    def is_build_file(self) -> bool:
        return (self.path.endswith(SCRIPT_SUFFIXES)
                or os.path.basename(self.path) == "CMakeLists.txt")

    @property
    def is_script(self) -> bool:
        return self.is_build_file or self.text.startswith("#!")

    def includes(self) -> Iterator[tuple[int, str]]:
        for number, line in enumerate(self.lines, start=1):
            match = INCLUDE.match(line)
            if match:
                yield number, match.group(1)


class Tree:
    """The text files below a root: code, scripts, prose; not data."""

    def __init__(self, root: str):
        self.root = root
        self.files = {f.path: f for f in self._read_all()}

    def _read_all(self) -> Iterator[SourceFile]:
        for folder, subfolders, names in os.walk(self.root):
            subfolders[:] = sorted(
                name for name in subfolders
                if name not in (".git", ".cache", "build", "corpus",
                                "__pycache__", "node_modules")
                and not os.path.exists(
                    os.path.join(folder, name, "CMakeCache.txt")))
            for name in sorted(names):
                full = os.path.join(folder, name)
                path = os.path.relpath(full, self.root).replace(os.sep, "/")
                if os.path.islink(full) or not self._is_ours(path):
                    continue
                with open(full, encoding="utf-8", errors="replace",
                          newline="") as file:
                    yield SourceFile(path, file.read())

    @staticmethod
    def _is_ours(path: str) -> bool:
        if path.startswith(("tests/data/", "data/")):
            return path.endswith((".md", "CMakeLists.txt") + SCRIPT_SUFFIXES)
        name = os.path.basename(path)
        return (path.endswith(CODE_SUFFIXES + SCRIPT_SUFFIXES + PROSE_SUFFIXES)
                or name == "CMakeLists.txt"
                or ("." not in name and path.startswith(("tools/", ".ci/"))))

    def code(self) -> Iterator[SourceFile]:
        return (f for f in self.files.values() if f.is_code)

    def module_code(self) -> Iterator[SourceFile]:
        return (f for f in self.code() if f.folder in MODULES)

    def exists(self, path: str) -> bool:
        return os.path.exists(os.path.join(self.root, path))


def check_include_direction(tree: Tree) -> Iterator[Fault]:
    for file in tree.module_code():
        allowed = MODULES[MODULES.index(file.folder):]
        for line, header in file.includes():
            target = header.split("/")[0]
            if target in OUTSIDE or (target in MODULES
                                     and target not in allowed):
                yield Fault(
                    file.path, line,
                    f"{file.folder}/ may not include {header}; it may include "
                    + ", ".join(f"{name}/" for name in allowed))


def _matches(path: str, pattern: str) -> bool:
    if "*" in pattern:
        regex = re.escape(pattern).replace(r"\*", "[^/]*")
        return re.fullmatch(regex, path) is not None
    return path == pattern or (pattern.endswith("/") or pattern == "") \
        and path.startswith(pattern)


def check_third_party(tree: Tree) -> Iterator[Fault]:
    for file in tree.code():
        for line, header in file.includes():
            if header.split("/")[0] in MODULES + OUTSIDE:
                continue
            library = next((prefix for prefix in THIRD_PARTY
                            if header.startswith(prefix)), None)
            if library is None:
                is_standard = "/" not in header and "." not in header
                beside = f"{os.path.dirname(file.path)}/{header}"
                if tree.exists(beside):
                    yield Fault(file.path, line,
                                f"write the folder too: {beside}")
                elif not is_standard and not SYSTEM.search(header):
                    yield Fault(file.path, line,
                                f"{header} is in no table; add it to "
                                "THIRD_PARTY or SYSTEM of tools/tidy.py")
                continue
            allowed = THIRD_PARTY[library]
            if file.folder != "tests" and not any(
                    _matches(file.path, pattern) for pattern in allowed):
                yield Fault(file.path, line,
                            f"{header} may be included from "
                            f"{', '.join(allowed)} only")


def hot_path_files(tree: Tree) -> list[str]:
    """The sources of octroi_library(NAME hotpath ...), their headers, and the
    headers of dataplane/ that those include."""
    lists = tree.files.get("dataplane/CMakeLists.txt")
    match = lists and re.search(
        r"octroi_library\(\s*NAME\s+hotpath\s+SRCS\s+(.*?)"
        r"(?:\bDEPS\b|\bPRIVATE_DEPS\b|\))", lists.text, re.DOTALL)
    if not match:
        return []
    pending = []
    for name in match.group(1).split():
        pending += [f"dataplane/{name}",
                    f"dataplane/{name.removesuffix('.cc')}.h"]
    found = []
    while pending:
        path = pending.pop()
        if path in found or path not in tree.files:
            continue
        found.append(path)
        pending += [header for _, header in tree.files[path].includes()
                    if header.startswith("dataplane/")]
    return sorted(found)


def check_hot_path(tree: Tree) -> Iterator[Fault]:
    if "dataplane/CMakeLists.txt" in tree.files and not hot_path_files(tree):
        yield Fault("dataplane/CMakeLists.txt", 1,
                    "octroi_library(NAME hotpath SRCS ...) is not found; the "
                    "hot path's includes would go unchecked")
    for path in hot_path_files(tree):
        for line, header in tree.files[path].includes():
            if BANNED_ON_HOT_PATH.search(header):
                yield Fault(path, line,
                            f"<{header}> is banned on the hot path; move what "
                            "needs it to the control path")


def check_first_lines(tree: Tree) -> Iterator[Fault]:
    for file in tree.files.values():
        if not (file.is_code or file.is_script):
            continue
        comment = "//" if file.is_code else "#"
        has_shebang = file.text.startswith("#!")
        line = file.lines[1 if has_shebang else 0]
        if line != f"{comment} {SPDX}":
            yield Fault(file.path, 2 if has_shebang else 1,
                        f"write here: {comment} {SPDX}")
        if file.path.endswith(".h") and "#pragma once" not in file.lines:
            yield Fault(file.path, 1, "a header needs #pragma once")


def check_rooms(tree: Tree) -> Iterator[Fault]:
    for room in ROOMS:
        if tree.exists(room) and not tree.exists(f"{room}/README.md"):
            yield Fault(f"{room}/README.md", 1,
                        "missing; say what the folder is, its files in reading "
                        "order, its threads, what it must not include")


def check_test_mirrors(tree: Tree) -> Iterator[Fault]:
    for file in tree.code():
        match = re.fullmatch(r"tests/(.+)_test\.cc", file.path)
        if not match or file.path.startswith(WHOLE_PROGRAM_TESTS):
            continue
        stem = match.group(1)
        if not tree.exists(f"{stem}.h") and not tree.exists(f"{stem}.cc"):
            yield Fault(file.path, 1,
                        f"mirrors neither {stem}.h nor {stem}.cc; name it "
                        "after what it tests")


def check_listed(tree: Tree) -> Iterator[Fault]:
    for file in tree.code():
        if not file.path.endswith(".cc"):
            continue
        folder = os.path.dirname(file.path)
        while folder and f"{folder}/CMakeLists.txt" not in tree.files:
            folder = os.path.dirname(folder)
        lists = tree.files.get(f"{folder}/CMakeLists.txt" if folder
                               else "CMakeLists.txt")
        name = os.path.relpath(file.path, folder or ".")
        if lists is None or not re.search(
                rf"(?<![\w/]){re.escape(name)}(?!\w)", lists.text):
            where = lists.path if lists else "a CMakeLists.txt"
            yield Fault(file.path, 1, f"is not listed in {where}; it would "
                                      "never be compiled")


def without_comments_and_strings(text: str) -> str:
    """The same lines, with comments and literals blanked."""
    def blank(match: re.Match) -> str:
        return re.sub(r"[^\n]", " ", match.group(0))

    return re.sub(
        r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"'
        r"|\"(?:\\.|[^\"\\\n])*\"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'",
        blank, text, flags=re.DOTALL)


_NOT_A_VARIABLE = re.compile(
    r"^(?:using|namespace|class|struct|enum|union|template|typedef|return"
    r"|static_assert|friend|public|private|protected|concept|case|default|else"
    r"|goto|break|continue|do|try|requires|delete|throw|if|for|while|switch)\b")
_TYPE_AND_NAME = (
    r"(?:(?:unsigned|signed|long|short)\s+)*[A-Za-z_][\w:]*(?:<.*>)?"
    r"(?:\s+|\s*[*&]+\s*)[A-Za-z_][\w:]*(?:\[[^\]]*\])?\s*(?:=(?!=)|\{|;)")
_VARIABLE = re.compile(
    r"^(?:(?:static|inline|constinit|extern)\s+)*" + _TYPE_AND_NAME)
_STATIC_VARIABLE = re.compile(
    r"^\s+(?:inline\s+)?static\s+(?:inline\s+)?" + _TYPE_AND_NAME)
_NOT_MUTABLE = re.compile(r"\b(?:const|constexpr|consteval|operator)\b")


def check_no_mutable_globals(tree: Tree) -> Iterator[Fault]:
    """A heuristic for clang-formatted code: what stands in the first column is
    at namespace scope, what is indented and static outlives its scope."""
    for file in tree.module_code():
        code = without_comments_and_strings(file.text).split("\n")
        for number, line in enumerate(code, start=1):
            if re.search(r"\bthread_local\b", line):
                yield Fault(file.path, number, "thread_local is a global; give "
                                               "the object to who needs it")
            elif re.search(r"\b(?:get_?instance|instance)\s*\(\s*\)", line,
                           re.IGNORECASE):
                yield Fault(file.path, number, "no singletons; main.cc wires "
                                               "every object")
            elif _NOT_MUTABLE.search(line) or _NOT_A_VARIABLE.match(line):
                continue
            elif _VARIABLE.match(line) or _STATIC_VARIABLE.match(line):
                yield Fault(file.path, number,
                            "a mutable global; make it const or give it an "
                            "owner")


def check_assertions_stay(tree: Tree) -> Iterator[Fault]:
    for file in tree.files.values():
        if not (file.is_code or file.is_script):
            continue
        for number, line in enumerate(file.lines, start=1):
            if re.search(rf"\b\w*{NO_ASSERT_MACRO}\b", line):
                yield Fault(file.path, number,
                            f"{NO_ASSERT_MACRO} belongs to the preset "
                            "bench-noassert alone; assertions ship")


def check_text(tree: Tree) -> Iterator[Fault]:
    for file in tree.files.values():
        is_source = file.is_code or file.is_script
        if file.text and not file.text.endswith("\n"):
            yield Fault(file.path, len(file.lines), "no newline at the end")
        for number, line in enumerate(file.lines, start=1):
            if "\t" in line:
                yield Fault(file.path, number, "a tab; write spaces")
            if line != line.rstrip():
                yield Fault(file.path, number, "white space at the end")
            if file.is_code and len(line) > CODE_COLUMN_LIMIT:
                yield Fault(file.path, number,
                            f"{len(line)} columns; {CODE_COLUMN_LIMIT} at "
                            "most, 80 as a guide")
            if MACHINE_PATHS.search(line):
                yield Fault(file.path, number,
                            "a path of somebody's machine; write it from the "
                            "root of the repository")
            if is_source and OPEN_WORD.search(line):
                yield Fault(file.path, number,
                            "an open end without an owner; write the issue and "
                            "what is missing: (issue): text")


RULES = (
    check_include_direction,
    check_third_party,
    check_hot_path,
    check_first_lines,
    check_rooms,
    check_test_mirrors,
    check_listed,
    check_no_mutable_globals,
    check_assertions_stay,
    check_text,
)


def faults_of(root: str) -> list[Fault]:
    tree = Tree(root)
    return sorted(fault for rule in RULES for fault in rule(tree))


def main() -> int:
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(
        os.path.dirname(os.path.abspath(__file__)))
    faults = faults_of(root)
    for fault in faults:
        print(fault)
    if faults:
        print(f"tidy: {len(faults)} faults", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
