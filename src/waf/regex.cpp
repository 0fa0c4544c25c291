#include "waf/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>
#include <re2/re2.h>

#include <algorithm>
#include <iterator>
#include <mutex>

#include "base/text.h"
#include "waf/detail/automaton.h"
#include "waf/detail/line_begin.h"
#include "waf/detail/transform.h"

namespace ringwall::waf {

namespace {

// RE2 keeps the states it has seen of a pattern in memory up to this many bytes, then begins anew.
constexpr std::int64_t kAutomatonBytesMax = 16 << 20;

constexpr std::size_t kFoldedBytesMax = 64;

// Of a byte that RE2 looks at, and when it says where a match is: it goes over the text up to there forth and back.
constexpr std::uint64_t kRe2StepsPerByte = 2, kRe2StepsPerByteLocated = 8, kRe2StepsPerSearch = 400;

struct CodeFree {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
using Code = std::unique_ptr<pcre2_code, CodeFree>;

// PCRE2's limit is one of each place where a match may begin, so that a text has as many limits as bytes.  Here some places together
// may take so many steps: at first many places, because each search looks ahead for a byte that a match needs.  Where they take
// more, a quarter of them is tried, in the end one, and that is counted.
constexpr std::size_t kPlacesMin = 1024, kPartsOfText = 64;
constexpr std::uint32_t kStepsOfPlace[] = {32, 128, 512, 2048, 8192, 32'768, 131'072};

struct MatchData {
  pcre2_match_data* data = pcre2_match_data_create(32, nullptr);
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  ~MatchData() {
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
  }
};

Result<Code> compile_pcre2(std::string_view pattern, bool ignore_case) {
  int error = 0;
  std::size_t offset = 0;
  const std::uint32_t options = PCRE2_DOTALL | PCRE2_MULTILINE | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT | (ignore_case ? PCRE2_CASELESS : 0);
  Code code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), options, &error, &offset, nullptr));
  if (code == nullptr) {
    char words[256] = {};
    pcre2_get_error_message(error, reinterpret_cast<PCRE2_UCHAR*>(words), sizeof words);
    return fail(Errc::kInvalid, fmt::format("not a regular expression: {} at byte {}", words, offset));
  }
  return code;
}

Found search_pcre2(const pcre2_code* code, std::string_view text, Group* groups, int* count, std::uint64_t* steps) {
  thread_local MatchData match;
  int found = PCRE2_ERROR_NOMATCH;
  std::uint64_t taken = 0;
  const auto over = [&] {
    if (steps != nullptr) *steps += taken;
    return Found::kLimit;
  };
  std::size_t begin = 0, level = 0;
  const auto most = std::max(kPlacesMin, text.size() / kPartsOfText);
  while (begin <= text.size()) {
    const auto places = std::min(std::max<std::size_t>(most >> (2 * level), 1), text.size() + 1 - begin);
    pcre2_set_offset_limit(match.context, begin + places - 1);
    pcre2_set_match_limit(match.context, kStepsOfPlace[level]);
    found = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), begin, 0, match.data, match.context);
    const bool limited = found == PCRE2_ERROR_MATCHLIMIT;
    if (limited || level > 0) taken += places * kStepsOfPlace[level];
    if (found != PCRE2_ERROR_NOMATCH && !limited) break;
    if (taken > kBacktrackStepsMax || (limited && ++level == std::size(kStepsOfPlace))) return over();
    if (limited) continue;
    begin += places;
    if (level > 0) --level;
  }
  if (found < 0 && found != PCRE2_ERROR_NOMATCH) {
    taken += text.size();  // the compiled pattern's stack is full, for instance
    return over();
  }
  if (steps != nullptr) *steps += taken;
  if (found == PCRE2_ERROR_NOMATCH) return Found::kNo;
  if (groups != nullptr) {
    std::uint32_t captures = 0;
    pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &captures);
    *count = std::min<int>(static_cast<int>(captures) + 1, *count);
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
  Found search(std::string_view text, Group* groups, int* count, std::uint64_t* steps) const override {
    if (steps != nullptr) *steps += kRe2StepsPerSearch + kRe2StepsPerByte * text.size();
    return search_pcre2(code_.get(), text, groups, count, steps);
  }
  bool linear() const override { return false; }

 private:
  const Code code_;
};

