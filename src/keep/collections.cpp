#include "keep/collections.h"

#include <fmt/format.h>

#include <algorithm>

#include "waf/operators.h"

namespace ringwall::keep {

namespace {

constexpr std::size_t kEntryHead = 12, kRecordHead = 8;

Key collection_key(waf::Variable collection, std::string_view key) {
  const auto number = static_cast<int>(collection) - static_cast<int>(waf::Variable::kIp);
  return {static_cast<std::uint8_t>(kCollectionSpaces + number), key};
}

// The variables in a record, read and changed where they lie.
class Pairs {
 public:
  struct Pair {
    std::size_t at = 0, bytes = 0;  // of the entry; 0 bytes: there is none
    std::int64_t expires_ns = 0;
    std::string_view name, value;
  };

  explicit Pairs(Record& record) : record_(record) {
    if (record_.bytes >= kRecordHead) return;
    std::memset(record_.value, 0, kRecordHead);
    record_.bytes = kRecordHead;
  }

  std::int64_t idle_until() const {
    std::int64_t out;
    std::memcpy(&out, record_.value, sizeof out);
    return out;
  }

  // The entry at `at`; none at the end, and where the memory holds no entry.
  Pair pair_at(std::size_t at) const {
    if (at + kEntryHead > record_.bytes) return {};
    std::uint16_t sizes[2];
    Pair out{at, 0, 0, {}, {}};
    std::memcpy(&out.expires_ns, record_.value + at, 8);
    std::memcpy(sizes, record_.value + at + 8, 4);
    const auto bytes = kEntryHead + sizes[0] + sizes[1];
    if (at + bytes > record_.bytes) return {};
    out.bytes = bytes;
    out.name = {record_.value + at + kEntryHead, sizes[0]};
    out.value = {record_.value + at + kEntryHead + sizes[0], sizes[1]};
    return out;
  }

  template <class Each>
  void each(Each each) const {
    for (auto pair = pair_at(kRecordHead); pair.bytes != 0; pair = pair_at(pair.at + pair.bytes)) each(pair);
  }
  Pair find(std::string_view name) const {
    auto pair = pair_at(kRecordHead);
    while (pair.bytes != 0 && pair.name != name) pair = pair_at(pair.at + pair.bytes);
    return pair;
  }
  bool ended(const Pair& pair, std::int64_t now_ns) const { return (pair.expires_ns != 0 ? pair.expires_ns : idle_until()) <= now_ns; }

  // Only what has not ended stays, and nothing that is no entry.
  void drop_ended(std::int64_t now_ns) {
    std::size_t end = kRecordHead;
    each([&](const Pair& pair) {
      if (ended(pair, now_ns)) return;
      std::memmove(record_.value + end, record_.value + pair.at, pair.bytes);
      end += pair.bytes;
    });
    record_.bytes = static_cast<std::uint32_t>(end);
  }

  void erase(const Pair& pair) {
    const auto behind = pair.at + pair.bytes;
    std::memmove(record_.value + pair.at, record_.value + behind, record_.bytes - behind);
    record_.bytes -= static_cast<std::uint32_t>(pair.bytes);
  }

  void set_expiry(const Pair& pair, std::int64_t expires_ns) { std::memcpy(record_.value + pair.at, &expires_ns, 8); }

  // False: it does not fit, and nothing has changed.
  bool put(std::string_view name, std::string_view value) {
    const auto known = find(name);
    if (known.bytes != 0 && known.value.size() == value.size()) {
      std::memcpy(record_.value + known.at + kEntryHead + name.size(), value.data(), value.size());
      return true;
    }
    if (name.size() + value.size() > kValueBytesMax || record_.bytes - known.bytes + kEntryHead + name.size() + value.size() > kValueBytesMax) return false;
    if (known.bytes != 0) erase(known);
    const std::uint16_t sizes[] = {static_cast<std::uint16_t>(name.size()), static_cast<std::uint16_t>(value.size())};
    auto* at = record_.value + record_.bytes;
    std::memcpy(at, &known.expires_ns, 8);  // the end that it had
    std::memcpy(at + 8, sizes, 4);
    std::copy(name.begin(), name.end(), at + kEntryHead);
    std::copy(value.begin(), value.end(), at + kEntryHead + name.size());
    record_.bytes += static_cast<std::uint32_t>(kEntryHead + name.size() + value.size());
    return true;
  }

  // What a change ends with: the record lives as long as the last of its values.
  Then finish(const waf::PersistentCollections::When& when) {
    std::memcpy(record_.value, &when.idle_until_ns, 8);
    record_.expires_ns = 0;
    each([&](const Pair& pair) { record_.expires_ns = std::max(record_.expires_ns, pair.expires_ns != 0 ? pair.expires_ns : when.idle_until_ns); });
    return record_.bytes == kRecordHead ? Then::kRemove : Then::kWrite;
  }

 private:
  Record& record_;
};

}  // namespace

std::vector<std::pair<std::string, std::string>> Collections::load(waf::Variable collection, std::string_view key, std::int64_t now_ns) {
  // Copied out first: no memory is asked for while others wait.
  Record record;
  std::vector<std::pair<std::string, std::string>> out;
  if (table_.get(collection_key(collection, key), now_ns, record) != Outcome::kDone || !record.found) return out;
  const Pairs pairs(record);
  pairs.each([&](const Pairs::Pair& pair) {
    if (!pairs.ended(pair, now_ns)) out.emplace_back(pair.name, pair.value);
  });
  return out;
}

void Collections::set(waf::Variable collection, std::string_view key, std::string_view name, std::optional<std::string_view> value, const When& when) {
  bool fits = true;
  (void)table_.edit(collection_key(collection, key), when.now_ns, [&](Record& record) {
    Pairs pairs(record);
    pairs.drop_ended(when.now_ns);
    if (value) {
      fits = pairs.put(name, *value);
    } else if (const auto known = pairs.find(name); known.bytes != 0) {
      pairs.erase(known);
    }
    return fits ? pairs.finish(when) : Then::kLeave;
  });
  if (!fits) table_.count_too_large();
}

std::optional<std::int64_t> Collections::add(waf::Variable collection, std::string_view key, std::string_view name, std::int64_t by, const When& when) {
  std::int64_t sum = 0;
  bool fits = true;
  const auto outcome = table_.edit(collection_key(collection, key), when.now_ns, [&](Record& record) {
    Pairs pairs(record);
    pairs.drop_ended(when.now_ns);
    const auto from = waf::number_of(pairs.find(name).value);
    if (__builtin_add_overflow(from, by, &sum)) sum = from;
    const fmt::format_int digits(sum);
    fits = pairs.put(name, {digits.data(), digits.size()});
    return fits ? pairs.finish(when) : Then::kLeave;
  });
  if (!fits) table_.count_too_large();
  if (outcome != Outcome::kDone || !fits) return std::nullopt;
  return sum;
}

void Collections::expire(waf::Variable collection, std::string_view key, std::string_view name, std::int64_t expires_ns, const When& when) {
  (void)table_.edit(collection_key(collection, key), when.now_ns, [&](Record& record) {
    Pairs pairs(record);
    pairs.drop_ended(when.now_ns);
    const auto known = pairs.find(name);
    if (known.bytes == 0) return Then::kLeave;
    pairs.set_expiry(known, expires_ns);
    return pairs.finish(when);
  });
}

}  // namespace ringwall::keep
