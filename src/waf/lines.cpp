#include "waf/detail/lines.h"

#include <fmt/format.h>

#include <algorithm>

#include "waf/detail/seclang.h"

namespace ringwall::waf::seclang {

namespace {

// "SecRule …", "Include …": what no line inside quotes begins with unless the quote was forgotten.
bool begins_with_directive(std::string_view line) {
  line = trim_blanks(line);
  if (line.starts_with("Sec") && line.size() > 3 && line[3] >= 'A' && line[3] <= 'Z') return true;
  return line.starts_with("Include ") || line.starts_with("IncludeOptional ");
}

// Ends with '\', blanks behind it aside; `content` gets what stands before it.
bool continues(std::string_view line, std::string_view& content) {
  auto end = line.size();
  while (end > 0 && is_blank_byte(line[end - 1])) --end;
  if (end == 0 || line[end - 1] != '\\') return false;
  content = line.substr(0, end - 1);
  return true;
}

}  // namespace

LineSpot LogicalLine::spot(std::size_t offset) const {
  const auto behind =
      std::upper_bound(joints.begin(), joints.end(), offset,
                       [](std::size_t value, const Joint& joint) { return value < joint.offset; });
  if (behind == joints.begin()) return {line, 1};
  const auto& joint = *std::prev(behind);
  return {joint.spot.line, joint.spot.column + static_cast<int>(offset - joint.offset)};
}

LineReader::LineReader(std::string_view text) : rest_(text) {
  if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);  // a byte order mark some editors leave
}

// The next physical line without its end.
bool LineReader::take(std::string_view& physical) {
  if (rest_.empty()) return false;
  const auto end = rest_.find('\n');
  physical = rest_.substr(0, end);
  rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
  if (physical.ends_with('\r')) physical.remove_suffix(1);
  ++line_;
  return true;
}

bool LineReader::skip_comment(std::string_view physical) {
  auto trimmed = trim_blanks(physical);
  if (!trimmed.starts_with('#')) return false;
  trimmed = trim_blanks(trimmed.substr(1));
  const bool of_rule =
      same_word(trimmed.substr(0, 7), "SecRule") || same_word(trimmed.substr(0, 9), "SecAction");
  std::string_view content;
  while (of_rule && continues(physical, content) && take(physical)) {
  }
  return true;
}

std::optional<LogicalLine> LineReader::next() {
  for (;;) {
    auto line = read_line();
    // Lines of nothing but '\' join to nothing.
    if (!line || !line->text.empty()) return line;
  }
}

std::optional<LogicalLine> LineReader::read_line() {
  std::string_view physical;
  do {
    if (!take(physical)) return std::nullopt;
  } while (trim_blanks(physical).empty() || skip_comment(physical));

  LogicalLine out;
  out.line = line_;
  bool quoted = false, escaped = false, joined = false;
  LineSpot opened;  // of the quote that is open
  for (;;) {
    std::string_view content = physical;
    const bool goes_on = continues(physical, content);
    std::size_t indent = 0;
    while (indent < content.size() && is_blank_byte(content[indent])) ++indent;
    // Indentation behind a '\' only parts words; inside a quote without one it is text.
    if (out.joints.empty() || joined)
      content.remove_prefix(indent);
    else
      indent = 0;
    if (joined && indent > 0 && !out.text.empty()) {
      const char last = out.text.back();
      if (!is_blank_byte(last) && last != '|' && last != ',') out.text += ' ';
    }
    if (out.text.size() + content.size() > kLineBytesMax) {
      error_ = {
          Errc::kLimit, {out.line, 1}, fmt::format("a directive longer than {} bytes", kLineBytesMax), {}};
      return std::nullopt;
    }
    out.joints.push_back({out.text.size(), {line_, static_cast<int>(indent) + 1}});
    for (std::size_t i = 0; i < content.size(); ++i) {
      if (escaped) {
        escaped = false;
      } else if (content[i] == '\\') {
        escaped = true;
      } else if (content[i] == '"') {
        quoted = !quoted;
        opened = {line_, static_cast<int>(indent + i) + 1};
      }
    }
    out.text += content;

    const auto next_line = rest_.substr(0, rest_.find('\n'));
    joined = goes_on;
    if (!goes_on) {
      if (!quoted && !trim_blanks(next_line).starts_with('"')) break;
      if (quoted && (rest_.empty() || begins_with_directive(next_line))) break;
      out.text += quoted ? '\n' : ' ';
      escaped = false;
    }
    if (!take(physical)) break;
  }
  if (quoted) {
    error_ = {Errc::kInvalid, opened, "this \" is never closed", "write \\\" for a quote inside a quoted text"};
    return std::nullopt;
  }
  while (!out.text.empty() && is_blank_byte(out.text.back())) out.text.pop_back();
  return out;
}

}  // namespace ringwall::waf::seclang
