#include "edge/detail/firewall_files.h"

#include <fmt/format.h>

#include <algorithm>
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

// What a look has read and compiled.
struct ReadRules final : RulesReview {
  FirewallPlan plan;
  std::shared_ptr<const policy::PolicySet> before;  // in force then
};

std::string shown(const FirewallPlan& plan) {
  auto names = plan.bundle_name;
  for (const auto& [name, bytes] : plan.models) names += " " + name;
  return names;
}

}  // namespace

Result<std::unique_ptr<FirewallFiles>> FirewallFiles::open(base::Files& files, base::Clock& clock, const std::string& run_directory, const std::string& base_directory) {
  auto board = RW_TRY(ring::UpdateBoard::open_or_create(run_directory + "/waf.board"));
  auto table = RW_TRY(open_table(files, run_directory + "/waf.table"));
  return std::unique_ptr<FirewallFiles>(new FirewallFiles(files, clock, run_directory, base_directory, std::move(board), std::move(table)));
}

Result<void> FirewallFiles::put(const FirewallPlan& plan, const FirewallPlan& before) {
  if (!plan.on) return {};
  RW_TRY(files_.make_directories(folder_));
  // Workers, who are somebody else, read here: through a descriptor that their master opened.
  std::error_code ignored;
  std::filesystem::permissions(folder_, static_cast<std::filesystem::perms>(0755), ignored);
  const auto bundle = folder_ + "/" + plan.bundle_name;
  const auto there = files_.size(bundle);
  if (!there.ok() || *there != plan.bundle.size()) RW_TRY(files_.write_atomic(bundle, plan.bundle, 0644));
  for (const auto& [name, bytes] : plan.models) {
    if (!files_.size(folder_ + "/" + name).ok()) RW_TRY(files_.write_atomic(folder_ + "/" + name, bytes, 0644));
  }
  auto policies = plan.policies;
  for (const auto& old : before.policies.policies) {
    const bool known = std::any_of(policies.policies.begin(), policies.policies.end(), [&](const auto& one) { return one.name == old.name; });
    if (!known) policies.policies.push_back({old.name, old.mode, old.tx, {}, {}, {}});
  }
  return files_.write_atomic(folder_ + "/" + kPoliciesFile, policy::write_policy_file(policies), 0644);
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

Result<FirewallPlan> FirewallFiles::plan_at_start(const declare::Declaration& declaration) {
  const auto plan = [&] { return firewall_plan(declaration, base_directory_, nullptr, &data_); };
  const auto read = [this](const std::string& name) { return files_.read(folder_ + "/" + name); };
  const auto text = read(kPoliciesFile);
  const auto last = text.ok() ? policy::read_policy_file(*text, kPoliciesFile) : Result<policy::PolicyFile>(text.error());
  if (!last.ok()) return plan();
  data_.fall_back_on(last->files);
  auto made = plan();
  const auto bytes = made.ok() ? Result<std::string>("") : read(last->rules);
  if (auto bundle = bytes.ok() ? policy::open_bundle(*bytes) : Result<policy::Bundle>(bytes.error()); !made.ok() && bundle.ok()) {
    // One mistake in a file of rules, and an application would be down until it is found.
    data_.fall_back_on_rules(std::move(bundle->files));
    auto as_before = plan();
    if (as_before.ok()) {
      base::log_event(base::Level::kError, "edge.rules_refused", {{"why", made.error().message}, {"in_force", "what they were before"}});
      made = std::move(as_before);
    }
    data_.fall_back_on_rules({});
  }
  data_.fall_back_on({});
  for (const auto& fault : data_.take_faults()) base::log_event(base::Level::kError, "edge.data_refused", {{"why", fault}, {"in_force", "what it was before"}});
  return made;
}

Result<std::unique_ptr<RulesReview>> FirewallFiles::review(const declare::Declaration& declaration, const FirewallPlan& now) {
  auto out = std::make_unique<ReadRules>();
  if (now.on && declaration.waf.mode != "off") {
    out->before = now.set;
    out->plan = RW_TRY(firewall_plan(declaration, base_directory_, now.set, &data_));
    if (!same_rules(out->plan, now)) out->change = {"change", "waf (the rules' files)", shown(now), shown(out->plan), "swap firewall rules"};
  }
  return std::unique_ptr<RulesReview>(std::move(out));
}

Result<FirewallPlan> FirewallFiles::plan(const declare::Declaration& declaration, const FirewallPlan& now, RulesReview* reviewed) {
  auto* read = static_cast<ReadRules*>(reviewed);
  // Lists may have been swapped in between.
  if (read != nullptr && read->plan.on && read->before == now.set) return std::move(read->plan);
  return firewall_plan(declaration, base_directory_, now.set, &data_);
}

std::optional<FirewallPlan> FirewallFiles::with_changed_data(const FirewallPlan& plan) {
  if (!plan.on) return std::nullopt;
  auto next = plan;
  for (const auto& path : data_.changed(plan.policies.files)) {
    const auto name = data_.put_again(path);
    if (name.ok()) next.policies.files[path] = *name;
    else base::log_event(base::Level::kError, "edge.data_refused", {{"why", name.error().message}, {"in_force", "what it was before"}});
  }
  if (next.policies.files == plan.policies.files) return std::nullopt;
  auto done = recompile(next, data_);
  if (done.ok()) done = put(next, plan);
  if (!done.ok()) {
    // It is tried again with each look, and told once.
    if (done.error().message != told_) base::log_event(base::Level::kError, "edge.data_refused", {{"why", done.error().message}, {"in_force", "what it was before"}});
    told_ = done.error().message;
    return std::nullopt;
  }
  told_.clear();
  publish_as("edge.lists_swapped", next, plan);
  return next;
}

}  // namespace ringwall::edge::detail
