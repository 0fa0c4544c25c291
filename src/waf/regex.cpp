#include "waf/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>
#include <re2/re2.h>

#include <algorithm>

namespace ringwall::waf {

namespace {

// RE2 keeps the states it has seen of a pattern in memory up to this many bytes, then begins anew.
constexpr std::int64_t kAutomatonBytesMax = 16 << 20;

struct CodeFree {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
using Code = std::unique_ptr<pcre2_code, CodeFree>;

struct MatchData {
  pcre2_match_data* data = pcre2_match_data_create(32, nullptr);
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  MatchData() { pcre2_set_match_limit(context, kBacktrackStepsMax); }
  ~MatchData() {
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
  }
};

Result<Code> compile_pcre2(std::string_view pattern, bool ignore_case) {
  int error = 0;
  std::size_t offset = 0;
  const std::uint32_t options = PCRE2_DOTALL | PCRE2_MULTILINE | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C | (ignore_case ? PCRE2_CASELESS : 0);
  Code code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), options, &error, &offset, nullptr));
  if (code == nullptr) {
    char words[256] = {};
    pcre2_get_error_message(error, reinterpret_cast<PCRE2_UCHAR*>(words), sizeof words);
    return fail(Errc::kInvalid, fmt::format("not a regular expression: {} at byte {}", words, offset));
  }
  return code;
}

Found search_pcre2(const pcre2_code* code, std::string_view text, Group* groups, int* count) {
  thread_local MatchData match;
  const int found = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, 0, match.data, match.context);
  if (found == PCRE2_ERROR_NOMATCH) return Found::kNo;
  if (found < 0) return Found::kLimit;
  if (groups != nullptr) {
    std::uint32_t captures = 0;
    pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &captures);
    *count = std::min<int>(static_cast<int>(captures) + 1, kGroupsMax);
    const auto* ends = pcre2_get_ovector_pointer(match.data);
    for (int i = 0; i < *count; ++i) {
      const bool set = i < found && ends[2 * i] != PCRE2_UNSET;
      groups[i] = set ? Group{ends[2 * i], ends[2 * i + 1] - ends[2 * i], true} : Group{};
    }
  }
  return Found::kYes;
}

class BacktrackingRegex final : public Regex {
 public:
  explicit BacktrackingRegex(Code code) : code_(std::move(code)) {}
  Found search(std::string_view text, Group* groups, int* count) const override { return search_pcre2(code_.get(), text, groups, count); }
  bool linear() const override { return false; }

 private:
  const Code code_;
};

class LinearRegex final : public Regex {
 public:
  LinearRegex(std::unique_ptr<re2::RE2> re2, Code code, bool line_begins)
      : re2_(std::move(re2)), code_(std::move(code)), line_begins_(line_begins), groups_(std::min(re2_->NumberOfCapturingGroups() + 1, kGroupsMax)) {}

  Found search(std::string_view text, Group* groups, int* count) const override {
    const re2::StringPiece piece(text.data(), text.size());
    // One dialect difference cannot be written away: ^ behind a newline that ends the text is a line's begin for RE2 only.
    if (line_begins_ && !text.empty() && text.back() == '\n') {
      if (!re2_->Match(piece, 0, piece.size(), re2::RE2::UNANCHORED, nullptr, 0)) return Found::kNo;
      const auto found = search_pcre2(code_.get(), text, groups, count);
      if (found != Found::kLimit) return found;
      // RE2 has found something; whether at the end of the text only is more than the limit allows to know.
    }
    if (groups == nullptr) return re2_->Match(piece, 0, piece.size(), re2::RE2::UNANCHORED, nullptr, 0) ? Found::kYes : Found::kNo;
    re2::StringPiece parts[kGroupsMax];
    if (!re2_->Match(piece, 0, piece.size(), re2::RE2::UNANCHORED, nullptr, 0)) return Found::kNo;
    if (!re2_->Match(piece, 0, piece.size(), re2::RE2::UNANCHORED, parts, groups_)) return Found::kNo;
    *count = groups_;
    for (int i = 0; i < groups_; ++i) {
      groups[i] = parts[i].data() == nullptr ? Group{} : Group{static_cast<std::size_t>(parts[i].data() - text.data()), parts[i].size(), true};
    }
    return Found::kYes;
  }
  bool linear() const override { return true; }

