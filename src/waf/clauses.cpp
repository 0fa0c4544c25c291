#include "waf/detail/clauses.h"

#include <algorithm>
#include <bitset>
#include <optional>

namespace ringwall::waf::detail {

namespace {

constexpr std::size_t kExactMax = 64;       // strings that a part of a pattern may be, kept apart
constexpr std::size_t kExactBytesMax = 12;
constexpr std::size_t kClassMax = 20;       // larger classes say too little
constexpr int kDepthMax = 200;
constexpr int kRepeatMax = 3;

char fold(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
using Bytes = std::bitset<256>;

// What is known of a part: all texts it matches (`exact`), or clauses that hold for them.  Exact may be with an exception: what has a
// byte of `beside` in it may be anything.  So "s[\"']*e[\"']*t" is "set", or has a quote in it.
struct Info {
  bool exact = true;
  std::vector<std::string> strings{""};  // when exact
  std::vector<Clause> clauses;           // when not
  Bytes beside;                          // when exact

  static Info unknown() { return {false, {}, {}, {}}; }
};

constexpr double kSeldom = 0.02, kSeldomMax = 0.3;

void tidy(std::vector<std::string>& strings) {
  std::sort(strings.begin(), strings.end());
  strings.erase(std::unique(strings.begin(), strings.end()), strings.end());
}

// What pages, messages and requests have far more often than its length says: about the share of texts.
struct CommonText {
  std::string_view text;
  double share;
};
constexpr CommonText kCommonTexts[] = {
    {"com", 0.8}, {"org", 0.6}, {"the ", 0.6}, {"and ", 0.6}, {" in ", 0.6}, {"for ", 0.5}, {" with ", 0.4}, {" not ", 0.3}, {"from ", 0.3}, {"at ", 0.5}, {" is ", 0.5},
    {"error", 0.3}, {"warning", 0.3}, {"exception", 0.2}, {"message", 0.3}, {"invalid", 0.1}, {"function", 0.3}, {"server", 0.2}, {"application", 0.3}, {"database", 0.1},
    {"driver", 0.1}, {"java", 0.2}, {"header", 0.3}, {"version", 0.2}, {"session", 0.1}, {"password", 0.2}, {"user", 0.4}, {"content", 0.4}, {"charset=utf-8", 0.3},
    {"<!doctype html>\n<html", 0.5}, {"<html>\n<head>\n", 0.3}, {"<html><head>", 0.3}, {"<title>", 0.5}, {"</title>", 0.5}, {"<body>", 0.3}, {" href=\"", 0.5}, {"</div>\n", 0.5}, {"<meta name=\"", 0.3},
    {"<meta http-equiv=\"content-type\" content=\"text/html; charset=", 0.2}, {"https://www.", 0.4}};

// About how often text that means no harm satisfies it: small is good.
double weight(const Clause& clause) {
  double sum = 0;
  for (const auto& literal : clause) {
    const auto c = static_cast<unsigned char>(literal[0]);
    const bool letter = c >= 'a' && c <= 'z', digit = c >= '0' && c <= '9';
    if (literal.size() == 1) {
      sum += letter ? 0.8 : digit ? 0.5 : c == ' ' ? 0.6 : std::string_view(".,-_/:=").find(static_cast<char>(c)) != std::string_view::npos ? 0.25 : kSeldom;
      continue;
    }
    double each = 0.15;
    for (std::size_t i = 1; i < literal.size(); ++i) each /= 4;
    const bool word = std::all_of(literal.begin(), literal.end(), [](char b) { return (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9'); });
    if (!word) each *= 0.3;
    for (const auto& common : kCommonTexts) {
      if (common.share > each && common.text.find(literal) != std::string_view::npos) each = common.share;
    }
    sum += each;
  }
  return sum;
}

void keep_best(std::vector<Clause>& clauses) {
  for (auto& clause : clauses) tidy(clause);
  std::sort(clauses.begin(), clauses.end());
  clauses.erase(std::unique(clauses.begin(), clauses.end()), clauses.end());
  std::stable_sort(clauses.begin(), clauses.end(), [](const auto& a, const auto& b) { return weight(a) < weight(b); });
  if (clauses.size() > kClausesMax) clauses.resize(kClausesMax);
}

std::vector<Clause> to_clauses(const Info& info) {
  if (!info.exact) return info.clauses;
  // A part that may be empty says nothing.
  if (info.strings.empty() || std::any_of(info.strings.begin(), info.strings.end(), [](const auto& s) { return s.empty(); })) return {};
  auto clause = info.strings;
  for (std::size_t c = 0; c < info.beside.size(); ++c) {
    if (info.beside[c]) clause.emplace_back(1, static_cast<char>(c));
  }
  tidy(clause);
  return {std::move(clause)};
}

// Bytes of which one is in whatever the part matches, but for the empty text; nothing: none are known that few texts have.
std::optional<Bytes> seldom_bytes(const Info& info) {
  Clause firsts;
  const auto add = [&](const std::vector<std::string>& literals) {
    for (const auto& literal : literals) {
      if (!literal.empty()) firsts.push_back(literal.substr(0, 1));
    }
  };
  Bytes bytes = info.beside;
  if (info.exact) {
    add(info.strings);
  } else {
    if (info.clauses.empty()) return {};
    add(*std::min_element(info.clauses.begin(), info.clauses.end(), [](const auto& a, const auto& b) { return weight(a) < weight(b); }));
  }
  tidy(firsts);
  if (weight(firsts) > kSeldomMax) return {};
  for (const auto& first : firsts) bytes.set(static_cast<unsigned char>(first[0]));
  return bytes;
}

Info concatenate(const Info& a, const Info& b) {
  if (a.exact && b.exact && a.strings.size() * b.strings.size() <= kExactMax) {
    std::size_t longest_a = 0, longest_b = 0;
    for (const auto& s : a.strings) longest_a = std::max(longest_a, s.size());
    for (const auto& s : b.strings) longest_b = std::max(longest_b, s.size());
    if (longest_a + longest_b <= kExactBytesMax) {
      Info out{true, {}, {}, a.beside | b.beside};
      for (const auto& x : a.strings) {
        for (const auto& y : b.strings) out.strings.push_back(x + y);
      }
      tidy(out.strings);
      return out;
    }
  }
  Info out = Info::unknown();
  for (const auto* part : {&a, &b}) {
    for (auto& clause : to_clauses(*part)) out.clauses.push_back(std::move(clause));
  }
  keep_best(out.clauses);
  return out;
}

// Parts one behind the other.  The known ones among them are kept together, so that "union\s+select" needs "select" and not
// merely its letters.
class Sequence {
 public:
  void add(const Info& part) {
    auto joined = concatenate(run_, part);
    if (joined.exact) {
      run_ = std::move(joined);
      return;
    }
    whole_ = false;
    close_run();
    if (part.exact) run_ = part;
    else clauses_.insert(clauses_.end(), part.clauses.begin(), part.clauses.end());
    if (clauses_.size() > 4 * kClausesMax) keep_best(clauses_);
  }
  Info finish() {
    if (whole_) return run_;
    close_run();
    keep_best(clauses_);
    return {false, {}, clauses_, {}};
  }

 private:
  void close_run() {
    for (auto& clause : to_clauses(run_)) clauses_.push_back(std::move(clause));
    run_ = {};
  }
  Info run_;
  std::vector<Clause> clauses_;
  bool whole_ = true;
};

Info alternative(const std::vector<Info>& all) {
  std::vector<std::string> strings;
  Bytes beside;
  bool exact = true;
  for (const auto& one : all) {
    exact = exact && one.exact;
    beside |= one.beside;
    if (one.exact) strings.insert(strings.end(), one.strings.begin(), one.strings.end());
  }
  tidy(strings);
  if (exact && strings.size() <= kExactMax) return {true, std::move(strings), {}, beside};
  // One clause of each, together.
  Clause joined;
  for (const auto& one : all) {
    const auto clauses = to_clauses(one);
    if (clauses.empty()) return Info::unknown();
    const auto& best = *std::min_element(clauses.begin(), clauses.end(), [](const auto& x, const auto& y) { return weight(x) < weight(y); });
    joined.insert(joined.end(), best.begin(), best.end());
  }
  tidy(joined);
  if (joined.size() > kClauseLiteralsMax) return Info::unknown();
  return {false, {}, {std::move(joined)}, {}};
}

Info of_bytes(const Bytes& bytes) {
  std::vector<std::string> folded;
  bool exact = true;
  for (int c = 0; c < 256; ++c) {
    if (!bytes[static_cast<std::size_t>(c)]) continue;
    // What case folding does with bytes that are no ASCII is the matcher's business: that there is one of them is enough.
    exact = exact && c < 0x80;
    folded.emplace_back(1, c < 0x80 ? fold(static_cast<char>(c)) : kAnyHighByte);
  }
  tidy(folded);
  if (folded.empty() || folded.size() > kClassMax) return Info::unknown();
  if (!exact) return {false, {}, {std::move(folded)}, {}};
  return {true, std::move(folded), {}, {}};
}

// Most of a pattern is bytes that stand for themselves.
Info of_byte(unsigned char c) {
  std::string folded(1, c < 0x80 ? fold(static_cast<char>(c)) : kAnyHighByte);
  if (c < 0x80) return {true, {std::move(folded)}, {}, {}};
  return {false, {}, {{std::move(folded)}}, {}};
}

class Reader {
 public:
  explicit Reader(std::string_view pattern) : text_(pattern) {}

  // Nothing: the pattern has something in it that this reader does not know.
  std::optional<Info> read() {
    auto info = alternatives(0);
    if (failed_ || at_ != text_.size()) return {};
    return info;
  }

 private:
  bool more() const { return at_ < text_.size(); }
  char peek() const { return text_[at_]; }
  bool take(std::string_view what) {
    if (text_.substr(at_, what.size()) != what) return false;
    at_ += what.size();
    return true;
  }
  Info fail() {
    failed_ = true;
    return Info::unknown();
  }

  Info alternatives(int depth) {
    if (depth > kDepthMax) return fail();
    std::vector<Info> all;
    do {
      Sequence one;
      while (more() && peek() != '|' && peek() != ')' && !failed_) one.add(repeated(depth));
      all.push_back(one.finish());
    } while (!failed_ && take("|"));
    return all.size() == 1 ? std::move(all[0]) : alternative(all);
  }

  Info repeated(int depth) {
    Info info = atom(depth);
    while (!failed_ && more()) {
      int low = 0, high = -1;
      if (take("*")) low = 0;
      else if (take("+")) low = 1;
      else if (take("?")) low = 0, high = 1;
      else if (peek() == '{' && bounds(low, high)) {}
      else break;
      if (!take("?")) take("+");
      info = repeat(info, low, high);
    }
    return info;
  }

  // {3}, {3,}, {3,5}; anything else is a plain brace.
  bool bounds(int& low, int& high) {
    std::size_t i = at_ + 1;
    const auto number = [&](int& out) {
      const auto begin = i;
      out = 0;
      while (i < text_.size() && text_[i] >= '0' && text_[i] <= '9' && i - begin < 5) out = out * 10 + (text_[i++] - '0');
      return i > begin;
    };
    if (!number(low)) return false;
    high = low;
    if (i < text_.size() && text_[i] == ',') {
      ++i;
      if (!number(high)) high = -1;
    }
    if (i >= text_.size() || text_[i] != '}') return false;
    at_ = i + 1;
    return true;
  }

  static Info repeat(const Info& one, int low, int high) {
    if (low == 0) {
      // Left out, or with one of these in it.
      if (const auto bytes = seldom_bytes(one)) return {true, {""}, {}, *bytes};
      if (high == 1 && one.exact && one.strings.size() < kExactMax) {
        Info out = one;
        out.strings.emplace_back();
        tidy(out.strings);
        return out;
      }
      return Info::unknown();
    }
    Info out = one;
    for (int i = 1; i < std::min(low, kRepeatMax); ++i) out = concatenate(out, one);
    if (low == high && low <= kRepeatMax) return out;
    return {false, {}, to_clauses(out), {}};
  }

  Info atom(int depth) {
    const char c = text_[at_++];
    switch (c) {
      case '(': return group(depth);
      case '[': return char_class();
      case '.': return Info::unknown();
      case '^':
      case '$': return {};
      case '\\': return escape();
      case '*':
      case '+':
      case '?': return fail();
      default: return of_byte(static_cast<unsigned char>(c));
    }
  }

  Info group(int depth) {
    bool empty = false;  // look-around takes no text
    if (take("?")) {
      if (take("=") || take("!") || take("<=") || take("<!")) {
        empty = true;
      } else if (take("P<") || take("<") || take("'")) {
        while (more() && peek() != '>' && peek() != '\'') ++at_;
        if (more()) ++at_;
      } else if (!take(":") && !take(">") && !take("|")) {
        // Flags: of these i changes nothing here; x would, and is left alone.
        while (more() && std::string_view("imsU-").find(peek()) != std::string_view::npos) ++at_;
        if (take(")")) return {};
        if (!take(":")) return fail();
      }
    }
    Info info = alternatives(depth + 1);
    if (failed_ || !take(")")) return fail();
    return empty ? Info{} : info;
  }

  static void add_range(Bytes& bytes, int first, int last) {
    for (int c = first; c <= last; ++c) bytes.set(static_cast<std::size_t>(c));
  }
  static bool shorthand(char c, Bytes& bytes) {
    Bytes set;
    switch (c) {
      case 'd': case 'D': add_range(set, '0', '9'); break;
      case 'w': case 'W': add_range(set, '0', '9'), add_range(set, 'a', 'z'), add_range(set, 'A', 'Z'), set.set('_'); break;
      case 's': case 'S': add_range(set, '\t', '\r'), set.set(' '); break;
      case 'h': set.set('\t'), set.set(' '), set.set(0xA0); break;
      case 'v': add_range(set, '\n', '\r'), set.set(0x85); break;
      default: return false;
    }
    bytes |= c == 'D' || c == 'W' || c == 'S' ? ~set : set;
    return true;
  }
  // One byte behind a backslash; -1: not one.
  int escaped_byte(bool in_class) {
    const char c = text_[at_++];
    switch (c) {
      case 'n': return '\n';
      case 'r': return '\r';
      case 't': return '\t';
      case 'f': return '\f';
      case 'a': return '\a';
      case 'e': return 0x1b;
      case 'b': return in_class ? '\b' : -1;
      case 'x': {
        const bool braced = take("{");
        int value = 0, digits = 0;
        while (more() && digits < (braced ? 6 : 2)) {
          const char d = fold(peek());
          const int digit = d >= '0' && d <= '9' ? d - '0' : d >= 'a' && d <= 'f' ? d - 'a' + 10 : -1;
          if (digit < 0) break;
          value = value * 16 + digit, ++digits, ++at_;
        }
        if (braced && !take("}")) return -1;
        return value > 255 ? -1 : value;
      }
      case '0': {
        int value = 0;
        for (int i = 0; i < 2 && more() && peek() >= '0' && peek() <= '7'; ++i) value = value * 8 + (text_[at_++] - '0');
        return value;
      }
      default: {
        const auto u = static_cast<unsigned char>(c);
        const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        return word ? -1 : u;
      }
    }
  }

  Info escape() {
    if (!more()) return fail();
    Bytes bytes;
    const char c = peek();
    if (std::string_view("bBAzZG").find(c) != std::string_view::npos) return ++at_, Info{};
    if (shorthand(c, bytes)) return ++at_, of_bytes(bytes);
    if (c >= '1' && c <= '9') {
      // What a group matched may be anything.
      while (more() && peek() >= '0' && peek() <= '9') ++at_;
      return Info::unknown();
    }
    const int byte = escaped_byte(false);
    if (byte < 0) return fail();
    return of_byte(static_cast<unsigned char>(byte));
  }

  Info char_class() {
    Bytes bytes;
    const bool negated = take("^");
    bool first = true;
    while (true) {
      if (!more()) return fail();
      if (peek() == ']' && !first) break;
      first = false;
      int low = 0;
      if (text_.substr(at_, 2) == "[:") {
        if (!posix(bytes)) return fail();
        continue;
      }
      if (take("\\")) {
        if (!more()) return fail();
        if (shorthand(peek(), bytes)) {
          ++at_;
          continue;
        }
        low = escaped_byte(true);
        if (low < 0) return fail();
      } else {
        low = static_cast<unsigned char>(text_[at_++]);
      }
      int high = low;
      if (at_ + 1 < text_.size() && peek() == '-' && text_[at_ + 1] != ']') {
        ++at_;
        if (take("\\")) {
          if (!more()) return fail();
          Bytes after;
          if (shorthand(peek(), after)) {  // a-\d: the dash is itself
            bytes |= after;
            bytes.set('-');
            bytes.set(static_cast<std::size_t>(low));
            ++at_;
            continue;
          }
          high = escaped_byte(true);
          if (high < 0) return fail();
        } else {
          high = static_cast<unsigned char>(text_[at_++]);
        }
      }
      add_range(bytes, low, high);
    }
    ++at_;
    return of_bytes(negated ? ~bytes : bytes);
  }

  bool posix(Bytes& bytes) {
    struct Name {
      std::string_view name;
      int ranges[4][2];
      int count;
    };
    static constexpr Name kNames[] = {
        {"[:alpha:]", {{'a', 'z'}, {'A', 'Z'}}, 2}, {"[:digit:]", {{'0', '9'}}, 1}, {"[:alnum:]", {{'a', 'z'}, {'A', 'Z'}, {'0', '9'}}, 3},
        {"[:space:]", {{'\t', '\r'}, {' ', ' '}}, 2}, {"[:upper:]", {{'A', 'Z'}}, 1}, {"[:lower:]", {{'a', 'z'}}, 1},
        {"[:xdigit:]", {{'0', '9'}, {'a', 'f'}, {'A', 'F'}}, 3}, {"[:punct:]", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}, 4},
        {"[:cntrl:]", {{0, 31}, {127, 127}}, 2}, {"[:blank:]", {{' ', ' '}, {'\t', '\t'}}, 2}, {"[:word:]", {{'a', 'z'}, {'A', 'Z'}, {'0', '9'}, {'_', '_'}}, 4},
        {"[:print:]", {{' ', '~'}}, 1}, {"[:graph:]", {{'!', '~'}}, 1}};
    for (const auto& [name, ranges, count] : kNames) {
      if (!take(name)) continue;
      for (int i = 0; i < count; ++i) add_range(bytes, ranges[i][0], ranges[i][1]);
      return true;
    }
    return false;
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

}  // namespace

std::vector<Clause> clauses_of_regex(std::string_view pattern) {
  const auto info = Reader(pattern).read();
  if (!info) return {};
  auto clauses = to_clauses(*info);
  keep_best(clauses);
  return clauses;
}

namespace {

// How much pages have of it: long phrases of web shells and error messages begin as all pages do, with tags.
int common_in_pages(char c, bool in_tag) {
  if (in_tag || std::string_view(" <>/=\"'.-").find(c) != std::string_view::npos) return 12;
  if (c >= 'a' && c <= 'z') return std::string_view("etaoinshrdlu").find(c) != std::string_view::npos ? 8 : 4;
  return c >= '0' && c <= '9' ? 4 : 2;
}

struct Part {
  std::size_t begin = 0, size = 0;
  int common = 0;
  bool better_than(const Part& other) const { return size > other.size || (size == other.size && common < other.common); }
};

// Of a text the part to look for: as long as may be, and as seldom as may be.
Part telling_part(std::string_view text) {
  std::vector<int> common{0};  // of all bytes before each
  Part best;
  bool in_tag = false;
  for (std::size_t end = 1; end <= text.size(); ++end) {
    const char c = text[end - 1];
    in_tag = c == '<' || (in_tag && c != '>');
    common.push_back(common.back() + common_in_pages(c, in_tag));
    const auto begin = end - std::min(end, kPartBytesMax);
    const Part here{begin, end - begin, common.back() - common[begin]};
    if (here.better_than(best)) best = here;
  }
  return best;
}

// Of a phrase the longest part that is ASCII, not more than a literal may have around what tells most.  Empty: there is none.
std::string literal_of(std::string_view text) {
  std::string best;
  Part best_part;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = static_cast<std::size_t>(std::find_if(text.begin() + static_cast<std::ptrdiff_t>(begin), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }) - text.begin());
    std::string folded(text.substr(begin, end - begin));
    std::transform(folded.begin(), folded.end(), folded.begin(), fold);
    begin = end + 1;
    const auto part = telling_part(folded);
    if (!part.better_than(best_part)) continue;
    constexpr std::size_t kAroundMax = (kLiteralBytesMax - kPartBytesMax) / 2;
    const auto from = part.begin - std::min(part.begin, kAroundMax);
    best = folded.substr(from, part.begin + part.size + kAroundMax - from), best_part = part;
  }
  return best;
}

}  // namespace

std::size_t telling_part_of(std::string_view literal) { return telling_part(literal).begin; }

std::vector<Clause> clauses_of_literals(const std::vector<std::string>& any_of) {
  Clause clause;
  for (const auto& text : any_of) {
    auto literal = literal_of(text);
    if (literal.empty()) return {};
    clause.push_back(std::move(literal));
  }
  if (clause.empty()) return {};
  tidy(clause);
  return {std::move(clause)};
}

}  // namespace ringwall::waf::detail
