// Writes protobuf for the tests, benchmarks and fuzz seeds of this module.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace ringwall::collect::test {

inline std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
  return out;
}
inline std::string bytes(int field, std::string_view content) { return varint(static_cast<std::uint64_t>(field) << 3 | 2) + varint(content.size()) + std::string(content); }
inline std::string number(int field, std::uint64_t value) { return varint(static_cast<std::uint64_t>(field) << 3) + varint(value); }
inline std::string fixed(int field, std::uint64_t value) {
  std::string out = varint(static_cast<std::uint64_t>(field) << 3 | 1);
  return out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
inline std::string real(int field, double value) {
  std::uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return fixed(field, bits);
}
inline std::string text_value(std::string_view text) { return bytes(1, text); }
inline std::string key_value(std::string_view key, std::string_view any_value) { return bytes(1, key) + bytes(2, any_value); }
// Resource{attributes}, and an export request of one resource, one scope and the given records (field 2 each).
inline std::string request(std::string_view resource, std::string_view scope, std::string_view records) {
  return bytes(1, bytes(1, resource) + bytes(2, bytes(1, scope) + std::string(records)));
}

}  // namespace ringwall::collect::test
