// SPDX-License-Identifier: Apache-2.0
// octroi_example_generator OUTPUT_DIR: writes the captures of the example into
// a directory that exists. Touches no network and reads no clock.
#include <cstdio>
#include <fstream>
#include <string>

#include "examples/branch_office.h"

namespace {

bool WriteFile(const std::string& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  file.close();
  if (file.good()) return true;
  std::fprintf(stderr,
               "%s: cannot be written; give a directory that exists and may "
               "be written to\n",
               path.c_str());
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: octroi_example_generator OUTPUT_DIR\n");
    return 2;
  }
  const std::string folder = argv[1];
  const bool is_written = WriteFile(folder + "/branch-office.pcapng",
                                    octroi::example::BranchOfficeCapture()) &&
                          WriteFile(folder + "/qualification-day.pcapng",
                                    octroi::example::QualificationDayCapture());
  return is_written ? 0 : 1;
}
