#include "openapi/detail/text_values.h"

#include <algorithm>

#include "base/text.h"

namespace ringwall::openapi::detail {

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char delimiter_of(Style style) { return style == Style::kSpaceDelimited ? ' ' : style == Style::kPipeDelimited ? '|' : ','; }

bool same_nocase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return (x >= 'A' && x <= 'Z' ? x + 32 : x) == (y >= 'A' && y <= 'Z' ? y + 32 : y); });
}

// Takes the next line without its end off the text; false: there is no whole line.
bool take_line(std::string_view& text, std::string_view& line) {
  const auto end = text.find("\r\n");
  if (end == text.npos) return false;
  line = text.substr(0, end);
  text.remove_prefix(end + 2);
  return line.find_first_of("\r\n") == line.npos;
}

// Content-Disposition of a part.  Empty, or what is wrong.
std::string_view read_disposition(std::string_view value, FieldText& field) {
  const auto end = std::min(value.find(';'), value.size());
  if (!same_nocase(trimmed(value.substr(0, end)), "form-data")) return "has a part that is no form-data";
  auto rest = value.substr(end);
  bool named = false;
  while (!rest.empty()) {
    rest = trimmed(rest.substr(1));
    const auto equals = rest.find('=');
    if (equals == rest.npos) return "has a part whose disposition cannot be understood";
    const auto key = trimmed(rest.substr(0, equals));
    rest.remove_prefix(equals + 1);
    std::string_view text;
    if (rest.starts_with('"')) {
      const auto close = rest.find('"', 1);
      if (close == rest.npos) return "has a part whose disposition cannot be understood";
      text = rest.substr(1, close - 1);
      rest = trimmed(rest.substr(close + 1));
    } else {
      const auto stop = std::min(rest.find(';'), rest.size());
      text = trimmed(rest.substr(0, stop));
      rest.remove_prefix(stop);
    }
    if (!rest.empty() && rest[0] != ';') return "has a part whose disposition cannot be understood";
    if (same_nocase(key, "name")) {
      if (named) return "has a part with two names";
      // Readers differ in what a backslash is.
      if (text.find('\\') != text.npos) return "has a part whose name has a backslash";
      field.name = text;
      named = true;
    } else if (same_nocase(key, "filename") || same_nocase(key, "filename*")) {
      field.file = true;
    } else {
      return "has a part whose disposition cannot be understood";
    }
  }
  return named ? std::string_view() : "has a part without a name";
}

std::string_view read_part_head(std::string_view& rest, FieldText& field) {
  bool disposed = false;
  for (std::string_view line;;) {
    if (!take_line(rest, line)) return "has a part whose head cannot be understood";
    if (line.empty()) return disposed ? std::string_view() : "has a part without a disposition";
    const auto colon = line.find(':');
    if (colon == line.npos || colon == 0) return "has a part whose head cannot be understood";
    const auto name = line.substr(0, colon), value = trimmed(line.substr(colon + 1));
    if (same_nocase(name, "content-disposition")) {
      if (std::exchange(disposed, true)) return "has a part with two dispositions";
      if (const auto fault = read_disposition(value, field); !fault.empty()) return fault;
    } else if (same_nocase(name, "content-type")) {
      if (!field.content_type.empty()) return "has a part with two content types";
      field.content_type = value;
    } else if (same_nocase(name, "content-transfer-encoding")) {
      if (!same_nocase(value, "binary") && !same_nocase(value, "8bit") && !same_nocase(value, "7bit")) return "has a part in an encoding that cannot be judged";
    }
  }
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool decode_percent(std::string_view text, bool plus, Texts& texts, std::string_view& out) {
  if (text.find('%') == text.npos && (!plus || text.find('+') == text.npos)) {
    out = text;
    return base::valid_utf8(text);
  }
  char* const begin = texts.take(text.size());
  auto* to = begin;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size() || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0) return false;
      *to++ = static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      *to++ = plus && text[i] == '+' ? ' ' : text[i];
    }
  }
  out = {begin, static_cast<std::size_t>(to - begin)};
  return base::valid_utf8(out);
}

std::string_view read_fields(std::string_view text, Texts& texts, std::vector<FieldText>& out) {
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('&', begin), text.size());
    const auto pair = text.substr(begin, end - begin);
    begin = end + 1;
    if (pair.empty()) continue;
    if (out.size() == kFieldsMax) return "has too many fields to be judged";
    const auto equals = std::min(pair.find('='), pair.size());
    auto& field = out.emplace_back();
    if (!decode_percent(pair.substr(0, equals), true, texts, field.name) || !decode_percent(pair.substr(std::min(equals + 1, pair.size())), true, texts, field.value)) {
      return "is not UTF-8, or has a % without two hexadecimal digits";
    }
  }
  return {};
}

std::string_view read_cookies(std::string_view text, Texts& texts, std::vector<FieldText>& out) {
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find(';', begin), text.size());
    const auto pair = trimmed(text.substr(begin, end - begin));
    begin = end + 1;
    if (pair.empty()) continue;
    if (out.size() == kFieldsMax) return "has too many fields to be judged";
    const auto equals = std::min(pair.find('='), pair.size());
    auto& field = out.emplace_back();
    field.name = trimmed(pair.substr(0, equals));
    auto value = trimmed(pair.substr(std::min(equals + 1, pair.size())));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    // Of cookies nobody says whether they are encoded.
    if (!decode_percent(value, false, texts, field.value)) field.value = value;
  }
  return {};
}

