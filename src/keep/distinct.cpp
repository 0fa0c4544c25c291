#include "keep/distinct.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace ringwall::keep {

namespace {

constexpr unsigned kStamps = 255;  // 1 .. 255
enum Form : std::uint8_t { kEntries = 1, kSketch = 2 };

struct Head {
  std::int64_t slice_ns;
  std::int64_t slice;  // the clock's, when it was last written
  std::uint8_t stamp;  // of that slice
  std::uint8_t form;
  std::uint16_t count;
  std::uint32_t zero;
};
static_assert(sizeof(Head) == 24);
static_assert(sizeof(Head) + kSketchSlots <= kValueBytesMax);

// The values of a record that are in the window, with their stamps moved on to now.
class Window {
 public:
  Window(const Record& record, std::int64_t slice_ns, std::int64_t now_ns) : head_{slice_ns, now_ns / slice_ns, 1, kEntries, 0, 0} {
    if (record.bytes < sizeof(Head)) return;
    Head before;
    std::memcpy(&before, record.value, sizeof before);
    if (before.slice_ns != slice_ns || before.stamp == 0) return;
    // What stands in the file is not believed: a difference beyond all numbers is a long time, too.
    std::int64_t passed = 0;
    if (__builtin_sub_overflow(head_.slice, before.slice, &passed) || passed > kSlices) return;
    passed = std::max<std::int64_t>(passed, 0);
    head_.stamp = static_cast<std::uint8_t>((before.stamp - 1u + static_cast<unsigned>(passed)) % kStamps + 1);
    const auto* values = record.value + sizeof(Head);
    if (before.form == kEntries) read_entries(values, std::min<std::size_t>({before.count, kExactMax, (record.bytes - sizeof(Head)) / sizeof(std::uint64_t)}));
    if (before.form == kSketch && record.bytes == sizeof(Head) + kSketchSlots) read_sketch(values);
  }

  bool exact() const { return head_.form == kEntries; }
  std::uint32_t count() const {
    if (exact()) return size_;
    const double empty = std::max<double>(kSketchSlots - size_, 0.5);
    return static_cast<std::uint32_t>(std::lround(kSketchSlots * std::log(kSketchSlots / empty)));
  }
  bool has(std::uint64_t value) const {
    if (!exact()) return stamps_[slot_of(value)] != 0;
    return std::any_of(entries_.begin(), entries_.begin() + size_, [value](std::uint64_t one) { return same(one, value); });
  }
  // When the first of them leaves the window.
  std::int64_t first_leaves_ns() const {
    unsigned oldest = 0;
    if (exact()) {
      for (std::uint32_t i = 0; i < size_; ++i) oldest = std::max(oldest, age(static_cast<std::uint8_t>(entries_[i])));
    } else {
      for (const auto stamp : stamps_) oldest = std::max(oldest, stamp != 0 ? age(stamp) : 0);
    }
    return (head_.slice + kSlices + 1 - oldest) * head_.slice_ns;
  }

  void add(std::uint64_t value) {
    if (!exact()) return mark(value, head_.stamp);
    const auto entry = (value & ~std::uint64_t{0xff}) | head_.stamp;
    for (std::uint32_t i = 0; i < size_; ++i) {
      if (same(entries_[i], value)) return void(entries_[i] = entry);
    }
    if (size_ < kExactMax) return void(entries_[size_++] = entry);
    const auto all = size_;
    begin_sketch();
    for (std::uint32_t i = 0; i < all; ++i) mark(entries_[i], static_cast<std::uint8_t>(entries_[i]));
    mark(value, head_.stamp);
  }

  void write(Record& record) const {
    auto head = head_;
    head.count = exact() ? static_cast<std::uint16_t>(size_) : 0;
    std::memcpy(record.value, &head, sizeof head);
    const std::size_t bytes = exact() ? size_ * sizeof(std::uint64_t) : std::size_t{kSketchSlots};
    std::memcpy(record.value + sizeof head, exact() ? static_cast<const void*>(entries_.data()) : stamps_.data(), bytes);
    record.bytes = static_cast<std::uint32_t>(sizeof head + bytes);
    record.expires_ns = (head_.slice + kSlices + 1) * head_.slice_ns;
  }

