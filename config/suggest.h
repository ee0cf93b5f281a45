// SPDX-License-Identifier: Apache-2.0
// The known word that a user probably meant. Free functions; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace octroi {

// The one of `known` that is nearest to `word`, or "" if none is near enough
// to be meant. Nearness is the number of letters to insert, delete, replace or
// swap with their neighbour (optimal string alignment), at most a third of the
// word's length; upper and lower case count as equal.
std::string_view NearestWord(std::string_view word,
                             std::span<const std::string_view> known);

// `unknown KIND "word"; did you mean "nearest"? known KINDs: a, b, c`, for
// example of kind "key". Without a near word the question is left out.
std::string UnknownWord(std::string_view kind, std::string_view word,
                        std::span<const std::string_view> known);

// "a, b or c", for messages that list what is accepted.
std::string OneOf(std::span<const std::string_view> known);

}  // namespace octroi
