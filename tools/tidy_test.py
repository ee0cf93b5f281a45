#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Shows each rule of tidy.py finding its fault, and only that, in a small tree.

Every test starts from a tree without a fault, changes one file, and expects
exactly one fault: the file, the line, and a word of the message.
"""

import os
import tempfile
import unittest

import tidy

CODE = "// SPDX-License-Identifier: Apache-2.0\n"
SCRIPT = "# SPDX-License-Identifier: Apache-2.0\n"
HEADER = CODE + "#pragma once\n"

CLEAN = {
    "geo/README.md": "# geo\n",
    "geo/CMakeLists.txt": SCRIPT + "octroi_library(NAME geo SRCS atlas.cc)\n",
    "geo/atlas.h": HEADER,
    "geo/atlas.cc": CODE + '#include "geo/atlas.h"\n#include <mutex>\n',
    "dataplane/README.md": "# dataplane\n",
    "dataplane/CMakeLists.txt": SCRIPT + (
        "octroi_library(NAME hotpath\n  SRCS decode.cc worker.cc\n"
        "  DEPS octroi::geo)\n"
        "octroi_library(NAME sources SRCS replay.cc)\n"),
    "dataplane/decode.h": HEADER + '#include "dataplane/packet.h"\n',
    "dataplane/decode.cc": CODE + '#include "dataplane/decode.h"\n',
    "dataplane/packet.h": HEADER + '#include "geo/atlas.h"\n',
    "dataplane/worker.cc": CODE,
    "dataplane/replay.cc": CODE + "#include <thread>\n",
    "tests/README.md": "# tests\n",
    "tests/geo/CMakeLists.txt": SCRIPT + (
        "octroi_test(NAME geo SRCS atlas_test.cc)\n"),
    "tests/geo/atlas_test.cc": CODE + "#include <gtest/gtest.h>\n",
}


class TidyTest(unittest.TestCase):
    def faults(self, changes: dict[str, str | None]) -> list[tidy.Fault]:
        with tempfile.TemporaryDirectory() as root:
            for path, text in (CLEAN | changes).items():
                if text is None:
                    continue
                full = os.path.join(root, path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, "w", encoding="utf-8", newline="") as file:
                    file.write(text)
            return tidy.faults_of(root)

    def expect_one(self, path: str, line: int, word: str,
                   changes: dict[str, str | None]) -> None:
        faults = self.faults(changes)
        self.assertEqual([(f.path, f.line) for f in faults], [(path, line)],
                         msg="\n".join(map(str, faults)))
        self.assertIn(word, faults[0].message)

    def expect_line(self, path: str, text: str, word: str) -> None:
        """`text` added as the last line of `path` is the one fault."""
        before = CLEAN[path]
        self.expect_one(path, before.count("\n") + 1, word,
                        {path: before + text + "\n"})

    def expect_clean(self, path: str, text: str) -> None:
        faults = self.faults({path: CLEAN.get(path, "") + text + "\n"})
        self.assertEqual(faults, [], msg="\n".join(map(str, faults)))

    def test_finds_nothing_in_a_clean_tree(self):
        self.assertEqual(self.faults({}), [])

    def test_finds_an_include_of_a_folder_to_the_left(self):
        self.expect_line("geo/atlas.cc", '#include "dataplane/packet.h"',
                         "geo/ may not include dataplane/packet.h")
        self.expect_line("geo/atlas.cc", '#include "tests/support/x.h"',
                         "may not include tests/support/x.h")

    def test_lets_tests_include_any_folder(self):
        self.expect_clean("tests/geo/atlas_test.cc",
                          '#include "dataplane/packet.h"')

    def test_finds_an_include_without_its_folder(self):
        self.expect_line("geo/atlas.cc", '#include "atlas.h"', "geo/atlas.h")

    def test_finds_a_library_outside_its_file(self):
        for header in ("maxminddb.h", "zlib.h", "zstd.h", "openssl/evp.h",
                       "nlohmann/json.hpp", "yaml-cpp/yaml.h", "CLI/CLI.hpp",
                       "spdlog/spdlog.h", "pcap.h", "rte_mbuf.h",
                       "gtest/gtest.h", "benchmark/benchmark.h"):
            with self.subTest(header):
                self.expect_line("geo/atlas.cc", f"#include <{header}>",
                                 "may be included from")

    def test_knows_files_folders_and_patterns_of_libraries(self):
        self.assertTrue(tidy._matches("geo/mmdb.cc", "geo/mmdb.cc"))
        self.assertTrue(tidy._matches("agent/a/b.cc", "agent/"))
        self.assertTrue(tidy._matches("agent/replay_command.cc",
                                      "agent/*_command.cc"))
        self.assertFalse(tidy._matches("agent/table.cc", "agent/*_command.cc"))
        self.assertFalse(tidy._matches("evidence/a/b.cc", "evidence/*.cc"))

    def test_finds_a_library_that_is_in_no_table(self):
        self.expect_line("geo/atlas.cc", "#include <boost/any.hpp>",
                         "in no table")
        self.expect_line("geo/atlas.cc", "#include <netdb.h>", "in no table")
        self.expect_clean("geo/atlas.cc", "#include <sys/mman.h>")
        self.expect_clean("geo/atlas.cc", '#include "absl/status/status.h"')

    def test_finds_a_banned_include_on_the_hot_path(self):
        for header in ("mutex", "string", "functional", "iostream", "thread",
                       "map", "unordered_map", "absl/status/status.h",
                       "fmt/format.h"):
            with self.subTest(header):
                self.expect_line("dataplane/worker.cc", f"#include <{header}>",
                                 "hot path")

    def test_finds_a_banned_include_in_a_header_of_the_hot_path(self):
        self.expect_line("dataplane/decode.h", "#include <string>", "hot path")
        self.expect_line("dataplane/packet.h", "#include <string>", "hot path")
        self.expect_clean("geo/atlas.h", "#include <string>")
        self.expect_clean("dataplane/replay.cc", "#include <mutex>")

    def test_says_when_the_hot_path_cannot_be_found(self):
        self.expect_one(
            "dataplane/CMakeLists.txt", 1, "hotpath",
            {"dataplane/CMakeLists.txt": SCRIPT
             + "add_library(x decode.cc worker.cc replay.cc)\n"})

    def test_finds_a_file_without_a_licence_line(self):
        self.expect_one("geo/atlas.cc", 1, "SPDX",
                        {"geo/atlas.cc": "// Atlas.\n"})
        self.expect_one("tools/x.py", 2, "SPDX",
                        {"tools/README.md": "# tools\n",
                         "tools/x.py": "#!/usr/bin/env python3\nprint()\n"})

    def test_finds_a_header_without_pragma_once(self):
        self.expect_one("geo/atlas.h", 1, "#pragma once",
                        {"geo/atlas.h": CODE})

    def test_finds_a_folder_without_a_readme(self):
        self.expect_one("geo/README.md", 1, "missing",
                        {"geo/README.md": None})

    def test_finds_a_test_that_mirrors_no_source(self):
        self.expect_one(
            "tests/geo/gone_test.cc", 1, "geo/gone.h",
            {"tests/geo/gone_test.cc": CODE,
             "tests/geo/CMakeLists.txt": SCRIPT
             + "octroi_test(NAME geo SRCS atlas_test.cc gone_test.cc)\n"})

    def test_lets_tests_of_the_whole_program_mirror_nothing(self):
        self.assertEqual(self.faults({
            "tests/agent/program_test.cc": CODE,
            "tests/agent/CMakeLists.txt": SCRIPT + "x(program_test.cc)\n",
        }), [])

    def test_finds_a_file_that_no_list_names(self):
        self.expect_one("geo/lost.cc", 1, "geo/CMakeLists.txt",
                        {"geo/lost.cc": CODE})
        self.expect_one("tests/geo/las_test.cc", 1, "not listed",
                        {"geo/las.h": HEADER, "tests/geo/las_test.cc": CODE})

    def test_finds_mutable_globals(self):
        for text in ("int count = 0;",
                     "static std::vector<int> cache;",
                     "inline std::map<std::string, int> names = {};",
                     "std::unique_ptr<Atlas> atlas;",
                     "unsigned long total{0};",
                     "extern int verbosity;",
                     "Atlas* current = nullptr;",
                     "char buffer[64];",
                     "int Atlas::count_ = 0;",
                     "  static int calls = 0;",
                     "  static inline Atlas* shared = nullptr;",
                     "thread_local int depth = 0;",
                     "Atlas& GetInstance();"):
            with self.subTest(text):
                self.expect_line("geo/atlas.cc", text, "")

    def test_lets_constants_functions_and_locals_be(self):
        for text in ("constexpr int kCount = 0;",
                     "inline constexpr Row kRows[] = {",
                     "const char* const kNames[] = {\"int x = 0;\"};",
                     "  static constexpr int kLimit = 3;",
                     "  static const std::string empty;",
                     "  int count = 0;",
                     "  static Atlas Create(int size = 1);",
                     "static_assert(sizeof(int) == 4);",
                     "using Id = uint32_t;",
                     "namespace octroi {",
                     "enum class Kind : uint8_t { kOne };",
                     "struct Row {",
                     "bool Find(int x) { return x == 0; }",
                     "Atlas& Atlas::operator=(Atlas&&) noexcept = default;",
                     "// int count = 0;",
                     "}  // namespace octroi",
                     "absl::StatusOr<Atlas> Load() {"):
            with self.subTest(text):
                self.expect_clean("geo/atlas.cc", text)

    def test_finds_assertions_being_switched_off(self):
        self.expect_line("geo/atlas.cc", "#define N" + "DEBUG", "assertions")
        self.expect_line("geo/CMakeLists.txt", "add_compile_options(-DN"
                         + "DEBUG)", "assertions")

    def test_finds_unfinished_and_untidy_text(self):
        for text, word in (("// TO" + "DO later", "issue"),
                           ("\tint F();", "tab"),
                           ("int F(); ", "white space"),
                           ("// " + "x" * 98, "101 columns"),
                           ("// see /wo" + "rk/main", "machine")):
            with self.subTest(text):
                self.expect_line("geo/atlas.cc", text, word)
        self.expect_clean("geo/atlas.cc", "// TO" + "DO(#12): fold it.")
        self.expect_one("geo/README.md", 1, "no newline",
                        {"geo/README.md": "# geo"})

    def test_reads_neither_build_trees_nor_data(self):
        bad = "int x = 0; \n"
        self.assertEqual(self.faults({
            "geo/out/CMakeCache.txt": "",
            "geo/out/bad.cc": bad,
            "build/dev/bad.cc": bad,
            "tests/data/odd.json": bad,
        }), [])


if __name__ == "__main__":
    unittest.main()
