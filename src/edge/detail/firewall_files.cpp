#include "edge/detail/firewall_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/log.h"
#include "ring/owner.h"

namespace ringwall::edge::detail {

namespace {

Result<keep::TableFile> open_table(base::Files& files, const std::string& path) {
  keep::TableOptions options;
  std::uint8_t boot[16];
  ring::read_boot_id(boot);
  std::copy_n(boot, sizeof boot, options.boot_id.begin());
  auto table = keep::TableFile::open_or_create(path, options);
  if (table.ok() || table.error().code != Errc::kCorrupt) return table;
  // Counters are worth less than the edge.  Workers that run keep what they have mapped.
  base::log_event(base::Level::kWarn, "edge.counters_begin_anew", {{"why", table.error().message}});
  RW_TRY(files.remove(path));
  return keep::TableFile::open_or_create(path, options);
}

// As Files::write_atomic, but for the disk nobody waits.
Result<void> replace(const std::string& path, std::string_view bytes) {
  const auto temporary = path + ".tmp";
  const auto failed = [&] { return fail(Errc::kUnavailable, fmt::format("write {}: {}", temporary, std::strerror(errno))); };
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return failed();
  bool good = ::fchmod(fd, 0644) == 0;
  while (good && !bytes.empty()) {
    const auto n = ::write(fd, bytes.data(), bytes.size());
    good = n >= 0 || errno == EINTR;
    if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  const auto error = errno;
  ::close(fd);
  errno = error;
  if (!good || ::rename(temporary.c_str(), path.c_str()) != 0) return failed();
  return {};
}

}  // namespace

Result<std::unique_ptr<FirewallFiles>> FirewallFiles::open(base::Files& files, base::Clock& clock, const std::string& run_directory) {
  auto board = RW_TRY(ring::UpdateBoard::open_or_create(run_directory + "/waf.board"));
  auto table = RW_TRY(open_table(files, run_directory + "/waf.table"));
  return std::unique_ptr<FirewallFiles>(new FirewallFiles(files, clock, run_directory, std::move(board), std::move(table)));
}

Result<void> FirewallFiles::put(const FirewallPlan& plan, const FirewallPlan& before) {
  if (!plan.on) return {};
  RW_TRY(files_.make_directories(folder_));
  // Workers, who are somebody else, read here: through a descriptor that their master opened.
  std::error_code ignored;
  std::filesystem::permissions(folder_, static_cast<std::filesystem::perms>(0755), ignored);
  const auto bundle = folder_ + "/" + plan.bundle_name;
  // What an earlier core left was perhaps not on the disk yet when the power went.
  const bool whole = before.bundle_name == plan.bundle_name && files_.size(bundle).ok();
  if (!whole) RW_TRY(replace(bundle, plan.bundle));
  for (const auto& [name, bytes] : plan.models) {
    if (!files_.size(folder_ + "/" + name).ok()) RW_TRY(files_.write_atomic(folder_ + "/" + name, bytes, 0644));
  }
  auto policies = plan.policies;
  for (const auto& old : before.policies.policies) {
    const bool known = std::any_of(policies.policies.begin(), policies.policies.end(), [&](const auto& one) { return one.name == old.name; });
    if (!known) policies.policies.push_back({old.name, old.mode, old.tx, {}, {}, {}});
  }
  put_ = policy::write_policy_file(policies);
  return replace(folder_ + "/" + kPoliciesFile, put_);
}

void FirewallFiles::publish(const FirewallPlan& plan, const FirewallPlan& before) {
  if (!plan.on) return;
  for (const auto& warning : plan.warnings) base::log_event(base::Level::kWarn, "edge.rules_warning", {{"warning", warning}});
  publish_as("edge.rules_swapped", plan, before);
}

void FirewallFiles::publish_as(const char* event, const FirewallPlan& plan, const FirewallPlan& before) {
  const auto begin_ns = clock_.monotonic_ns();
  const auto state = board_.wait(board_.publish(), kSwapLimit);
  const bool good = state.behind == 0 && state.faults.empty();
  base::log_event(good ? base::Level::kInfo : base::Level::kError, event,
                  {{"rules", fmt::format("{}", plan.set->rules()->info().rules)},
                   {"workers", fmt::format("{}", state.live)},
                   {"behind", fmt::format("{}", state.behind)},
                   {"ms", fmt::format("{}", (clock_.monotonic_ns() - begin_ns) / 1'000'000)},
                   {"fault", state.faults.empty() ? "" : state.faults[0]}});
  // The next start goes by it where a list cannot be read any more.
  if (!put_.empty()) {
    const auto synced = files_.write_atomic(folder_ + "/" + kPoliciesFile, put_, 0644);
    if (!synced.ok()) base::log_event(base::Level::kWarn, "edge.policies_not_synced", {{"error", synced.error().message}});
    put_ = {};
  }
  const auto names = files_.list(folder_);
  if (!names.ok()) return;
  const auto is_of = [](const FirewallPlan& one, const std::string& name) {
    const auto& data = one.policies.files;
    return name == one.bundle_name || one.models.contains(name) || std::any_of(data.begin(), data.end(), [&](const auto& file) { return file.second == name; });
  };
  for (const auto& name : *names) {
    const bool ours = name.starts_with("rules-") || name.starts_with("list-") || name.starts_with("places-") || name.starts_with("model-");
    // Those before stay: who was slow may still read them.
    if (ours && !is_of(plan, name) && !is_of(before, name)) (void)files_.remove(folder_ + "/" + name);
  }
}

void FirewallFiles::begin_lenient() {
  const auto text = files_.read(folder_ + "/" + kPoliciesFile);
  const auto last = text.ok() ? policy::read_policy_file(*text, kPoliciesFile) : Result<policy::PolicyFile>(text.error());
  if (last.ok()) data_.fall_back_on(last->files);
}

bool FirewallFiles::fall_back_on_rules() {
  const auto read = [this](const std::string& name) { return files_.read(folder_ + "/" + name); };
  const auto text = read(kPoliciesFile);
  const auto last = text.ok() ? policy::read_policy_file(*text, kPoliciesFile) : Result<policy::PolicyFile>(text.error());
  if (!last.ok()) return false;
  const auto bytes = read(last->rules);
  auto bundle = bytes.ok() ? policy::open_bundle(*bytes) : Result<policy::Bundle>(bytes.error());
  if (!bundle.ok()) return false;
  data_.fall_back_on_rules(std::move(bundle->files));
  return true;
}

void FirewallFiles::end_lenient() {
  data_.fall_back_on({});
  data_.fall_back_on_rules({});
  for (const auto& fault : data_.take_faults()) base::log_event(base::Level::kError, "edge.list_refused", {{"why", fault}, {"in_force", "what it was before"}});
}

std::optional<FirewallPlan> FirewallFiles::with_changed_data(const FirewallPlan& plan) {
  if (!plan.on) return std::nullopt;
  auto next = plan;
  for (const auto& path : data_.changed(plan.policies.files)) {
    const auto name = data_.put_again(path);
    if (name.ok()) next.policies.files[path] = *name;
    else base::log_event(base::Level::kError, "edge.list_refused", {{"why", name.error().message}, {"in_force", "what it was before"}});
  }
  if (next.policies.files == plan.policies.files) return std::nullopt;
  auto done = recompile(next, data_);
  if (done.ok()) done = put(next, plan);
  if (!done.ok()) {
    // It is tried again with each look, and told once.
    if (done.error().message != told_) base::log_event(base::Level::kError, "edge.list_refused", {{"why", done.error().message}, {"in_force", "what it was before"}});
    told_ = done.error().message;
    return std::nullopt;
  }
  told_.clear();
  publish_as("edge.lists_swapped", next, plan);
  return next;
}

}  // namespace ringwall::edge::detail
