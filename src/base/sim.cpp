#include "base/sim.h"

#include <fmt/format.h>

#include <algorithm>

namespace ringwall::base::sim {

class SimAppendFile final : public AppendFile {
 public:
  SimAppendFile(Files& files, std::shared_ptr<Files::Node> node, std::string path)
      : files_(files), node_(std::move(node)), path_(std::move(path)), epoch_(node_->epoch) {}

  Result<void> append(std::string_view bytes) override {
    const std::lock_guard lock(files_.mutex_);
    RW_TRY(alive());
    auto outcome = files_.operation_locked("write", path_);
    node_->bytes.append(outcome.ok() ? bytes : bytes.substr(0, bytes.size() / 2));
    return outcome;
  }
  Result<void> sync() override {
    const std::lock_guard lock(files_.mutex_);
    RW_TRY(alive());
    RW_TRY(files_.operation_locked("sync", path_));
    node_->synced = node_->bytes.size();
    return {};
  }

 private:
  Result<void> alive() const {
    if (node_->epoch != epoch_) return fail(Errc::kUnavailable, fmt::format("{}: the machine stopped", path_));
    return {};
  }
  Files& files_;
  std::shared_ptr<Files::Node> node_;
  std::string path_;
  std::uint64_t epoch_;
};

void Files::fail_operation(std::uint64_t n, std::uint64_t count) {
  const std::lock_guard lock(mutex_);
  fail_at_ = n == kNever ? kNever : operations_ + n;
  fail_count_ = count;
}

std::uint64_t Files::operations() const {
  const std::lock_guard lock(mutex_);
  return operations_;
}

Result<void> Files::operation_locked(std::string_view what, const std::string& path) {
  const auto number = operations_++;
  if (number >= fail_at_ && number - fail_at_ < fail_count_) {
    return fail(Errc::kUnavailable, fmt::format("{} {}: simulated failure", what, path));
  }
  return {};
}

Result<std::shared_ptr<Files::Node>> Files::find_locked(const std::string& path) const {
  const auto it = nodes_.find(path);
  if (it == nodes_.end()) return fail(Errc::kNotFound, fmt::format("{}: no such file", path));
  return it->second;
}

void Files::crash(std::uint64_t kept, Tail tail) {
  const std::lock_guard lock(mutex_);
  ++epoch_;
  for (auto& [path, node] : nodes_) {
    auto stayed = std::make_shared<Node>(*node);
    node->epoch = epoch_ + 1;  // the old handle's node: no longer in the map
    const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(stayed->bytes.size(), stayed->synced + kept));
    if (tail == Tail::kZeros) {
      std::fill(stayed->bytes.begin() + static_cast<std::ptrdiff_t>(length), stayed->bytes.end(), '\0');
    } else {
      stayed->bytes.resize(length);
    }
    stayed->synced = stayed->bytes.size();
    stayed->epoch = epoch_;
    node = std::move(stayed);
  }
  fail_at_ = kNever;
}

std::uint64_t Files::unsynced(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const auto it = nodes_.find(path);
  return it == nodes_.end() ? 0 : it->second->bytes.size() - it->second->synced;
}

void Files::flip(const std::string& path, std::uint64_t offset) {
  const std::lock_guard lock(mutex_);
  auto& byte = nodes_.at(path)->bytes.at(static_cast<std::size_t>(offset));
  byte = static_cast<char>(byte ^ 0x55);
}

Result<std::unique_ptr<AppendFile>> Files::open_append(const std::string& path) {
  const std::lock_guard lock(mutex_);
  RW_TRY(operation_locked("open", path));
  auto& node = nodes_[path];
  if (node == nullptr) {
    node = std::make_shared<Node>();
    node->epoch = epoch_;
  }
  std::unique_ptr<AppendFile> file = std::make_unique<SimAppendFile>(*this, node, path);
  return file;
}

Result<std::string> Files::read(const std::string& path) { return read_range(path, 0, kNever); }

Result<std::string> Files::read_range(const std::string& path, std::uint64_t offset, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  RW_TRY(operation_locked("read", path));
  const auto node = RW_TRY(find_locked(path));
  if (offset >= node->bytes.size()) return std::string();
  return node->bytes.substr(static_cast<std::size_t>(offset), static_cast<std::size_t>(bytes));
}

Result<std::uint64_t> Files::size(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto node = RW_TRY(find_locked(path));
  return static_cast<std::uint64_t>(node->bytes.size());
}

Result<void> Files::write_atomic(const std::string& path, std::string_view bytes, unsigned) {
  const std::lock_guard lock(mutex_);
  RW_TRY(operation_locked("write", path));
  auto node = std::make_shared<Node>();
  node->bytes = bytes;
  node->synced = bytes.size();
  node->epoch = epoch_;
  nodes_[path] = std::move(node);
  return {};
}

Result<void> Files::truncate(const std::string& path, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  RW_TRY(operation_locked("truncate", path));
  const auto node = RW_TRY(find_locked(path));
  node->bytes.resize(static_cast<std::size_t>(bytes));
  node->synced = node->bytes.size();
  return {};
}

Result<void> Files::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  RW_TRY(operation_locked("remove", path));
  RW_TRY(find_locked(path));
  nodes_.erase(path);
  return {};
}

Result<void> Files::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  RW_TRY(operation_locked("rename", from));
  auto node = RW_TRY(find_locked(from));
  nodes_.erase(from);
  nodes_[to] = std::move(node);
  return {};
}

Result<void> Files::make_directories(const std::string& path) {
  const std::lock_guard lock(mutex_);
  folders_.insert(path);
  return {};
}

Result<std::vector<std::string>> Files::list(const std::string& path) {
  const std::lock_guard lock(mutex_);
  RW_TRY(operation_locked("list", path));
  std::vector<std::string> names;
  const std::string prefix = path + "/";
  for (const auto& [name, node] : nodes_) {
    if (name.starts_with(prefix) && name.find('/', prefix.size()) == std::string::npos) names.push_back(name.substr(prefix.size()));
  }
  if (names.empty() && !folders_.contains(path)) return fail(Errc::kNotFound, fmt::format("{}: no such folder", path));
  return names;
}

}  // namespace ringwall::base::sim
