#include "waf/overlay.h"

namespace ringwall::waf {

namespace {

int parent_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char low = static_cast<char>(c | 0x20);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

}  // namespace

bool names_parent(std::string_view path) {
  if (path.find("..") == std::string_view::npos && path.find('%') == std::string_view::npos) return false;
  int dots = 0;
  bool other = false, parameters = false;
  for (std::size_t i = 0; i <= path.size(); ++i) {
    char c = i < path.size() ? path[i] : '/';
    if (c == '%' && i + 2 < path.size() && parent_digit(path[i + 1]) >= 0 && parent_digit(path[i + 2]) >= 0) {
      c = static_cast<char>(parent_digit(path[i + 1]) * 16 + parent_digit(path[i + 2]));
      i += 2;
    }
    if (c == '/' || c == '\\') {
      if (dots == 2 && !other) return true;
      dots = 0;
      other = parameters = false;
    } else if (c == ';') {
      parameters = true;  // "..;a": the parameters of a segment are no part of its name
    } else if (!parameters) {
      if (c == '.') ++dots;
      else other = true;
    }
  }
  return false;
}

}  // namespace ringwall::waf
