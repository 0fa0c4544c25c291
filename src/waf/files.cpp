// The files a rule set names, read from the disk.  Runs where rule sets are compiled, never where requests are
// judged.
#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>

#include "waf/seclang.h"

namespace ringwall::waf {

namespace {

constexpr std::size_t kRuleFileBytesMax =
    256 << 20;  // a list of all addresses one wants to block is large, not endless

Result<std::string> read_rule_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in)
    return fail(errno == ENOENT ? Errc::kNotFound : Errc::kDenied,
                fmt::format("{}: {}", path, std::strerror(errno)));
  std::string out;
  char piece[64 << 10];
  while (in.read(piece, sizeof piece), in.gcount() > 0) {
    out.append(piece, static_cast<std::size_t>(in.gcount()));
    if (out.size() > kRuleFileBytesMax)
      return fail(Errc::kLimit, fmt::format("{}: larger than {} bytes", path, kRuleFileBytesMax));
  }
  if (in.bad())
    return fail(Errc::kUnavailable, fmt::format("{}: cannot be read to its end", path), "is it a folder?");
  return out;
}

Result<std::vector<std::string>> rule_files_like(const std::string& pattern) {
  glob_t found{};
  // A folder that is not there has no such files, as a release of the Core Rule Set 3 has no plugins; one that may not be read could.
  const auto stop = [](const char*, int why) { return why == ENOENT || why == ENOTDIR ? 0 : 1; };
  const int status = ::glob(pattern.c_str(), 0, stop, &found);
  const std::unique_ptr<glob_t, void (*)(glob_t*)> owner(&found, ::globfree);
  if (status == GLOB_NOMATCH) return std::vector<std::string>();
  if (status != 0) return fail(Errc::kUnavailable, fmt::format("{}: its folder cannot be read", pattern));
  std::vector<std::string> paths(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  std::sort(paths.begin(), paths.end());  // glob sorts as the locale does; rule sets rely on the order of bytes
  return paths;
}

}  // namespace

// In memory, because whoever brings the file up to date may write over it.
Files real_files() {
  return {read_rule_file, rule_files_like, [](const std::string& path) -> Result<places::SharedBytes> { return places::in_memory(RW_TRY(read_rule_file(path))); }};
}

}  // namespace ringwall::waf
