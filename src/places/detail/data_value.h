// Values of a MaxMind database, read where they lie.
//
//   value   := control [type] [size] content        control: type in the upper 3 bits (0: type - 7 follows), size in the lower 5
//   pointer := 001SSVVV …                           a value elsewhere in the data section
//
// Every read is inside `data`, and the work of one look is bounded: kStepsMax values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "places/database.h"

namespace ringwall::places::detail {

enum class DataType : std::uint8_t { kExtended, kPointer, kText, kDouble, kBytes, kUint16, kUint32, kMap, kInt32, kUint64, kUint128, kArray, kContainer, kEnd, kBoolean, kFloat };

class DataReader {
 public:
  static constexpr int kStepsMax = 8192;

  explicit DataReader(std::string_view data) : data_(data) {}

  // The value at the end of this way of keys and, of arrays, numbers ("subdivisions", "0", "iso_code"); none: not there, or damaged.
  template <class Way>
  std::optional<DataValue> find(std::size_t at, const Way& way) {
    for (const std::string_view step : way) {
      const auto next = child(at, step);
      if (!next) return std::nullopt;
      at = *next;
    }
    return value(at);
  }

 private:
  struct Head {
    DataType type;
    std::size_t size;     // bytes, or entries of a map or an array
    std::size_t content;  // where it begins
  };
  // A pointer is followed, once: one to another pointer is not allowed.
  std::optional<Head> head(std::size_t at);
  std::optional<Head> head_itself(std::size_t at, std::size_t& behind);
  // Where the value behind this one begins.
  std::optional<std::size_t> skip(std::size_t at);
  std::optional<std::size_t> child(std::size_t at, std::string_view step);
  std::optional<DataValue> value(std::size_t at);
  std::uint64_t number(std::size_t at, std::size_t bytes) const;
  bool inside(std::size_t at, std::size_t bytes) const { return at <= data_.size() && bytes <= data_.size() - at; }

  std::string_view data_;
  int steps_ = 0;
};

}  // namespace ringwall::places::detail
