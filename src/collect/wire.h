// The protobuf wire format, read within bounds.  https://protobuf.dev/programming-guides/encoding/
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "base/result.h"

namespace ringwall::collect::detail {

enum class WireType : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct WireField {
  std::uint32_t number = 0;
  WireType type = WireType::kVarint;
  std::uint64_t value = 0;  // of varints and fixed ones
  std::string_view bytes;   // of kBytes

  double as_double() const {
    double out;
    std::memcpy(&out, &value, sizeof out);
    return out;
  }
  std::int64_t as_sint() const { return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1); }
};

// Goes through the fields of one message.  `whole` is the outermost message, for offsets in errors.
class WireReader {
 public:
  WireReader(std::string_view message, std::string_view whole) : at_(message.data()), end_(at_ + message.size()), whole_(whole.data()) {}

  // The next field, or false at the end or at damage; ask failed() then.
  bool next(WireField& field) {
    if (at_ == end_) return false;
    field = {};
    std::uint64_t key;
    if (!varint(key)) return damage("a field cut within its number");
    field.number = static_cast<std::uint32_t>(key >> 3);
    if (key >> 3 == 0 || key >> 3 > 536870911) return damage("an impossible field number");
    field.type = static_cast<WireType>(key & 7);
    switch (field.type) {
      case WireType::kVarint:
        if (!varint(field.value)) return damage("a number cut short");
        return true;
      case WireType::kFixed64:
        if (end_ - at_ < 8) return damage("a number cut short");
        std::memcpy(&field.value, at_, 8);
        at_ += 8;
        return true;
      case WireType::kFixed32: {
        if (end_ - at_ < 4) return damage("a number cut short");
        std::uint32_t value;
        std::memcpy(&value, at_, 4);
        field.value = value;
        at_ += 4;
        return true;
      }
      case WireType::kBytes: {
        std::uint64_t length;
        if (!varint(length) || length > static_cast<std::uint64_t>(end_ - at_)) return damage("a field longer than its message");
        field.bytes = {at_, static_cast<std::size_t>(length)};
        at_ += length;
        return true;
      }
    }
    return damage("an unknown wire type");
  }

  bool failed() const { return failed_ != nullptr; }
  Error error() const { return fail(Errc::kInvalid, fmt::format("not a protobuf message: byte {}: {}", at_ - whole_, failed_)); }

  // A packed or single repeated number of `field` is given to `take`.
  template <class Take>
  static bool packed_fixed64(const WireField& field, Take take) {
    if (field.type == WireType::kFixed64) return take(field.value), true;
    if (field.type != WireType::kBytes || field.bytes.size() % 8 != 0) return false;
    for (std::size_t i = 0; i < field.bytes.size(); i += 8) {
      std::uint64_t value;
      std::memcpy(&value, field.bytes.data() + i, 8);
      take(value);
    }
    return true;
  }
  template <class Take>
  static bool packed_varint(const WireField& field, Take take) {
    if (field.type == WireType::kVarint) return take(field.value), true;
    if (field.type != WireType::kBytes) return false;
    WireReader reader(field.bytes, field.bytes);
    while (reader.at_ != reader.end_) {
      std::uint64_t value;
      if (!reader.varint(value)) return false;
      take(value);
    }
    return true;
  }

 private:
  bool damage(const char* what) {
    failed_ = what;
    return false;
  }
  bool varint(std::uint64_t& value) {
    if (at_ != end_ && static_cast<std::uint8_t>(*at_) < 0x80) return value = static_cast<std::uint8_t>(*at_++), true;
    value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) return false;
      const auto byte = static_cast<std::uint8_t>(*at_++);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  const char* at_;
  const char* end_;
  const char* whole_;
  const char* failed_ = nullptr;
};

}  // namespace ringwall::collect::detail
