// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk_device.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/status/status.h"
#include "fmt/format.h"

namespace octroi {
namespace {

namespace fs = std::filesystem;

// From the stats_get of each driver, DPDK 22.11. What is not here is not known.
constexpr DpdkDriver kDrivers[] = {
    {"mlx5_pci", true, true, true, DpdkSpread::kUnknown},
    {"net_af_packet", false, false, false, DpdkSpread::kSymmetric, true},
    {"net_af_xdp", false, false, false, DpdkSpread::kFeeder},
    {"net_e1000_igb", true, true, true, DpdkSpread::kUnknown},
    {"net_ena", true, true, true, DpdkSpread::kUnknown},
    {"net_i40e", true, true, true, DpdkSpread::kUnknown},
    {"net_ice", true, true, true, DpdkSpread::kUnknown},
    {"net_ixgbe", true, true, true, DpdkSpread::kUnknown},
    {"net_pcap", true, true, true, DpdkSpread::kFeeder, true},
    {"net_ring", false, false, false, DpdkSpread::kFeeder},
    {"net_vhost", false, false, false, DpdkSpread::kFeeder},
};

// Virtual devices are named after their driver; the Debian 12 package of each.
struct VirtualDriver {
  std::string_view name;
  std::string_view package;
};
constexpr VirtualDriver kVirtualDrivers[] = {
    {"net_af_packet", "librte-net-af-packet23"},
    {"net_af_xdp", "librte-net-af-xdp23"},
    {"net_bonding", "librte-net-bond23"},
    {"net_failsafe", "librte-net-failsafe23"},
    {"net_memif", "librte-net-memif23"},
    {"net_null", "librte-net-null23"},
    {"net_pcap", "librte-net-pcap23"},
    {"net_ring", "librte-net-ring23"},
    {"net_tap", "librte-net-tap23"},
    {"net_vhost", "librte-net-vhost23"},
    {"net_virtio_user", "librte-net-virtio23"},
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsHex(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool IsNameCharacter(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         c == ':' || c == '.' || c == '-' || c == '_';
}

// Whether `text` looks like `form`, in which h is a hexadecimal digit.
bool HasForm(std::string_view text, std::string_view form) {
  return std::equal(
      text.begin(), text.end(), form.begin(), form.end(),
      [](char c, char want) { return want == 'h' ? IsHex(c) : c == want; });
}

// The PCI address in its long form; empty if `name` is none.
std::string PciAddress(std::string_view name) {
  std::string address;
  if (HasForm(name, "hhhh:hh:hh.h")) address = name;
  if (HasForm(name, "hh:hh.h")) address = fmt::format("0000:{}", name);
  for (char& c : address) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  return address;
}

}  // namespace

absl::StatusOr<DpdkDevice> ParseDpdkDevice(std::string_view text) {
  const size_t comma = std::min(text.find(','), text.size());
  const std::string_view name = text.substr(0, comma);
  const bool is_name =
      !name.empty() && std::all_of(name.begin(), name.end(), IsNameCharacter);
  const bool has_control_character = std::any_of(
      text.begin(), text.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  if (!is_name || has_control_character) {
    return absl::InvalidArgumentError(fmt::format(
        "dpdk: {} is not a device; write a PCI address such as 0000:3b:00.0, "
        "or a virtual device such as net_af_packet0,iface=eth0",
        has_control_character ? "a text with control characters"
                              : fmt::format("\"{}\"", text)));
  }
  const std::string address = PciAddress(name);
  DpdkDevice device;
  device.is_pci = !address.empty();
  device.name = device.is_pci ? address : std::string(name);
  device.text = device.name + std::string(text.substr(comma));
  return device;
}

DpdkDriver FindDpdkDriver(std::string_view driver_name) {
  for (const DpdkDriver& driver : kDrivers) {
    if (driver.name == driver_name) return driver;
  }
  return DpdkDriver{driver_name};
}

std::string ExplainVirtualDevice(std::string_view device_name) {
  std::string known;
  for (const VirtualDriver& driver : kVirtualDrivers) {
    if (device_name.starts_with(driver.name)) {
      return fmt::format(
          "the driver {} is not installed; on Debian 12 install {}",
          driver.name, driver.package);
    }
    known += fmt::format("{}{}", known.empty() ? "" : ", ", driver.name);
  }
  return fmt::format(
      "no driver has that name; a virtual device is named after its driver, "
      "with a number: {}",
      known);
}

std::string ExplainPciDevice(std::string_view sys, std::string_view address) {
  const fs::path device = fs::path(sys) / "bus/pci/devices" / address;
  std::error_code error;
  if (!fs::exists(device, error)) {
    return "there is no such PCI device; list them with: dpdk-devbind.py "
           "--status-dev net";
  }
  const fs::path link = fs::read_symlink(device / "driver", error);
  const std::string driver = error ? "" : link.filename().string();
  if (driver == "vfio-pci" || driver == "uio_pci_generic" ||
      driver == "igb_uio") {
    return fmt::format(
        "it is bound to {}, but no DPDK driver takes it; on Debian 12 install "
        "librte-meta-net, and look whether DPDK supports the card",
        driver);
  }
  if (driver == "mlx5_core") {
    return "it keeps its kernel driver, but DPDK's is not loaded; on Debian 12 "
           "install librte-net-mlx5-23";
  }
  return fmt::format(
      "it is {}; bind it with: dpdk-devbind.py --bind=vfio-pci {}",
      driver.empty() ? "bound to no driver"
                     : fmt::format("bound to the kernel's driver {}", driver),
      address);
}

uint64_t FreeHugePages(std::string_view sys) {
  uint64_t pages = 0;
  std::error_code error;
  const fs::path folder = fs::path(sys) / "kernel/mm/hugepages";
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::ifstream file(entry->path() / "free_hugepages");
    uint64_t free_pages = 0;
    if (file >> free_pages) pages += free_pages;
  }
  return pages;
}

}  // namespace octroi
