// SPDX-License-Identifier: Apache-2.0
#include "tests/replay/run_program.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <stdexcept>
#include <system_error>

extern char** environ;

namespace octroi::testing {
namespace {

// The file actions of a child, and the pipe that stands for a reader that has
// gone.
class Streams {
 public:
  Streams(const ProgramOptions& options, const TempDir& dir) {
    posix_spawn_file_actions_init(&actions_);
    if (!options.folder.empty()) {
      posix_spawn_file_actions_addchdir_np(&actions_, options.folder.c_str());
    }
    Open(STDIN_FILENO, options.input_path, O_RDONLY);
    switch (options.output_to) {
      case OutputTo::kFile:
        Open(STDOUT_FILENO, dir.Path("out"), O_WRONLY | O_CREAT);
        break;
      case OutputTo::kFullDevice:
        Open(STDOUT_FILENO, "/dev/full", O_WRONLY);
        break;
      case OutputTo::kClosedPipe:
        if (::pipe2(pipe_, O_CLOEXEC) != 0) {
          throw std::system_error(errno, std::generic_category(), "pipe2");
        }
        ::close(pipe_[0]);
        posix_spawn_file_actions_adddup2(&actions_, pipe_[1], STDOUT_FILENO);
        break;
    }
    Open(STDERR_FILENO, dir.Path("errors"), O_WRONLY | O_CREAT);
  }
  ~Streams() {
    if (pipe_[1] >= 0) ::close(pipe_[1]);
    posix_spawn_file_actions_destroy(&actions_);
  }
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  const posix_spawn_file_actions_t* actions() const { return &actions_; }

 private:
  void Open(int descriptor, const std::string& path, int flags) {
    posix_spawn_file_actions_addopen(&actions_, descriptor, path.c_str(), flags,
                                     0600);
  }

  posix_spawn_file_actions_t actions_;
  int pipe_[2] = {-1, -1};
};

// Signals as a shell leaves them: what the test's own process ignores, the
// program must not inherit.
pid_t Spawn(const ProgramOptions& options, const Streams& streams) {
  std::vector<char*> arguments;
  for (const std::string& argument : options.arguments) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t child = 0;
  const int error = posix_spawnp(&child, arguments[0], streams.actions(),
                                 &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    throw std::system_error(error, std::generic_category(),
                            options.arguments[0]);
  }
  return child;
}

int WaitFor(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      throw std::system_error(errno, std::generic_category(), "waitpid");
    }
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

ProgramResult RunProgram(const ProgramOptions& options) {
  const TempDir dir;
  const Streams streams(options, dir);
  ProgramResult result;
  result.exit_code = WaitFor(Spawn(options, streams));
  if (options.output_to == OutputTo::kFile)
    result.out = ReadFile(dir.Path("out"));
  result.errors = ReadFile(dir.Path("errors"));
  return result;
}

bool IsInstalled(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (::access((folder + "/" + name).c_str(), X_OK) == 0) return true;
  }
  return false;
}

}  // namespace octroi::testing
