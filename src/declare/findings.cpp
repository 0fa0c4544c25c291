#include "declare/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace ringwall::declare {

namespace detail {

namespace {

constexpr std::size_t kShownBytesMax = 60;

std::string kind_of(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull: return "nothing";
    case Node::Kind::kList: return "a list";
    case Node::Kind::kMap: return "a map";
    case Node::Kind::kScalar: return fmt::format("'{}'", shown(node.scalar));
  }
  return "";
}

// The path of what holds `path`: "a.b[0].c" -> "a.b[0]" -> "a.b" -> "a" -> "".
std::string_view around(std::string_view path) {
  const auto cut = path.find_last_of(".[");
  return cut == std::string_view::npos ? std::string_view() : path.substr(0, cut);
}

// Of what is not written: where the nearest thing around it stands.
Place place_of(std::string_view path, const std::map<std::string, Place>& marks) {
  auto it = marks.find(std::string(path));
  while (it == marks.end() && !path.empty()) {
    path = around(path);
    it = marks.find(std::string(path));
  }
  return it == marks.end() ? Place{} : it->second;
}

}  // namespace

std::string shown(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // Cut before a character, never inside one.
    if (i >= kShownBytesMax && (byte & 0xc0) != 0x80) return out + "...";
    if (byte == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += text[i];
    }
  }
  return out;
}

void Findings::push(Diagnostic diagnostic) {
  if (full()) {
    more_ = true;
  } else {
    diagnostics_.push_back(std::move(diagnostic));
  }
}

void Findings::mismatch(const Node& node, const std::string& path, const std::string& expected, std::string hint) {
  const char between = expected.find(',') == std::string::npos ? ',' : ';';
  add(node, path, {fmt::format("expected {}{} found {}", expected, between, kind_of(node)), std::move(hint)}, expected);
}

void Findings::add(const Node& node, const std::string& path, Problem problem, std::string expected) {
  wrong_.insert(path);
  push({file_, node.line, node.column, path, std::move(problem.message), std::move(problem.hint), kind_of(node), std::move(expected)});
}

void Findings::add_at(int line, int column, const std::string& path, Problem problem) {
  wrong_.insert(path);
  push({file_, line, column, path, std::move(problem.message), std::move(problem.hint), "", ""});
}

void Findings::relation(const std::string& path, std::string message, std::string hint) {
  const auto [line, column] = place_of(path, marks_);
  push({file_, line, column, path, std::move(message), std::move(hint), "", ""});
}

int Findings::line_of(const std::string& path) const {
  const auto it = marks_.find(path);
  return it == marks_.end() ? 1 : it->second.line;
}

bool Findings::trusted(std::string_view path) const {
  for (; !path.empty(); path = around(path)) {
    if (wrong_.contains(path)) return false;
  }
  return true;
}

bool Findings::trusted_inside(std::string_view path) const {
  if (!trusted(path)) return false;
  for (const char next : {'.', '['}) {
    const auto prefix = std::string(path) + next;
    const auto it = wrong_.lower_bound(prefix);
    if (it != wrong_.end() && it->starts_with(prefix)) return false;
  }
  return true;
}

std::vector<Diagnostic> Findings::take() {
  std::stable_sort(diagnostics_.begin(), diagnostics_.end(),
                   [](const Diagnostic& a, const Diagnostic& b) { return std::tie(a.line, a.column) < std::tie(b.line, b.column); });
  if (more_) {
    const auto& last = diagnostics_.back();
    diagnostics_.push_back({file_, last.line, last.column, "", fmt::format("more mistakes follow; {} are shown", kDiagnosticsMax), "", "", ""});
  }
  return std::move(diagnostics_);
}

}  // namespace detail

Diagnostic located(const Parsed& parsed, const Error& error) {
  const auto& message = error.message;
  const auto end = message.find(": ");
  const auto path = message.substr(0, end);
  if (end == message.npos || !parsed.places.contains(path.substr(0, path.find_first_of(".[")))) return {.message = message, .hint = error.hint};
  const auto [line, column] = detail::place_of(path, parsed.places);
  return {.file = parsed.file, .line = line, .column = column, .path = path, .message = message.substr(end + 2), .hint = error.hint};
}

std::string show(const Diagnostic& d) {
  const auto what = d.path.empty() ? d.message : fmt::format("{}: {}", d.path, d.message);
  return d.line == 0 ? what : fmt::format("{}:{}:{}: {}", d.file, d.line, d.column, what);
}

}  // namespace ringwall::declare
