#include "edge/detail/plan.h"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/hash.h"
#include "base/log.h"
#include "edge/detail/instances.h"

namespace ringwall::edge::detail {

namespace {

constexpr unsigned kOpenFilesMax = 65536;

// Names a certificate can hold: without the catch-all, addresses without brackets.
std::vector<std::string> certificate_names(const declare::Host& host) {
  std::vector<std::string> out;
  bool all = host.names.empty();
  for (const auto& name : host.names) {
    if (name == "_" || name == "*") {
      all = true;
    } else if (name.size() > 2 && name.front() == '[' && name.back() == ']') {
      out.push_back(name.substr(1, name.size() - 2));
    } else {
      out.push_back(name);
    }
  }
  // A host for all names is met under these at least.
  if (all) out.insert(out.end(), {"localhost", "127.0.0.1", "::1"});
  return out;
}

// Whether a user who owns nothing here can pass through every folder on the way.
bool reachable_by_others(const std::string& path) {
  struct stat status {};
  for (auto folder = std::filesystem::path(path); !folder.empty(); folder = folder.parent_path()) {
    if (::stat(folder.c_str(), &status) != 0 || (status.st_mode & S_IXOTH) == 0) return false;
    if (folder == folder.root_path()) break;
  }
  return true;
}

}  // namespace

Result<std::vector<PlannedCertificate>> certificates_of(const declare::Declaration& declaration,
                                                        const std::string& base_directory, pki::LocalCa& ca) {
  std::vector<PlannedCertificate> out;
  const auto& hosts = declaration.edge.hosts;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const auto& declared = hosts[i].certificate;
    if (!declared.file.empty()) {
      out.push_back(
          {absolute_path(declared.file, base_directory), absolute_path(declared.key, base_directory)});
      continue;
    }
    const auto names = certificate_names(hosts[i]);
    std::string key;
    for (const auto& name : names) key += name + " ";
    // Named after its names, so that a host keeps its certificate when others come and go.
    const auto issued = RW_TRY_CTX(fmt::format("edge.hosts[{}].names", i),
                                   ca.ensure(fmt::format("host-{:016x}", base::hash64(key)), names));
    if (issued.issued) base::log_event(base::Level::kInfo, "edge.certificate_issued", {{"names", key}});
    out.push_back({issued.certificate_path, issued.key_path});
  }
  return out;
}

ConfigPlan machine_plan(const EdgeOptions& options) {
  ConfigPlan plan;
  plan.run_directory = options.run_directory;
  plan.module_path = options.module_path;
  plan.temp_directory = options.run_directory + "/temp-";
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  plan.open_files_max = static_cast<unsigned>(std::min<rlim_t>(limit.rlim_max, kOpenFilesMax));
  if (::geteuid() != 0) return plan;
  // Workers parse what strangers send; they get a user of their own.
  plan.user = ::getpwnam("www-data") != nullptr ? "www-data" : "nobody";
  if (!reachable_by_others(options.run_directory) && std::filesystem::is_directory("/var/lib/nginx")) {
    plan.temp_directory = fmt::format("/var/lib/nginx/ringwall-{:08x}-",
                                      static_cast<std::uint32_t>(base::hash64(options.run_directory)));
  }
  return plan;
}

Result<std::vector<Address>> listeners_of(const declare::Declaration& declaration) {
  std::vector<Address> out;
  for (std::size_t i = 0; i < declaration.edge.listeners.size(); ++i) {
    out.push_back(RW_TRY_CTX(fmt::format("edge.listeners[{}].address", i),
                             parse_address(declaration.edge.listeners[i].address)));
  }
  return out;
}

}  // namespace ringwall::edge::detail
