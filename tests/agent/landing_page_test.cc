// SPDX-License-Identifier: Apache-2.0
// The landing page as text. landing_page_browser_test.py shows what a browser
// makes of it.
#include "agent/landing_page.h"

#include <openssl/evp.h>

#include <array>
#include <cstddef>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octroi {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAreArray;

// What stands between `begin` and `end`, each time.
std::vector<std::string> Between(std::string_view text, std::string_view begin,
                                 std::string_view end) {
  std::vector<std::string> found;
  size_t at = text.find(begin);
  while (at != std::string_view::npos) {
    at += begin.size();
    const size_t last = text.find(end, at);
    if (last == std::string_view::npos) break;
    found.emplace_back(text.substr(at, last - at));
    at = text.find(begin, last);
  }
  return found;
}

// As Content-Security-Policy Level 3 §2.3.1 writes a digest.
std::string HashSource(std::string_view block) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int digest_bytes = 0;
  EVP_Digest(block.data(), block.size(), digest.data(), &digest_bytes,
             EVP_sha256(), nullptr);
  std::array<unsigned char, 2 * EVP_MAX_MD_SIZE> text;
  const int length = EVP_EncodeBlock(text.data(), digest.data(),
                                     static_cast<int>(digest_bytes));
  return "'sha256-" + std::string(text.begin(), text.begin() + length) + "'";
}

TEST(LandingPageTest, IsWholeAndOfModestSize) {
  const std::string_view page = LandingPage();

  EXPECT_TRUE(page.starts_with("<!DOCTYPE html>"));
  EXPECT_TRUE(page.ends_with("</html>\n"));
  EXPECT_LT(page.size(), 160'000u);
  for (const char* placeholder : {"@STYLE@", "@WORLD@", "@SCRIPT@"}) {
    EXPECT_THAT(page, Not(HasSubstr(placeholder)));
  }
}

TEST(LandingPageTest, IsUtf8WithoutControlCharacters) {
  std::string text(LandingPage());
  std::erase(text, '\n');

  EXPECT_EQ(Printable(text), text);
}

// Two links that a reader may follow; nothing that a browser loads.
TEST(LandingPageTest, LoadsNothingFromElsewhere) {
  const std::string_view page = LandingPage();

  EXPECT_THAT(Between(page, "://", "\""), ElementsAre("db-ip.com"));
  EXPECT_THAT(page,
              HasSubstr("<a href=\"https://db-ip.com\" "
                        "rel=\"noreferrer\">IP Geolocation by DB-IP</a>"));
  for (const char* loader :
       {" src=", "@import", "url(", "<iframe", "<object", "<embed", "import(",
        "XMLHttpRequest", "EventSource", "WebSocket", "sendBeacon"}) {
    EXPECT_THAT(page, Not(HasSubstr(loader)));
  }
  EXPECT_THAT(Between(page, "fetch(\"", "\""), ElementsAre("metrics"));
  EXPECT_THAT(Between(page, "<link ", ">"),
              ElementsAre("rel=\"icon\" href=\"data:,\""));
}

TEST(LandingPageTest, PolicyNamesTheDigestOfEachInlineBlock) {
  const std::string policy(LandingPagePolicy());
  const auto styles = Between(LandingPage(), "<style>", "</style>");
  const auto scripts = Between(LandingPage(), "<script>", "</script>");
  ASSERT_THAT(styles, SizeIs(1));
  ASSERT_THAT(scripts, SizeIs(2));

  EXPECT_THAT(policy, HasSubstr("style-src " + HashSource(styles[0]) + ";"));
  EXPECT_THAT(policy, HasSubstr("script-src " + HashSource(scripts[0]) + " " +
                                HashSource(scripts[1]) + ";"));
  EXPECT_THAT(policy, HasSubstr("default-src 'none';"));
  EXPECT_THAT(policy, HasSubstr("connect-src 'self';"));
  EXPECT_THAT(policy, Not(HasSubstr("unsafe")));
}

// With these digests alone, a style or handler in an attribute does not work.
TEST(LandingPageTest, HasNoStyleOrScriptInAttributes) {
  std::string markup(LandingPage());
  for (const char* tag : {"style", "script"}) {
    const std::string end = std::string("</") + tag + ">";
    for (const auto& block :
         Between(LandingPage(), std::string("<") + tag + ">", end)) {
      markup.erase(markup.find(block), block.size());
    }
  }

  EXPECT_THAT(markup, Not(HasSubstr(" style=")));
  EXPECT_FALSE(std::regex_search(markup, std::regex(R"(\son[a-z]+\s*=)")));
  EXPECT_THAT(markup, Not(HasSubstr("javascript:")));
}

// Names are text and never markup.
TEST(LandingPageTest, WritesNoMarkupFromItsScript) {
  for (const char* sink :
       {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write",
        "eval(", "new Function", "DOMParser", "createContextualFragment"}) {
    EXPECT_THAT(LandingPage(), Not(HasSubstr(sink)));
  }
}

// A reference to what is not there would leave a section without its name.
TEST(LandingPageTest, RefersToElementsThatItHas) {
  const auto ids = Between(LandingPage(), " id=\"", "\"");
  std::set<std::string> unique(ids.begin(), ids.end());
  EXPECT_THAT(ids, UnorderedElementsAreArray(unique));

  for (const char* reference :
       {"aria-labelledby=\"", "aria-describedby=\"", "byId(\""}) {
    for (const auto& id : Between(LandingPage(), reference, "\"")) {
      EXPECT_TRUE(unique.contains(id)) << id;
    }
  }
}

TEST(LandingPageTest, PointsToTheMetricsWhereThereAreNoScripts) {
  const auto blocks = Between(LandingPage(), "<noscript>", "</noscript>");

  ASSERT_THAT(blocks, SizeIs(1));
  EXPECT_THAT(blocks[0], HasSubstr("<a href=\"metrics\">"));
}

}  // namespace
}  // namespace octroi
