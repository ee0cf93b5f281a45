// SPDX-License-Identifier: Apache-2.0
#include "tests/support/private_mounts.h"

#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "fmt/format.h"

namespace octroi::testing {

std::string RunWithPrivateMounts(const std::function<void()>& body) {
  std::string problem;
  std::thread thread([&] {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
      problem = fmt::format("no mount namespace of one's own: {}",
                            std::strerror(errno));
      return;
    }
    body();
  });
  thread.join();
  return problem;
}

bool MountMemory(const std::string& folder, size_t bytes) {
  return ::mount("octroi-test", folder.c_str(), "tmpfs", 0,
                 fmt::format("size={}", bytes).c_str()) == 0;
}

bool MountOver(const std::string& source, const std::string& target) {
  return ::mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) ==
         0;
}

bool Unmount(const std::string& target) {
  return ::umount(target.c_str()) == 0;
}

}  // namespace octroi::testing
