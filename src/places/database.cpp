#include "places/database.h"

#include <fmt/format.h>

#include <array>

#include "places/detail/data_value.h"

namespace ringwall::places {

namespace {

constexpr std::string_view kMetadataMarker = "\xab\xcd\xefMaxMind.com";
constexpr std::size_t kMetadataBytesMax = 128 << 10;
constexpr std::size_t kSeparatorBytes = 16;
constexpr std::uint64_t kNodesMax = 1U << 30;

std::optional<std::uint64_t> number_in(std::string_view metadata, std::string_view key) {
  const auto found = detail::DataReader(metadata).find(0, std::array{key});
  const auto* number = found ? std::get_if<std::uint64_t>(&*found) : nullptr;
  return number == nullptr ? std::nullopt : std::optional(*number);
}

}  // namespace

Result<std::shared_ptr<const Database>> Database::open(SharedBytes bytes) {
  const auto all = bytes.view;
  const auto tail = all.substr(all.size() > kMetadataBytesMax ? all.size() - kMetadataBytesMax : 0);
  const auto marker = tail.rfind(kMetadataMarker);
  if (marker == tail.npos) return fail(Errc::kInvalid, "not a MaxMind database", "a file that ends in .mmdb: GeoLite2, DB-IP and others have them; the older GeoIP.dat is not read");
  const auto metadata = tail.substr(marker + kMetadataMarker.size());
  const auto major = number_in(metadata, "binary_format_major_version"), nodes = number_in(metadata, "node_count");
  const auto record_bits = number_in(metadata, "record_size"), ip_version = number_in(metadata, "ip_version");
  if (!major || !nodes || !record_bits || !ip_version) return fail(Errc::kCorrupt, "its metadata cannot be read");
  if (*major != 2) return fail(Errc::kInvalid, fmt::format("format version {} is not known, 2 is", *major));
  if (*record_bits != 24 && *record_bits != 28 && *record_bits != 32) return fail(Errc::kInvalid, fmt::format("records of {} bits are not known", *record_bits));
  if (*ip_version != 4 && *ip_version != 6) return fail(Errc::kInvalid, fmt::format("IP version {} is not known", *ip_version));
  if (*nodes == 0 || *nodes > kNodesMax) return fail(Errc::kLimit, fmt::format("{} nodes: 1 to {} are read", *nodes, kNodesMax));

  auto out = std::make_shared<Database>();
  const auto tree_bytes = static_cast<std::size_t>(*nodes * *record_bits / 4);
  const auto data_end = all.size() - tail.size() + marker;
  if (data_end < tree_bytes + kSeparatorBytes) return fail(Errc::kCorrupt, "it ends within its tree");
  out->tree_ = all.substr(0, tree_bytes);
  out->data_ = all.substr(tree_bytes + kSeparatorBytes, data_end - tree_bytes - kSeparatorBytes);
  out->nodes_ = static_cast<std::uint32_t>(*nodes);
  out->record_bits_ = static_cast<std::uint32_t>(*record_bits);
  out->v6_ = *ip_version == 6;
  out->built_ = number_in(metadata, "build_epoch").value_or(0);
  const auto type = detail::DataReader(metadata).find(0, std::array<std::string_view, 1>{"database_type"});
  if (const auto* text = type ? std::get_if<std::string_view>(&*type) : nullptr) out->type_ = *text;
  // IPv4 lies behind 96 zeros of a tree for IPv6.
  for (int i = 0; out->v6_ && i < 96 && out->v4_root_ < out->nodes_; ++i) out->v4_root_ = out->record_at(out->v4_root_, 0);
  out->bytes_ = std::move(bytes);
  return std::shared_ptr<const Database>(std::move(out));
}

// A node is inside the tree; the caller has seen to that.
std::uint32_t Database::record_at(std::uint32_t node, unsigned side) const {
  const auto* const base = reinterpret_cast<const std::uint8_t*>(tree_.data()) + std::size_t{node} * (record_bits_ / 4);
  const auto three = [](const std::uint8_t* at) { return std::uint32_t{at[0]} << 16 | std::uint32_t{at[1]} << 8 | at[2]; };
  switch (record_bits_) {
    case 24: return three(base + 3 * side);
    // The byte between both holds the upper four bits of each.
    case 28: return side == 0 ? (base[3] & 0xf0U) << 20 | three(base) : (base[3] & 0x0fU) << 24 | three(base + 4);
    default: return three(base + 4 * side) << 8 | base[4 * side + 3];
  }
}

std::optional<std::size_t> Database::find(const Address& address) const {
  const bool v4 = address.v4();
  if (!v4 && !v6_) return std::nullopt;
  auto node = v4 ? v4_root_ : 0;
  for (std::size_t bit = v4 ? 96 : 0; bit < 128 && node < nodes_; ++bit) node = record_at(node, (address.bytes[bit / 8] >> (7 - bit % 8)) & 1U);
  // One that is as large as the tree says "nothing here"; what is larger points into the data.
  if (node <= nodes_ || node - nodes_ < kSeparatorBytes) return std::nullopt;
  const std::size_t at = node - nodes_ - kSeparatorBytes;
  return at < data_.size() ? std::optional(at) : std::nullopt;
}

std::optional<DataValue> Database::value(std::size_t record, std::initializer_list<std::string_view> way) const { return detail::DataReader(data_).find(record, way); }

std::string_view Database::text(std::size_t record, std::initializer_list<std::string_view> way) const {
  const auto found = value(record, way);
  const auto* text = found ? std::get_if<std::string_view>(&*found) : nullptr;
  return text == nullptr ? std::string_view() : *text;
}

}  // namespace ringwall::places
