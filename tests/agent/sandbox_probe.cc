// SPDX-License-Identifier: Apache-2.0
// Enters the sandbox and tries what it must allow and what it must refuse:
// the program behind sandbox_test.cc. It is built without sanitizers, whose
// run-time makes system calls that octroi does not.
//
//   octroi_sandbox_probe MODE FOLDER
//
// MODE "root" and "user" (uid 65534) try everything; the others, which
// OptionsOf and PrepareMode tell apart, only what EnterSandbox makes of them.
// As root it works in name spaces of its own, with interfaces that it makes.
// FOLDER has the folders readable/, writable/ and outside/ and the file
// exact.txt, which is readable by a rule of its own; $NOTIFY_SOCKET is the path
// FOLDER/notify. Each finding is a line
// "NAME RESULT" on standard output, where RESULT is "ok", the name of an
// errno, or a value. "setup ERROR" is the last line where it cannot run.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "agent/process_stats.h"
#include "agent/sandbox.h"
#include "seccomp.h"
#include "systemd/sd-daemon.h"
#include "systemd/sd-journal.h"

namespace octroi {
namespace {

constexpr uid_t kNobody = 65534;
constexpr rlim_t kOpenFileLimit = 256;
constexpr const char* kJournalFolder = "/run/systemd/journal";

void Say(const std::string& name, const std::string& result) {
  std::printf("%s %s\n", name.c_str(), result.c_str());
}

// "ok", or errno's name where `value` is what a failed call returns.
std::string Result(long value) {
  return value >= 0 ? "ok" : strerrorname_np(errno);
}

void Check(const std::string& name, long value) { Say(name, Result(value)); }

// Ends the process without waiting for its threads.
[[noreturn]] void Stop(const std::string& name, const std::string& reason) {
  Say(name, reason);
  std::fflush(stdout);
  std::_Exit(0);
}

[[noreturn]] void FailSetup(const std::string& step) {
  Stop("setup", step + ": " + std::generic_category().message(errno));
}

int Must(const char* step, int value) {
  if (value < 0) FailSetup(step);
  return value;
}

int OpenAndClose(const std::string& path, int flags) {
  const int file = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (file >= 0) ::close(file);
  return file;
}

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

template <typename Address>
const sockaddr* AsSocketAddress(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

int BindUnix(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int unix_socket =
      Must("unix socket", ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  Must("bind unix socket",
       ::bind(unix_socket, AsSocketAddress(address), sizeof(address)));
  ::chmod(path.c_str(), 0666);
  return unix_socket;
}

// A name that no other process has; the kernel's abstract name space has one
// for each network name space.
sockaddr_un AbstractName() {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const std::string name = "octroi-probe-" + std::to_string(::getpid());
  name.copy(address.sun_path + 1, sizeof(address.sun_path) - 2);
  return address;
}

int BindAbstract() {
  const sockaddr_un address = AbstractName();
  const int receiver =
      Must("unix socket", ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  Must("bind abstract socket",
       ::bind(receiver, AsSocketAddress(address), sizeof(address)));
  return receiver;
}

void CheckAbstractSocket() {
  const sockaddr_un address = AbstractName();
  const int sender = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  Check("abstract_send",
        ::sendto(sender, "x", 1, 0, AsSocketAddress(address), sizeof(address)));
}

std::string ReceiveText(int from) {
  char text[4096];
  const ssize_t size = ::recv(from, text, sizeof(text), MSG_DONTWAIT);
  return size < 0 ? strerrorname_np(errno)
                  : std::string(text, static_cast<size_t>(size));
}

int BindPacketSocket(int packet_socket, const char* interface) {
  ifreq request = {};
  std::strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
  if (::ioctl(packet_socket, SIOCGIFINDEX, &request) != 0) return -1;
  sockaddr_ll address = {};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = request.ifr_ifindex;
  return ::bind(packet_socket, AsSocketAddress(address), sizeof(address));
}

int OpenPacketSocket(const char* interface) {
  // Protocol 0 receives nothing until it is bound.
  const int packet_socket =
      Must("packet socket", ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  Must("bind packet socket", BindPacketSocket(packet_socket, interface));
  return packet_socket;
}

int JoinFanout(int packet_socket, int group) {
  const int argument = group | PACKET_FANOUT_HASH << 16;
  return ::setsockopt(packet_socket, SOL_PACKET, PACKET_FANOUT, &argument,
                      sizeof(argument));
}

// Keeps every right, and does on request what the world around octroi does.
class Assistant {
 public:
  enum Request : char { kReplaceFile = 'f', kRecreate = 'i', kSend = 's' };

  explicit Assistant(const std::string& folder) {
    int fds[2];
    Must("socketpair", ::socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    const pid_t parent = ::getpid();
    if (Must("fork", ::fork()) == 0) {
      ::close(fds[0]);
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (::getppid() == parent) Serve(fds[1], folder);
      std::_Exit(0);
    }
    ::close(fds[1]);
    socket_ = fds[0];
  }

  // True once it is done.
  bool Do(Request request) const {
    char answer = 0;
    return ::write(socket_, &request, 1) == 1 &&
           ::read(socket_, &answer, 1) == 1 && answer == 'y';
  }

 private:
  static void Serve(int requests, const std::string& folder) {
    char request = 0;
    while (::read(requests, &request, 1) == 1) {
      const char answer = Perform(request, folder) ? 'y' : 'n';
      if (::write(requests, &answer, 1) != 1) return;
    }
  }

  static bool Perform(char request, const std::string& folder) {
    switch (request) {
      case kReplaceFile:
        return ::rename((folder + "/outside/new_exact.txt").c_str(),
                        (folder + "/exact.txt").c_str()) == 0 &&
               ::rename((folder + "/outside/new_below.txt").c_str(),
                        (folder + "/readable/below.txt").c_str()) == 0;
      case kRecreate:
        return Recreate();
      default:
        return SendFrame();
    }
  }

  static bool Recreate() {
    std::FILE* const shell = ::popen(
        "{ ip link del probe0; ip link add probe0 type veth peer name probe1 "
        "&& ip link set probe0 up && ip link set probe1 up; } 2>/dev/null",
        "r");
    return shell != nullptr && ::pclose(shell) == 0;
  }

  static bool SendFrame() {
    const int sender = OpenPacketSocket("probe1");
    const std::string frame(64, '\xff');
    const bool is_sent = ::send(sender, frame.data(), frame.size(), 0) > 0;
    ::close(sender);
    return is_sent;
  }

  int socket_ = -1;
};

// What is opened before the sandbox.
struct Opened {
  int status = -1;         // /proc/self/status, of the main thread.
  int thread_status = -1;  // Of a thread that runs already.
  int listener = -1;       // With a client in its queue.
  int unbound_tcp = -1;
  int udp = -1;  // Connected to itself.
  int notify = -1;
  int abstract = -1;  // A Unix socket without a path.
  // As root only.
  int journal = -1;
  int packets = -1;        // On the loopback interface.
  int veth_packets = -1;   // On probe0.
  int veth_fanout = -1;    // On probe0, in a fanout group.
  int spare_packets = -1;  // On no interface.
  bool has_veth = false;
};

void OpenSockets(const std::string& folder, Opened* opened) {
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  opened->listener =
      Must("tcp", ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  Must("bind", ::bind(opened->listener, AsSocketAddress(address), size));
  Must("listen", ::listen(opened->listener, 4));
  ::getsockname(opened->listener, reinterpret_cast<sockaddr*>(&address), &size);
  const int client = Must("tcp", ::socket(AF_INET, SOCK_STREAM, 0));
  Must("connect", ::connect(client, AsSocketAddress(address), size));
  opened->unbound_tcp = Must("tcp", ::socket(AF_INET, SOCK_STREAM, 0));

  address = Loopback(0);
  opened->udp = Must("udp", ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  Must("bind udp", ::bind(opened->udp, AsSocketAddress(address), size));
  ::getsockname(opened->udp, reinterpret_cast<sockaddr*>(&address), &size);
  Must("connect udp", ::connect(opened->udp, AsSocketAddress(address), size));

  opened->notify = BindUnix(folder + "/notify");
  opened->abstract = BindAbstract();
}

void EnterNameSpaces() {
  Must("unshare", ::unshare(CLONE_NEWNET | CLONE_NEWNS));
  Must("private mounts",
       ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
  Must("mount /run", ::mount("none", "/run", "tmpfs", 0, nullptr));
  std::filesystem::create_directories(kJournalFolder);
  const int any = Must("socket", ::socket(AF_INET, SOCK_DGRAM, 0));
  ifreq request = {};
  std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
  request.ifr_flags = IFF_UP;
  Must("lo up", ::ioctl(any, SIOCSIFFLAGS, &request));
  ::close(any);
}

void OpenForRoot(const Assistant& assistant, Opened* opened) {
  opened->journal = BindUnix(std::string(kJournalFolder) + "/socket");
  opened->packets = OpenPacketSocket("lo");
  opened->spare_packets =
      Must("packet socket", ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  opened->has_veth = assistant.Do(Assistant::kRecreate);
  if (!opened->has_veth) return;
  opened->veth_packets = OpenPacketSocket("probe0");
  opened->veth_fanout = OpenPacketSocket("probe0");
  Must("fanout", JoinFanout(opened->veth_fanout, 1));
}

void CheckFiles(const std::string& folder, const Assistant& assistant) {
  const std::string readable = folder + "/readable/";
  const std::string writable = folder + "/writable/";
  const std::string outside = folder + "/outside/";
  Check("read_outside", OpenAndClose(outside + "secret.txt", O_RDONLY));
  Check("read_passwd", OpenAndClose("/etc/passwd", O_RDONLY));
  Check("read_proc", OpenAndClose("/proc/self/maps", O_RDONLY));
  Check("list_outside", OpenAndClose(outside, O_RDONLY | O_DIRECTORY));
  Check("write_outside", OpenAndClose(outside + "x", O_WRONLY | O_CREAT));
  Check("read_readable", OpenAndClose(readable + "below.txt", O_RDONLY));
  Check("list_readable", OpenAndClose(readable, O_RDONLY | O_DIRECTORY));
  Check("write_readable", OpenAndClose(readable + "below.txt", O_WRONLY));
  Check("truncate_readable",
        OpenAndClose(readable + "below.txt", O_RDONLY | O_TRUNC));
  Check("create_readable", OpenAndClose(readable + "x", O_WRONLY | O_CREAT));
  Check("unlink_readable", ::unlink((readable + "below.txt").c_str()));
  Check("read_exact", OpenAndClose(folder + "/exact.txt", O_RDONLY));

  const std::string log = writable + "log";
  const int file = ::open(log.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  Check("create_writable", file);
  Check("write_writable", ::write(file, "line\n", 5));
  Check("sync_writable", ::fsync(file));
  Check("lock_writable", ::lockf(file, F_TLOCK, 0));
  Check("truncate_writable", ::ftruncate(file, 0));
  ::close(file);
  Check("rename_writable", ::rename(log.c_str(), (log + ".1").c_str()));
  Check("rename_outside",
        ::rename((log + ".1").c_str(), (outside + "log").c_str()));
  Check("unlink_writable", ::unlink((log + ".1").c_str()));

  Check("replace_files", assistant.Do(Assistant::kReplaceFile) ? 0 : -1);
  Check("read_replaced_below", OpenAndClose(readable + "below.txt", O_RDONLY));
  Check("read_replaced_exact", OpenAndClose(folder + "/exact.txt", O_RDONLY));
}

// Calls that no part of octroi makes: each must fail with EPERM.
void CheckRefused(const std::string& folder, const Opened& opened) {
  const std::string path = folder + "/writable/x";
  const char* name = path.c_str();
  char* const no_words[] = {nullptr};
  char bytes[64] = {};
  sockaddr_in address = Loopback(9);
  // Lower than the one in force: without the filter nobody would refuse it.
  const rlimit limit = {kOpenFileLimit / 2, kOpenFileLimit / 2};
  const auto refused = [](const char* call, long value) {
    Say(std::string("refused_") + call, Result(value));
  };

  refused("execve", ::execve("/bin/true", no_words, no_words));
  refused("execveat", ::syscall(SYS_execveat, opened.status, "", no_words,
                                no_words, AT_EMPTY_PATH));
  refused("fork", ::syscall(SYS_fork));
  refused("clone_process", ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
  refused("ptrace", ::syscall(SYS_ptrace, 0, 0, 0, 0));
  refused("process_vm_readv",
          ::syscall(SYS_process_vm_readv, 1, nullptr, 0, nullptr, 0, 0));
  refused("kill", ::kill(::getppid(), 0));
  refused("tgkill_other", ::syscall(SYS_tgkill, 1, 1, 0));
  refused("pidfd_open", ::syscall(SYS_pidfd_open, 1, 0));

  refused("socket_inet_stream", ::socket(AF_INET, SOCK_STREAM, 0));
  refused("socket_inet_datagram", ::socket(AF_INET, SOCK_DGRAM, 0));
  refused("socket_inet_raw", ::socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
  refused("socket_inet6", ::socket(AF_INET6, SOCK_STREAM, 0));
  refused("socket_packet", ::socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)));
  refused("socket_netlink", ::socket(AF_NETLINK, SOCK_RAW, 0));
  refused("socket_vsock", ::socket(AF_VSOCK, SOCK_STREAM, 0));
  refused("socket_alg", ::socket(AF_ALG, SOCK_SEQPACKET, 0));
  refused("socket_unix_stream", ::socket(AF_UNIX, SOCK_STREAM, 0));
  refused("socketpair",
          ::socketpair(AF_UNIX, SOCK_DGRAM, 0, reinterpret_cast<int*>(bytes)));
  refused("connect",
          ::connect(opened.udp, AsSocketAddress(address), sizeof(address)));
  refused("listen", ::listen(opened.unbound_tcp, 1));
  refused("setsockopt_ip",
          ::setsockopt(opened.udp, IPPROTO_IP, IP_TTL, bytes, sizeof(int)));
  refused("setsockopt_tcp_ulp",
          ::setsockopt(opened.unbound_tcp, IPPROTO_TCP, TCP_ULP, "tls", 3));
  refused("ioctl_interface_flags", ::ioctl(opened.udp, SIOCSIFFLAGS, bytes));
  refused("ioctl_terminal_input", ::ioctl(0, TIOCSTI, bytes));

  refused("mount", ::mount("none", "/tmp", "tmpfs", 0, nullptr));
  refused("umount", ::umount2("/tmp", 0));
  refused("chroot", ::chroot("/tmp"));
  refused("chdir", ::chdir("/tmp"));
  refused("unshare", ::unshare(CLONE_NEWUSER));
  refused("setns", ::setns(opened.status, 0));
  refused("mkdir", ::mkdir(name, 0755));
  refused("mknod", ::mknod(name, S_IFIFO | 0644, 0));
  refused("symlink", ::symlink("/etc/passwd", name));
  refused("link", ::link("/etc/passwd", name));
  refused("chmod", ::chmod(folder.c_str(), 0777));
  refused("chown", ::chown(folder.c_str(), 0, 0));
  refused("truncate", ::truncate((folder + "/exact.txt").c_str(), 0));
  refused("open_by_handle_at",
          ::syscall(SYS_open_by_handle_at, 3, bytes, O_RDONLY));

  refused("bpf", ::syscall(SYS_bpf, 0, bytes, sizeof(bytes)));
  refused("perf_event_open", ::syscall(SYS_perf_event_open, bytes, 0, 0, 0, 0));
  refused("userfaultfd", ::syscall(SYS_userfaultfd, 0));
  refused("io_uring_setup", ::syscall(SYS_io_uring_setup, 4, bytes));
  refused("keyctl", ::syscall(SYS_keyctl, 0, 0, 0, 0, 0));
  refused("add_key", ::syscall(SYS_add_key, "user", "a", "b", 1, -3));
  refused("init_module", ::syscall(SYS_init_module, bytes, 1, ""));
  refused("kexec_load", ::syscall(SYS_kexec_load, 0, 0, nullptr, 0));
  refused("reboot", ::syscall(SYS_reboot, 0, 0, 0, nullptr));
  refused("personality", ::syscall(SYS_personality, 0x400000));
  refused("seccomp", ::syscall(SYS_seccomp, 0, 0, nullptr));
  refused("setuid", ::syscall(SYS_setuid, 0));
  refused("capset", ::syscall(SYS_capset, bytes, bytes));
  refused("prctl_dumpable", ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
  refused("set_limit", ::setrlimit(RLIMIT_NOFILE, &limit));
  refused("settime", ::syscall(SYS_clock_settime, 0, bytes));
}

// Calls that a daemon makes and that no other check is about.
void CheckAllowed(const std::string& folder) {
  const auto allowed = [](const char* call, long value) {
    Say(std::string("allowed_") + call, Result(value));
  };
  char bytes[256] = {};
  timespec time = {};
  cpu_set_t processors;
  struct stat information;
  struct statfs file_system;
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGUSR1);

  allowed("epoll", ::epoll_create1(EPOLL_CLOEXEC));
  allowed("eventfd", ::eventfd(0, EFD_CLOEXEC));
  allowed("timerfd", ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
  allowed("signalfd", ::signalfd(-1, &signals, SFD_CLOEXEC));
  allowed("pipe", ::pipe2(reinterpret_cast<int*>(bytes), O_CLOEXEC));
  const int watcher = ::inotify_init1(IN_CLOEXEC);
  allowed("inotify",
          ::inotify_add_watch(watcher, (folder + "/readable").c_str(),
                              IN_CLOSE_WRITE | IN_MOVED_TO));
  allowed("poll", ::poll(nullptr, 0, 0));
  allowed("fcntl", ::fcntl(watcher, F_SETFL, O_NONBLOCK));
  allowed("clock", ::syscall(SYS_clock_gettime, CLOCK_REALTIME, &time));
  allowed("getrandom", ::getrandom(bytes, sizeof(bytes), 0));
  allowed("getaffinity",
          ::sched_getaffinity(0, sizeof(processors), &processors));
  allowed("setaffinity",
          ::sched_setaffinity(0, sizeof(processors), &processors));
  allowed("name_thread", ::prctl(PR_SET_NAME, "worker"));
  allowed("signal_thread", ::syscall(SYS_tgkill, ::getpid(), ::gettid(), 0));
  allowed("stat", ::stat((folder + "/writable").c_str(), &information));
  allowed("free_space", ::statfs((folder + "/writable").c_str(), &file_system));
}

void CheckLimits() {
  for (const auto& [name, resource] :
       {std::pair("limit_core", RLIMIT_CORE),
        std::pair("limit_open_files", RLIMIT_NOFILE)}) {
    rlimit limit = {1, 1};
    ::getrlimit(resource, &limit);
    Say(name,
        std::to_string(limit.rlim_cur) + " " + std::to_string(limit.rlim_max));
  }
}

void CheckMemory() {
  constexpr size_t kBytes = 1 << 16;
  const auto result = [](const void* address) {
    return address == MAP_FAILED ? -1L : 0L;
  };
  Check("mmap_executable", result(::mmap(nullptr, kBytes, PROT_READ | PROT_EXEC,
                                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
  void* const memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  Check("mmap", result(memory));
  Check("mprotect_executable",
        ::mprotect(memory, kBytes, PROT_READ | PROT_EXEC));
  Check("mprotect", ::mprotect(memory, kBytes, PROT_READ));
  Check("madvise", ::madvise(memory, kBytes, MADV_DONTNEED));
  Check("pkey_mprotect", ::syscall(SYS_pkey_mprotect, memory, kBytes,
                                   PROT_READ | PROT_EXEC, -1));
  ::munmap(memory, kBytes);
  // Beyond what malloc takes by brk().
  const std::vector<char> large(64 << 20, 1);
  Check("malloc", large.back() == 1 ? 0 : -1);
}

void CheckSockets(const Opened& opened) {
  const int unix_socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  Check("socket_unix_datagram", unix_socket);
  const int connection =
      ::accept4(opened.listener, nullptr, nullptr, SOCK_CLOEXEC);
  Check("accept", connection);
  const int yes = 1;
  Check("setsockopt_nodelay",
        ::setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)));
  Check("send_connection", ::send(connection, "metrics", 7, MSG_NOSIGNAL));
  const sockaddr_in address = Loopback(0);
  Check("bind_tcp",
        ::bind(opened.unbound_tcp, AsSocketAddress(address), sizeof(address)));
  Check("notify", ::sd_notify(0, "READY=1"));
  Say("notified", ReceiveText(opened.notify));
}

void CheckJournal(const Opened& opened) {
  Check("journal", ::sd_journal_send("MESSAGE=violation", "PRIORITY=4", NULL));
  const std::string entry = ReceiveText(opened.journal);
  Check("journal_arrives",
        entry.find("MESSAGE=violation") != std::string::npos ? 0 : -1);
  // Longer than a datagram: a sealed file in memory is sent in its place.
  const std::string field = "MESSAGE=" + std::string(4 << 20, 'x');
  Check("journal_long", ::sd_journal_send(field.c_str(), NULL));
}

// Waits for a packet, then asks what the socket received since last asked.
void CheckPackets(const std::string& name, int packets) {
  char frame[2048];
  timeval patience = {5, 0};
  ::setsockopt(packets, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  Check(name + "_receive", ::recv(packets, frame, sizeof(frame), 0));
  tpacket_stats statistics = {};
  socklen_t size = sizeof(statistics);
  Check(
      name + "_statistics",
      ::getsockopt(packets, SOL_PACKET, PACKET_STATISTICS, &statistics, &size));
  Say(name + "_counted", statistics.tp_packets > 0 ? "some" : "none");
}

int Promiscuous(int packets, const char* interface) {
  ifreq request = {};
  std::strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
  if (::ioctl(packets, SIOCGIFINDEX, &request) != 0) return -1;
  packet_mreq membership = {};
  membership.mr_ifindex = request.ifr_ifindex;
  membership.mr_type = PACKET_MR_PROMISC;
  return ::setsockopt(packets, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership,
                      sizeof(membership));
}

int AttachFilter(int packets) {
  sock_filter accept_all = BPF_STMT(BPF_RET | BPF_K, 0xFFFF);
  const sock_fprog program = {1, &accept_all};
  return ::setsockopt(packets, SOL_SOCKET, SO_ATTACH_FILTER, &program,
                      sizeof(program));
}

void CheckCapture(const Opened& opened) {
  Check("send_udp", ::send(opened.udp, "x", 1, 0));
  CheckPackets("packets", opened.packets);
}

// An interface that is deleted and made again, as libpcap's or our source must
// live through it.
void CheckRebinding(const Opened& opened, const Assistant& assistant) {
  const bool is_recreated = assistant.Do(Assistant::kRecreate);
  Check("recreate", is_recreated ? 0 : -1);
  char frame[64];
  Check("veth_gone",
        ::recv(opened.veth_packets, frame, sizeof(frame), MSG_DONTWAIT));
  Check("rebind", BindPacketSocket(opened.veth_packets, "probe0"));
  Check("rebind_promiscuous", Promiscuous(opened.veth_packets, "probe0"));
  Check("rebind_filter", AttachFilter(opened.veth_packets));
  Check("rebind_in_fanout", BindPacketSocket(opened.veth_fanout, "probe0"));
  Check("bind_spare", BindPacketSocket(opened.spare_packets, "probe0"));
  Check("spare_fanout", JoinFanout(opened.spare_packets, 2));
  Check("send_frame", assistant.Do(Assistant::kSend) ? 0 : -1);
  CheckPackets("rebound", opened.veth_packets);
  CheckPackets("spare", opened.spare_packets);
}

void CheckLanguage(const std::string& folder) {
  try {
    throw std::runtime_error("a reload that fails");
  } catch (const std::exception& error) {
    Say("exception", "ok");
  }
  std::error_code error;
  size_t files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(folder + "/readable", error)) {
    if (entry.is_regular_file(error)) ++files;
  }
  Check("iterate_folder", files > 0 && !error ? 0 : -1);
  Check("clone3", ::syscall(SYS_clone3, nullptr, 0));
}

void SayStatus(const std::string& thread, int status) {
  char text[8192];
  const ssize_t size = ::pread(status, text, sizeof(text) - 1, 0);
  if (size < 0) return Check(thread + "_status", size);
  text[size] = '\0';
  for (const char* field : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb",
                            "NoNewPrivs", "Seccomp"}) {
    const char* line = std::strstr(text, (std::string(field) + ":").c_str());
    std::string value = "missing";
    if (line != nullptr) {
      line += std::strlen(field) + 1;
      value = std::string(line, std::strcspn(line, "\n"));
      value.erase(0, value.find_first_not_of("\t "));
    }
    Say(thread + "_" + field, value);
  }
}

// A thread that runs before the sandbox does, as DPDK's do.
class EarlyThread {
 public:
  explicit EarlyThread(const std::string& folder)
      : thread_([this, folder] {
          thread_id_ = ::gettid();
          thread_id_.notify_one();
          is_released_.wait(false);
          Check("early_thread_read",
                OpenAndClose(folder + "/outside/secret.txt", O_RDONLY));
          Check("early_thread_socket", ::socket(AF_INET, SOCK_STREAM, 0));
        }) {
    thread_id_.wait(0);
  }

  pid_t id() const { return thread_id_; }

  void Finish() {
    is_released_ = true;
    is_released_.notify_one();
    thread_.join();
  }

 private:
  std::atomic<pid_t> thread_id_{0};
  std::atomic<bool> is_released_{false};
  std::thread thread_;
};

void CheckLaterThread(const std::string& folder) {
  std::thread([&folder] {
    Check("later_thread_read",
          OpenAndClose(folder + "/outside/secret.txt", O_RDONLY));
    Check("later_thread_exec", ::execl("/bin/true", "true", nullptr));
  }).join();
}

void BecomeNobody() {
  if (::geteuid() != 0) return;
  Must("setresgid", ::setresgid(kNobody, kNobody, kNobody));
  Must("setresuid", ::setresuid(kNobody, kNobody, kNobody));
}

void SayLevel(const SandboxLevel& level) {
  Say("threads", std::to_string(level.threads));
  Say("landlock_abi", std::to_string(level.landlock_abi));
  for (const SandboxMeasure& measure : SandboxMeasures(level)) {
    Say(std::string("measure_") + measure.label,
        (measure.is_full ? "full: " : "partial: ") + measure.text);
  }
}

SandboxOptions OptionsOf(const std::string& mode, const std::string& folder) {
  SandboxOptions options = {
      .readable_paths = {folder + "/readable", folder + "/exact.txt"},
      .writable_folders = {folder + "/writable"},
      .open_file_limit = kOpenFileLimit};
  if (mode == "missing_path") options.readable_paths.emplace_back("/nowhere/x");
  if (mode == "file_to_write") {
    options.writable_folders.push_back(folder + "/exact.txt");
  }
  if (mode == "limit_too_high") options.open_file_limit = 1 << 30;
  if (mode == "kept") options.kept_capabilities = 1ULL << CAP_NET_RAW;
  options.sends_to_abstract_sockets = mode == "abstract";
  if (mode == "filter_optional") options.requires_seccomp = false;
  return options;
}

// A filter of a container, or a kernel, that lacks one system call.
void TakeAway(int call, int error) {
  void* const filter = ::seccomp_init(SCMP_ACT_ALLOW);
  ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(static_cast<uint32_t>(error)), call,
                     0);
  if (::seccomp_load(filter) != 0) FailSetup("filter");
  ::seccomp_release(filter);
}

void PrepareMode(const std::string& mode) {
  if (mode == "user") BecomeNobody();
  if (mode == "old_kernel") TakeAway(SCMP_SYS(landlock_create_ruleset), ENOSYS);
  if (mode == "no_filter" || mode == "filter_optional") {
    TakeAway(SCMP_SYS(seccomp), EINVAL);
  }
  if (mode != "deaf") return;
  // Inherited by the early thread.
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGSYS);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

// What metrics say of the process, from files that were opened before.
void CheckProcess(ProcessReader* process) {
  const ProcessStats stats = process->Read();
  const bool is_complete = stats.cpu_seconds && stats.resident_bytes &&
                           stats.virtual_bytes && stats.open_fds &&
                           stats.max_fds && stats.threads &&
                           stats.start_time_seconds;
  Say("process_stats", is_complete ? "complete" : "incomplete");
}

void CheckAll(const std::string& folder, const Opened& opened,
              const Assistant& assistant, ProcessReader* process) {
  CheckFiles(folder, assistant);
  CheckProcess(process);
  CheckRefused(folder, opened);
  CheckAllowed(folder);
  CheckLimits();
  CheckMemory();
  CheckLanguage(folder);
  CheckSockets(opened);
  if (opened.packets >= 0) {
    CheckJournal(opened);
    CheckCapture(opened);
  }
  if (opened.has_veth) CheckRebinding(opened, assistant);
  CheckLaterThread(folder);
}

int Probe(const std::string& mode, const std::string& folder) {
  const bool is_privileged = ::geteuid() == 0;
  if (is_privileged) EnterNameSpaces();
  const Assistant assistant(folder);
  Opened opened;
  OpenSockets(folder, &opened);
  if (is_privileged) OpenForRoot(assistant, &opened);
  ProcessReader process;
  PrepareMode(mode);
  EarlyThread early(folder);
  const std::string task = "/proc/self/task/" + std::to_string(early.id());
  opened.status = Must("status", ::open("/proc/thread-self/status", O_RDONLY));
  opened.thread_status =
      Must("status", ::open((task + "/status").c_str(), O_RDONLY));

  const absl::StatusOr<SandboxLevel> level =
      EnterSandbox(OptionsOf(mode, folder));
  if (!level.ok()) Stop("error", std::string(level.status().message()));
  SayLevel(*level);
  SayStatus("main", opened.status);
  SayStatus("early", opened.thread_status);
  if (mode == "foreign") {
    std::fflush(stdout);
    // getpid() as x32 numbers it.
    ::syscall(0x40000000 | SYS_getpid);
    Stop("foreign", "lives");
  }
  CheckAbstractSocket();
  if (mode == "root" || mode == "user") {
    CheckAll(folder, opened, assistant, &process);
  }
  early.Finish();
  Say("finished", "ok");
  return 0;
}

}  // namespace
}  // namespace octroi

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  return octroi::Probe(argv[1], argv[2]);
}
