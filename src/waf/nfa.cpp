#include "waf/detail/nfa.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace ringwall::waf::detail {

namespace {

constexpr int kNestingMax = 200;
constexpr int kTimesMax = 1000;

struct Part {
  enum class Kind : std::uint8_t { kBytes, kAssertion, kSequence, kChoice, kRepeat };
  Kind kind = Kind::kSequence;  // an empty sequence takes the empty text
  Nfa::Bytes bytes;
  Nfa::Kind assertion{};
  int low = 0, high = -1;
  std::vector<Part> parts;
};

class NfaReader {
 public:
  NfaReader(std::string_view text, bool ignore_case) : text_(text), ignore_case_(ignore_case) {}

  std::optional<Part> read() {
    auto all = choice(0);
    if (failed_ || more()) return {};
    return all;
  }

 private:
  bool more() const { return at_ < text_.size(); }
  char peek() const { return text_[at_]; }
  bool take(std::string_view what) {
    if (text_.substr(at_, what.size()) != what) return false;
    at_ += what.size();
    return true;
  }
  Part fail() {
    failed_ = true;
    return {};
  }

  Part choice(int depth) {
    if (depth > kNestingMax) return fail();
    const bool outside = ignore_case_;  // what a group sets ends with it
    Part all{.kind = Part::Kind::kChoice};
    do {
      Part one;
      while (more() && peek() != '|' && peek() != ')' && !failed_) one.parts.push_back(repeated(depth));
      all.parts.push_back(std::move(one));
    } while (!failed_ && take("|"));
    ignore_case_ = outside;
    return all.parts.size() == 1 ? std::move(all.parts[0]) : std::move(all);
  }

  Part repeated(int depth) {
    Part one = atom(depth);
    int low = 0, high = -1;
    if (failed_ || !times(low, high)) return one;
    take("?");
    int next_low = 0, next_high = 0;
    if (times(next_low, next_high)) return fail();  // possessive, or twice: not for here
    if (low > kTimesMax || high > kTimesMax || (high >= 0 && low > high)) return fail();
    Part out{.kind = Part::Kind::kRepeat, .low = low, .high = high};
    out.parts.push_back(std::move(one));
    return out;
  }

