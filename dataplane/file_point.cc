// SPDX-License-Identifier: Apache-2.0
#include "dataplane/file_point.h"

#include <utility>

namespace octroi {

absl::StatusOr<std::unique_ptr<FilePoint>> FilePoint::Open(
    const std::string& path) {
  auto capture = CaptureSource::Create({.paths = {path}});
  if (!capture.ok()) return capture.status();
  const absl::Status& status = (*capture)->statuses().front();
  if (!status.ok()) return status;
  return std::unique_ptr<FilePoint>(new FilePoint(path, *std::move(capture)));
}

// Reading a file loses nothing, which is known.
PointStatus FilePoint::Observe() {
  PointStatus status;
  status.losses.at(LossPlace::kKernelRing) = 0;
  return status;
}

}  // namespace octroi