 private:
  static bool same(std::uint64_t entry, std::uint64_t value) { return (entry ^ value) >> 8 == 0; }
  unsigned age(std::uint8_t stamp) const { return (head_.stamp + kStamps - stamp) % kStamps; }
  bool inside(std::uint8_t stamp) const { return stamp != 0 && age(stamp) <= kSlices; }

  void read_entries(const char* from, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      std::memcpy(&entries_[size_], from + i * sizeof(std::uint64_t), sizeof(std::uint64_t));
      if (inside(static_cast<std::uint8_t>(entries_[size_]))) ++size_;
    }
  }
  void read_sketch(const char* from) {
    begin_sketch();
    std::memcpy(stamps_.data(), from, kSketchSlots);
    for (auto& stamp : stamps_) {
      if (inside(stamp)) ++size_;
      else stamp = 0;
    }
    if (size_ == 0) head_.form = kEntries;
  }
  void begin_sketch() {
    head_.form = kSketch;
    size_ = 0;
    stamps_.fill(0);
  }
  // By the bits that an entry keeps of its value, so that both have the same slot.
  void mark(std::uint64_t value, std::uint8_t stamp) {
    auto& slot = stamps_[slot_of(value)];
    if (slot == 0) ++size_;
    if (slot == 0 || age(stamp) < age(slot)) slot = stamp;
  }
  static std::size_t slot_of(std::uint64_t value) { return (value >> 8) % kSketchSlots; }

  Head head_;
  std::uint32_t size_ = 0;  // entries, or slots that are taken
  std::array<std::uint64_t, kExactMax> entries_;
  std::array<std::uint8_t, kSketchSlots> stamps_;
};

DistinctAnswer ask_distinct(Table& table, std::string_view key, const Distinct& limit, std::uint64_t value, std::int64_t now_ns, bool takes) noexcept {
  DistinctAnswer answer;
  const auto outcome = table.edit({kDistinctSpace, key}, now_ns, [&](Record& record) {
    Window window(record, limit.slice_ns, now_ns);
    answer = {Limited::kAllowed, window.count(), 0};
    if (answer.count >= limit.max && !(window.exact() && window.has(value))) {
      answer.limited = Limited::kDenied;
      answer.retry_after_ns = std::max<std::int64_t>(window.first_leaves_ns() - now_ns, 0);
      return Then::kLeave;
    }
    if (!takes) return Then::kLeave;
    window.add(value);
    answer.count = window.count();
    window.write(record);
    return Then::kWrite;
  });
  return outcome == Outcome::kDone ? answer : DistinctAnswer{};
}

}  // namespace

Result<Distinct> Distinct::make(std::int64_t max, std::int64_t period_ns) {
  if (max <= 0 || period_ns <= 0) return fail(Errc::kInvalid, fmt::format("{} different in {} ns: each is at least 1", max, period_ns));
  if (max > kDistinctMax) return fail(Errc::kLimit, fmt::format("{} different: at most {} are counted", max, kDistinctMax));
  if (period_ns < kSlices || period_ns > kBurstNsMax) return fail(Errc::kLimit, fmt::format("different values in {} ns: {} ns to a year", period_ns, kSlices));
  return Distinct{static_cast<std::uint32_t>(max), (period_ns + kSlices - 1) / kSlices};
}

DistinctAnswer take(Table& table, std::string_view key, const Distinct& limit, std::uint64_t value, std::int64_t now_ns) noexcept { return ask_distinct(table, key, limit, value, now_ns, true); }
DistinctAnswer look(Table& table, std::string_view key, const Distinct& limit, std::uint64_t value, std::int64_t now_ns) noexcept { return ask_distinct(table, key, limit, value, now_ns, false); }

}  // namespace ringwall::keep
