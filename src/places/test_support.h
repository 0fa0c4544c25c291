// Writes small MaxMind databases for tests.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "places/address.h"

namespace ringwall::places::testing {

struct Value;
using Map = std::vector<std::pair<std::string, Value>>;
using List = std::vector<Value>;
struct Value {
  std::variant<std::string, std::uint16_t, std::uint32_t, std::uint64_t, double, bool, Map, List> is;
  Value(const char* text) : is(std::string(text)) {}
  Value(std::uint16_t number) : is(number) {}
  Value(int number) : is(static_cast<std::uint32_t>(number)) {}
  Value(std::uint64_t number) : is(number) {}
  Value(double number) : is(number) {}
  Value(bool yes) : is(yes) {}
  Value(Map map) : is(std::move(map)) {}
  Value(List list) : is(std::move(list)) {}
};

inline Map country(const char* code, const char* name, const char* continent = "EU") {
  return {{"continent", Map{{"code", continent}, {"names", Map{{"de", "Erdteil"}, {"en", "Continent"}}}}}, {"country", Map{{"iso_code", code}, {"names", Map{{"de", "Land"}, {"en", name}}}}}};
}
inline Map network(int number, const char* organization) { return {{"autonomous_system_number", number}, {"autonomous_system_organization", organization}}; }

class DatabaseWriter {
 public:
  explicit DatabaseWriter(unsigned record_bits = 24, unsigned ip_version = 6) : record_bits_(record_bits), ip_version_(ip_version) {}

  // Networks inside others come after them.
  DatabaseWriter& add(std::string_view text, const Value& value) {
    const auto range = parse_address_range(text).value();
    const auto target = -2 - static_cast<std::int64_t>(data_.size());
    put(data_, value, true);
    unsigned bits = 128;
    while (bits > 0 && bit(range.first, bits - 1) != bit(range.last, bits - 1)) --bits;
    insert(range.first, bits, target);
    return *this;
  }

  std::string finish(const char* type = "Test") {
    std::string out;
    for (const auto& node : nodes_) put_node(out, node);
    out.append(16, '\0');
    out += data_;
    out += "\xab\xcd\xefMaxMind.com";
    const auto small = [](unsigned number) { return Value(static_cast<std::uint16_t>(number)); };
    put(out, Map{{"binary_format_major_version", small(2)}, {"binary_format_minor_version", small(0)}, {"build_epoch", std::uint64_t{1'700'000'000}}, {"database_type", type},
                 {"description", Map{{"en", "of a test"}}}, {"ip_version", small(ip_version_)}, {"languages", List{"en", "de"}},
                 {"node_count", static_cast<int>(nodes_.size())}, {"record_size", small(record_bits_)}}, false);
    return out;
  }

 private:
  static unsigned bit(const Address& address, unsigned index) { return (address.bytes[index / 8] >> (7 - index % 8)) & 1U; }

  // Bit `index` of the way through the tree: IPv4 lies at ::a.b.c.d, and a tree for IPv4 alone has only those 32 bits.
  void insert(const Address& address, unsigned bits, std::int64_t target) {
    const unsigned begin = ip_version_ == 4 ? 96 : 0;
    std::size_t node = 0;
    for (unsigned index = begin;; ++index) {
      const auto side = address.v4() && index < 96 ? 0 : bit(address, index);
      if (index + 1 == bits) return void(nodes_[node][side] = target);
      const auto next = nodes_[node][side];
      if (next < 0) {
        nodes_.push_back({next, next});
        nodes_[node][side] = static_cast<std::int64_t>(nodes_.size() - 1);
      }
      node = static_cast<std::size_t>(nodes_[node][side]);
    }
  }

  void put_node(std::string& out, const std::array<std::int64_t, 2>& node) const {
    std::array<std::uint64_t, 2> records{};
    for (std::size_t side = 0; side < 2; ++side) {
      const auto count = static_cast<std::int64_t>(nodes_.size());
      records[side] = static_cast<std::uint64_t>(node[side] >= 0 ? node[side] : node[side] == -1 ? count : count + 16 + (-2 - node[side]));
    }
    if (record_bits_ == 28) {
      put_number(out, records[0] & 0xffffff, 3);
      out += static_cast<char>((records[0] >> 24) << 4 | records[1] >> 24);
      put_number(out, records[1] & 0xffffff, 3);
      return;
    }
    for (const auto record : records) put_number(out, record, record_bits_ / 8);
  }

  static void put_number(std::string& out, std::uint64_t number, std::size_t bytes) {
    while (bytes-- > 0) out += static_cast<char>(number >> (8 * bytes));
  }
  static void put_head(std::string& out, unsigned type, std::size_t size) {
    const auto shown = static_cast<unsigned>(size < 29 ? size : size < 285 ? 29 : 30);
    out += static_cast<char>((type < 8 ? type << 5 : 0) | shown);
    if (type >= 8) out += static_cast<char>(type - 7);
    if (shown == 29) put_number(out, size - 29, 1);
    if (shown == 30) put_number(out, size - 285, 2);
  }
  // Without leading zeros.
  static void put_whole(std::string& out, unsigned type, std::uint64_t number) {
    const auto bytes = static_cast<std::size_t>(std::bit_width(number) + 7) / 8;
    put_head(out, type, bytes);
    put_number(out, number, bytes);
  }

  // With `points`, texts that were written before are pointed at, as real files do.
  void put(std::string& out, const Value& value, bool points) {
    if (const auto* text = std::get_if<std::string>(&value.is)) {
      const auto known = texts_.find(*text);
      if (points && known != texts_.end()) {
        const auto at = known->second;
        const auto length = at < 2048 ? 0U : 1U;
        const auto offset = at - (length == 0 ? 0 : 2048);
        out += static_cast<char>(1U << 5 | length << 3 | (offset >> (8 * (length + 1)) & 7));
        return put_number(out, offset, length + 1);
      }
      if (points) texts_[*text] = out.size();
      put_head(out, 2, text->size());
      out += *text;
    } else if (const auto* large = std::get_if<std::uint64_t>(&value.is)) {
      put_whole(out, 9, *large);
    } else if (const auto* number = std::get_if<std::uint32_t>(&value.is)) {
      put_whole(out, 6, *number);
    } else if (const auto* small = std::get_if<std::uint16_t>(&value.is)) {
      put_whole(out, 5, *small);
    } else if (const auto* broken = std::get_if<double>(&value.is)) {
      put_head(out, 3, 8);
      put_number(out, std::bit_cast<std::uint64_t>(*broken), 8);
    } else if (const auto* yes = std::get_if<bool>(&value.is)) {
      put_head(out, 14, *yes ? 1 : 0);
    } else if (const auto* map = std::get_if<Map>(&value.is)) {
      put_head(out, 7, map->size());
      for (const auto& [key, inner] : *map) {
        put(out, Value(key.c_str()), points);
        put(out, inner, points);
      }
    } else {
      const auto& list = std::get<List>(value.is);
      put_head(out, 11, list.size());
      for (const auto& inner : list) put(out, inner, points);
    }
  }

  const unsigned record_bits_, ip_version_;
  std::vector<std::array<std::int64_t, 2>> nodes_{{-1, -1}};
  std::string data_;
  std::map<std::string, std::size_t> texts_;
};

}  // namespace ringwall::places::testing
