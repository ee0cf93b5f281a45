// SPDX-License-Identifier: Apache-2.0
// The page that the metrics server has at "/": the numbers of /metrics for a
// person who has no dashboard at hand. It is one HTML document without anything
// to load but "metrics", which its script fetches and draws (landing_page/).
// The build joins its parts (cmake/EmbedLandingPage.cmake).
//
// Constants; any thread.
#pragma once

#include <string_view>

namespace octroi {

// The document: text/html, UTF-8. Lives as long as the program.
std::string_view LandingPage();

// The value of the header Content-Security-Policy that it is sent with. Only
// the page's own style and scripts, by their digests, are allowed, and fetches
// from where the page comes from.
std::string_view LandingPagePolicy();

}  // namespace octroi
