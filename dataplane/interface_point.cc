// SPDX-License-Identifier: Apache-2.0
#include "dataplane/interface_point.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "dataplane/address_fanout.h"
#include "dataplane/decode_link.h"
#include "dataplane/live_clock.h"
#include "fmt/format.h"

namespace octroi {
namespace {

// How long the kernel keeps a block that is not full, ms: what a quiet link's
// packets wait at most.
constexpr int kBlockTimeoutMs = 20;
// What a source in trouble rests, so that an error that stays does not spin.
constexpr int kRestMs = 10;
// Packets copied out of the ring at a time: their bytes stay in the L1 cache
// until they are decoded, and long snap lengths take little memory.
constexpr size_t kMaxCopied = 64;
static_assert(kMaxCopied <= kMaxBurst);

std::string SystemError() { return std::generic_category().message(errno); }

std::string Where(const std::string& interface_name) {
  return fmt::format("interface {}", interface_name);
}

// Options that libpcap takes without failing on a handle that is not active.
void Configure(const InterfaceOptions& options, pcap_t* handle) {
  pcap_set_snaplen(handle, static_cast<int>(options.snap_octets));
  pcap_set_promisc(handle, options.is_promiscuous ? 1 : 0);
  pcap_set_timeout(handle, kBlockTimeoutMs);
  pcap_set_buffer_size(handle, static_cast<int>(options.ring_bytes));
  pcap_set_tstamp_precision(handle, PCAP_TSTAMP_PRECISION_NANO);
}

absl::Status ActivationError(const InterfaceOptions& options, int code,
                             pcap_t* handle) {
  const std::string where = Where(options.interface_name);
  switch (code) {
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED:
      return absl::PermissionDeniedError(fmt::format(
          "{}: octroi may not capture there; run it as root, or give it the "
          "capability CAP_NET_RAW as octroi.service does",
          where));
    case PCAP_ERROR_NO_SUCH_DEVICE:
      return absl::NotFoundError(fmt::format(
          "{}: there is none of that name; `ip link` lists them", where));
    case PCAP_ERROR_IFACE_NOT_UP:
      return absl::UnavailableError(
          fmt::format("{}: is not up; run `ip link set {} up`", where,
                      options.interface_name));
    default:
      return absl::UnavailableError(
          fmt::format("{}: cannot be captured on: {} ({})", where,
                      pcap_geterr(handle), pcap_statustostr(code)));
  }
}

pcap_direction_t DirectionOf(CaptureDirection direction) {
  switch (direction) {
    case CaptureDirection::kIncoming:
      return PCAP_D_IN;
    case CaptureDirection::kOutgoing:
      return PCAP_D_OUT;
    case CaptureDirection::kBoth:
      break;
  }
  return PCAP_D_INOUT;
}

// Whether decode knows how such frames begin.
bool IsDecodable(LinkType link_type) {
  Packet empty;
  empty.link_type = link_type;
  HeaderWalk walk;
  return StartWalk(empty, &walk) != DropReason::kUnsupportedLinkType;
}

}  // namespace

// One ring and what it hands over. Wait, ReceiveBurst and ReleaseBurst belong
// to the worker's thread; the rest is called before it starts, or touches the
// socket alone.
class InterfacePoint::Source final : public LiveSource {
 public:
  static absl::StatusOr<std::unique_ptr<Source>> Open(
      const InterfaceOptions& options);
  ~Source() override { pcap_close(handle_); }

  size_t ReceiveBurst(PacketBurst* burst) override;
  void ReleaseBurst(PacketBurst* burst) override { burst->size = 0; }
  void Wait(int timeout_ms) override;

  // Lets packets through that `filter` accepts, and no other ones.
  absl::Status SetFilter(const std::string& filter);
  // Nothing passes any more, and what has passed is thrown away.
  absl::Status HoldBack();
  // Packets that the ring had no room for since the last call, or since Open.
  uint64_t TakeRingLosses();
  // Receives from the interface of that index from now on.
  bool Bind(int index);

  int descriptor() const { return pcap_fileno(handle_); }

