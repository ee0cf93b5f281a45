// SPDX-License-Identifier: Apache-2.0
#include "agent/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>

#include "fmt/format.h"

namespace octroi {

absl::StatusOr<std::unique_ptr<Signals>> Signals::Create() {
  sigset_t heard;
  sigemptyset(&heard);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&heard, signal);
  const int error = pthread_sigmask(SIG_BLOCK, &heard, nullptr);
  const int descriptor =
      error == 0 ? signalfd(-1, &heard, SFD_CLOEXEC | SFD_NONBLOCK) : -1;
  if (descriptor < 0) {
    return absl::UnavailableError(fmt::format(
        "signals cannot be heard: {}",
        std::generic_category().message(error != 0 ? error : errno)));
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  return std::unique_ptr<Signals>(new Signals(descriptor));
}

Signals::~Signals() { close(descriptor_); }

Signals::Received Signals::Take() {
  Received received;
  signalfd_siginfo info{};
  while (read(descriptor_, &info, sizeof(info)) == sizeof(info)) {
    if (info.ssi_signo == static_cast<uint32_t>(SIGHUP)) {
      received.should_reload = true;
    } else {
      received.should_end = true;
    }
  }
  return received;
}

}  // namespace octroi
