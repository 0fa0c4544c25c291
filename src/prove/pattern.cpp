#include "prove/detail/pattern.h"

#include <algorithm>

namespace ringwall::prove {

namespace {

constexpr int kGroupDepthMax = 200;
constexpr int kMoreMax = 3;  // beyond what a repeat demands

}  // namespace

class Pattern::Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  Node read() {
    Node all = choice(0);
    // A ')' too many: what was read is enough to draw from.
    return all;
  }

 private:
  bool more() const { return at_ < text_.size(); }
  bool take(std::string_view what) {
    if (text_.substr(at_, what.size()) != what) return false;
    at_ += what.size();
    return true;
  }

  Node choice(int depth) {
    Node out{.kind = Node::Kind::kChoice};
    do {
      Node one{.kind = Node::Kind::kSequence};
      while (more() && text_[at_] != '|' && text_[at_] != ')') one.children.push_back(repeat(depth));
      out.children.push_back(std::move(one));
    } while (take("|"));
    return out;
  }

  Node repeat(int depth) {
    Node one = atom(depth);
    while (more()) {
      int low = 0, high = -1;
      if (take("*")) low = 0;
      else if (take("+")) low = 1;
      else if (take("?")) high = 1;
      else if (!bounds(low, high)) break;
      if (!take("?")) take("+");
      Node out{.kind = Node::Kind::kRepeat};
      out.low = low, out.high = high;
      out.children.push_back(std::move(one));
      one = std::move(out);
    }
    return one;
  }

  bool bounds(int& low, int& high) {
    const auto close = text_.find('}', at_);
    if (text_[at_] != '{' || close == std::string_view::npos || close - at_ > 12) return false;
    const auto inside = text_.substr(at_ + 1, close - at_ - 1);
    if (inside.empty() || inside.find_first_not_of("0123456789,") != std::string_view::npos || inside[0] == ',') return false;
    low = std::atoi(std::string(inside).c_str());
    high = low;
    if (const auto comma = inside.find(','); comma != std::string_view::npos) high = comma + 1 == inside.size() ? -1 : std::atoi(std::string(inside.substr(comma + 1)).c_str());
    at_ = close + 1;
    return true;
  }

  Node of(const Bytes& bytes) {
    Node out{.kind = Node::Kind::kBytes};
    out.bytes = bytes;
    return out;
  }
  Node atom(int depth) {
    const auto c = static_cast<unsigned char>(text_[at_++]);
    Bytes one;
    if (c == '(') return group(depth);
    if (c == '[') return of(members());
    if (c == '.') return of(~one);
    if (c == '^' || c == '$') return {};
    if (c == '\\' && more()) {
      if (std::string_view("bBAzZG").find(text_[at_]) != std::string_view::npos) return ++at_, Node{};
      if (text_[at_] >= '1' && text_[at_] <= '9') return ++at_, Node{};
      return of(escape(false));
    }
    one.set(c);
    return of(one);
  }

  Node group(int depth) {
    bool takes_text = true;
    if (take("?")) {
      if (take("=") || take("!") || take("<=") || take("<!")) {
        takes_text = false;
      } else if (take("P<") || take("<") || take("'")) {
        at_ = std::min(text_.find_first_of(">'", at_), text_.size() - 1) + 1;
      } else if (!take(">") && !take("|")) {
        while (more() && text_[at_] != ':' && text_[at_] != ')') ++at_;
        if (take(")")) return {};
        take(":");
      }
    }
    Node inside = depth < kGroupDepthMax ? choice(depth + 1) : Node{};
    take(")");
    return takes_text ? inside : Node{};
  }

  static void add(Bytes& bytes, int first, int last) {
    for (int c = first; c <= last; ++c) bytes.set(static_cast<std::size_t>(c));
  }
  // What stands behind a backslash.
  Bytes escape(bool in_class) {
    Bytes out;
    const char c = text_[at_++];
    switch (c) {
      case 'd': case 'D': add(out, '0', '9'); break;
      case 'w': case 'W': add(out, '0', '9'), add(out, 'a', 'z'), add(out, 'A', 'Z'), out.set('_'); break;
      case 's': case 'S': add(out, 9, 13), out.set(' '); break;
      case 'h': out.set(' '), out.set(9); break;
      case 'v': case 'R': add(out, 10, 13); break;
      case 'n': out.set('\n'); break;
      case 'r': out.set('\r'); break;
      case 't': out.set('\t'); break;
      case 'f': out.set('\f'); break;
      case 'a': out.set('\a'); break;
      case 'e': out.set(0x1b); break;
      case 'b': out.set(in_class ? 8 : 'b'); break;
      case 'x': {
        const bool braced = take("{");
        std::string digits;
        while (more() && digits.size() < 2 && std::isxdigit(static_cast<unsigned char>(text_[at_])) != 0) digits += text_[at_++];
        if (braced) take("}");
        out.set(std::strtoul(digits.c_str(), nullptr, 16) & 0xff);
        break;
      }
      case '0': out.set(0); break;
      default: out.set(static_cast<unsigned char>(c));
    }
    if (c == 'D' || c == 'W' || c == 'S') out.flip();
    return out;
  }

