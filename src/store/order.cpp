#include "store/detail/order.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <unordered_map>

#include "base/hash.h"

namespace ringwall::store {

namespace {

using base::Batch;
using base::Signal;

// What is compared: 6 bits partition, 2 bits quarter, 16 bits of the first criterion, 40 bits of the second; then time.
struct OrderKey {
  std::uint64_t head;
  std::int64_t time_ns;
  RowRef row;
};
constexpr std::uint64_t kRankMax = 0xffff;
constexpr std::uint64_t kTailMask = (1ULL << 40) - 1;
static_assert(kPartitionsPerFlushMax <= 64);

// Texts to their rank in sorted order, so that minima and maxima of row groups are narrow.
class Ranks {
 public:
  void add(std::string_view text) { ranks_.try_emplace(text, 0); }
  void finish() {
    std::uint64_t next = 0;
    for (auto& [text, rank] : ranks_) rank = std::min(next++, kRankMax);
  }
  std::uint64_t of(std::string_view text) const { return ranks_.find(text)->second; }

 private:
  std::map<std::string_view, std::uint64_t> ranks_;
};

class Partitions {
 public:
  explicit Partitions(const std::vector<std::shared_ptr<const Batch>>& batches) {
    std::set<std::int64_t> hours;
    for (const auto& batch : batches) {
      std::int64_t last = floor_div(batch->time_ns.empty() ? 0 : batch->time_ns[0], kHourNs) + 1;
      for (const auto time : batch->time_ns) {
        const auto hour = floor_div(time, kHourNs);
        if (hour == last) continue;
        last = hour;
        hours.insert(hour);
        // Only the newest are kept apart; one more is kept to name the oldest.
        if (hours.size() > kPartitionsPerFlushMax) hours.erase(hours.begin());
      }
    }
    hours_.assign(hours.begin(), hours.end());
  }
  // Older hours than the first share its place.
  std::size_t index(std::int64_t hour) const {
    const auto at = std::upper_bound(hours_.begin(), hours_.end(), hour);
    return at == hours_.begin() ? 0 : static_cast<std::size_t>(at - hours_.begin()) - 1;
  }
  std::int64_t hour(std::size_t index) const { return hours_[index]; }

 private:
  std::vector<std::int64_t> hours_;
};

std::uint64_t labels_hash(const Batch& batch, std::size_t row) {
  const auto& resource = batch.resources[batch.resource[row]];
  std::uint64_t hash = 0;
  const auto mix = [&](base::Slice slice) { hash = base::hash64(batch.view(slice), hash); };
  mix(resource.service);
  mix(resource.host);
  mix(resource.version);
  for (auto a = batch.attributes_begin(row); a < batch.attributes_end[row]; ++a) {
    mix(batch.attribute_keys[a]);
    mix(batch.attribute_values[a]);
  }
  return hash;
}

}  // namespace

std::int64_t floor_div(std::int64_t value, std::int64_t by) { return value / by - (value % by < 0 ? 1 : 0); }

std::uint64_t template_hash(std::string_view message) {
  constexpr std::uint64_t kPrime = 0x9e3779b97f4a7c15ULL;
  std::uint64_t hash = message.empty() ? 0 : 1;
  std::uint64_t word = 0;
  bool digits = false, in_word = false;
  for (const char c : message) {
    const auto byte = static_cast<unsigned char>(c);
    const bool digit = byte >= '0' && byte <= '9';
    if (digit || (byte | 32) >= 'a' || byte == '_') {
      word = (word ^ byte) * kPrime;
      digits |= digit;
      in_word = true;
      continue;
    }
    if (in_word) hash = (hash ^ (digits ? 1 : word)) * kPrime;
    hash = (hash ^ byte) * kPrime;
    word = 0;
    digits = in_word = false;
  }
  if (in_word) hash = (hash ^ (digits ? 1 : word)) * kPrime;
  return base::mix64(hash);
}

std::vector<OrderedPart> order_rows(Signal signal, const std::vector<std::shared_ptr<const Batch>>& batches) {
  const Partitions partitions(batches);
  Ranks ranks;
  std::size_t total = 0;
  for (const auto& batch : batches) {
    total += batch->size();
    if (signal == Signal::kLog) {
      for (const auto& resource : batch->resources) ranks.add(batch->view(resource.service));
    } else if (signal == Signal::kMetric) {
      for (const auto text : batch->text) ranks.add(batch->view(text));
    }
  }
  ranks.finish();

  std::vector<OrderKey> keys;
  keys.reserve(total);
  std::vector<std::uint64_t> service_ranks;
  for (const auto& shared : batches) {
    const Batch& batch = *shared;
    service_ranks.clear();
    if (signal == Signal::kLog) {
      for (const auto& resource : batch.resources) service_ranks.push_back(ranks.of(batch.view(resource.service)));
    }
    for (std::uint32_t row = 0; row < batch.size(); ++row) {
      const auto time = batch.time_ns[row];
      const auto hour = floor_div(time, kHourNs);
      // By remainders, since the start of the first hour does not fit into 64 bits.
      const auto quarter = static_cast<std::uint64_t>((time % kHourNs + kHourNs) % kHourNs / kQuarterNs);
      std::uint64_t first = 0, second = 0;
      switch (signal) {
        case Signal::kLog:
          first = service_ranks[batch.resource[row]];
          second = template_hash(batch.view(batch.text[row]));
          break;
        case Signal::kSpan: {
          const auto id = batch.trace_id[row];
          second = base::mix64(id.high ^ base::mix64(id.low));
          first = second >> 48;
          break;
        }
        case Signal::kMetric:
          first = ranks.of(batch.view(batch.text[row]));
          second = labels_hash(batch, row);
          break;
      }
      const auto head = (static_cast<std::uint64_t>(partitions.index(hour)) << 58) | (quarter << 56) | (first << 40) | (second & kTailMask);
      keys.push_back({head, time, {&batch, row}});
    }
  }
  std::sort(keys.begin(), keys.end(), [](const OrderKey& a, const OrderKey& b) {
    return a.head != b.head ? a.head < b.head : a.time_ns < b.time_ns;
  });

  std::vector<OrderedPart> parts;
  std::uint64_t current = ~0ULL;
  for (const auto& key : keys) {
    if (const auto index = key.head >> 58; index != current) {
      current = index;
      parts.push_back({partitions.hour(index), {}});
    }
    parts.back().rows.push_back(key.row);
  }
  return parts;
}

}  // namespace ringwall::store
