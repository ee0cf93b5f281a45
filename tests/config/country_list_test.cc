// SPDX-License-Identifier: Apache-2.0
#include "config/country_list.h"

#include "gtest/gtest.h"

namespace octroi {
namespace {

TEST(CountryListTest, TellsCountriesFromOtherCodes) {
  for (const char* code : {"AD", "FR", "GB", "RE", "US", "ZW"}) {
    EXPECT_TRUE(IsAssignedCountry(*CountryCode::Parse(code))) << code;
  }
  for (const char* code : {"EU", "UK", "UE", "XK", "ZZ", "AP", "DA"}) {
    EXPECT_FALSE(IsAssignedCountry(*CountryCode::Parse(code))) << code;
  }
  EXPECT_FALSE(IsAssignedCountry(CountryCode()));
}

}  // namespace
}  // namespace octroi
