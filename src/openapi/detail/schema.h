// Schemas as they are judged by: compiled, numbered, immutable.
#pragma once

#include <re2/re2.h>

#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "openapi/detail/formats.h"
#include "openapi/detail/json.h"

namespace ringwall::openapi::detail {

inline constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
inline constexpr std::uint32_t kAnything = 0;  // the schema that says nothing
inline constexpr std::uint64_t kUnbounded = std::numeric_limits<std::uint64_t>::max();

// What a value is, and what a schema takes, as bits.
inline constexpr std::uint8_t kIsNull = 1, kIsBoolean = 2, kIsInteger = 4, kIsNumber = 8, kIsString = 16, kIsArray = 32, kIsObject = 64, kIsAny = 127;

struct Pattern {
  std::string text;  // as the document has it
  std::unique_ptr<RE2> regex;
  std::uint64_t cost = 1;  // steps for a byte looked at
};

struct Bound {
  Value number;  // its text is the program's
  double value = 0;
  bool exclusive = false;
};

struct Property {
  std::string name;
  std::uint32_t schema = kNone;  // kNone: only required
  bool required = false, read_only = false;
};

struct PatternProperty {
  const Pattern* pattern = nullptr;
  std::uint32_t schema = kAnything;
};

struct DependentRequired {
  std::string name;
  std::vector<std::string> required;
};
struct DependentSchema {
  std::string name;
  std::uint32_t schema = kAnything;
};

// Which alternative a value says it is.  Only a hint: it chooses whose findings are told when none fits.
struct Discriminator {
  std::string property;
  std::vector<std::pair<std::string, std::uint32_t>> alternatives;
};

struct Schema {
  std::uint8_t kinds = kIsAny;
  std::uint8_t taken = kIsAny;  // by all it is composed of: what the text of a parameter may be
  bool never = false, nullable = false, read_only = false, unique = false;
  bool of_text = false, of_number = false, of_array = false, of_object = false, composed = false;  // whether it says something of these
  std::uint32_t reference = kNone;

  std::vector<const Value*> constants;  // enum, const
  bool constant_alone = false;          // const

  std::optional<Bound> minimum, maximum, multiple_of;

  std::uint64_t length_min = 0, length_max = kUnbounded;
  const Pattern* pattern = nullptr;
  Format format = Format::kNone;

  std::vector<std::uint32_t> prefix;
  std::uint32_t items = kAnything, contains = kNone;
  std::uint64_t items_min = 0, items_max = kUnbounded, contains_min = 1, contains_max = kUnbounded;

  std::vector<Property> properties;  // sorted by size, then text
  std::uint32_t required_count = 0;
  std::vector<PatternProperty> patterns;
  std::uint32_t additional = kAnything, names = kNone;
  std::uint64_t properties_min = 0, properties_max = kUnbounded;
  std::vector<DependentRequired> dependent_required;
  std::vector<DependentSchema> dependent_schemas;

  std::vector<std::uint32_t> all_of, any_of, one_of;
  std::uint32_t negated = kNone, condition = kNone, then = kNone, otherwise = kNone;
  std::optional<Discriminator> discriminator;
};

struct Schemas {
  std::vector<Schema> list;  // [kAnything] says nothing
  std::deque<Pattern> patterns;
  std::deque<Tape> constants;
  std::deque<std::string> texts;  // what numbers and constants point into
};

inline bool sorts_before(std::string_view a, std::string_view b) { return a.size() != b.size() ? a.size() < b.size() : a < b; }
// Null when it is not described.
const Property* find_property(const Schema& schema, std::string_view name);

}  // namespace ringwall::openapi::detail