class LinearRegex final : public Regex {
 public:
  // `code`: of a pattern that RE2 would find at the end of a text where PCRE2 does not; null: it is not one.
  LinearRegex(std::unique_ptr<re2::RE2> re2, Code code, std::string pattern, bool ignore_case)
      : re2_(std::move(re2)), code_(std::move(code)), pattern_(std::move(pattern)), ignore_case_(ignore_case), groups_(std::min(re2_->NumberOfCapturingGroups() + 1, kGroupsMax)) {}

  Found search(std::string_view text, Group* groups, int* count, std::uint64_t* steps) const override {
    std::uint64_t taken = 0;
    const auto found = searched(text, groups, count, taken);
    if (steps != nullptr) *steps += taken;
    return found;
  }
  bool locate(std::string_view text, Group* groups, int* count, std::uint64_t* steps) const override {
    if (code_ != nullptr) return Regex::locate(text, groups, count, steps);
    std::uint64_t taken = 0;
    const bool found = parts_of(text, groups, count, taken);
    if (steps != nullptr) *steps += taken;
    return found;
  }
  bool linear() const override { return true; }
  const detail::Automaton* automaton() const override { return code_ == nullptr ? any_automaton() : nullptr; }

 private:
  Found searched(std::string_view text, Group* groups, int* count, std::uint64_t& steps) const {
    const auto found = matches(text, steps);
    if (found == Found::kNo) return found;
    if (code_ != nullptr && !text.empty() && text.back() == '\n') {
      const auto confirmed = search_pcre2(code_.get(), text, groups, count, &steps);
      steps += text.size();
      if (confirmed != Found::kLimit) return confirmed;
      // RE2 has found something; whether at the end of the text only is more than the limit allows to know.
    }
    if (groups == nullptr || found == Found::kLimit) return found;
    return parts_of(text, groups, count, steps) ? Found::kYes : Found::kNo;
  }
  Found matches(std::string_view text, std::uint64_t& steps) const {
    if (const auto* one = any_automaton(); one != nullptr) {
      const auto found = one->find(text, steps);
      return found == detail::Automaton::Answer::kGivenUp ? Found::kLimit : found == detail::Automaton::Answer::kYes ? Found::kYes : Found::kNo;
    }
    steps += kRe2StepsPerSearch + kRe2StepsPerByte * text.size();
    const re2::StringPiece piece(text.data(), text.size());
    return re2_->Match(piece, 0, piece.size(), re2::RE2::UNANCHORED, nullptr, 0) ? Found::kYes : Found::kNo;
  }
  bool parts_of(std::string_view text, Group* groups, int* count, std::uint64_t& steps) const {
    const re2::StringPiece piece(text.data(), text.size());
    re2::StringPiece parts[kGroupsMax];
    *count = std::min(groups_, *count);
    const bool found = re2_->Match(piece, 0, piece.size(), re2::RE2::UNANCHORED, parts, *count);
    steps += kRe2StepsPerSearch + kRe2StepsPerByteLocated * (found ? static_cast<std::size_t>(parts[0].data() - text.data()) + parts[0].size() : text.size());
    if (!found) return false;
    for (int i = 0; i < *count; ++i) {
      groups[i] = parts[i].data() == nullptr ? Group{} : Group{static_cast<std::size_t>(parts[i].data() - text.data()), parts[i].size(), true};
    }
    return true;
  }
  // Null: the pattern has something in it that only RE2 knows.  Made when it is first needed: many patterns never are.
  const detail::Automaton* any_automaton() const {
    std::call_once(made_, [this] {
      if (auto nfa = detail::nfa_of(pattern_, ignore_case_)) automaton_ = std::make_unique<const detail::Automaton>(std::move(*nfa));
    });
    return automaton_.get();
  }

  const std::unique_ptr<re2::RE2> re2_;
  const Code code_;
  const std::string pattern_;
  const bool ignore_case_;
  const int groups_;
  mutable std::once_flag made_;
  mutable std::unique_ptr<const detail::Automaton> automaton_;
};

