// The sidecar of a Parquet file: which words, trigrams and trace ids are in each group of rows, as filters.
//
//   sidecar := "RWTX" version:u32 rows:u64 group_rows:u32 groups:u32 file_filter_bytes:u32
//              group_filter_bytes:u32 * groups  crc:u32          little-endian; CRC-32C of everything before it
//              part*                                             the file's filter when its length is not 0, then groups
//              latency crc:u32                                   latency_rollup.h; what is left but the checksum; version 1 has none
//   part    := filter crc:u32                                    filter as in fuse.h; lengths above are the filter's
//
// Group g holds rows [g * group_rows, (g + 1) * group_rows).  The file's filter holds the keys of all groups; files of
// fewer than kFileFilterGroupsMin groups have none.
//
// Keys, all folded to lower case in ASCII only:
//   word     a maximal run of [0-9A-Za-z_] in the text (a byte of 0x80 and above separates)
//   trigram  three bytes in a row of the text; none with a byte of 0x80 and above
//   trace    the record's trace id
// Words and fragments of a question lose what is not ASCII before they are looked up, so that whatever case folding
// the search does, the answer "no" is always true.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/record.h"
#include "base/result.h"
#include "store/store.h"

namespace ringwall::store {

inline constexpr std::uint32_t kGroupRows = 122'880;
inline constexpr std::uint32_t kFileFilterGroupsMin = 16;  // below, asking every group is as quick and saves the bytes
inline constexpr std::uint32_t kSidecarGroupsMax = 1u << 16;

// A set of non-zero 64-bit keys.
class KeySet {
 public:
  KeySet() : slots_(1u << 12) {}
  void add(std::uint64_t key);
  std::vector<std::uint64_t> take();  // distinct; leaves the set empty
  const std::vector<std::uint64_t>& slots() const { return slots_; }  // 0: empty

 private:
  void grow();
  std::vector<std::uint64_t> slots_;
  std::size_t used_ = 0;
};

// Takes the rows of a file in their order.
class SidecarBuilder {
 public:
  explicit SidecarBuilder(std::uint32_t group_rows = kGroupRows);
  void add(std::string_view text, base::TraceId trace_id);
  // `latency`: of RollupBuilder; without one the sidecar is of version 1.
  std::string finish(const std::optional<std::string>& latency = std::nullopt);

 private:
  void finish_group();
  const std::uint32_t group_rows_;
  std::uint64_t rows_ = 0;
  KeySet group_, file_;
  std::vector<std::uint64_t> trigram_seen_;  // one bit per folded trigram
  std::vector<std::uint32_t> trigrams_;
  std::vector<std::string> filters_;
};

// What a question needs to be there.
std::vector<std::uint64_t> keys_of(const Hints& hints);

class Sidecar {
 public:
  // Versions 1 and 2.  Fails with kCorrupt on anything SidecarBuilder would not have written.
  static Result<Sidecar> parse(std::string bytes);
  std::uint64_t rows() const { return rows_; }
  std::uint32_t group_rows() const { return group_rows_; }
  std::size_t groups() const { return groups_.size(); }
  std::size_t bytes() const { return bytes_->size(); }
  // For read_rollup(), which alone decompresses it.  Nothing: the file's histograms are not known, and it has to be read.
  std::optional<std::string_view> latency() const {
    if (!latency_.has_value()) return std::nullopt;
    return std::string_view(*bytes_).substr(latency_->offset, latency_->length);
  }

  bool file_may_hold(const std::vector<std::uint64_t>& keys) const;
  bool group_may_hold(std::size_t group, const std::vector<std::uint64_t>& keys) const;

 private:
  struct Part {
    std::size_t offset, length;
  };
  bool may_hold(Part part, const std::vector<std::uint64_t>& keys) const;
  std::shared_ptr<const std::string> bytes_;
  std::uint64_t rows_ = 0;
  std::uint32_t group_rows_ = 0;
  Part file_{0, 0};
  std::vector<Part> groups_;
  std::optional<Part> latency_;
};

}  // namespace ringwall::store
