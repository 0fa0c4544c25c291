#include "query/tail.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "query/match.h"

namespace ringwall::query {

namespace {

constexpr std::size_t kRecordsPerCall = 200'000;

}  // namespace

std::string to_text(TailPosition position) { return fmt::format("{}-{}", position.sequence, position.record); }

std::optional<TailPosition> parse_tail_position(std::string_view text) {
  TailPosition out;
  const auto* end = text.data() + text.size();
  const auto sequence = std::from_chars(text.data(), end, out.sequence);
  if (sequence.ec != std::errc{} || sequence.ptr == end || *sequence.ptr != '-') return std::nullopt;
  const auto record = std::from_chars(sequence.ptr + 1, end, out.record);
  if (record.ec != std::errc{} || record.ptr != end || out.record >= base::kBatchRecordsMax) return std::nullopt;
  return out;
}

void Tail::accept(std::uint64_t sequence, std::shared_ptr<const base::Batch> batch) {
  if (batch->signal != base::Signal::kLog || batch->size() == 0) return;
  {
    const std::lock_guard lock(mutex_);
    if (sequence <= last_sequence_) return;
    last_sequence_ = sequence;
    bytes_ += batch->bytes();
    ring_.push_back({sequence, records_, std::move(batch)});
    records_ += ring_.back().batch->size();
    // The newest stays whatever its size: it is in memory anyway.
    while (bytes_ > bytes_max_ && ring_.size() > 1) {
      const auto& oldest = ring_.front();
      bytes_ -= oldest.batch->bytes();
      evicted_.push_back({oldest.sequence, oldest.records_before});
      if (evicted_.size() > kTailRememberedMax) evicted_.pop_front();
      ring_.pop_front();
    }
  }
  changed_.notify_all();
}

// How many records lie before `position`, which is before the ring or in it.  What is no longer remembered counts as
// before it, so that a gap is never exaggerated.
std::uint64_t Tail::records_through_locked(TailPosition position) const {
  const auto count = [&](const auto& entries, std::uint64_t records_end) -> std::uint64_t {
    const auto at = std::upper_bound(entries.begin(), entries.end(), position.sequence,
                                     [](std::uint64_t sequence, const auto& entry) { return sequence < entry.sequence; });
    const std::uint64_t end = at == entries.end() ? records_end : at->records_before;
    if (at == entries.begin()) return end;
    const auto& found = *std::prev(at);
    return found.sequence == position.sequence ? std::min(found.records_before + position.record, end) : end;
  };
  if (ring_.empty() || position.sequence >= ring_.front().sequence) return count(ring_, records_);
  return count(evicted_, ring_.front().records_before);
}

Result<std::unique_ptr<Subscription>> Tail::subscribe(Condition condition, std::optional<TailPosition> after) {
  const std::lock_guard lock(mutex_);
  if (subscribers_ == kTailSubscribersMax) {
    return fail(Errc::kLimit, fmt::format("{} clients follow the logs already", kTailSubscribersMax), "close one of them");
  }
  ++subscribers_;
  std::unique_ptr<Subscription> out(new Subscription(*this, std::move(condition)));
  // A position from the future is of another spool; the start of a process, before any batch, is an exception: the
  // client may know more than was replayed so far.
  const bool known = after.has_value() && (last_sequence_ == 0 || after->sequence <= last_sequence_);
  out->at_ = known ? TailPosition{after->sequence, after->record + 1} : TailPosition{last_sequence_ + 1, 0};
  return out;
}

void Tail::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

std::size_t Tail::subscribers() const {
  const std::lock_guard lock(mutex_);
  return subscribers_;
}

Subscription::~Subscription() {
  const std::lock_guard lock(tail_.mutex_);
  --tail_.subscribers_;
}

TailPiece Subscription::next(std::size_t events_max, std::chrono::milliseconds wait) {
  TailPiece out;
  std::size_t looked_at = 0;
  const auto deadline = std::chrono::steady_clock::now() + wait;
  while (out.events.empty() && looked_at < kRecordsPerCall) {
    std::vector<Tail::Entry> entries;
    {
      std::unique_lock lock(tail_.mutex_);
      const auto news = [&] {
        if (tail_.closed_ || tail_.ring_.empty()) return tail_.closed_;
        const auto& newest = tail_.ring_.back();
        return at_ < TailPosition{newest.sequence, static_cast<std::uint32_t>(newest.batch->size())};
      };
      if (!tail_.changed_.wait_until(lock, deadline, news) || tail_.closed_) return out;
      const auto& oldest = tail_.ring_.front();
      if (at_.sequence < oldest.sequence) {
        out.skipped = oldest.records_before - tail_.records_through_locked(at_);
        at_ = {oldest.sequence, 0};
      }
      auto from = std::lower_bound(tail_.ring_.begin(), tail_.ring_.end(), at_.sequence,
                                   [](const Tail::Entry& entry, std::uint64_t sequence) { return entry.sequence < sequence; });
      std::size_t records = 0;
      for (; from != tail_.ring_.end() && records < kRecordsPerCall; ++from) {
        entries.push_back(*from);
        records += from->batch->size();
      }
    }
    // Searching happens outside the lock; what is looked at is immutable.
    for (const auto& entry : entries) {
      std::uint32_t record = entry.sequence == at_.sequence ? at_.record : 0;
      for (; record < entry.batch->size() && out.events.size() < events_max; ++record, ++looked_at) {
        if (matches(condition_, *entry.batch, record)) out.events.push_back({{entry.sequence, record}, entry.batch});
      }
      at_ = record < entry.batch->size() ? TailPosition{entry.sequence, record} : TailPosition{entry.sequence + 1, 0};
      if (out.events.size() == events_max) break;
    }
    if (out.skipped > 0) return out;
  }
  return out;
}

}  // namespace ringwall::query
