#include "policies.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "policy/bundle.h"
#include "ring/owner.h"

namespace ringwall::edge_module {

Policies::~Policies() {
  stop();
  if (folder_ >= 0) ::close(folder_);
}

Result<std::string> Policies::read(const std::string& name) const {
  const int fd = ::openat(folder_, name.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(Errc::kNotFound, fmt::format("{}: {}", name, std::strerror(errno)));
  std::string out;
  char piece[64 << 10];
  ssize_t n = 0;
  while ((n = ::read(fd, piece, sizeof piece)) > 0 && out.size() < policy::kBundleBytesMax) out.append(piece, static_cast<std::size_t>(n));
  const auto error = errno;
  ::close(fd);
  if (n != 0) return fail(Errc::kUnavailable, fmt::format("{}: {}", name, n < 0 ? std::strerror(error) : "too large"));
  return out;
}

Result<places::SharedBytes> Policies::map(const std::string& name) const {
  const int fd = ::openat(folder_, name.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(Errc::kNotFound, fmt::format("{}: {}", name, std::strerror(errno)));
  auto out = places::map_file(fd, name);
  ::close(fd);
  return out;
}

Result<std::shared_ptr<const PlacedPolicies>> Policies::load_after(const std::shared_ptr<const PlacedPolicies>& previous) const {
  auto out = std::make_shared<PlacedPolicies>();
  out->set = RW_TRY(policy::PolicySet::load([this](const std::string& name) { return read(name); }, path_.substr(path_.rfind('/') + 1), previous == nullptr ? nullptr : previous->set,
                                              [this](const std::string& name) { return map(name); }));
  for (const auto& place : places_) {
    out->by_place.push_back(out->set->find(place));
    out->refuses = out->refuses || (out->by_place.back() != nullptr && out->by_place.back()->mode == waf::Mode::kBlock);
    if (out->by_place.back() == nullptr) return fail(Errc::kInvalid, fmt::format("{}: there is no policy '{}'", path_, place));
  }
  return std::shared_ptr<const PlacedPolicies>(std::move(out));
}

std::string Policies::load() {
  const auto folder = path_.substr(0, path_.rfind('/'));
  folder_ = ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder_ < 0) return fmt::format("{}: {}", folder, std::strerror(errno));
  auto loaded = load_after(nullptr);
  if (!loaded.ok()) return loaded.error().message;
  current_ = std::move(*loaded);
  return {};
}

void Policies::start(void* board, void* table) {
  if (table != nullptr) {
    table_.attach(table, {.self = ring::owner_of(::getpid()), .lives = ring::owner_lives});
    remembers_ = true;
  }
  if (board == nullptr || current_ == nullptr) return;
  board_ = std::make_unique<ring::BoardWorker>(board);
  board_->claim(ring::owner_of(::getpid()));
  const auto now = board_->generation();
  // A worker that follows one that died begins with what the configuration had; it serves with what is in force.
  auto fresh = load_after(current_);
  if (fresh.ok()) {
    if ((*fresh)->set->rules() != current_->set->rules()) idle_.clear();
    current_ = std::move(*fresh);
    board_->live(now);
  } else {
    board_->failed(now, fresh.error().message.data(), fresh.error().message.size());
  }
  // nginx's signals are its main thread's.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  follower_ = std::thread([this, now] { follow(now); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Policies::follow(std::uint32_t seen) {
  auto newest = current_;
  while (!stopping_) {
    const auto now = board_->generation();
    if (now == seen) {
      if (bury()) continue;
      board_->wait(seen);
      continue;
    }
    seen = now;
    auto loaded = load_after(newest);
    if (!loaded.ok()) {
      board_->failed(now, loaded.error().message.data(), loaded.error().message.size());
      continue;
    }
    newest = std::move(*loaded);
    {
      const std::lock_guard lock(mutex_);
      ready_ = newest;
    }
    newest_ready_.fetch_add(1, std::memory_order_release);
    board_->live(now);
  }
  stopped_ = true;
}

void Policies::take_up() {
  {
    const std::lock_guard lock(mutex_);
    taken_ = newest_ready_.load(std::memory_order_acquire);
    if (ready_ == nullptr) return;
    auto& gone = retired_.emplace_back();
    if (ready_->set->rules() != current_->set->rules()) {
      gone.transactions.swap(idle_);
      gone.texts.swap(texts_);
    }
    gone.policies = std::exchange(current_, std::move(ready_));
  }
  // The follower buries it, beside the traffic.  Should it fall asleep just now, it does so after the next update.
  board_->nudge();
}

bool Policies::bury() {
  std::vector<Retired> gone;
  {
    const std::lock_guard lock(mutex_);
    gone.swap(retired_);
  }
  if (gone.empty()) return false;
  gone.clear();
  // What a rule set took lies between what its successor took over; without this the process keeps the room of both.
  ::malloc_trim(0);
  return true;
}

void Policies::stop() {
  stopping_ = true;
  if (follower_.joinable()) {
    // It may be between looking at stopping_ and falling asleep.
    for (; !stopped_; ::usleep(200)) board_->nudge();
    follower_.join();
  }
  if (board_ != nullptr) board_->release();
}

std::unique_ptr<waf::Transaction> Policies::take(const std::shared_ptr<const waf::RuleSet>& rules) {
  const bool newest = rules == current_->set->rules();
  if (idle_.empty() || !newest) {
    if (newest && texts_ == nullptr) texts_ = waf::TextMemory::make(*rules);
    return waf::Transaction::make(rules, remembers_ ? &collections_ : nullptr, newest ? texts_ : nullptr);
  }
  auto out = std::move(idle_.back());
  idle_.pop_back();
  return out;
}

void Policies::give_back(const std::shared_ptr<const waf::RuleSet>& rules, std::unique_ptr<waf::Transaction> transaction) {
  // What one giant request needed is not kept for all the small ones after it.
  const bool keeps = idle_.size() < kIdleMax && rules == current_->set->rules() && transaction->memory_bytes() < kIdleBytesMax;
  if (keeps) idle_.push_back(std::move(transaction));
}

}  // namespace ringwall::edge_module
