// Databases of places in the MaxMind format, version 2: GeoLite2 and GeoIP2 (Country, City, ASN), DB-IP's, and others.
//
//   file := tree 16×0 data metadata       tree: binary, a node two records of 24, 28 or 32 bits; a leaf points into data
//   metadata := "\xab\xcd\xefMaxMind.com" map       in the last 128 KiB
//
// Bytes are read where they lie, a mapped file shared by all who look.  Immutable, any number of threads.  A damaged file gives
// wrong answers or none, never a read outside it, and a look costs a bounded number of steps.
//
// Source: MaxMind DB File Format Specification 2.0.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "places/address.h"
#include "places/shared_bytes.h"

namespace ringwall::places {

// Texts are views of the file.
using DataValue = std::variant<std::string_view, std::uint64_t, std::int64_t, double, bool>;

class Database {
 public:
  // kInvalid for what is no such file, kCorrupt for one that ends too early.
  static Result<std::shared_ptr<const Database>> open(SharedBytes bytes);

  // Where the address's record lies; none: it has none.
  std::optional<std::size_t> find(const Address& address) const;
  // {"country", "iso_code"}, {"subdivisions", "0", "names", "en"}; none: the record has no such value.
  std::optional<DataValue> value(std::size_t record, std::initializer_list<std::string_view> way) const;
  std::string_view text(std::size_t record, std::initializer_list<std::string_view> way) const;  // empty: none, or no text

  std::string_view type() const { return type_; }  // "GeoLite2-City"
  std::uint64_t built() const { return built_; }   // Unix time

 private:
  std::uint32_t record_at(std::uint32_t node, unsigned side) const;

  SharedBytes bytes_;
  std::string_view tree_, data_;
  std::string type_;
  std::uint64_t built_ = 0;
  std::uint32_t nodes_ = 0, record_bits_ = 0, v4_root_ = 0;
  bool v6_ = false;
};

}  // namespace ringwall::places
