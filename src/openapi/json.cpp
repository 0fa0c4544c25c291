#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/hash.h"
#include "base/text.h"
#include "openapi/detail/json.h"

namespace ringwall::openapi::detail {

namespace {

constexpr std::size_t kBlockBytes = 16 << 10;
constexpr std::size_t kFewKeys = 12;  // compared pair by pair

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t digits_from(std::string_view text, std::size_t at) {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

// The end of a number that begins at `at`; `at` when there is none.
std::size_t number_end(std::string_view text, std::size_t at, bool& plain) {
  const auto begin = at;
  plain = true;
  if (at < text.size() && text[at] == '-') ++at;
  const auto whole = digits_from(text, at);
  if (whole == at || (text[at] == '0' && whole > at + 1)) return begin;
  at = whole;
  if (at < text.size() && text[at] == '.') {
    plain = false;
    const auto end = digits_from(text, at + 1);
    if (end == at + 1) return begin;
    at = end;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    plain = false;
    auto from = at + 1;
    if (from < text.size() && (text[from] == '+' || text[from] == '-')) ++from;
    const auto end = digits_from(text, from);
    if (end == from) return begin;
    at = end;
  }
  return at;
}

void make_number(std::string_view text, bool plain, Value& out) {
  out.kind = Kind::kNumber;
  out.text = text;
  out.exact = plain && std::from_chars(text.data(), text.data() + text.size(), out.integer).ec == std::errc();
  if (out.exact || plain) return;
  // 1.0 and 1e3 are integers, as far as a double is exact about it.
  const double value = as_double(out);
  constexpr double kExact = 9007199254740992;
  if (std::fabs(value) > kExact || value != std::floor(value)) return;
  out.exact = true;
  out.integer = static_cast<std::int64_t>(value);
}

class Reader {
 public:
  Reader(std::string_view text, Tape& tape, std::size_t depth_max) : text_(text), tape_(tape), depth_max_(depth_max) {}

  JsonFault read() {
    if (text_.size() > kJsonBytesMax) return {"is too large", 0};
    if (!base::valid_utf8(text_)) return {"is not UTF-8", 0};
    if (!all()) return {fault_, at_};
    return {};
  }

 private:
  struct Open {
    std::uint32_t at;
    bool object;
  };

  bool all() {
    do {
      if (!begin_value()) return false;
      // What a value ends may end, too.
      while (!open_.empty() && !descended_) {
        const auto next = after_value();
        if (next == Next::kFault) return false;
        if (next == Next::kValue) break;
      }
    } while (!open_.empty());
    blanks();
    return at_ == text_.size() || fail("has something behind its end");
  }

  enum class Next { kFault, kValue, kClosed };

  bool fail(std::string_view what) {
    fault_ = what;
    return false;
  }
  void blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) ++at_;
  }
  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  Value& add(Kind kind) {
    auto& value = tape_.values.emplace_back();
    value.kind = kind;
    value.offset = static_cast<std::uint32_t>(at_);
    return value;
  }

  bool begin_value() {
    descended_ = false;
    if (tape_.values.size() >= kJsonValuesMax) return fail("has too many values to be judged");
    blanks();
    if (at_ == text_.size()) return fail("ends too early");
    switch (text_[at_]) {
      case '{': return open(Kind::kObject);
      case '[': return open(Kind::kArray);
      case '"': return string();
      case 't': return word("true", Kind::kBoolean, true);
      case 'f': return word("false", Kind::kBoolean, false);
      case 'n': return word("null", Kind::kNull, false);
      default: return number();
    }
  }
  bool word(std::string_view text, Kind kind, bool truth) {
    if (text_.substr(at_, text.size()) != text) return fail("is not JSON");
    add(kind).truth = truth;
    at_ += text.size();
    return true;
  }
  bool number() {
    bool plain = false;
    const auto end = number_end(text_, at_, plain);
    if (end == at_) return fail("is not JSON");
    make_number(text_.substr(at_, end - at_), plain, add(Kind::kNumber));
    at_ = end;
    return true;
  }
  bool open(Kind kind) {
    if (open_.size() == depth_max_) return fail("is nested too deep");
    open_.push_back({tape_.size(), kind == Kind::kObject});
    add(kind);
    ++at_;
    blanks();
    if (take(kind == Kind::kObject ? '}' : ']')) {
      open_.pop_back();
      return true;
    }
    descended_ = true;
    return kind == Kind::kArray || key();
  }
  bool key() {
    blanks();
    if (at_ == text_.size() || text_[at_] != '"') return fail("is not JSON");
    if (!string()) return false;
    blanks();
    return take(':') || fail("is not JSON");
  }
  Next after_value() {
    const auto top = open_.back();
    ++tape_.values[top.at].count;
    blanks();
    if (take(',')) return !top.object || key() ? Next::kValue : Next::kFault;
    if (!take(top.object ? '}' : ']')) return fail(at_ == text_.size() ? "ends too early" : "is not JSON"), Next::kFault;
    tape_.values[top.at].span = tape_.size() - top.at;
    open_.pop_back();
    if (top.object && !unique_keys(top.at)) return fail("has a key twice"), Next::kFault;
    return Next::kClosed;
  }

