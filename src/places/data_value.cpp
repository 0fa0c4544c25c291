#include "places/detail/data_value.h"

#include <bit>
#include <charconv>
#include <cstring>

namespace ringwall::places::detail {

namespace {

bool is_container(DataType type) { return type == DataType::kMap || type == DataType::kArray; }

}  // namespace

// At most 8 bytes, big-endian; the caller knows that they are inside.
std::uint64_t DataReader::number(std::size_t at, std::size_t bytes) const {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < bytes; ++i) out = out << 8 | static_cast<std::uint8_t>(data_[at + i]);
  return out;
}

std::optional<DataReader::Head> DataReader::head_itself(std::size_t at, std::size_t& behind) {
  if (++steps_ > kStepsMax || !inside(at, 1)) return std::nullopt;
  const auto control = static_cast<std::uint8_t>(data_[at++]);
  auto type = static_cast<DataType>(control >> 5);
  if (type == DataType::kPointer) {
    // Of 11, 19, 27 or 32 bits; each length begins where the shorter one ends.
    constexpr std::size_t kBegin[] = {0, 2048, 526'336, 0};
    const std::size_t length = (control >> 3) & 3;
    if (!inside(at, length + 1)) return std::nullopt;
    const auto high = length == 3 ? 0 : (std::size_t{control} & 7) << (8 * (length + 1));
    behind = at + length + 1;
    return Head{type, 0, (high | number(at, length + 1)) + kBegin[length]};
  }
  if (type == DataType::kExtended) {
    if (!inside(at, 1)) return std::nullopt;
    const auto extended = static_cast<std::uint8_t>(data_[at++]) + 7U;
    if (extended < static_cast<unsigned>(DataType::kInt32) || extended > static_cast<unsigned>(DataType::kFloat)) return std::nullopt;
    type = static_cast<DataType>(extended);
  }
  std::size_t size = control & 31;
  if (size >= 29) {
    constexpr std::size_t kBegin[] = {29, 285, 65'821};
    const auto length = size - 28;
    if (!inside(at, length)) return std::nullopt;
    size = number(at, length) + kBegin[length - 1];
    at += length;
  }
  // A boolean's size is its value; a map's and an array's counts what follows.
  const bool has_bytes = !is_container(type) && type != DataType::kBoolean;
  if (has_bytes && !inside(at, size)) return std::nullopt;
  behind = at + (has_bytes ? size : 0);
  return Head{type, size, at};
}

std::optional<DataReader::Head> DataReader::head(std::size_t at) {
  std::size_t behind = 0;
  const auto first = head_itself(at, behind);
  if (!first || first->type != DataType::kPointer) return first;
  const auto target = head_itself(first->content, behind);
  return target && target->type != DataType::kPointer ? target : std::nullopt;
}

std::optional<std::size_t> DataReader::skip(std::size_t at) {
  // Values still to come, of this one and of what it holds: without recursion, because depth is the file's to say.
  for (std::size_t open = 1; open > 0; --open) {
    std::size_t behind = 0;
    const auto one = head_itself(at, behind);
    if (!one) return std::nullopt;
    at = behind;
    if (one->type == DataType::kMap) open += 2 * one->size;
    if (one->type == DataType::kArray) open += one->size;
  }
  return at;
}

std::optional<std::size_t> DataReader::child(std::size_t at, std::string_view step) {
  const auto outer = head(at);
  if (!outer || !is_container(outer->type)) return std::nullopt;
  std::size_t wanted = 0;
  if (outer->type == DataType::kArray) {
    const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), wanted);
    if (error != std::errc() || end != step.data() + step.size() || wanted >= outer->size) return std::nullopt;
  }
  auto inner = outer->content;
  for (std::size_t i = 0; i < outer->size; ++i) {
    if (outer->type == DataType::kArray) {
      if (i == wanted) return inner;
    } else {
      const auto key = head(inner);
      const auto behind = skip(inner);
      if (!key || !behind || key->type != DataType::kText) return std::nullopt;
      inner = *behind;
      if (data_.substr(key->content, key->size) == step) return inner;
    }
    const auto behind = skip(inner);
    if (!behind) return std::nullopt;
    inner = *behind;
  }
  return std::nullopt;
}

std::optional<DataValue> DataReader::value(std::size_t at) {
  const auto one = head(at);
  if (!one) return std::nullopt;
  switch (one->type) {
    case DataType::kText: return DataValue(data_.substr(one->content, one->size));
    case DataType::kDouble:
      if (one->size != 8) return std::nullopt;
      return DataValue(std::bit_cast<double>(number(one->content, 8)));
    case DataType::kFloat:
      if (one->size != 4) return std::nullopt;
      return DataValue(static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(number(one->content, 4)))));
    case DataType::kUint16:
    case DataType::kUint32:
    case DataType::kUint64:
      if (one->size > 8) return std::nullopt;
      return DataValue(number(one->content, one->size));
    case DataType::kInt32:
      if (one->size > 4) return std::nullopt;
      // Shorter ones are not negative: leading zeros are left out.
      return DataValue(std::int64_t{static_cast<std::int32_t>(number(one->content, one->size))});
    case DataType::kBoolean: return DataValue(one->size != 0);
    default: return std::nullopt;
  }
}

}  // namespace ringwall::places::detail
