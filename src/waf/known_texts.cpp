#include "waf/detail/known_texts.h"

#include <algorithm>
#include <cstring>
#include <functional>

namespace ringwall::waf::detail {

namespace {

constexpr std::size_t kWays = 4, kSeen = 16'384;
// A text is worth learning that comes so often among so many that are not known; learning takes what judging it some ten times does.
constexpr std::uint16_t kOften = 4;
constexpr std::uint32_t kWindow = 65'536;

std::uint64_t hash_of(std::string_view text) { return std::hash<std::string_view>()(text) * 0x9E3779B97F4A7C15u; }

}  // namespace

KnownTexts::KnownTexts(std::size_t questions)
    : words_((questions + 63) / 64), slots_(kKnownTexts), texts_(kKnownTexts * kKnownBytesMax), answers_(kKnownTexts * words_), seen_(kSeen) {}

KnownTexts::Slot* KnownTexts::slot_of(std::uint64_t hash, std::string_view text) {
  const auto first = (hash >> 32) % (kKnownTexts / kWays) * kWays;
  for (auto i = first; i < first + kWays; ++i) {
    auto& slot = slots_[i];
    if (slot.used && slot.hash == hash && std::string_view(text_at(i), slot.size) == text) return &slot;
  }
  return nullptr;
}

const std::uint64_t* KnownTexts::find(std::string_view text) {
  auto* slot = slot_of(hash_of(text), text);
  if (slot == nullptr) return nullptr;
  slot->asked = ++clock_;
  return &answers_[static_cast<std::size_t>(slot - slots_.data()) * words_];
}

bool KnownTexts::comes_often(std::string_view text) {
  if (++unknown_ == kWindow) {
    std::fill(seen_.begin(), seen_.end(), Seen{});
    unknown_ = 0;
  }
  const auto hash = hash_of(text);
  auto& seen = seen_[(hash >> 16) % kSeen];
  const auto mark = static_cast<std::uint16_t>(hash);
  if (seen.mark != mark) seen = {mark, 0};
  return ++seen.times >= kOften;
}

void KnownTexts::learn(std::string_view text, const std::uint64_t* answers) {
  const auto hash = hash_of(text);
  const auto* first = &slots_[(hash >> 32) % (kKnownTexts / kWays) * kWays];
  const auto* oldest = std::min_element(first, first + kWays, [](const Slot& a, const Slot& b) { return a.used != b.used ? !a.used : a.asked < b.asked; });
  const auto at = static_cast<std::size_t>(oldest - slots_.data());
  slots_[at] = {hash, ++clock_, static_cast<std::uint16_t>(text.size()), true};
  std::copy(text.begin(), text.end(), text_at(at));
  std::copy(answers, answers + words_, &answers_[at * words_]);
}

std::size_t KnownTexts::memory_bytes() const { return slots_.size() * sizeof(Slot) + texts_.size() + answers_.size() * sizeof answers_[0] + seen_.size() * sizeof seen_[0]; }

}  // namespace ringwall::waf::detail
