#include "tune/detail/groups.h"

#include <algorithm>
#include <map>

#include "waf/seclang.h"

namespace ringwall::tune::detail {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

// What says that bodies and requests are malformed is no field; its author has to mend the request.
bool is_field(waf::Variable variable) {
  using V = waf::Variable;
  switch (variable) {
    case V::kTx: case V::kIp: case V::kGlobal: case V::kSession: case V::kUser: case V::kResource: case V::kEnv: case V::kGeo: case V::kRule:
    case V::kMatchedVar: case V::kMatchedVars: case V::kMatchedVarName: case V::kMatchedVarsNames: case V::kReqbodyError: case V::kReqbodyProcessorError:
    case V::kMultipartStrictError: case V::kMultipartUnmatchedBoundary: case V::kRequestMethod: case V::kRequestProtocol: case V::kRemoteAddr: case V::kUniqueId: return false;
    default: return true;
  }
}

// "/admin/" of "/admin/pages/1"; "/" of "/index.html".
std::string first_folder(std::string_view path) {
  const auto slash = path.find('/', 1);
  return slash == std::string_view::npos ? "/" : std::string(path.substr(0, slash + 1));
}

}  // namespace

std::optional<std::string> target_of(const Finding& finding) {
  if (!is_field(finding.variable) || finding.name.size() > kTargetBytesMax) return std::nullopt;
  const std::string variable(waf::name_of(finding.variable));
  if (!waf::is_collection(finding.variable) || (finding.counts && finding.name.empty())) return variable;
  if (finding.variable == waf::Variable::kXml) return variable + ":" + finding.name;
  constexpr std::string_view kPlain = "-.[]$@", kNumbered = "array_";
  bool plain = !finding.name.empty(), numbered = false;
  std::string pattern = "^";
  for (std::size_t i = 0; i < finding.name.size(); ++i) {
    const char c = finding.name[i];
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) return std::nullopt;
    if (is_digit(c) && i >= kNumbered.size() && std::string_view(finding.name).substr(i - kNumbered.size(), kNumbered.size()) == kNumbered) {
      pattern += "\\d+";
      numbered = true;
      while (i + 1 < finding.name.size() && is_digit(finding.name[i + 1])) ++i;
      continue;
    }
    if (!is_word(c) && c != '-') {
      constexpr char kHex[] = "0123456789abcdef";
      // In a way that neither selectors nor YAML give a meaning of their own.
      pattern += c == '.' || c == '[' || c == ']' || c == '$' ? std::string("\\") + c : std::string("\\x") + kHex[c >> 4] + kHex[c & 15];
    } else {
      pattern += c;
    }
    plain = plain && (is_word(c) || kPlain.find(c) != std::string_view::npos);
  }
  return plain && !numbered ? variable + ":" + finding.name : variable + ":/" + pattern + "$/";
}

std::string common_path(const std::vector<std::string>& paths) {
  if (paths.empty()) return {};
  const bool printable = std::all_of(paths[0].begin(), paths[0].end(), [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
  if (printable && std::all_of(paths.begin(), paths.end(), [&](const auto& path) { return path == paths[0]; })) return "= " + paths[0];
  std::string_view common = paths[0];
  for (const auto& path : paths) {
    std::size_t same = 0;
    while (same < common.size() && same < path.size() && common[same] == path[same] && static_cast<unsigned char>(path[same]) >= 0x20) ++same;
    common = common.substr(0, same);
  }
  const auto slash = common.rfind('/');
  // "/" covers everything, as does no path.
  return slash == std::string_view::npos || slash == 0 ? "" : std::string(common.substr(0, slash + 1));
}

std::vector<Group> group(const std::vector<const Flagged*>& flagged) {
  struct Request {
    const Flagged* flagged;
    std::string path;
    std::vector<std::uint64_t> rules;
  };
  std::map<std::string, std::map<std::string, std::vector<Request>>> by_field;  // by target, by first folder
  for (const auto* one : flagged) {
    const auto path = decoded_path(one->stored.uri);
    std::map<std::string, std::vector<std::uint64_t>> targets;
    for (const auto& finding : one->findings) {
      if (const auto target = target_of(finding)) targets[*target].push_back(finding.rule_id);
    }
    for (auto& [target, rules] : targets) by_field[target][first_folder(path)].push_back({one, path, std::move(rules)});
  }
  std::vector<Group> out;
  const auto add = [&](const std::string& target, const std::vector<Request>& requests) {
    std::vector<std::string> paths;
    std::map<std::uint64_t, std::set<std::string>> clients;  // of each rule
    for (const auto& request : requests) {
      paths.push_back(request.path);
      for (const auto rule : request.rules) clients[rule].insert(request.flagged->stored.client);
    }
    Group made{target, common_path(paths), {}, {}};
    // A rule that only one of many ever met is not worth a hole.
    for (const auto& [rule, of] : clients) {
      if (of.size() > 1 || clients.size() == 1 || requests.size() == 1) made.rules.push_back(rule);
    }
    for (const auto& request : requests) {
      const bool meant = std::any_of(request.rules.begin(), request.rules.end(), [&](auto rule) { return std::binary_search(made.rules.begin(), made.rules.end(), rule); });
      if (meant) made.requests.push_back(request.flagged);
    }
    if (!made.rules.empty() && !made.requests.empty()) out.push_back(std::move(made));
  };
  for (const auto& [target, folders] : by_field) {
    if (folders.size() < kFoldersMax) {
      for (const auto& [folder, requests] : folders) add(target, requests);
      continue;
    }
    std::vector<Request> all;
    for (const auto& [folder, requests] : folders) all.insert(all.end(), requests.begin(), requests.end());
    add(target, all);
  }
  return out;
}

}  // namespace ringwall::tune::detail
