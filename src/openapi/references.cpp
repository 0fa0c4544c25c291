#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "openapi/detail/compile.h"

namespace ringwall::openapi {

std::string show(const std::string& document, const Remark& remark) {
  return fmt::format("{}:{}:{}: {}{}{}", document, remark.line, remark.column, remark.pointer, remark.pointer.empty() ? "" : ": ", remark.message);
}

namespace detail {

namespace {

constexpr int kReferencesMax = 32;  // one to the next

std::string escaped(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (c == '~') out += "~0";
    else if (c == '/') out += "~1";
    else out += c;
  }
  return out;
}

// "~1" and "%7B" decoded.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    if (text[i] == '~' && i + 1 < text.size() && (text[i + 1] == '0' || text[i + 1] == '1')) {
      out += text[++i] == '0' ? '~' : '/';
    } else if (text[i] == '%' && i + 2 < text.size() && std::from_chars(&text[i + 1], &text[i + 1] + 2, code, 16).ptr == &text[i + 1] + 2) {
      out += static_cast<char>(code);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

void Reporter::add(std::vector<Remark>& to, const Spot& at, std::string message) {
  if (to.size() > kRemarksMax) return;
  if (to.size() == kRemarksMax) message = "there are more of these";
  to.push_back({at.node == nullptr ? 1 : std::max(1, at.node->line), at.node == nullptr ? 1 : std::max(1, at.node->column), at.pointer, std::move(message)});
}

Spot member(const Spot& map, std::string_view key) {
  const auto* found = map.node == nullptr ? nullptr : map.node->find(key);
  return found == nullptr ? Spot() : Spot{found, map.pointer + "/" + escaped(key)};
}

Spot child(const Spot& parent, std::size_t i) {
  const auto& node = *parent.node;
  return {&node.items[i], parent.pointer + "/" + (node.kind == Node::Kind::kMap ? escaped(node.keys[i]) : std::to_string(i))};
}

bool is_map(const Spot& spot, Reporter& reporter, std::string_view what) {
  if (spot.node->kind == Node::Kind::kMap) return true;
  reporter.error(spot, fmt::format("{} is a map", what));
  return false;
}

bool is_true(const Spot& map, std::string_view key, Reporter& reporter) {
  const auto at = member(map, key);
  if (!at) return false;
  if (at.node->kind != Node::Kind::kBoolean) reporter.error(at, "is true or false");
  return at.node->text == "true";
}

std::string text_of(const Spot& map, std::string_view key, Reporter& reporter) {
  const auto at = member(map, key);
  if (!at) return {};
  if (at.node->kind != Node::Kind::kString) reporter.error(at, "is a text");
  return at.node->text;
}

Spot References::target(const std::string& reference, const Spot& at) {
  if (const auto known = known_.find(reference); known != known_.end()) return known->second;
  if (!reference.starts_with('#')) {
    reporter_.error(at, fmt::format("'{}' is in another file: bundle the document into one first", reference));
    return {};
  }
  if (reference.size() > 1 && reference[1] != '/') {
    reporter_.error(at, fmt::format("'{}' is an anchor: write the reference as a path, as #/components/schemas/Name", reference));
    return {};
  }
  Spot out{&root_, ""};
  for (std::size_t begin = 2; begin <= reference.size();) {
    const auto end = std::min(reference.find('/', begin), reference.size());
    const auto key = unescaped(std::string_view(reference).substr(begin, end - begin));
    begin = end + 1;
    if (out.node->kind == Node::Kind::kList) {
      std::size_t index = 0;
      const auto read = std::from_chars(key.data(), key.data() + key.size(), index);
      out = read.ptr == key.data() + key.size() && !key.empty() && index < out.node->items.size() ? child(out, index) : Spot();
    } else {
      out = member(out, key);
    }
    if (!out) {
      reporter_.error(at, fmt::format("'{}' is not in the document", reference));
      return {};
    }
  }
  known_[reference] = out;
  return out;
}

Spot References::follow(Spot spot) {
  for (int i = 0; spot && i < kReferencesMax; ++i) {
    const auto reference = member(spot, "$ref");
    if (!reference) return spot;
    if (reference.node->kind != Node::Kind::kString) return reporter_.error(reference, "is a text"), Spot();
    spot = target(reference.node->text, reference);
  }
  if (spot) reporter_.error(spot, "refers on and on");
  return {};
}

}  // namespace detail

}  // namespace ringwall::openapi