  Bytes member() {
    if (at_ + 1 < text_.size() && take("\\")) return escape(true);
    Bytes out;
    out.set(static_cast<unsigned char>(text_[at_++]));
    return out;
  }
  Bytes members() {
    Bytes out;
    const bool negated = take("^");
    for (bool first = true; more() && (first || text_[at_] != ']'); first = false) {
      if (text_.substr(at_, 2) == "[:") {
        posix(out);
        continue;
      }
      Bytes low = member();
      if (low.count() == 1 && at_ + 1 < text_.size() && text_[at_] == '-' && text_[at_ + 1] != ']') {
        ++at_;
        const Bytes high = member();
        if (high.count() == 1) add(out, static_cast<int>(low._Find_first()), static_cast<int>(high._Find_first()));
        else out |= high;
      }
      out |= low;
    }
    if (more()) ++at_;
    return negated ? ~out : out;
  }
  void posix(Bytes& out) {
    const auto end = std::min(text_.find(":]", at_), text_.size());
    const auto name = text_.substr(at_ + 2, end - std::min(at_ + 2, end));
    at_ = std::min(end + 2, text_.size());
    for (int c = 0; c < 128; ++c) {
      const bool in = name == "alpha" ? std::isalpha(c) : name == "digit" ? std::isdigit(c) : name == "alnum" ? std::isalnum(c) : name == "space" ? std::isspace(c)
                    : name == "upper" ? std::isupper(c) : name == "lower" ? std::islower(c) : name == "xdigit" ? std::isxdigit(c) : name == "punct" ? std::ispunct(c)
                    : name == "cntrl" ? std::iscntrl(c) : std::isprint(c);
      if (in) out.set(static_cast<std::size_t>(c));
    }
  }

  const std::string_view text_;
  std::size_t at_ = 0;
};

Pattern::Pattern(std::string_view text) : root_(Reader(text).read()), ignore_case_(text.find("(?i") != std::string_view::npos) {}

std::string Pattern::draw(detail::Random& random) const {
  std::string out;
  draw(root_, random, !random.one_in(4), out);
  if (ignore_case_ && random.one_in(2)) {
    for (auto& c : out) {
      if (std::isalpha(static_cast<unsigned char>(c)) != 0 && random.one_in(2)) c = static_cast<char>(c ^ 0x20);
    }
  }
  return out;
}

void Pattern::draw(const Node& node, detail::Random& random, bool plain, std::string& out) const {
  if (out.size() > kDrawnBytesMax) return;
  switch (node.kind) {
    case Node::Kind::kNothing: break;
    case Node::Kind::kBytes: {
      if (node.bytes.none()) break;
      // Of classes like [^;] the printable ones are more like what is sent.
      for (int tries = plain ? 40 : 1; tries > 0; --tries) {
        const auto c = random.below(95) + 32;
        if (node.bytes[c]) {
          out += static_cast<char>(c);
          return;
        }
      }
      auto nth = random.below(node.bytes.count());
      for (std::size_t c = 0; c < 256; ++c) {
        if (node.bytes[c] && nth-- == 0) out += static_cast<char>(c);
      }
      break;
    }
    case Node::Kind::kSequence:
      for (const auto& child : node.children) draw(child, random, plain, out);
      break;
    case Node::Kind::kChoice:
      draw(random.of(node.children), random, plain, out);
      break;
    case Node::Kind::kRepeat: {
      const int room = node.high < 0 ? kMoreMax : std::min(node.high - node.low, kMoreMax);
      const int count = node.low + static_cast<int>(random.below(static_cast<std::size_t>(std::max(room, 0)) + 1));
      for (int i = 0; i < count && out.size() <= kDrawnBytesMax; ++i) draw(node.children[0], random, plain, out);
      break;
    }
  }
}

}  // namespace ringwall::prove
