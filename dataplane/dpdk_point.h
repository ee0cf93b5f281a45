// SPDX-License-Identifier: Apache-2.0
// Devices that DPDK polls, as one observation point: what they lose is added
// up, and one that is gone makes the point gone.
//
// A worker polls; where a while of polling gave nothing it sleeps for a moment
// that is short beside what a queue of the device holds.
//
// Thread safety: as observation_point.h says.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/dpdk.h"
#include "dataplane/observation_point.h"

namespace octroi {

class DpdkPoint final : public ObservationPoint {
 public:
  // Opens the devices. `dpdk` must outlive the point.
  static absl::StatusOr<std::unique_ptr<DpdkPoint>> Open(
      Dpdk* dpdk, const DpdkPortsOptions& options);
  ~DpdkPoint() override;

  // The devices' names, with '+' between them.
  const std::string& name() const override { return name_; }
  size_t source_count() const override { return sources_.size(); }
  LiveSource* source(size_t index) override;
  PointStatus Observe() override;

 private:
  class Source;

  DpdkPoint(Dpdk* dpdk, std::unique_ptr<DpdkPorts> ports);

  const std::unique_ptr<DpdkPorts> ports_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::string name_;
  std::string note_;
};

}  // namespace octroi