  bool unique_keys(std::uint32_t object) {
    const auto count = tape_.values[object].count;
    if (count < 2) return true;
    keys_.clear();
    for (const auto* at = &tape_.values[object] + 1; keys_.size() < count; at = after(at + 1)) keys_.push_back(at->text);
    if (count > kFewKeys) {
      std::sort(keys_.begin(), keys_.end());
      return std::adjacent_find(keys_.begin(), keys_.end()) == keys_.end();
    }
    for (std::size_t i = 1; i < keys_.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (keys_[i] == keys_[j]) return false;
      }
    }
    return true;
  }

  bool string() {
    auto& value = add(Kind::kString);
    const auto begin = ++at_;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' && static_cast<unsigned char>(text_[at_]) >= 0x20) ++at_;
    if (at_ == text_.size()) return fail("ends too early");
    if (text_[at_] == '"') {
      value.text = text_.substr(begin, at_++ - begin);
      return true;
    }
    return escaped(value, begin);
  }
  bool escaped(Value& value, std::size_t begin) {
    auto end = at_;
    while (end < text_.size() && text_[end] != '"') end += text_[end] == '\\' ? 2 : 1;
    if (end >= text_.size()) return at_ = text_.size(), fail("ends too early");
    // What is decoded is never longer.
    char* const out = tape_.texts.take(end - begin);
    std::memcpy(out, text_.data() + begin, at_ - begin);
    auto* to = out + (at_ - begin);
    while (text_[at_] != '"') {
      const char c = text_[at_];
      if (static_cast<unsigned char>(c) < 0x20) return fail("has a control character in a string");
      ++at_;
      if (c != '\\') *to++ = c;
      else if (!escape(to)) return false;
    }
    ++at_;
    value.text = {out, static_cast<std::size_t>(to - out)};
    return true;
  }
  bool escape(char*& to) {
    constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
    const char c = text_[at_++];
    if (const auto simple = kFrom.find(c); simple != kFrom.npos) {
      *to++ = kTo[simple];
      return true;
    }
    std::uint32_t code = 0, low = 0;
    if (c != 'u' || !four_digits(code)) return fail("has an escape that does not exist");
    if (code >= 0xdc00 && code < 0xe000) return fail("has half a character");
    if (code >= 0xd800 && code < 0xdc00) {
      if (text_.substr(at_, 2) != "\\u") return fail("has half a character");
      at_ += 2;
      if (!four_digits(low) || low < 0xdc00 || low > 0xdfff) return fail("has half a character");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    if (code < 0x80) {
      *to++ = static_cast<char>(code);
    } else if (code < 0x800) {
      *to++ = static_cast<char>(0xc0 | (code >> 6));
      *to++ = static_cast<char>(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
      *to++ = static_cast<char>(0xe0 | (code >> 12));
      *to++ = static_cast<char>(0x80 | ((code >> 6) & 0x3f));
      *to++ = static_cast<char>(0x80 | (code & 0x3f));
    } else {
      *to++ = static_cast<char>(0xf0 | (code >> 18));
      *to++ = static_cast<char>(0x80 | ((code >> 12) & 0x3f));
      *to++ = static_cast<char>(0x80 | ((code >> 6) & 0x3f));
      *to++ = static_cast<char>(0x80 | (code & 0x3f));
    }
    return true;
  }
  bool four_digits(std::uint32_t& code) {
    const auto digits = text_.substr(at_, 4);
    if (digits.size() < 4) return false;
    const auto read = std::from_chars(digits.data(), digits.data() + 4, code, 16);
    at_ += 4;
    return read.ec == std::errc() && read.ptr == digits.data() + 4;
  }

  std::string_view text_;
  Tape& tape_;
  const std::size_t depth_max_;
  std::size_t at_ = 0;
  bool descended_ = false;  // the value is not there yet: its first item comes next
  std::string_view fault_;
  std::vector<Open> open_;
  std::vector<std::string_view> keys_;
};

}  // namespace

char* Texts::take(std::size_t bytes) {
  if (blocks_.empty() || blocks_.back().size - used_ < bytes) {
    const auto size = std::max(bytes, kBlockBytes);
    blocks_.push_back({std::make_unique<char[]>(size), size});
    used_ = 0;
  }
  char* out = blocks_.back().bytes.get() + used_;
  used_ += bytes;
  return out;
}

std::string_view Texts::keep(std::string_view text) {
  if (text.empty()) return {};
  char* out = take(text.size());
  std::memcpy(out, text.data(), text.size());
  return {out, text.size()};
}

void Texts::clear() {
  // One block is kept, unless it was for a giant.
  if (blocks_.size() > 1 || (!blocks_.empty() && blocks_[0].size > kBlockBytes)) blocks_.clear();
  used_ = 0;
}

JsonFault read_json(std::string_view text, Tape& tape, std::size_t depth_max) { return Reader(text, tape, depth_max).read(); }

bool read_number(std::string_view text, Value& out) {
  bool plain = false;
  if (text.empty() || number_end(text, 0, plain) != text.size()) return false;
  make_number(text, plain, out);
  return true;
}

double as_double(const Value& number) {
  if (number.exact) return static_cast<double>(number.integer);
  double value = 0;
  if (std::from_chars(number.text.data(), number.text.data() + number.text.size(), value).ec == std::errc()) return value;
  // Beyond a double, or so small that it is nothing.
  const auto e = number.text.find_first_of("eE");
  const bool tiny = e != number.text.npos && e + 1 < number.text.size() && number.text[e + 1] == '-';
  return tiny ? 0 : number.text[0] == '-' ? -HUGE_VAL : HUGE_VAL;
}

bool same(const Value* a, const Value* b) {
  if (a->kind != b->kind) return false;
  switch (a->kind) {
    case Kind::kNull: return true;
    case Kind::kBoolean: return a->truth == b->truth;
    case Kind::kNumber: return a->exact && b->exact ? a->integer == b->integer : a->text == b->text || as_double(*a) == as_double(*b);
    case Kind::kString:
    case Kind::kText: return a->text == b->text;
    case Kind::kArray: {
      if (a->count != b->count) return false;
      const auto *x = a + 1, *y = b + 1;
      for (std::uint32_t i = 0; i < a->count; ++i, x = after(x), y = after(y)) {
        if (!same(x, y)) return false;
      }
      return true;
    }
    case Kind::kObject: {
      if (a->count != b->count) return false;
      const auto* x = a + 1;
      for (std::uint32_t i = 0; i < a->count; ++i, x = after(x + 1)) {
        const auto* y = b + 1;
        std::uint32_t j = 0;
        for (; j < b->count && y->text != x->text; ++j) y = after(y + 1);
        if (j == b->count || !same(x + 1, y + 1)) return false;
      }
      return true;
    }
  }
  return false;
}

std::uint64_t hash(const Value* value) {
  const auto kind = static_cast<std::uint64_t>(value->kind);
  switch (value->kind) {
    case Kind::kNull: return base::mix64(kind);
    case Kind::kBoolean: return base::mix64(kind + (value->truth ? 16 : 32));
    case Kind::kString:
    case Kind::kText: return base::hash64(value->text, kind);
    case Kind::kNumber: {
      const double number = as_double(*value) + 0.0;  // -0 is 0
      std::uint64_t bits = 0;
      std::memcpy(&bits, &number, sizeof bits);
      return base::mix64(bits + kind);
    }
    case Kind::kArray:
    case Kind::kObject: break;
  }
  std::uint64_t out = base::mix64(kind + value->count * 8);
  const auto* at = value + 1;
  for (std::uint32_t i = 0; i < value->count; ++i) {
    if (value->kind == Kind::kArray) {
      out = base::mix64(out ^ hash(at));
      at = after(at);
    } else {
      // The order of members says nothing.
      out += base::mix64(base::hash64(at->text) ^ base::mix64(hash(at + 1)));
      at = after(at + 1);
    }
  }
  return out;
}

}  // namespace ringwall::openapi::detail