 private:
  Source(const InterfaceOptions& options, pcap_t* handle)
      : options_(options),
        handle_(handle),
        link_type_(static_cast<LinkType>(pcap_datalink(handle))),
        bytes_(std::make_unique<uint8_t[]>(kMaxCopied * options.snap_octets)) {}

  static void OnPacket(uint8_t* self, const pcap_pkthdr* header,
                       const uint8_t* bytes);
  absl::Status Install(const std::string& filter);

  const InterfaceOptions& options_;
  pcap_t* const handle_;
  const LinkType link_type_;
  const std::unique_ptr<uint8_t[]> bytes_;  // A snap length per packet.

  // Worker thread only.
  LiveClock clock_;
  PacketBurst* burst_ = nullptr;  // Being filled.
  int64_t clock_ns_ = 0;
  bool is_in_trouble_ = false;
};

absl::StatusOr<std::unique_ptr<InterfacePoint::Source>>
InterfacePoint::Source::Open(const InterfaceOptions& options) {
  char error[PCAP_ERRBUF_SIZE] = "";
  pcap_t* handle = pcap_create(options.interface_name.c_str(), error);
  if (handle == nullptr) {
    return absl::UnavailableError(
        fmt::format("{}: {}", Where(options.interface_name), error));
  }
  Configure(options, handle);
  const int code = pcap_activate(handle);
  if (code < 0) {
    const absl::Status status = ActivationError(options, code, handle);
    pcap_close(handle);
    return status;
  }
  std::unique_ptr<Source> source(new Source(options, handle));
  if (!IsDecodable(source->link_type_)) {
    return absl::UnimplementedError(fmt::format(
        "{}: its frames are of link type {} ({}), which octroi does not "
        "decode; name an interface with Ethernet or IP frames",
        Where(options.interface_name), pcap_datalink(handle),
        pcap_datalink_val_to_description_or_dlt(pcap_datalink(handle))));
  }
  if (pcap_setdirection(handle, DirectionOf(options.direction)) != 0 ||
      pcap_setnonblock(handle, 1, error) != 0) {
    return absl::UnavailableError(
        fmt::format("{}: cannot be set up: {}", Where(options.interface_name),
                    error[0] != '\0' ? error : pcap_geterr(handle)));
  }
  return source;
}

absl::Status InterfacePoint::Source::SetFilter(const std::string& filter) {
  bpf_program program{};
  if (pcap_compile(handle_, &program, filter.c_str(), /*optimize=*/1,
                   PCAP_NETMASK_UNKNOWN) != 0) {
    return absl::InvalidArgumentError(fmt::format(
        "{}: filter \"{}\": {}; write an expression as pcap-filter(7) has it",
        Where(options_.interface_name), filter, pcap_geterr(handle_)));
  }
  const int code = pcap_setfilter(handle_, &program);
  pcap_freecode(&program);
  if (code == 0) return absl::OkStatus();
  return absl::UnavailableError(fmt::format(
      "{}: filter \"{}\": the kernel does not take it: {}",
      Where(options_.interface_name), filter, pcap_geterr(handle_)));
}

absl::Status InterfacePoint::Source::HoldBack() {
  bpf_insn reject{};
  reject.code = BPF_RET | BPF_K;
  bpf_program program{1, &reject};
  if (pcap_setfilter(handle_, &program) != 0) {
    return absl::UnavailableError(fmt::format("{}: cannot be held back: {}",
                                              Where(options_.interface_name),
                                              pcap_geterr(handle_)));
  }
  // What came before is visible when its block has been given up, full or not.
  const auto discard = [](uint8_t*, const pcap_pkthdr*, const uint8_t*) {};
  pollfd waiting = {descriptor(), POLLIN, 0};
  while (poll(&waiting, 1, 2 * kBlockTimeoutMs) > 0) {
    if (pcap_dispatch(handle_, -1, +discard, nullptr) <= 0) break;
  }
  return absl::OkStatus();
}

void InterfacePoint::Source::OnPacket(uint8_t* self, const pcap_pkthdr* header,
                                      const uint8_t* bytes) {
  Source& source = *reinterpret_cast<Source*>(self);
  PacketBurst& burst = *source.burst_;
  const uint32_t captured =
      std::min(header->caplen, source.options_.snap_octets);
  uint8_t* copy =
      source.bytes_.get() + burst.size * source.options_.snap_octets;
  std::memcpy(copy, bytes, captured);
  Packet& packet = burst.packets[burst.size++];
  packet.data = copy;
  packet.captured_octets = captured;
  packet.wire_octets = std::max(header->len, captured);
  // With this precision tv_usec holds nanoseconds.
  packet.timestamp_ns = std::clamp<int64_t>(
      header->ts.tv_sec * int64_t{1'000'000'000} + header->ts.tv_usec, 0,
      kMaxTimestampNs);
  packet.clock_ns = source.clock_ns_;
  packet.link_type = source.link_type_;
}

size_t InterfacePoint::Source::ReceiveBurst(PacketBurst* burst) {
  burst->size = 0;
  burst_ = burst;
  clock_ns_ = clock_.Now();
  // An interface that goes down is an error here, once; packets that were in
  // the ring still come, and so do later ones.
  is_in_trouble_ =
      pcap_dispatch(handle_, static_cast<int>(kMaxCopied), &Source::OnPacket,
                    reinterpret_cast<uint8_t*>(this)) < 0;
  return burst->size;
}

void InterfacePoint::Source::Wait(int timeout_ms) {
  if (is_in_trouble_) {
    poll(nullptr, 0, std::min(timeout_ms, kRestMs));
    return;
  }
  pollfd waiting = {descriptor(), POLLIN, 0};
  poll(&waiting, 1, timeout_ms);
}

// The kernel counts since it was last asked, so that nothing wraps.
uint64_t InterfacePoint::Source::TakeRingLosses() {
  tpacket_stats_v3 statistics{};
  socklen_t size = sizeof(statistics);
  if (getsockopt(descriptor(), SOL_PACKET, PACKET_STATISTICS, &statistics,
                 &size) != 0) {
    return 0;
  }
  return statistics.tp_drops;
}

bool InterfacePoint::Source::Bind(int index) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = index;
  if (bind(descriptor(), reinterpret_cast<const sockaddr*>(&address),
           sizeof(address)) != 0) {
    return false;
  }
  if (!options_.is_promiscuous) return true;
  packet_mreq membership{};
  membership.mr_ifindex = index;
  membership.mr_type = PACKET_MR_PROMISC;
  return setsockopt(descriptor(), SOL_PACKET, PACKET_ADD_MEMBERSHIP,
                    &membership, sizeof(membership)) == 0;
}

absl::StatusOr<std::unique_ptr<InterfacePoint>> InterfacePoint::Open(
    const InterfaceOptions& options) {
  assert(options.worker_count >= 1 && options.worker_count <= kMaxWorkers);
  assert(options.ring_bytes >= kMinRingBytes);
  assert(options.ring_bytes <= kMaxRingBytes);
  assert(options.snap_octets >= kMinSnapOctets);
  assert(options.snap_octets <= kMaxSnapOctets);
  auto monitor = LinkMonitor::Open();
  if (!monitor.ok()) return monitor.status();
  std::unique_ptr<InterfacePoint> point(
      new InterfacePoint(options, *std::move(monitor)));
  if (const absl::Status status = point->OpenSources(); !status.ok()) {
    return status;
  }
  return point;
}

InterfacePoint::InterfacePoint(InterfaceOptions options,
                               std::unique_ptr<LinkMonitor> monitor)
    : options_(std::move(options)), monitor_(std::move(monitor)) {}

InterfacePoint::~InterfacePoint() = default;

LiveSource* InterfacePoint::source(size_t index) {
  return sources_[index].get();
}

// Until all rings are in the fanout group each of them receives every packet:
// they are held back until then, so that none counts twice.
absl::Status InterfacePoint::OpenSources() {
  const std::optional<Link> link = monitor_->Find(options_.interface_name);
  if (!link) {
    return absl::NotFoundError(
        fmt::format("{}: there is none of that name; `ip link` lists them",
                    Where(options_.interface_name)));
  }
  for (uint32_t i = 0; i < options_.worker_count; ++i) {
    auto source = Source::Open(options_);
    if (!source.ok()) return source.status();
    sources_.push_back(*std::move(source));
  }
  if (sources_.size() > 1) {
    for (const auto& source : sources_) {
      if (const absl::Status status = source->HoldBack(); !status.ok()) {
        return status;
      }
    }
    if (const absl::Status status = JoinFanout(); !status.ok()) return status;
  }
  for (const auto& source : sources_) {
    const absl::Status status = source->SetFilter(options_.filter);
    if (!status.ok()) return status;
    source->TakeRingLosses();
  }
  bound_index_ = link->index;
  missed_before_ = link->missed_packets;
  return absl::OkStatus();
}

absl::Status InterfacePoint::JoinFanout() {
  const auto refused = [this] {
    return absl::UnavailableError(fmt::format(
        "{}: {} workers cannot share it: PACKET_FANOUT: {}; configure one "
        "worker",
        Where(options_.interface_name), sources_.size(), SystemError()));
  };
  // From <linux/if_packet.h>: the lower half is the group, the upper one its
  // type and flags. The first member lets the kernel choose a free group.
  constexpr int kByProgram = PACKET_FANOUT_CBPF << 16;
  constexpr int kChooseGroup = PACKET_FANOUT_FLAG_UNIQUEID << 16;
  int argument = kByProgram | kChooseGroup;
  for (const auto& source : sources_) {
    const int socket = source->descriptor();
    if (setsockopt(socket, SOL_PACKET, PACKET_FANOUT, &argument,
                   sizeof(argument)) != 0) {
      return refused();
    }
    if (source != sources_.front()) continue;
    int group = 0;
    socklen_t size = sizeof(group);
    if (getsockopt(socket, SOL_PACKET, PACKET_FANOUT, &group, &size) != 0) {
      return refused();
    }
    argument = kByProgram | (group & 0xffff);
    std::vector<sock_filter> program = AddressFanoutProgram();
    const sock_fprog by_addresses = {
        static_cast<unsigned short>(program.size()), program.data()};
    if (setsockopt(socket, SOL_PACKET, PACKET_FANOUT_DATA, &by_addresses,
                   sizeof(by_addresses)) != 0) {
      return refused();
    }
  }
  return absl::OkStatus();
}

PointStatus InterfacePoint::Observe() {
  PointStatus status;
  for (const auto& source : sources_) ring_losses_ += source->TakeRingLosses();

  std::optional<Link> link = monitor_->Find(bound_index_);
  if (link && link->name != options_.interface_name) {
    status.note = fmt::format("is called {} now", link->name);
  }
  if (!link && !is_lost_) {
    link = monitor_->Find(options_.interface_name);
    if (link && !Follow(*link)) is_lost_ = true;
  }
  if (is_lost_) {
    status.state = PointState::kLost;
    status.note =
        "was removed and made anew, which sockets that share an interface "
        "cannot follow; restart octroi";
  } else if (!link) {
    status.state = PointState::kGone;
  } else {
    status.state = link->is_up ? PointState::kUp : PointState::kDown;
    status.interface_packets = link->packets;
    CountInterfaceLosses(*link);
  }
  status.losses.at(LossPlace::kKernelRing) = ring_losses_;
  status.losses.at(LossPlace::kInterface) = interface_losses_;
  return status;
}

// Takes an interface into use that has come back.
bool InterfacePoint::Follow(const Link& link) {
  for (const auto& source : sources_) {
    if (!source->Bind(link.index)) return false;
  }
  bound_index_ = link.index;
  missed_before_ = 0;
  return true;
}

void InterfacePoint::CountInterfaceLosses(const Link& link) {
  // A driver that starts anew counts from 0.
  interface_losses_ += link.missed_packets >= missed_before_
                           ? link.missed_packets - missed_before_
                           : link.missed_packets;
  missed_before_ = link.missed_packets;
}

std::string LibpcapVersion() {
  // "libpcap version 1.10.3 (with TPACKET_V3)"
  constexpr std::string_view kBefore = "libpcap version ";
  std::string_view text = pcap_lib_version();
  if (text.substr(0, kBefore.size()) == kBefore) {
    text.remove_prefix(kBefore.size());
    text = text.substr(0, text.find(' '));
  }
  return std::string(text);
}

}  // namespace octroi
