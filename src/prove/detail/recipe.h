// Large requests by recipe: what they are filled with, and where it stands.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "prove/detail/random.h"
#include "prove/prove.h"

namespace ringwall::prove::detail {

enum class Place {
  // In the head.
  kQueryValue, kQueryMany, kPath, kCookieValue, kCookieMany, kUserAgent, kReferer, kHeaderOther, kHeaderMany,
  // In the body.
  kForm, kFormEncoded, kFormName, kFormMany, kJson, kJsonMany, kJsonDeep, kMultipart, kMultipartMany, kMultipartFile, kXml, kXmlMany, kXmlAttribute, kOther,
  // In the answer's body.
  kAnswer,
};
inline constexpr int kPlaceCount = static_cast<int>(Place::kAnswer) + 1;
std::string_view name_of(Place place);

struct Filling {
  enum class Kind {
    kRepeated,  // `piece` again and again
    kNoise,     // the bytes of `piece` in an order without rhyme
    kDrawn,     // texts drawn from a pattern
    kWords,     // the rules' phrases and drawn texts, blanks between
  };
  Kind kind = Kind::kRepeated;
  std::string piece;
  std::size_t pattern = 0;
  std::uint64_t seed = 1;
  std::string lead, tail;   // before and behind
  std::size_t chunk = 16;   // bytes of each, where there are many
};
std::string text_of(const Filling& filling, const Bank& bank, std::size_t bytes);

struct Part {
  Place place = Place::kForm;
  Filling filling;
};
// At most one part in the head, one in the body and one in the answer.
struct Recipe {
  std::vector<Part> parts;
};
struct RecipeSizes {
  std::size_t head_bytes, body_bytes, answer_bytes;  // as sent
};
Exchange exchange_of(const Recipe& recipe, const Bank& bank, const RecipeSizes& sizes);
std::string shown(const Recipe& recipe);  // "form: lead 'a' + ' ' repeated"

// A recipe of one part to begin with, and one changed a little.
Recipe fresh_recipe(const Bank& bank, Random& random);
Recipe changed(Recipe recipe, const Bank& bank, Random& random);

}  // namespace ringwall::prove::detail
