// application/json: the leaves, named by the way to them.
//
//   {"a": [1, {"b": "x"}], "": null}   json.a.array_0 = 1   json.a.array_1.b = x   json.empty-key =
//
// Grammar, tolerances and the words of errors are those of YAJL 2.1, which libmodsecurity 3 uses: RFC 8259, with \v and \f
// as white space too, and UTF-8 checked by shape only.  One pass, no recursion.
#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "waf/body/body.h"

namespace ringwall::waf {
namespace {

// A name repeats all keys above it, so a deep document could ask for far more memory than it has bytes.  Names may
// take this many bytes for each byte of the body, which honest documents do not come near, and some to begin with.
constexpr std::size_t kJsonNameBytesPerByte = 64;
constexpr std::size_t kJsonNameBytesMin = 1 << 20;
// Room for ".array_" and ten digits, or for ".empty-key".
constexpr std::size_t kJsonNameRoomPerLevel = 20;

enum class JsonToken : std::uint8_t {
  kEnd, kCut, kInvalid, kOpenObject, kCloseObject, kOpenArray, kCloseArray, kComma, kColon, kString, kWord, kNumber,
};
enum class JsonExpect : std::uint8_t { kValue, kFirstElement, kFirstKey, kKey, kColon, kAfterMember, kAfterElement, kNothing };

constexpr bool json_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool json_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

constexpr int json_hex(char c) {
  if (json_digit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Bytes of a string that need a look: its end, escapes, control characters, and all beyond ASCII.
constexpr auto kJsonSpecial = [] {
  std::array<bool, 256> special{};
  for (std::size_t c = 0; c < 256; ++c) special[c] = c < 0x20 || c == '"' || c == '\\' || c >= 0x80;
  return special;
}();

class JsonReader {
 public:
  JsonReader(std::string_view body, const BodyLimits& limits, Arena& arena, Json& out)
      : body_(body), limits_(limits), arena_(arena), out_(out),
        depth_max_(std::min(limits.depth_max, body.size())),
        names_left_(kJsonNameBytesMin + kJsonNameBytesPerByte * body.size()) {}

  void read() {
    frames_ = reinterpret_cast<Frame*>(arena_.take(depth_max_ * sizeof(Frame)));
    name_ = arena_.take(4 + body_.size() + (depth_max_ + 1) * kJsonNameRoomPerLevel);
    name_size_ = append_name(0, "json");
    while (step()) {}
  }

 private:
  struct Frame {
    std::uint32_t name_size;  // of the container itself
    std::uint32_t elements;   // of an array, so far
    bool array;
  };

  // One token and what it means here.  False: done, well or not.
  bool step() {
    const auto token = next();
    if (expect_ == JsonExpect::kNothing) return token == JsonToken::kEnd ? false : parse_error("trailing garbage");
    if (token == JsonToken::kEnd || token == JsonToken::kCut) return parse_error("premature EOF");
    if (token == JsonToken::kInvalid) return error("lexical", lexical_error_);
    switch (expect_) {
      case JsonExpect::kFirstElement:
        if (token == JsonToken::kCloseArray) return close();
        [[fallthrough]];
      case JsonExpect::kValue: return value(token);
      case JsonExpect::kFirstKey:
        if (token == JsonToken::kCloseObject) return close();
        [[fallthrough]];
      case JsonExpect::kKey:
        if (token != JsonToken::kString) return parse_error("invalid object key (must be a string)");
        take_key();
        expect_ = JsonExpect::kColon;
        return true;
      case JsonExpect::kColon:
        if (token != JsonToken::kColon) return parse_error("object key and value must be separated by a colon (':')");
        expect_ = JsonExpect::kValue;
        return true;
      case JsonExpect::kAfterMember:
        if (token == JsonToken::kCloseObject) return close();
        if (token != JsonToken::kComma) return parse_error("after key and value, inside map, I expect ',' or '}'");
        expect_ = JsonExpect::kKey;
        return true;
      case JsonExpect::kAfterElement:
        if (token == JsonToken::kCloseArray) return close();
        if (token != JsonToken::kComma) return parse_error("after array element, I expect ',' or ']'");
        expect_ = JsonExpect::kValue;
        return true;
      case JsonExpect::kNothing: break;
    }
    return false;
  }

  bool value(JsonToken token) {
    if (depth_ > 0 && frames_[depth_ - 1].array) name_element(frames_[depth_ - 1]);
    switch (token) {
      case JsonToken::kString: return leaf(unescaped());
      case JsonToken::kWord: return leaf(token_ == "null" ? std::string_view{} : token_);
      case JsonToken::kNumber: return leaf(token_);
      case JsonToken::kOpenObject: return open(false);
      case JsonToken::kOpenArray: return open(true);
      default: return parse_error("unallowed token at this point in JSON text");
    }
  }

  bool leaf(std::string_view value) {
    constexpr auto kCancelled = "client cancelled parse via callback return value";
    if (out_.pairs.size() >= limits_.arguments_max) {
      return parse_error(fmt::format("{}: more than {} arguments", kCancelled, limits_.arguments_max));
    }
    if (name_size_ > names_left_) return parse_error(fmt::format("{}: names are too long in all", kCancelled));
    names_left_ -= name_size_;
    out_.pairs.push_back({arena_.copy({name_, name_size_}), value});
    value_done();
    return true;
  }

  bool open(bool array) {
    if (depth_ == depth_max_) {
      return parse_error(fmt::format("client cancelled parse via callback return value. Parsing depth limit exceeded: {}",
                                     limits_.depth_max));
    }
    frames_[depth_++] = {static_cast<std::uint32_t>(name_size_), 0, array};
    expect_ = array ? JsonExpect::kFirstElement : JsonExpect::kFirstKey;
    return true;
  }
  bool close() {
    --depth_;
    value_done();
    return true;
  }
  void value_done() {
    if (depth_ == 0) {
      expect_ = JsonExpect::kNothing;
    } else {
      expect_ = frames_[depth_ - 1].array ? JsonExpect::kAfterElement : JsonExpect::kAfterMember;
    }
  }

  std::size_t append_name(std::size_t at, std::string_view text) {
    std::copy(text.begin(), text.end(), name_ + at);
    return at + text.size();
  }
  void name_element(Frame& frame) {
    const auto at = append_name(frame.name_size, ".array_");
    name_size_ = static_cast<std::size_t>(fmt::format_to(name_ + at, "{}", frame.elements++) - name_);
  }
  void take_key() {
    const auto at = append_name(frames_[depth_ - 1].name_size, ".");
    if (token_.empty()) {
      name_size_ = append_name(at, "empty-key");
    } else {
      name_size_ = at + unescape(name_ + at);
    }
  }

  JsonToken next();
  JsonToken string();
  JsonToken word(std::string_view whole);
  JsonToken number();
  bool skip_utf8();
  JsonToken invalid(const char* why) {
    lexical_error_ = why;
    return JsonToken::kInvalid;
  }
  // The end reads as a space, as in YAJL: it ends a number and breaks a word or an escape.
  char peek() const { return at_ < body_.size() ? body_[at_] : ' '; }

  std::string_view unescaped() {
    if (!escaped_) return token_;
    char* const out = arena_.take(token_.size());
    const auto size = unescape(out);
    arena_.shrink_last(out, token_.size(), size);
    return {out, size};
  }
  std::size_t unescape(char* out) const;
  std::uint32_t code_unit(std::size_t at) const;

  bool parse_error(std::string_view why) { return error("parse", why); }
  bool error(std::string_view kind, std::string_view why) {
    out_.error = {true, fmt::format("{} error: {} (byte {})", kind, why, std::min(at_, body_.size()))};
    return false;
  }

  const std::string_view body_;
  const BodyLimits& limits_;
  Arena& arena_;
  Json& out_;
  const std::size_t depth_max_;
  std::size_t names_left_;

  std::size_t at_ = 0;
  std::string_view token_;  // its text; of a string, what is between the quotes
  bool escaped_ = false;
  const char* lexical_error_ = "";

  JsonExpect expect_ = JsonExpect::kValue;
  Frame* frames_ = nullptr;
  std::size_t depth_ = 0;
  char* name_ = nullptr;  // of the value to come
  std::size_t name_size_ = 0;
};

JsonToken JsonReader::next() {
  while (at_ < body_.size() && json_space(body_[at_])) ++at_;
  if (at_ == body_.size()) return JsonToken::kEnd;
  switch (const char c = body_[at_]) {
    case '{': ++at_; return JsonToken::kOpenObject;
    case '}': ++at_; return JsonToken::kCloseObject;
    case '[': ++at_; return JsonToken::kOpenArray;
    case ']': ++at_; return JsonToken::kCloseArray;
    case ',': ++at_; return JsonToken::kComma;
    case ':': ++at_; return JsonToken::kColon;
    case '"': ++at_; return string();
    case 't': return word("true");
    case 'f': return word("false");
    case 'n': return word("null");
    case '/': return invalid("probable comment found in input text, comments are not enabled.");
    default:
      if (c == '-' || json_digit(c)) return number();
      return invalid("invalid char in json text.");
  }
}

JsonToken JsonReader::word(std::string_view whole) {
  token_ = body_.substr(at_, whole.size());
  if (token_ != whole) return invalid("invalid string in json text.");
  at_ += whole.size();
  return JsonToken::kWord;
}

JsonToken JsonReader::number() {
  const auto begin = at_;
  const auto digits = [&] {
    const auto first = at_;
    while (json_digit(peek())) ++at_;
    return at_ > first;
  };
  if (peek() == '-') ++at_;
  if (peek() == '0') {
    ++at_;  // nothing follows a leading zero: "01" is two numbers, and so an error
  } else if (!digits()) {
    return invalid("malformed number, a digit is required after the minus sign.");
  }
  if (peek() == '.') {
    ++at_;
    if (!digits()) return invalid("malformed number, a digit is required after the decimal point.");
  }
  if (peek() == 'e' || peek() == 'E') {
    ++at_;
    if (peek() == '+' || peek() == '-') ++at_;
    if (!digits()) return invalid("malformed number, a digit is required after the exponent.");
  }
  token_ = body_.substr(begin, at_ - begin);
  return JsonToken::kNumber;
}

// Finds the closing quote and checks what is before it; at_ is behind the opening one.
JsonToken JsonReader::string() {
  const auto begin = at_;
  escaped_ = false;
  for (;;) {
    while (at_ < body_.size() && !kJsonSpecial[static_cast<unsigned char>(body_[at_])]) ++at_;
    if (at_ == body_.size()) return JsonToken::kCut;
    const char c = body_[at_];
    if (c == '"') break;
    if (c == '\\') {
      escaped_ = true;
      ++at_;
      if (peek() == 'u') {
        ++at_;
        for (int i = 0; i < 4; ++i, ++at_) {
          if (json_hex(peek()) < 0) return invalid("invalid (non-hex) character occurs after '\\u' inside string.");
        }
      } else if (std::string_view("\"\\/bfnrt").find(peek()) != std::string_view::npos) {
        ++at_;
      } else {
        return invalid("inside a string, '\\' occurs before a character which it may not.");
      }
    } else if (static_cast<unsigned char>(c) < 0x20) {
      return invalid("invalid character inside string.");
    } else if (!skip_utf8()) {
      return invalid("invalid bytes in UTF8 string.");
    }
  }
  token_ = body_.substr(begin, at_ - begin);
  ++at_;
  return JsonToken::kString;
}

// A lead byte and as many continuation bytes as it announces.  Overlong forms and surrogates pass, as they do in YAJL.
bool JsonReader::skip_utf8() {
  const auto lead = static_cast<unsigned char>(body_[at_++]);
  const int more = (lead >> 5) == 0x06 ? 1 : (lead >> 4) == 0x0e ? 2 : (lead >> 3) == 0x1e ? 3 : 0;
  if (more == 0) return false;
  for (int i = 0; i < more; ++i, ++at_) {
    if ((static_cast<unsigned char>(peek()) >> 6) != 0x02) return false;
  }
  return true;
}

// The value of \uXXXX at `at`, which string() has checked; anything else has no surrogate's value.
std::uint32_t JsonReader::code_unit(std::size_t at) const {
  if (at + 6 > token_.size() || token_[at] != '\\' || token_[at + 1] != 'u') return 0;
  std::uint32_t value = 0;
  for (std::size_t i = 2; i < 6; ++i) value = value << 4 | static_cast<std::uint32_t>(json_hex(token_[at + i]));
  return value;
}

// Writes token_ without its escapes, which never takes more bytes than with them.
std::size_t JsonReader::unescape(char* out) const {
  std::size_t size = 0;
  const auto put = [&](std::uint32_t byte) { out[size++] = static_cast<char>(byte); };
  for (std::size_t i = 0; i < token_.size();) {
    if (token_[i] != '\\') {
      const auto end = std::min(token_.find('\\', i), token_.size());
      std::memcpy(out + size, token_.data() + i, end - i);
      size += end - i;
      i = end;
      continue;
    }
    const char c = token_[i + 1];
    if (c != 'u') {
      constexpr std::string_view kEscaped = "bfnrt", kMeant = "\b\f\n\r\t";
      const auto which = kEscaped.find(c);
      out[size++] = which == std::string_view::npos ? c : kMeant[which];
      i += 2;
      continue;
    }
    auto code = code_unit(i);
    i += 6;
    if ((code & 0xfc00) == 0xd800) {
      const auto low = code_unit(i);
      if ((low & 0xfc00) == 0xdc00) {
        code = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
        i += 6;
      } else {
        code = '?';  // YAJL also swallows the character behind it; whoever is attacked would not
      }
    }
    if (code < 0x80) {
      put(code);
    } else if (code < 0x800) {
      put(0xc0 | code >> 6), put(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
      put(0xe0 | code >> 12), put(0x80 | (code >> 6 & 0x3f)), put(0x80 | (code & 0x3f));
    } else {
      put(0xf0 | code >> 18), put(0x80 | (code >> 12 & 0x3f)), put(0x80 | (code >> 6 & 0x3f)), put(0x80 | (code & 0x3f));
    }
  }
  return size;
}

}  // namespace

void parse_json(std::string_view body, const BodyLimits& limits, Arena& arena, Json& out) {
  out.pairs.clear();
  out.error = {};
  JsonReader(body, limits, arena, out).read();
}

}  // namespace ringwall::waf
