// SPDX-License-Identifier: Apache-2.0
// A capture as an observation point of the daemon: its packets are received
// once, as fast as they can be read, in the time that they were captured in.
// When it has ended, so has its worker; nothing is lost on the way.
//
// Thread safety: as observation_point.h says.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "dataplane/capture_source.h"
#include "dataplane/observation_point.h"

namespace octroi {

class FilePoint final : public ObservationPoint {
 public:
  // Fails if the capture cannot be opened.
  static absl::StatusOr<std::unique_ptr<FilePoint>> Open(
      const std::string& path);

  const std::string& name() const override { return path_; }
  size_t source_count() const override { return 1; }
  LiveSource* source(size_t) override { return &source_; }
  PointStatus Observe() override;

 private:
  class Source final : public LiveSource {
   public:
    explicit Source(std::unique_ptr<CaptureSource> capture)
        : capture_(std::move(capture)) {}

    size_t ReceiveBurst(PacketBurst* burst) override {
      return capture_->ReceiveBurst(burst);
    }
    void ReleaseBurst(PacketBurst* burst) override {
      capture_->ReleaseBurst(burst);
    }
    bool is_finished() const override { return capture_->is_finished(); }
    // There is always a packet until the end.
    void Wait(int) override {}

   private:
    const std::unique_ptr<CaptureSource> capture_;
  };

  FilePoint(std::string path, std::unique_ptr<CaptureSource> capture)
      : path_(std::move(path)), source_(std::move(capture)) {}

  const std::string path_;
  Source source_;
};

}  // namespace octroi
