// JSON as a flat list of values in the order of the text, the form in which bodies, parameters and constants are judged.
//
//   {"a": [1, "x"]}   object(1) span 5 · "a" · array(2) span 3 · 1 · "x"
//
// A member is its key, a string, and then its value.  Texts point into what was read or into the tape.  Strict: RFC 8259, UTF-8, no
// lone surrogates, no key twice in an object, because two readers take different ones of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ringwall::openapi::detail {

inline constexpr std::size_t kJsonDepthMax = 128;
inline constexpr std::size_t kJsonBytesMax = 1u << 30;
inline constexpr std::size_t kJsonValuesMax = 1'000'000;  // of a tape: 40 bytes each
inline constexpr std::size_t kJsonValuesKept = 20'000;    // what one giant request needed is not kept for all the small ones after it

enum class Kind : std::uint8_t {
  kNull,
  kBoolean,
  kNumber,
  kString,
  kArray,
  kObject,
  kText,  // of a parameter or a form: what it is depends on what is expected
};

struct Value {
  Kind kind = Kind::kNull;
  bool truth = false;
  bool exact = false;       // a number that is `integer`
  std::uint32_t count = 0;  // items or members
  std::uint32_t span = 1;   // values from this one to what follows it and all in it
  std::uint32_t offset = 0; // in the text
  std::int64_t integer = 0;
  std::string_view text;    // a string, decoded; a number as it is written
};

inline const Value* after(const Value* value) { return value + value->span; }

// Memory for decoded texts that stays where it is until clear().
class Texts {
 public:
  char* take(std::size_t bytes);
  std::string_view keep(std::string_view text);
  void clear();

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    std::size_t size = 0;
  };
  std::vector<Block> blocks_;
  std::size_t used_ = 0;  // of the last block
};

struct Tape {
  std::vector<Value> values;
  Texts texts;
  void clear() {
    if (values.capacity() > kJsonValuesKept) values = {};
    values.clear();
    texts.clear();
  }
  std::uint32_t size() const { return static_cast<std::uint32_t>(values.size()); }
};

struct JsonFault {
  std::string_view what;  // empty: none
  std::size_t offset = 0;
};

// Appends the value to the tape; `text` has to stay.  What was appended before a fault is of no use.
JsonFault read_json(std::string_view text, Tape& tape, std::size_t depth_max = kJsonDepthMax);
// Whether the text is a number as JSON writes it, and what it is then.
bool read_number(std::string_view text, Value& out);
double as_double(const Value& number);

// The same value: numbers by what they are worth, objects whatever the order.
bool same(const Value* a, const Value* b);
// Equal values have equal hashes.
std::uint64_t hash(const Value* value);

}  // namespace ringwall::openapi::detail