// Many patterns are a text to find, at any place or at a line's begin: an automaton would take longer.
class TextRegex final : public Regex {
 public:
  TextRegex(std::string text, bool line_begin, bool ignore_case) : text_(ignore_case ? base::lower_ascii(text) : std::move(text)), line_begin_(line_begin), ignore_case_(ignore_case) {}

  Found search(std::string_view text, Group* groups, int* count, std::uint64_t* steps) const override {
    if (steps != nullptr) *steps += text.size();
    const auto at = line_begin_ ? at_line_begin(text) : anywhere(text);
    if (at == std::string_view::npos) return Found::kNo;
    if (groups != nullptr) groups[0] = {at, text_.size(), true}, *count = std::min(1, *count);
    return Found::kYes;
  }
  bool linear() const override { return true; }

 private:
  static bool same_letter(char a, char lower) { return transforms::lower(a) == lower; }
  bool begins(std::string_view text) const {
    if (!ignore_case_) return text.starts_with(text_);
    return text.size() >= text_.size() && std::equal(text_.begin(), text_.end(), text.begin(), [](char lower, char a) { return same_letter(a, lower); });
  }
  std::size_t anywhere(std::string_view text) const {
    if (!ignore_case_) return text.find(text_);
    const auto at = std::search(text.begin(), text.end(), text_.begin(), text_.end(), same_letter);
    return at == text.end() ? std::string_view::npos : static_cast<std::size_t>(at - text.begin());
  }
  std::size_t at_line_begin(std::string_view text) const {
    for (std::size_t at = 0; at != std::string_view::npos; ++at) {
      if (begins(text.substr(at))) return at;
      at = text.find('\n', at);
      if (at == std::string_view::npos) break;
    }
    return std::string_view::npos;
  }

  const std::string text_;  // lower case where case is ignored
  const bool line_begin_, ignore_case_;
};

// ^.*$ takes every text as a whole.
class WholeRegex final : public Regex {
 public:
  Found search(std::string_view text, Group* groups, int* count, std::uint64_t*) const override {
    if (groups != nullptr) groups[0] = {0, text.size(), true}, *count = std::min(1, *count);
    return Found::kYes;
  }
  bool linear() const override { return true; }
};

// Null: the pattern is more than a text.
std::shared_ptr<const Regex> simple(std::string_view pattern, bool ignore_case) {
  if (pattern == ".*" || pattern == "^.*" || pattern == "^.*$") return std::make_shared<WholeRegex>();
  const bool line_begin = pattern.starts_with('^');
  std::string text;
  for (std::size_t i = line_begin ? 1 : 0; i < pattern.size(); ++i) {
    const bool escaped = pattern[i] == '\\';
    if (escaped) ++i;
    // Escaped, letters and digits mean something; other signs do unescaped.
    if (i == pattern.size() || (escaped ? std::isalnum(static_cast<unsigned char>(pattern[i])) != 0 : std::string_view("^$.|?*+()[{").find(pattern[i]) != std::string_view::npos)) return nullptr;
    text += pattern[i];
  }
  // Where case is ignored, a short text is looked for byte by byte.
  if (text.empty() || (ignore_case && text.size() > kFoldedBytesMax)) return nullptr;
  return std::make_shared<TextRegex>(std::move(text), line_begin, ignore_case);
}

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
  if (auto made = simple(pattern, ignore_case); made != nullptr) return made;
  re2::RE2::Options options;
  options.set_encoding(re2::RE2::Options::EncodingLatin1);
  options.set_log_errors(false);
  options.set_dot_nl(true);
  options.set_max_mem(kAutomatonBytesMax);
  options.set_case_sensitive(!ignore_case);
  auto text = to_re2(pattern);
  auto re2 = std::make_unique<re2::RE2>("(?m)" + text, options);
  if (!re2->ok()) {
    // Without the compiler the interpreter does the same, slower.
    (void)pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);
    return std::shared_ptr<const Regex>(std::make_shared<BacktrackingRegex>(std::move(code)));
  }
  if (!detail::may_end_with_line_begin(pattern)) code.reset();
  return std::shared_ptr<const Regex>(std::make_shared<LinearRegex>(std::move(re2), std::move(code), std::move(text), ignore_case));
}

}  // namespace ringwall::waf
