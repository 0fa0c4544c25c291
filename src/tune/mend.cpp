#include "tune/detail/mend.h"

#include <algorithm>

#include "base/text.h"

namespace ringwall::tune::detail {

std::string mend_json(std::string_view text) {
  std::string open;      // the brackets that are
  std::size_t good = 0;  // all before it is complete but for them
  char before = 0;       // the last mark, blanks aside
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '{' || c == '[') {
      open += c == '{' ? '}' : ']';
      good = ++at;
      before = c;
    } else if (c == '}' || c == ']') {
      if (open.empty()) return std::string(text);
      open.pop_back();
      good = ++at;
      before = c;
    } else if (c == ',' || c == ':') {
      before = c;
      ++at;
    } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      ++at;
    } else {
      const bool is_value = before == ':' || open.empty() || open.back() == ']';
      std::size_t end = at + 1;
      if (c == '"') {
        while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
        ++end;
      } else {
        end = std::min(text.find_first_of(",:]}[{\" \t\r\n", end), text.size());
        // At the very end it may go on: 12 of 123.
        if (end == text.size()) break;
      }
      if (end > text.size()) break;
      if (is_value) good = end;
      before = 0;
      at = end;
    }
  }
  std::string out(text.substr(0, good));
  out.append(open.rbegin(), open.rend());
  return out;
}

std::string mend_body(std::string_view content_type, std::string_view body) {
  const auto type = base::lower_ascii(content_type);
  if (type.starts_with("multipart/")) {
    const auto at = type.find("boundary=");
    if (at == std::string::npos) return std::string(body);
    auto boundary = content_type.substr(at + 9);
    if (boundary.starts_with('"')) boundary = boundary.substr(1, boundary.find('"', 1) - 1);
    else boundary = boundary.substr(0, boundary.find_first_of("; ,"));
    std::string out(body);
    return out.append("\r\n--").append(boundary).append("--\r\n");
  }
  if (type.find("xml") != std::string::npos) return {};
  return type.find("json") != std::string::npos ? mend_json(body) : std::string(body);
}

}  // namespace ringwall::tune::detail
