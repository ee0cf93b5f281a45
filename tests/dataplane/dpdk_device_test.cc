// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk_device.h"

#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using ::testing::HasSubstr;

TEST(DpdkDeviceTest, TellsPciAddressesFromVirtualDevices) {
  struct Case {
    const char* text;
    const char* name;
    const char* full_text;
    bool is_pci;
  };
  const Case cases[] = {
      {"0000:3b:00.0", "0000:3b:00.0", "0000:3b:00.0", true},
      {"3B:00.1", "0000:3b:00.1", "0000:3b:00.1", true},
      {"3b:00.0,mprq_en=1", "0000:3b:00.0", "0000:3b:00.0,mprq_en=1", true},
      {"net_null0", "net_null0", "net_null0", false},
      {"net_pcap0,rx_pcap=a b.pcap", "net_pcap0", "net_pcap0,rx_pcap=a b.pcap",
       false},
      {"3b:00", "3b:00", "3b:00", false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);

    const absl::StatusOr<DpdkDevice> device = ParseDpdkDevice(c.text);

    ASSERT_TRUE(device.ok()) << device.status();
    EXPECT_EQ(device->name, c.name);
    EXPECT_EQ(device->text, c.full_text);
    EXPECT_EQ(device->is_pci, c.is_pci);
  }
}

TEST(DpdkDeviceTest, RefusesWhatCannotBeADevice) {
  for (const char* text :
       {"", ",rx_pcap=x", "net pcap0", "net_pcap0,rx_pcap=a\nb", "-a;"}) {
    SCOPED_TRACE(text);

    const absl::StatusOr<DpdkDevice> device = ParseDpdkDevice(text);

    ASSERT_FALSE(device.ok());
    EXPECT_THAT(std::string(device.status().message()),
                HasSubstr("write a PCI address such as 0000:3b:00.0"));
    EXPECT_EQ(device.status().message().find('\n'), std::string::npos);
  }
}

TEST(DpdkDeviceTest, SaysNothingOfADriverThatItDoesNotKnow) {
  const DpdkDriver driver = FindDpdkDriver("net_of_tomorrow");

  EXPECT_FALSE(driver.counts_missed);
  EXPECT_FALSE(driver.counts_errors);
  EXPECT_FALSE(driver.counts_without_buffer);
  EXPECT_EQ(driver.spread, DpdkSpread::kUnknown);
}

TEST(DpdkDeviceTest, NamesThePackageOfAVirtualDevice) {
  EXPECT_EQ(ExplainVirtualDevice("net_af_packet0"),
            "the driver net_af_packet is not installed; on Debian 12 install "
            "librte-net-af-packet23");
  EXPECT_THAT(ExplainVirtualDevice("net_wrong0"),
              HasSubstr("no driver has that name"));
}

// A /sys with one network card.
class PciTest : public ::testing::Test {
 protected:
  void AddCard(const char* driver) {
    namespace fs = std::filesystem;
    const fs::path card = dir_.Path("bus/pci/devices/0000:3b:00.0");
    fs::create_directories(card);
    if (driver == nullptr) return;
    const fs::path folder = fs::path(dir_.Path("bus/pci/drivers")) / driver;
    fs::create_directories(folder);
    fs::create_symlink(folder, card / "driver");
  }
  std::string Explain() {
    return ExplainPciDevice(dir_.Path(""), "0000:3b:00.0");
  }

  testing::TempDir dir_;
};

TEST_F(PciTest, SaysThatThereIsNoSuchCard) {
  EXPECT_EQ(Explain(),
            "there is no such PCI device; list them with: dpdk-devbind.py "
            "--status-dev net");
}

TEST_F(PciTest, SaysWhichDriverOfTheKernelHasTheCard) {
  AddCard("ixgbe");

  EXPECT_EQ(Explain(),
            "it is bound to the kernel's driver ixgbe; bind it with: "
            "dpdk-devbind.py --bind=vfio-pci 0000:3b:00.0");
}

TEST_F(PciTest, SaysThatNobodyHasTheCard) {
  AddCard(nullptr);

  EXPECT_EQ(Explain(),
            "it is bound to no driver; bind it with: dpdk-devbind.py "
            "--bind=vfio-pci 0000:3b:00.0");
}

TEST_F(PciTest, SaysThatNoInstalledDriverTakesABoundCard) {
  AddCard("vfio-pci");

  EXPECT_THAT(Explain(), HasSubstr("install librte-meta-net"));
}

TEST_F(PciTest, SaysThatAMellanoxCardKeepsItsDriver) {
  AddCard("mlx5_core");

  EXPECT_THAT(Explain(), HasSubstr("install librte-net-mlx5-23"));
}

TEST(DpdkDeviceTest, AddsUpFreeHugePagesOfEachSize) {
  namespace fs = std::filesystem;
  const testing::TempDir dir;
  EXPECT_EQ(FreeHugePages(dir.Path("")), 0u);

  for (const auto& [size, pages] :
       {std::pair("2048kB", "12\n"), std::pair("1048576kB", "2\n")}) {
    const std::string folder =
        std::string("kernel/mm/hugepages/hugepages-") + size;
    fs::create_directories(dir.Path(folder));
    dir.Write(folder + "/free_hugepages", pages);
  }

  EXPECT_EQ(FreeHugePages(dir.Path("")), 14u);
}

}  // namespace
}  // namespace octroi