  bool times(int& low, int& high) {
    if (take("*")) return low = 0, high = -1, true;
    if (take("+")) return low = 1, high = -1, true;
    if (take("?")) return low = 0, high = 1, true;
    if (!more() || peek() != '{') return false;
    auto i = at_ + 1;
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

  static Part assertion(Nfa::Kind kind) { return {.kind = Part::Kind::kAssertion, .assertion = kind}; }
  static Part of(const Nfa::Bytes& bytes) { return {.kind = Part::Kind::kBytes, .bytes = bytes}; }
  Part of_byte(unsigned char c) const {
    Nfa::Bytes bytes;
    bytes.set(c);
    const bool letter = std::isalpha(c) != 0 || c >= 0xC0;
    return of(letter ? folded(bytes) : bytes);
  }

  // With letters of either case, those of Latin-1 too, as RE2 takes them.
  Nfa::Bytes folded(const Nfa::Bytes& bytes) const {
    static const Nfa::Bytes kUpper = [] {
      Nfa::Bytes upper;
      add_range(upper, 'A', 'Z'), add_range(upper, 0xC0, 0xD6), add_range(upper, 0xD8, 0xDE);
      return upper;
    }();
    if (!ignore_case_) return bytes;
    return bytes | (bytes & kUpper) << 32 | (bytes >> 32 & kUpper);
  }

  Part atom(int depth) {
    const char c = text_[at_++];
    switch (c) {
      case '(': return group(depth);
      case '[': return char_class();
      case '.': return of(Nfa::Bytes().set());
      case '^': return assertion(Nfa::Kind::kLineBegin);
      case '$': return assertion(Nfa::Kind::kLineEnd);
      case '\\': return escape();
      case '*':
      case '+':
      case '?': return fail();
      default: return of_byte(static_cast<unsigned char>(c));
    }
  }

  Part group(int depth) {
    const bool outside = ignore_case_;
    if (take("?")) {
      if (take("P<")) {
        while (more() && peek() != '>') ++at_;
        if (!take(">")) return fail();
      } else {
        bool ignore = false;
        while (more() && std::string_view("ims").find(peek()) != std::string_view::npos) ignore = ignore || peek() == 'i', ++at_;
        if (ignore) ignore_case_ = true;
        if (take(")")) return {};  // up to the end of the group around it
        if (!take(":")) return fail();
      }
    }
    Part inside = choice(depth + 1);
    ignore_case_ = outside;
    if (failed_ || !take(")")) return fail();
    return inside;
  }

  static void add_range(Nfa::Bytes& bytes, int first, int last) {
    for (int c = first; c <= last; ++c) bytes.set(static_cast<std::size_t>(c));
  }
  static bool shorthand(char c, Nfa::Bytes& bytes) {
    Nfa::Bytes set;
    if (c == 'd' || c == 'D') add_range(set, '0', '9');
    else if (c == 'w' || c == 'W') add_range(set, '0', '9'), add_range(set, 'a', 'z'), add_range(set, 'A', 'Z'), set.set('_');
    else return false;
    bytes |= c == 'D' || c == 'W' ? ~set : set;
    return true;
  }
  // One byte behind a backslash; -1: it is none, or not known here.
  int escaped_byte() {
    if (!more()) return -1;
    const char c = text_[at_++];
    switch (c) {
      case 'n': return '\n';
      case 'r': return '\r';
      case 't': return '\t';
      case 'f': return '\f';
      case 'v': return '\v';
      case 'a': return '\a';
      case 'x': {
        const bool braced = take("{");
        int value = 0;
        for (int i = 0; i < 2; ++i, ++at_) {
          const auto digit = more() ? std::string_view("0123456789abcdef").find(static_cast<char>(peek() | 0x20)) : std::string_view::npos;
          if (digit == std::string_view::npos) return -1;
          value = value * 16 + static_cast<int>(digit);
        }
        return braced && !take("}") ? -1 : value;
      }
      default: return std::isalnum(static_cast<unsigned char>(c)) != 0 ? -1 : static_cast<unsigned char>(c);
    }
  }

  Part escape() {
    if (!more()) return fail();
    Nfa::Bytes bytes;
    const char c = peek();
    if (shorthand(c, bytes)) return ++at_, of(bytes);
    switch (c) {
      case 'b': return ++at_, assertion(Nfa::Kind::kWordEdge);
      case 'B': return ++at_, assertion(Nfa::Kind::kNoWordEdge);
      case 'A': return ++at_, assertion(Nfa::Kind::kTextBegin);
      case 'z': return ++at_, assertion(Nfa::Kind::kTextEnd);
      default: break;
    }
    const int byte = escaped_byte();
    return byte < 0 ? fail() : of_byte(static_cast<unsigned char>(byte));
  }

  // One end of a range, or what stands alone; -1: it was a set of bytes, or a failure.
  int member(Nfa::Bytes& bytes) {
    if (!take("\\")) return static_cast<unsigned char>(text_[at_++]);
    if (!more()) return fail(), -1;
    if (shorthand(peek(), bytes)) return ++at_, -1;
    const int byte = escaped_byte();
    if (byte < 0) fail();
    return byte;
  }

  Part char_class() {
    Nfa::Bytes bytes;
    const bool negated = take("^");
    for (bool first = true; !failed_; first = false) {
      if (!more()) return fail();
      if (peek() == ']' && !first) break;
      if (take("[:")) {
        if (!posix(bytes)) return fail();
        continue;
      }
      const int low = member(bytes);
      if (low < 0) continue;
      int high = low;
      if (at_ + 1 < text_.size() && peek() == '-' && text_[at_ + 1] != ']') {
        ++at_;
        high = member(bytes);
        if (high < low) return fail();
      }
      add_range(bytes, low, high);
    }
    ++at_;
    bytes = folded(bytes);
    return failed_ ? fail() : of(negated ? ~bytes : bytes);
  }

  bool posix(Nfa::Bytes& bytes) {
    struct Name {
      std::string_view name;
      int ranges[4][2];
      int count;
    };
    static constexpr Name kNames[] = {
        {"alpha:]", {{'a', 'z'}, {'A', 'Z'}}, 2}, {"digit:]", {{'0', '9'}}, 1}, {"alnum:]", {{'a', 'z'}, {'A', 'Z'}, {'0', '9'}}, 3}, {"space:]", {{'\t', '\r'}, {' ', ' '}}, 2},
        {"upper:]", {{'A', 'Z'}}, 1}, {"lower:]", {{'a', 'z'}}, 1}, {"xdigit:]", {{'0', '9'}, {'a', 'f'}, {'A', 'F'}}, 3},
        {"punct:]", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}, 4}, {"blank:]", {{' ', ' '}, {'\t', '\t'}}, 2}};
    for (const auto& [name, ranges, count] : kNames) {
      if (!take(name)) continue;
      for (int i = 0; i < count; ++i) add_range(bytes, ranges[i][0], ranges[i][1]);
      return true;
    }
    return false;
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  bool ignore_case_, failed_ = false;
};

// From the back: of each part it is known what comes behind it.
class NfaWriter {
 public:
  std::optional<Nfa> write_all(const Part& pattern) {
    nfa_.start = write(pattern, add({Nfa::Kind::kMatch}));
    if (too_large()) return {};
    return std::move(nfa_);
  }

