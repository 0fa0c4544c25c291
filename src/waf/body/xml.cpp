// text/xml: the text of the root as one string, and every attribute value; what XPath gives for /* and //@*.
//
// XML 1.0 (fifth edition), checked for well-formedness as far as a reader without a DTD processor can: names, nesting,
// unique attributes, characters, references.  The internal subset of a DTD is skipped, its declarations are not obeyed and
// no entity of its own is expanded.  What a declaration would have said (the literals of <!ENTITY> and <!ATTLIST>) is given to
// the rules as text, so that nothing hides there.  Nothing is ever fetched.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "waf/body/body.h"
#include "waf/body/xml_text.h"

namespace ringwall::waf {
namespace {

constexpr std::size_t kXmlAttributesMax = 10'000;  // in the whole document
constexpr std::size_t kXmlAttributesCompared = 8;  // more in one element are sorted to find equal names

// To XPath xmlns="…" and xmlns:p="…" are no attributes; what only looks like them is.
bool declares_namespace(std::string_view name) {
  if (!name.starts_with("xmlns")) return false;
  const auto rest = name.substr(5);
  if (rest.empty()) return true;
  const auto prefix = rest.substr(1);
  return rest.front() == ':' && !prefix.empty() && xml_name(prefix) == prefix && prefix.find(':') == std::string_view::npos;
}

class XmlReader {
 public:
  XmlReader(std::string_view text, Arena& arena, Xml& out) : text_(text), arena_(arena), out_(out) {}

  void read();

 private:
  bool read_declaration();
  bool read_prolog();
  bool read_content();
  bool read_epilog();
  bool read_start_tag();
  bool read_end_tag();
  bool read_attribute(std::size_t& attributes);
  bool unique_attributes(std::size_t attributes);
  bool read_text();
  bool read_comment();
  bool read_instruction();
  bool read_cdata();
  bool read_doctype();
  bool read_internal_subset();
  bool read_markup_declaration();

