#include "policy/bundle.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <memory>

namespace ringwall::policy {

namespace {

constexpr std::string_view kMagic = "ringwall-rules 1\n";

std::string entry(std::string_view kind, std::string_view path, std::string_view content) {
  return fmt::format("{} {} {}\n{}{}", kind, path.size(), content.size(), path, content);
}

// Takes digits and the character behind them.
bool take_number(std::string_view& text, char end, std::size_t& out) {
  const auto* last = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), last, out);
  if (error != std::errc() || stop == last || *stop != end) return false;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()) + 1);
  return true;
}

}  // namespace

Result<ReadBundle> read_bundle_of(std::string_view text, const std::string& main, const waf::Files& files) {
  std::map<std::string, std::string> read{{main, std::string(text)}};
  ReadBundle made;
  auto& out = made.bytes;
  const auto map = [&](const std::string& path) {
    made.data.push_back(path);
    return files.map(path);
  };
  out = fmt::format("{}{}\n", kMagic, main);
  out += entry("file", main, text);
  const waf::Files recording{
      [&](const std::string& path) -> Result<std::string> {
        if (const auto known = read.find(path); known != read.end()) return known->second;
        auto content = RW_TRY(files.read(path));
        out += entry("file", path, content);
        if (out.size() > kBundleBytesMax) return fail(Errc::kLimit, fmt::format("{}: the rule set and its files are larger than {} bytes", path, kBundleBytesMax));
        return read[path] = std::move(content);
      },
      [&](const std::string& pattern) -> Result<std::vector<std::string>> {
        auto paths = RW_TRY(files.glob(pattern));
        std::string lines;
        for (const auto& path : paths) lines += path + "\n";
        out += entry("glob", pattern, lines);
        return paths;
      },
      files.map ? decltype(files.map)(map) : nullptr};
  made.source = RW_TRY(waf::read_seclang(text, main, recording));
  return made;
}

Result<std::string> make_bundle_of(std::string_view text, const std::string& main, const waf::Files& files) { return RW_TRY(read_bundle_of(text, main, files)).bytes; }

Result<std::string> make_bundle(const std::string& main, const waf::Files& files) { return make_bundle_of(RW_TRY(files.read(main)), main, files); }

Result<Bundle> open_bundle(std::string_view bytes) {
  const auto damaged = [](std::string_view why) { return fail(Errc::kCorrupt, fmt::format("not a bundle of rules: {}", why), "made anew when the declaration is applied"); };
  if (!bytes.starts_with(kMagic)) return damaged("it begins otherwise");
  bytes.remove_prefix(kMagic.size());
  const auto line = bytes.find('\n');
  if (line == std::string_view::npos) return damaged("its first file is not named");
  Bundle bundle{std::string(bytes.substr(0, line)), {}};
  bytes.remove_prefix(line + 1);
  auto files = std::make_shared<std::map<std::string, std::string, std::less<>>>();
  auto globs = std::make_shared<std::map<std::string, std::vector<std::string>, std::less<>>>();
  while (!bytes.empty()) {
    const bool is_file = bytes.starts_with("file "), is_glob = bytes.starts_with("glob ");
    if (!is_file && !is_glob) return damaged("an entry is neither file nor glob");
    bytes.remove_prefix(5);
    std::size_t path_bytes = 0, content_bytes = 0;
    if (!take_number(bytes, ' ', path_bytes) || !take_number(bytes, '\n', content_bytes)) return damaged("an entry has no sizes");
    if (path_bytes > bytes.size() || content_bytes > bytes.size() - path_bytes) return damaged("it ends within an entry");
    const std::string path(bytes.substr(0, path_bytes));
    const auto content = bytes.substr(path_bytes, content_bytes);
    bytes.remove_prefix(path_bytes + content_bytes);
    if (is_file) {
      files->emplace(path, content);
      continue;
    }
    auto& paths = (*globs)[path];
    for (auto rest = content; !rest.empty();) {
      const auto end = std::min(rest.find('\n'), rest.size());
      paths.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  if (!files->contains(bundle.main)) return damaged("its first file is missing");
  bundle.files.read = [files](const std::string& path) -> Result<std::string> {
    const auto found = files->find(path);
    if (found == files->end()) return fail(Errc::kNotFound, fmt::format("{}: not in the bundle", path));
    return found->second;
  };
  bundle.files.glob = [globs](const std::string& pattern) -> Result<std::vector<std::string>> {
    const auto found = globs->find(pattern);
    if (found == globs->end()) return fail(Errc::kNotFound, fmt::format("{}: not in the bundle", pattern));
    return found->second;
  };
  return bundle;
}

}  // namespace ringwall::policy