 private:
  bool too_large() const { return nfa_.steps.size() > kNfaStepsMax; }
  std::uint32_t add(Nfa::Step step) {
    if (!too_large()) nfa_.steps.push_back(step);
    return static_cast<std::uint32_t>(nfa_.steps.size() - 1);
  }
  std::uint16_t set_of(const Nfa::Bytes& bytes) {
    const auto at = std::find(nfa_.sets.begin(), nfa_.sets.end(), bytes) - nfa_.sets.begin();
    if (at == static_cast<std::ptrdiff_t>(nfa_.sets.size())) nfa_.sets.push_back(bytes);
    return static_cast<std::uint16_t>(at);
  }

  std::uint32_t write(const Part& part, std::uint32_t next) {
    if (too_large()) return next;
    switch (part.kind) {
      case Part::Kind::kBytes: return add({Nfa::Kind::kBytes, set_of(part.bytes), next});
      case Part::Kind::kAssertion: return add({part.assertion, 0, next});
      case Part::Kind::kSequence:
        for (auto i = part.parts.size(); i > 0; --i) next = write(part.parts[i - 1], next);
        return next;
      case Part::Kind::kChoice: {
        auto all = write(part.parts.back(), next);
        for (auto i = part.parts.size() - 1; i > 0; --i) all = add({Nfa::Kind::kSplit, 0, write(part.parts[i - 1], next), all});
        return all;
      }
      case Part::Kind::kRepeat: return repeat(part, next);
    }
    return next;
  }

  std::uint32_t repeat(const Part& part, std::uint32_t next) {
    const auto& one = part.parts[0];
    int needed = part.low;
    if (part.high < 0) {
      const auto loop = add({Nfa::Kind::kSplit, 0, next, next});
      const auto body = write(one, loop);
      nfa_.steps[loop].out = body;
      next = needed > 0 ? body : loop;
      needed = std::max(needed - 1, 0);
    }
    const auto behind = next;
    for (int i = part.low; i < part.high && !too_large(); ++i) next = add({Nfa::Kind::kSplit, 0, write(one, next), behind});
    for (int i = 0; i < needed && !too_large(); ++i) next = write(one, next);
    return next;
  }

  Nfa nfa_;
};

}  // namespace

std::optional<Nfa> nfa_of(std::string_view pattern, bool ignore_case) {
  const auto part = NfaReader(pattern, ignore_case).read();
  if (!part) return {};
  return NfaWriter().write_all(*part);
}

}  // namespace ringwall::waf::detail