  bool looking_at(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  bool skip(std::string_view what) {
    if (!looking_at(what)) return false;
    at_ += what.size();
    return true;
  }
  // True when there was some.
  bool skip_space() {
    const auto begin = at_;
    while (at_ < text_.size() && xml_space(text_[at_])) ++at_;
    return at_ > begin;
  }
  std::string_view read_name() {
    const auto name = xml_name(text_.substr(at_));
    at_ += name.size();
    return name;
  }
  // A literal in quotes of either kind, without them; nothing is said of what is inside.
  bool read_literal(std::string_view& literal);
  // The text up to `end`, which is skipped; checked for characters that may not be in a document.
  bool read_until(std::string_view end, const char* unfinished, std::string_view& inside);

  // Appends to the text of the root.
  bool append(std::string_view raw) {
    XmlText text{root_text_ + root_text_size_, 0, {}, 0};
    const bool good = decode_xml(raw, XmlKind::kText, entities_tolerated_, text);
    root_text_size_ += text.size;
    return good || fail_at(raw, text);
  }
  // The same text when there is nothing to decode in it.
  bool decoded(std::string_view raw, XmlKind kind, std::string_view& value) {
    char* const piece = arena_.take(raw.size());
    XmlText text{piece, 0, {}, 0};
    const bool good = decode_xml(raw, kind, entities_tolerated_, text);
    const bool same = text.size == raw.size() && std::equal(raw.begin(), raw.end(), piece);
    arena_.shrink_last(piece, raw.size(), same ? 0 : text.size);
    value = same ? raw : std::string_view(piece, text.size);
    return good || fail_at(raw, text);
  }

  bool fail(std::string_view why) {
    out_.error = {true, fmt::format("XML: Failed parsing document: {} (byte {})", why, at_)};
    return false;
  }
  bool fail_at(std::string_view raw, const XmlText& text) {
    at_ = static_cast<std::size_t>(raw.data() - text_.data()) + text.error_at;
    return fail(text.error);
  }

  const std::string_view text_;
  Arena& arena_;
  Xml& out_;
  std::size_t at_ = 0;
  bool doctype_seen_ = false;
  bool entities_tolerated_ = false;  // a DTD here or elsewhere may declare some

  std::array<std::string_view, kXmlDepthMax> open_;  // names of the elements around the cursor
  std::size_t depth_ = 0;
  char* root_text_ = nullptr;
  std::size_t root_text_size_ = 0;

  // Names of the attributes of one element; the room is kept for the next.
  std::string_view* names_ = nullptr;
  std::size_t names_capacity_ = 0;
  std::size_t attributes_ = 0;
};

void XmlReader::read() {
  if (!read_declaration() || !read_prolog()) return;
  root_text_ = arena_.take(text_.size() - at_);
  if (!read_start_tag()) return;
  if (read_content()) read_epilog();
  out_.element_texts.push_back({root_text_, root_text_size_});
}

// <?xml version="1.0" encoding="utf-8" standalone="yes"?>; the encoding has been dealt with already.
bool XmlReader::read_declaration() {
  if (!looking_at("<?xml") || at_ + 5 == text_.size() || !xml_space(text_[at_ + 5])) return true;
  at_ += 5;
  constexpr std::array<std::string_view, 3> kParts = {"version", "encoding", "standalone"};
  std::size_t next = 0;  // the parts come in this order
  for (bool space = skip_space(); !skip("?>"); space = skip_space()) {
    const auto name = read_name();
    while (next < kParts.size() && kParts[next] != name) {
      if (next++ == 0) return fail("the version is missing");
    }
    if (!space || next++ == kParts.size()) return fail("the XML declaration is malformed");
    skip_space();
    if (!skip("=")) return fail("the XML declaration is malformed");
    skip_space();
    std::string_view value;
    if (!read_literal(value)) return false;
    const auto minor = value.substr(std::min<std::size_t>(2, value.size()));
    if (name == "version" && (!value.starts_with("1.") || minor.find_first_not_of("0123456789") != std::string_view::npos)) {
      return fail("unsupported version");
    }
    if (name == "encoding" && (xml_name(value) != value || value.find(':') != std::string_view::npos)) {
      return fail("malformed encoding");
    }
    if (name == "standalone" && value != "yes" && value != "no") return fail("standalone is yes or no");
  }
  return next > 0 ? true : fail("the version is missing");
}

bool XmlReader::read_prolog() {
  for (;;) {
    skip_space();
    if (at_ == text_.size()) return fail("the document is empty");
    if (looking_at("<!--")) {
      if (!read_comment()) return false;
    } else if (looking_at("<?")) {
      if (!read_instruction()) return false;
    } else if (looking_at("<!DOCTYPE") && !doctype_seen_) {
      if (!read_doctype()) return false;
    } else if (text_[at_] == '<') {
      return true;
    } else {
      return fail("text before the root element");
    }
  }
}

bool XmlReader::read_epilog() {
  for (;;) {
    skip_space();
    if (at_ == text_.size()) return true;
    if (looking_at("<!--")) {
      if (!read_comment()) return false;
    } else if (looking_at("<?")) {
      if (!read_instruction()) return false;
    } else {
      return fail("extra content at the end of the document");
    }
  }
}

bool XmlReader::read_content() {
  while (depth_ > 0) {
    bool good;
    if (at_ == text_.size()) {
      return fail("the document ends inside an element");
    } else if (text_[at_] != '<') {
      good = read_text();
    } else if (looking_at("</")) {
      good = read_end_tag();
    } else if (looking_at("<!--")) {
      good = read_comment();
    } else if (looking_at("<![CDATA[")) {
      good = read_cdata();
    } else if (looking_at("<?")) {
      good = read_instruction();
    } else {
      good = read_start_tag();
    }
    if (!good) return false;
  }
  return true;
}

bool XmlReader::read_start_tag() {
  ++at_;
  const auto name = read_name();
  if (name.empty()) return fail("invalid element name");
  std::size_t attributes = 0;
  for (;;) {
    const bool space = skip_space();
    if (skip("/>")) return unique_attributes(attributes);
    if (skip(">")) break;
    if (!space) return fail("expected white space, '>' or '/>'");
    if (!read_attribute(attributes)) return false;
  }
  if (!unique_attributes(attributes)) return false;
  if (depth_ == kXmlDepthMax) return fail(fmt::format("nested deeper than {}", kXmlDepthMax));
  open_[depth_++] = name;
  return true;
}

bool XmlReader::read_attribute(std::size_t& attributes) {
  const auto name = read_name();
  if (name.empty()) return fail("invalid attribute name");
  skip_space();
  if (!skip("=")) return fail("an attribute without a value");
  skip_space();
  std::string_view raw, value;
  if (!read_literal(raw)) return false;
  if (++attributes_ > kXmlAttributesMax) return fail(fmt::format("more than {} attributes", kXmlAttributesMax));
  if (attributes == names_capacity_) {
    const auto capacity = std::max<std::size_t>(16, 2 * names_capacity_);
    auto* const bigger = arena_.make_array<std::string_view>(capacity);
    std::copy_n(names_, attributes, bigger);
    names_ = bigger;
    names_capacity_ = capacity;
  }
  names_[attributes++] = name;
  const bool good = decoded(raw, XmlKind::kAttribute, value);
  if (!declares_namespace(name)) out_.attribute_values.push_back(value);
  return good;
}

bool XmlReader::unique_attributes(std::size_t attributes) {
  const auto end = names_ + attributes;
  bool unique = true;
  if (attributes <= kXmlAttributesCompared) {
    for (auto* name = names_; name != end && unique; ++name) unique = std::find(names_, name, *name) == name;
  } else {
    std::sort(names_, end);
    unique = std::adjacent_find(names_, end) == end;
  }
  return unique ? true : fail("an attribute is there twice");
}

bool XmlReader::read_end_tag() {
  at_ += 2;
  if (read_name() != open_[depth_ - 1]) return fail("opening and ending tag do not match");
  skip_space();
  if (!skip(">")) return fail("expected '>'");
  --depth_;
  return true;
}

bool XmlReader::read_text() {
  const auto end = std::min(text_.find('<', at_), text_.size());
  const auto raw = text_.substr(at_, end - at_);
  if (!append(raw)) return false;
  at_ = end;
  return true;
}

bool XmlReader::read_until(std::string_view end, const char* unfinished, std::string_view& inside) {
  const auto found = text_.find(end, at_);
  if (found == std::string_view::npos) return fail(unfinished);
  inside = text_.substr(at_, found - at_);
  if (const auto bad = first_bad_xml_character(inside); bad < inside.size()) {
    at_ += bad;
    return fail("a character that may not be in XML");
  }
  at_ = found + end.size();
  return true;
}

bool XmlReader::read_comment() {
  at_ += 4;
  std::string_view inside;
  if (!read_until("--", "the comment does not end", inside)) return false;
  return skip(">") ? true : fail("'--' inside a comment");
}

bool XmlReader::read_instruction() {
  at_ += 2;
  const auto target = read_name();
  if (target.empty()) return fail("invalid name of a processing instruction");
  if (target.size() == 3 && (target[0] | 0x20) == 'x' && (target[1] | 0x20) == 'm' && (target[2] | 0x20) == 'l') {
    return fail("an XML declaration is allowed only at the start of the document");
  }
  if (!looking_at("?>") && !skip_space()) return fail("invalid name of a processing instruction");
  std::string_view inside;
  return read_until("?>", "the processing instruction does not end", inside);
}

bool XmlReader::read_cdata() {
  at_ += 9;
  std::string_view inside;
  if (!read_until("]]>", "the CDATA section does not end", inside)) return false;
  // As it is, with its line ends: so does the parser of libmodsecurity.
  std::copy(inside.begin(), inside.end(), root_text_ + root_text_size_);
  root_text_size_ += inside.size();
  return true;
}

bool XmlReader::read_literal(std::string_view& literal) {
  const char quote = at_ < text_.size() ? text_[at_] : '\0';
  if (quote != '"' && quote != '\'') return fail("expected a value in quotes");
  const auto end = text_.find(quote, at_ + 1);
  if (end == std::string_view::npos) return fail("a value does not end");
  literal = text_.substr(at_ + 1, end - at_ - 1);
  at_ = end + 1;
  return true;
}

// <!DOCTYPE name SYSTEM "…" [ … ]>
bool XmlReader::read_doctype() {
  const auto begin = at_;
  at_ += 9;
  doctype_seen_ = true;
  if (!skip_space() || read_name().empty()) return fail("invalid document type");
  skip_space();
  std::string_view id;
  if (const bool is_public = looking_at("PUBLIC"); is_public || looking_at("SYSTEM")) {
    at_ += 6;
    if (!skip_space() || !read_literal(id)) return fail("invalid document type");
    if (is_public && (!skip_space() || !read_literal(id))) return fail("invalid document type");
    entities_tolerated_ = true;
  }
  skip_space();
  if (skip("[")) {
    if (!read_internal_subset()) return false;
    skip_space();
  }
  if (!skip(">")) return fail("the document type does not end");
  if (const auto bad = first_bad_xml_character(text_.substr(begin, at_ - begin)); bad < at_ - begin) {
    at_ = begin + bad;
    return fail("a character that may not be in XML");
  }
  return true;
}

bool XmlReader::read_internal_subset() {
  for (;;) {
    skip_space();
    if (skip("]")) return true;
    if (looking_at("<!--")) {
      if (!read_comment()) return false;
    } else if (looking_at("<?")) {
      if (!read_instruction()) return false;
    } else if (looking_at("<!")) {
      if (!read_markup_declaration()) return false;
    } else if (skip("%")) {
      if (read_name().empty() || !skip(";")) return fail("invalid reference to a parameter entity");
      entities_tolerated_ = true;
    } else {
      return fail("the internal subset is malformed");
    }
  }
}

bool XmlReader::read_markup_declaration() {
  at_ += 2;
  const auto keyword = read_name();
  const bool entity = keyword == "ENTITY", attributes = keyword == "ATTLIST";
  if (!entity && !attributes && keyword != "ELEMENT" && keyword != "NOTATION") return fail("unknown markup declaration");
  entities_tolerated_ |= entity;
  while (at_ < text_.size() && text_[at_] != '>') {
    const char c = text_[at_];
    if (c == '<') break;
    if (c != '"' && c != '\'') {
      ++at_;
      continue;
    }
    std::string_view raw, value;
    if (!read_literal(raw) || !decoded(raw, XmlKind::kEntity, value)) return false;
    if (entity) out_.element_texts.push_back(value);
    if (attributes) out_.attribute_values.push_back(value);
  }
  return skip(">") ? true : fail("a markup declaration does not end");
}

}  // namespace

void parse_xml(std::string_view body, const BodyLimits&, Arena& arena, Xml& out) {
  out.attribute_values.clear();
  out.element_texts.clear();
  out.error = {};
  const auto document = xml_as_utf8(body, arena);
  if (document.error != nullptr) {
    out.error = {true, fmt::format("XML: Failed parsing document: {}", document.error)};
    return;
  }
  XmlReader(document.text, arena, out).read();
}

}  // namespace ringwall::waf
