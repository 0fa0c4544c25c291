// A bundle: a rule set as its author wrote it, with all files it includes or names, in one file.
//
//   bundle := "ringwall-rules 1\n" main entry*
//   main   := path "\n"
//   entry  := ("file " | "glob ") path-bytes " " content-bytes "\n" path content
//
// The content of a glob is the paths it stands for, a line each.  Compiling a bundle gives the rules its files gave when it was
// made, whatever has become of them.  Databases (waf::Files::map) are not in it: they are large, and have files of their own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "waf/seclang.h"

namespace ringwall::policy {

inline constexpr std::size_t kBundleBytesMax = 512u << 20;

struct Bundle {
  std::string main;   // path of the file to begin with
  waf::Files files;   // reads from the bundle alone
};

// Reads the rule set and gives its bundle.  Errors are those of waf::read_seclang_file.
Result<std::string> make_bundle(const std::string& main, const waf::Files& files);
// The same of a text that stands for a file of the name `main`, as "Include /etc/modsecurity/modsecurity.conf".
Result<std::string> make_bundle_of(std::string_view text, const std::string& main, const waf::Files& files);

// The same, and what was understood on the way: who makes a bundle and goes on with its rules need not read them out of it again.
struct ReadBundle {
  std::string bytes;
  waf::RuleSetSource source;      // its warnings included
  std::vector<std::string> data;  // paths of the databases the rules asked for
};
Result<ReadBundle> read_bundle_of(std::string_view text, const std::string& main, const waf::Files& files);

// kCorrupt when it is none.
Result<Bundle> open_bundle(std::string_view bytes);

}  // namespace ringwall::policy
