#include "edge/detail/slots.h"

#include <fmt/format.h>

#include <set>

#include <nlohmann/json.hpp>

namespace ringwall::edge::detail {

Slots Slots::open(base::Files& files, std::string path, std::uint32_t count) {
  Slots slots;
  slots.files_ = &files;
  slots.path_ = std::move(path);
  slots.count_ = count;
  const auto text = files.read(slots.path_);
  if (!text.ok()) return slots;
  const auto document = nlohmann::json::parse(text.value(), nullptr, false);
  if (!document.is_object()) return slots;
  std::set<std::uint32_t> seen;
  for (const auto& [name, slot] : document.items()) {
    if (!slot.is_number_unsigned() || slot.get<std::uint64_t>() >= count ||
        !seen.insert(slot.get<std::uint32_t>()).second)
      continue;
    slots.slots_[name] = slot.get<std::uint32_t>();
  }
  return slots;
}

Result<std::uint32_t> Slots::take(const std::string& name) {
  if (const auto found = slots_.find(name); found != slots_.end()) return found->second;
  std::set<std::uint32_t> taken;
  for (const auto& [other, slot] : slots_) taken.insert(slot);
  for (std::uint32_t slot = 0; slot < count_; ++slot) {
    if (taken.contains(slot)) continue;
    slots_[name] = slot;
    return slot;
  }
  return fail(Errc::kLimit, fmt::format("more than {} instances", count_));
}

void Slots::release(const std::string& name) { slots_.erase(name); }

Result<void> Slots::save() {
  if (saved_ == slots_) return {};
  const nlohmann::json document = slots_;
  RW_TRY(files_->write_atomic(path_, document.dump() + "\n", 0600));
  saved_ = slots_;
  return {};
}

}  // namespace ringwall::edge::detail
