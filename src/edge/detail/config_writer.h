// Lines of an nginx configuration with indentation, quoting and the place in the declaration they come from.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

namespace ringwall::edge::detail {

class ConfigWriter {
 public:
  // Where the following lines come from.
  void origin(std::string text) { origin_ = std::move(text); }

  template <class... Arguments>
  void line(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    put(fmt::format(format, std::forward<Arguments>(arguments)...) + ";");
  }
  template <class... Arguments>
  void open(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    put(fmt::format(format, std::forward<Arguments>(arguments)...) + " {");
    ++depth_;
  }
  void close() {
    --depth_;
    put("}");
  }
  void comment(std::string_view text) { put(fmt::format("# {}", text)); }

  std::string take_text() { return std::move(text_); }
  std::vector<std::string> take_origins() { return std::move(origins_); }

 private:
  void put(const std::string& text) {
    text_.append(static_cast<std::size_t>(2 * depth_), ' ').append(text).push_back('\n');
    origins_.push_back(origin_);
  }
  std::string text_, origin_;
  std::vector<std::string> origins_;
  int depth_ = 0;
};

// One word of nginx's language.  Within quotes only the quote and the backslash mean something to its parser.
inline std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

// Bytes that no value may hold, whatever the quoting.
inline bool has_control(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return true;
  }
  return false;
}

}  // namespace ringwall::edge::detail
