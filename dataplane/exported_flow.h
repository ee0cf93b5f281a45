// SPDX-License-Identifier: Apache-2.0
// A flow record that stands alone, as it leaves its worker: what the worker's
// own tables resolve is in it. A plain value: any thread.
#pragma once

#include <type_traits>

#include "dataplane/flow_record.h"
#include "dataplane/tunnel_index.h"

namespace octroi {

struct ExportedFlow {
  FlowRecord record;
  Tunnel tunnel;  // Of kind kNone for a flow of the outermost layer.
};
static_assert(std::is_trivially_copyable_v<ExportedFlow>);

}  // namespace octroi