std::string_view read_multipart(std::string_view content_type, std::string_view body, std::vector<FieldText>& out) {
  const auto boundary = header_parameter(content_type, "boundary");
  constexpr std::size_t kBoundaryMax = 70;  // RFC 2046
  if (boundary.empty() || boundary.size() > kBoundaryMax) return "has no boundary that could be used";
  const auto delimiter = "\r\n--" + std::string(boundary);
  auto rest = body;
  if (!rest.starts_with(std::string_view(delimiter).substr(2))) return "does not begin with its boundary";
  rest.remove_prefix(delimiter.size() - 2);
  for (;;) {
    if (rest.starts_with("--")) return trimmed(rest.substr(2)).empty() || rest.substr(2) == "\r\n" ? std::string_view() : "has something behind its last part";
    if (!rest.starts_with("\r\n")) return "has a boundary that cannot be understood";
    rest.remove_prefix(2);
    if (out.size() == kFieldsMax) return "has too many fields to be judged";
    auto& field = out.emplace_back();
    if (const auto fault = read_part_head(rest, field); !fault.empty()) return fault;
    // A part without content ends where its head does.
    const bool empty = rest.starts_with(std::string_view(delimiter).substr(2));
    const auto end = empty ? 0 : rest.find(delimiter);
    if (end == rest.npos) return "ends before its last boundary";
    field.value = rest.substr(0, end);
    rest.remove_prefix(end + delimiter.size() - (empty ? 2 : 0));
    if (!base::valid_utf8(field.name)) return "has a part whose name is not UTF-8";
  }
}

std::uint32_t open(Tape& tape, Kind kind) {
  tape.values.emplace_back().kind = kind;
  return tape.size() - 1;
}

void close(Tape& tape, std::uint32_t opened, std::size_t count) {
  auto& value = tape.values[opened];
  value.count = static_cast<std::uint32_t>(count);
  value.span = tape.size() - opened;
}

std::uint32_t add_text(Tape& tape, std::string_view text, Kind kind) {
  auto& value = tape.values.emplace_back();
  value.kind = kind;
  value.text = text;
  return tape.size() - 1;
}

namespace {

// Calls `each` with every piece between delimiters.
template <class Each>
void split(std::string_view text, char delimiter, Each each) {
  if (text.empty()) return;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(delimiter, begin), text.size());
    each(text.substr(begin, end - begin));
    begin = end + 1;
  }
}

}  // namespace

std::uint32_t add_list(Tape& tape, const Shape& shape, std::string_view text) {
  const auto list = open(tape, Kind::kArray);
  std::size_t count = 0;
  split(text, delimiter_of(shape.style), [&](std::string_view piece) {
    add_text(tape, piece);
    ++count;
  });
  close(tape, list, count);
  return list;
}

std::uint32_t add_object(Tape& tape, const Shape& shape, std::string_view text) {
  const auto object = open(tape, Kind::kObject);
  std::size_t pieces = 0;
  bool good = true;
  std::vector<std::string_view> names;
  const auto name = [&](std::string_view one) {
    good = good && std::find(names.begin(), names.end(), one) == names.end() && names.size() < kFieldsMax;
    names.push_back(one);
    add_text(tape, one, Kind::kString);
  };
  split(text, delimiter_of(shape.style), [&](std::string_view piece) {
    if (!good) return;
    if (!shape.explode) {
      if (pieces++ % 2 == 0) name(piece);
      else add_text(tape, piece);
      return;
    }
    const auto equals = piece.find('=');
    good = good && equals != piece.npos;
    name(piece.substr(0, equals));
    add_text(tape, good ? piece.substr(equals + 1) : piece);
    pieces += 2;
  });
  if (!good || pieces % 2 != 0) return kFault;
  close(tape, object, pieces / 2);
  return object;
}

std::string_view header_parameter(std::string_view header, std::string_view name) {
  auto at = header.find(';');
  while (at != header.npos) {
    auto rest = trimmed(header.substr(at + 1));
    const auto equals = rest.find_first_of("=;");
    if (equals == rest.npos) return {};
    if (rest[equals] == ';') {
      at = static_cast<std::size_t>(rest.data() - header.data()) + equals;
      continue;
    }
    const auto key = trimmed(rest.substr(0, equals));
    rest.remove_prefix(equals + 1);
    const bool quoted = rest.starts_with('"');
    const auto stop = quoted ? rest.find('"', 1) : std::min(rest.find(';'), rest.size());
    if (stop == rest.npos) return {};
    const auto value = quoted ? rest.substr(1, stop - 1) : trimmed(rest.substr(0, stop));
    if (same_nocase(key, name)) return value;
    at = header.find(';', static_cast<std::size_t>(rest.data() - header.data()) + stop);
  }
  return {};
}

}  // namespace ringwall::openapi::detail
