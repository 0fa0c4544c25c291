// What the judge asks of collections that outlive an exchange.
#include <algorithm>

#include "base/text.h"
#include "waf/detail/judge.h"
#include "waf/detail/seclang.h"

namespace ringwall::waf::detail {

namespace {
constexpr std::int64_t kSecondNs = 1'000'000'000;
}  // namespace

void Judge::now(std::int64_t now_ns) {
  now_ns_ = std::max(now_ns, begun_ns_);
  exchange.set_number(Variable::kDuration, static_cast<std::uint64_t>(now_ns_ - begun_ns_) / 1'000'000);
}

PersistentCollections::When Judge::when() const {
  return {now_ns_, now_ns_ + static_cast<std::int64_t>(settings.collection_timeout_s) * kSecondNs};
}

void Judge::begin(const Begin& begin) {
  const auto name = expand(begin.key);
  if (name.empty()) return;
  if (begin.names) exchange.set(*begin.names, name);
  // Applications with ids of their own have collections of their own.
  const auto& application = settings.web_app_id;
  auto key = application.empty() ? std::string(name) : application + std::string(1, '\0') + std::string(name);
  auto& begun = persistent_keys_[static_cast<std::size_t>(begin.collection)];
  if (begun == key) return;
  begun = std::move(key);
  exchange.entries(begin.collection).clear();
  if (persistent_ == nullptr) return;
  for (const auto& [variable, value] : persistent_->load(begin.collection, begun, now_ns_)) {
    exchange.add(begin.collection, exchange.arena.copy(variable), exchange.arena.copy(value));
  }
}

void Judge::expire(const Expiry& expiry) {
  const auto& owner = persistent_key(expiry.collection);
  if (persistent_ == nullptr || owner.empty()) return;
  const auto seconds = std::clamp<std::int64_t>(number_of(expand(expiry.seconds)), 0, seclang::kExpirySecondsMax);
  persistent_->expire(expiry.collection, owner, base::lower_ascii(expand(expiry.key)), now_ns_ + seconds * kSecondNs, when());
}

}  // namespace ringwall::waf::detail