 private:
  const std::unique_ptr<re2::RE2> re2_;
  const Code code_;
  const bool line_begins_;
  const int groups_;
};

}  // namespace

std::string to_re2(std::string_view pattern) {
  constexpr std::string_view kSpace = "\\t\\n\\v\\f\\r ", kBlank = "\\t \\xa0";
  std::string out;
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      const char next = pattern[++i];
      if (next == 's') out += in_class ? std::string(kSpace) : fmt::format("[{}]", kSpace);
      else if (next == 'S' && !in_class) out += fmt::format("[^{}]", kSpace);
      else if (next == 'S') out += "\\x00-\\x08\\x0e-\\x1f\\x21-\\xff";
      else if (next == 'h') out += in_class ? std::string(kBlank) : fmt::format("[{}]", kBlank);
      else if (next == 'e') out += "\\x1b";
      else if (next == 'R' && !in_class) out += "(?:\\r\\n|[\\n\\v\\f\\r\\x85])";
      else if (next == 'x' && i + 1 < pattern.size() && pattern[i + 1] != '{') {
        // One digit or none is right in PCRE2.
        std::size_t digits = 0;
        while (digits < 2 && i + 1 + digits < pattern.size() && std::isxdigit(static_cast<unsigned char>(pattern[i + 1 + digits])) != 0) ++digits;
        out += fmt::format("\\x{:0>2}", pattern.substr(i + 1, digits));
        i += digits;
      } else if (std::isalnum(static_cast<unsigned char>(next)) == 0 && static_cast<unsigned char>(next) < 0x80) {
        out += '\\', out += next;
      } else if (static_cast<unsigned char>(next) >= 0x80) {
        out += next;
      } else {
        out += '\\', out += next;
      }
      continue;
    }
    if (in_class) {
      if (c == '[' && i + 1 < pattern.size() && pattern[i + 1] == ':') {
        const auto end = pattern.find(":]", i + 2);
        if (end != std::string_view::npos) {
          out += pattern.substr(i, end + 2 - i);
          i = end + 1;
          continue;
        }
      }
      if (c == '[') {
        out += "\\[";
        continue;
      }
      if (c == ']') in_class = false;
    } else if (c == '[') {
      in_class = true;
      out += c;
      if (i + 1 < pattern.size() && pattern[i + 1] == '^') out += pattern[++i];
      if (i + 1 < pattern.size() && pattern[i + 1] == ']') out += "\\]", ++i;
      continue;
    }
    out += c;
  }
  return out;
}

Result<std::shared_ptr<const Regex>> Regex::compile(std::string_view pattern, bool ignore_case) {
  if (pattern.size() > kPatternBytesMax) return fail(Errc::kLimit, fmt::format("a pattern of {} bytes is longer than {}", pattern.size(), kPatternBytesMax));
  auto code = RW_TRY(compile_pcre2(pattern, ignore_case));
  re2::RE2::Options options;
  options.set_encoding(re2::RE2::Options::EncodingLatin1);
  options.set_log_errors(false);
  options.set_dot_nl(true);
  options.set_max_mem(kAutomatonBytesMax);
  options.set_case_sensitive(!ignore_case);
  auto re2 = std::make_unique<re2::RE2>("(?m)" + to_re2(pattern), options);
  if (!re2->ok()) {
    // Without the compiler the interpreter does the same, slower.
    (void)pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);
    return std::shared_ptr<const Regex>(std::make_shared<BacktrackingRegex>(std::move(code)));
  }
  const bool line_begins = pattern.find('^') != std::string_view::npos;
  if (!line_begins) code.reset();
  return std::shared_ptr<const Regex>(std::make_shared<LinearRegex>(std::move(re2), std::move(code), line_begins));
}

}  // namespace ringwall::waf
