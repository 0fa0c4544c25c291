#include "policy/data_files.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "places/address_list.h"
#include "places/address_set.h"
#include "places/database.h"

namespace ringwall::policy {

DataFiles::Stamp DataFiles::stamp_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {status.st_mtim.tv_sec * std::int64_t{1'000'000'000} + status.st_mtim.tv_nsec, status.st_size, status.st_ino};
}

Result<std::string> DataFiles::put(Kind kind, const std::string& path) {
  auto& known = known_[path];
  // Before it is read: what comes while it is read is seen as a change.
  const auto stamp = stamp_of(path);
  const bool there = !known.name.empty() && (folder_.empty() || files_.size(folder_ + "/" + known.name).ok());
  if (!there || known.kind != kind || !(known.read == stamp)) {
    known = {kind, stamp, stamp, {}};
    auto made = make(kind, path);
    if (!made.ok()) {
      const auto before = before_.find(path);
      if (before == before_.end() || folder_.empty() || !files_.size(folder_ + "/" + before->second).ok()) return made;
      faults_.push_back(made.error().message);
      return names_[path] = before->second;
    }
    known.name = *made;
  }
  return names_[path] = known.name;
}

std::optional<DataFiles::Before> DataFiles::before(const std::string& path, const std::string& why) {
  const auto known = before_.find(path);
  if (known == before_.end()) return std::nullopt;
  auto bytes = files_.read(folder_ + "/" + known->second);
  if (!bytes.ok()) return std::nullopt;
  faults_.push_back(why);
  return Before{known->second, std::move(*bytes)};
}

Result<std::string> DataFiles::put_again(const std::string& path) {
  const auto known = known_.find(path);
  return put(known == known_.end() ? Kind::kList : known->second.kind, path);
}

Result<std::string> DataFiles::make(Kind kind, const std::string& path) {
  const auto size = RW_TRY(files_.size(path));
  if (size > kDataBytesMax) return fail(Errc::kLimit, fmt::format("{}: larger than {} bytes", path, kDataBytesMax));
  auto bytes = RW_TRY(files_.read(path));
  if (kind == Kind::kList) {
    auto ranges = places::parse_address_list(bytes);
    if (!ranges.ok()) return fail(ranges.error().code, fmt::format("{}:{}", path, ranges.error().message), ranges.error().hint);
    bytes = places::build_address_set(std::move(*ranges));
  } else {
    (void)RW_TRY_CTX(path, places::Database::open({bytes, nullptr}));
  }
  const auto name = fmt::format("{}-{:016x}", kind == Kind::kList ? "list" : "places", base::hash64(bytes));
  if (folder_.empty()) {
    held_[name] = places::in_memory(std::move(bytes));
  } else if (!files_.size(folder_ + "/" + name).ok()) {
    RW_TRY(files_.make_directories(folder_));
    RW_TRY(files_.write_atomic(folder_ + "/" + name, bytes, 0644));
  }
  return name;
}

waf::Files DataFiles::rule_files() {
  auto out = rules_.value_or(waf::real_files());
  out.map = [this](const std::string& path) -> Result<places::SharedBytes> { return mapper()(RW_TRY(put(Kind::kPlaces, path))); };
  return out;
}

Mapper DataFiles::mapper() const {
  if (!folder_.empty()) return folder_mapper(folder_);
  return [this](const std::string& name) -> Result<places::SharedBytes> {
    const auto found = held_.find(name);
    if (found == held_.end()) return fail(Errc::kNotFound, fmt::format("{}: not there", name));
    return found->second;
  };
}

std::vector<std::string> DataFiles::changed(const std::map<std::string, std::string>& names) {
  std::vector<std::string> out;
  for (const auto& [path, name] : names) {
    const auto found = known_.find(path);
    if (found == known_.end()) continue;
    const auto now = stamp_of(path);
    // What was put for a declaration that came to nothing is read, but not in force.
    const auto& known = found->second;
    const bool in_force = now == known.read && (known.name.empty() || known.name == name);
    if (!in_force && now == known.seen) out.push_back(path);
    found->second.seen = now;
  }
  return out;
}

}  // namespace ringwall::policy
