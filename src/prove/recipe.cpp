#include "prove/detail/recipe.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "prove/detail/layout.h"
#include "prove/detail/pattern.h"
#include "prove/detail/texts.h"

namespace ringwall::prove::detail {

namespace {

constexpr std::size_t kPieceMax = 64;          // of what is repeated
constexpr std::size_t kLeadMax = 6000;
constexpr std::size_t kWordsOfLeadMax = 40;    // taken up at once
constexpr std::size_t kPartsMax = 20'000;      // arguments, headers, elements of one request
constexpr std::size_t kChunks[] = {1, 2, 4, 8, 16, 32, 64, 128, 400, 2000};

struct PlaceName {
  Place place;
  std::string_view name;
};
constexpr PlaceName kPlaceNames[] = {
    {Place::kQueryValue, "query"}, {Place::kQueryMany, "query, many"}, {Place::kPath, "path"}, {Place::kCookieValue, "cookie"}, {Place::kCookieMany, "cookies, many"},
    {Place::kUserAgent, "User-Agent"}, {Place::kReferer, "Referer"}, {Place::kHeaderOther, "header"}, {Place::kHeaderMany, "headers, many"},
    {Place::kForm, "form"}, {Place::kFormEncoded, "form, encoded"}, {Place::kFormName, "form, name"}, {Place::kFormMany, "form, many"},
    {Place::kJson, "JSON"}, {Place::kJsonMany, "JSON, many"}, {Place::kJsonDeep, "JSON, deep"}, {Place::kMultipart, "multipart"}, {Place::kMultipartMany, "multipart, many"},
    {Place::kMultipartFile, "multipart, file"}, {Place::kXml, "XML"}, {Place::kXmlMany, "XML, many"}, {Place::kXmlAttribute, "XML, attribute"}, {Place::kOther, "text/plain"}, {Place::kAnswer, "answer"},
};

// Where a message has room for one text.
struct Room {
  Place first, last;
};
constexpr Room kHead{Place::kQueryValue, Place::kHeaderMany}, kBody{Place::kForm, Place::kOther}, kAnswerBody{Place::kAnswer, Place::kAnswer};
const Room& room_of(Place place) { return place < kBody.first ? kHead : place < kAnswerBody.first ? kBody : kAnswerBody; }

// As much of the text as fits when it is written by `write`.
template <class Write>
std::string written_up_to(std::string_view text, std::size_t bytes, Write write) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto one = write(text.substr(at, 1));
    if (out.size() + one.size() > bytes) break;
    out += one;
  }
  return out;
}

std::string header_text(std::string_view text) {
  std::string out(text);
  std::replace_if(out.begin(), out.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, '\t');
  return out;
}
std::string uri_text(std::string_view text, bool in_path) {
  std::string out;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (u <= ' ' || c == '#' || (in_path && c == '?') || u == 0x7f) out += fmt::format("%{:02x}", u);
    else out += c;
  }
  return out;
}
std::string json_byte(std::string_view one) {
  const auto u = static_cast<unsigned char>(one[0]);
  if (u < 0x20 || u >= 0x7f) return fmt::format("\\u{:04x}", u);
  return one[0] == '"' || one[0] == '\\' ? "\\" + std::string(one) : std::string(one);
}
std::string xml_byte(std::string_view one) {
  return one[0] == '<' ? "&lt;" : one[0] == '&' ? "&amp;" : one[0] == '"' ? "&quot;" : static_cast<unsigned char>(one[0]) < 9 ? " " : std::string(one);
}

// Pieces of the text, each made into an item, until `bytes` are full.
template <class Item>
std::string many(std::string_view text, const Filling& filling, std::size_t bytes, Item item) {
  std::string out;
  for (std::size_t at = 0, count = 0; at < text.size() && count < kPartsMax; at += filling.chunk, ++count) {
    const auto one = item(text.substr(at, filling.chunk), count);
    if (out.size() + one.size() > bytes) break;
    out += one;
  }
  return out;
}

void body_of(const Part& part, const std::string& text, std::size_t bytes, Exchange& out) {
  const auto& filling = part.filling;
  std::string type = "application/x-www-form-urlencoded";
  const auto multipart = [&](std::string_view inside) { type = "multipart/form-data; boundary=b"; out.body = std::string(inside) + "--b--\r\n"; };
  switch (part.place) {
    case Place::kForm: out.body = "a=" + text.substr(0, bytes - 2); break;
    case Place::kFormEncoded: out.body = "a=" + written_up_to(text, bytes - 2, percent_encoded); break;
    case Place::kFormName: out.body = text.substr(0, bytes - 2) + "=a"; break;
    case Place::kFormMany:
      out.body = many(text, filling, bytes, [](auto piece, auto n) { return fmt::format("{}a{}={}", n == 0 ? "" : "&", n, piece); });
      break;
    case Place::kJson:
      type = "application/json";
      out.body = "{\"a\":\"" + written_up_to(text, bytes - 8, json_byte) + "\"}";
      break;
    case Place::kJsonMany:
      type = "application/json";
      out.body = "[" + many(text, filling, bytes - 2, [](auto piece, auto n) { return fmt::format("{}\"{}\"", n == 0 ? "" : ",", written_up_to(piece, 1000, json_byte)); }) + "]";
      break;
    case Place::kJsonDeep: {
      type = "application/json";
      constexpr std::size_t kDepth = 500;
      const auto name = written_up_to(std::string_view(text).substr(0, filling.chunk), 200, json_byte);
      std::string close;
      while (close.size() < kDepth && out.body.size() + name.size() + 5 + close.size() < bytes) out.body += "{\"" + name + "\":", close += "}";
      out.body += "\"" + written_up_to(text, bytes - std::min(bytes, out.body.size() + close.size() + 2), json_byte) + "\"" + close;
      break;
    }
    case Place::kMultipart: multipart("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n" + text.substr(0, bytes - 64) + "\r\n"); break;
    case Place::kMultipartMany:
      multipart(many(text, filling, bytes - 7, [](auto piece, auto n) { return fmt::format("--b\r\nContent-Disposition: form-data; name=\"a{}\"\r\n\r\n{}\r\n", n, piece); }));
      break;
    case Place::kMultipartFile:
      multipart("--b\r\nContent-Disposition: form-data; name=\"a\"; filename=\"" + header_text(text.substr(0, bytes / 2)) + "\"\r\n\r\n" + text.substr(0, bytes / 2 - std::min<std::size_t>(bytes / 2, 80)) + "\r\n");
      break;
    case Place::kXml: type = "text/xml", out.body = "<a>" + written_up_to(text, bytes - 7, xml_byte) + "</a>"; break;
    case Place::kXmlMany:
      type = "text/xml";
      out.body = "<a>" + many(text, filling, bytes - 7, [](auto piece, auto) { return fmt::format("<b c=\"{0}\">{0}</b>", written_up_to(piece, 1000, xml_byte)); }) + "</a>";
      break;
    case Place::kXmlAttribute: type = "text/xml", out.body = "<a b=\"" + written_up_to(text, bytes - 9, xml_byte) + "\"/>"; break;
    default: type = "text/plain", out.body = text;
  }
  out.body.resize(std::min(out.body.size(), bytes));
  out.method = "POST";
  set_header(out, "Content-Type", type);
  set_header(out, "Content-Length", std::to_string(out.body.size()));
}

void head_of(const Part& part, const std::string& text, std::size_t bytes, Exchange& out) {
  const auto item = [&](auto make) { return many(text, part.filling, bytes, make); };
  switch (part.place) {
    case Place::kQueryValue: out.uri = "/?a=" + uri_text(text, false); break;
    case Place::kQueryMany: out.uri = "/?" + item([](auto piece, auto n) { return fmt::format("a{}={}&", n, uri_text(piece, false)); }); break;
    case Place::kPath: out.uri = "/" + uri_text(text, true); break;
    case Place::kCookieValue: set_header(out, "Cookie", "a=" + header_text(text)); break;
    case Place::kCookieMany: set_header(out, "Cookie", item([](auto piece, auto n) { return fmt::format("a{}={};", n, header_text(piece)); })); break;
    case Place::kUserAgent: set_header(out, "User-Agent", header_text(text)); break;
    case Place::kReferer: set_header(out, "Referer", header_text(text)); break;
    case Place::kHeaderMany:
      for (std::size_t at = 0, used = 0; at < text.size() && used < bytes; at += part.filling.chunk, used += part.filling.chunk + 8) {
        out.headers.push_back({fmt::format("X{}", out.headers.size()), header_text(text.substr(at, part.filling.chunk))});
      }
      break;
    default: set_header(out, "X-A", header_text(text));
  }
  out.uri.resize(std::min(out.uri.size(), bytes));
}

std::string lead_of(const Bank& bank, Random& random) {
  std::string out;
  for (auto count = random.one_in(3) ? random.below(kWordsOfLeadMax) : 1; count > 0; --count) out += fresh_text(bank, random).substr(0, 200) + (random.one_in(2) ? " " : "");
  return out;
}

Filling fresh_filling(const Bank& bank, Random& random) {
  Filling out;
  out.seed = random.next();
  out.pattern = random.below(bank.patterns.size());
  out.chunk = random.of(kChunks);
  switch (random.below(9)) {
    case 0:
    case 1:
    case 2: out.piece = std::string(1, static_cast<char>(random.below(random.one_in(3) ? 256 : 128))); break;
    case 3: out.piece = {static_cast<char>(random.below(128)), static_cast<char>(random.below(128))}; break;
    case 4: out.piece = fresh_text(bank, random).substr(0, random.below(kPieceMax) + 1); break;
    case 5: out.piece = fresh_text(bank, random).substr(0, kPieceMax) + (random.one_in(2) ? " " : ""); break;
    case 6: out.kind = Filling::Kind::kNoise, out.piece = fresh_text(bank, random).substr(0, kPieceMax); break;
    case 7: out.kind = Filling::Kind::kDrawn; break;
    default: out.kind = Filling::Kind::kWords;
  }
  if (out.piece.empty()) out.piece = "a";
  if (random.one_in(4)) out.lead = lead_of(bank, random);
  return out;
}

}  // namespace

std::string_view name_of(Place place) { return kPlaceNames[static_cast<std::size_t>(place)].name; }

std::string text_of(const Filling& filling, const Bank& bank, std::size_t bytes) {
  Random random(filling.seed, 0);
  std::string out = filling.lead;
  const auto end = bytes - std::min(bytes, filling.tail.size());
  while (out.size() < end) {
    switch (filling.kind) {
      case Filling::Kind::kRepeated: out += filling.piece; break;
      case Filling::Kind::kNoise: out += filling.piece[random.below(filling.piece.size())]; break;
      case Filling::Kind::kDrawn: out += (bank.patterns.empty() ? filling.piece : bank.patterns[filling.pattern % bank.patterns.size()]->draw(random)) + "\n"; break;
      case Filling::Kind::kWords: out += fresh_text(bank, random).substr(0, 60) + " "; break;
    }
  }
  out.resize(end);
  return out + filling.tail.substr(0, bytes);
}

Exchange exchange_of(const Recipe& recipe, const Bank& bank, const RecipeSizes& sizes) {
  Exchange out;
  out.headers = {{"Host", "localhost"}, {"Accept", "*/*"}};
  for (const auto& part : recipe.parts) {
    const auto* room = &room_of(part.place);
    const auto bytes = room == &kHead ? sizes.head_bytes : room == &kBody ? sizes.body_bytes : sizes.answer_bytes;
    const auto text = text_of(part.filling, bank, bytes);
    if (room == &kHead) {
      head_of(part, text, bytes, out);
    } else if (room == &kBody) {
      body_of(part, text, bytes, out);
    } else {
      out.response_headers = {{"Content-Type", "text/html"}};
      out.response_body = text;
    }
  }
  return out;
}

std::string shown(const Recipe& recipe) {
  constexpr const char* kKinds[] = {"repeated", "as noise", "drawn", "words"};
  const auto quoted = [](std::string_view text) {
    std::string out;
    base::append_json_string(out, text.substr(0, 40));
    return text.size() > 40 ? fmt::format("{}…({} bytes)", out, text.size()) : out;
  };
  std::string out;
  for (const auto& [place, filling] : recipe.parts) {
    const auto what = filling.kind == Filling::Kind::kDrawn ? fmt::format("pattern {} (seed {})", filling.pattern, filling.seed) : filling.kind == Filling::Kind::kWords ? fmt::format("(seed {})", filling.seed) : quoted(filling.piece);
    out += fmt::format("{}{}: {}{} {}{}", out.empty() ? "" : "; ", name_of(place), filling.lead.empty() ? "" : quoted(filling.lead) + " + ", what, kKinds[static_cast<int>(filling.kind)],
                       filling.tail.empty() ? "" : " + " + quoted(filling.tail));
  }
  return out;
}

Recipe fresh_recipe(const Bank& bank, Random& random) { return {{Part{static_cast<Place>(random.below(kPlaceCount)), fresh_filling(bank, random)}}}; }

Recipe changed(Recipe recipe, const Bank& bank, Random& random) {
  auto& part = recipe.parts[random.below(recipe.parts.size())];
  auto& filling = part.filling;
  switch (random.below(11)) {
    case 0: filling.piece = fresh_filling(bank, random).piece; break;
    case 1:
      change_text(filling.piece, bank, random);
      filling.piece.resize(std::min(filling.piece.size(), kPieceMax));
      if (filling.piece.empty()) filling.piece = " ";
      break;
    case 2:
    case 3: filling.lead += lead_of(bank, random); break;
    case 4: filling.lead.erase(random.below(filling.lead.size() + 1), random.below(filling.lead.size() + 1)); break;
    case 5: filling.tail = random.one_in(2) ? "" : lead_of(bank, random); break;
    case 6: {
      const auto& [first, last] = room_of(part.place);
      part.place = static_cast<Place>(static_cast<std::size_t>(first) + random.below(static_cast<std::size_t>(last) - static_cast<std::size_t>(first) + 1));
      break;
    }
    case 7: filling.kind = static_cast<Filling::Kind>(random.below(4)); break;
    case 8: filling.chunk = random.of(kChunks); break;
    case 9: filling.seed = random.next(), filling.pattern = random.below(bank.patterns.size()); break;
    default: {  // another part, in the head, in the body or in the answer
      const Part other{static_cast<Place>(random.below(kPlaceCount)), fresh_filling(bank, random)};
      std::erase_if(recipe.parts, [&](const Part& one) { return &room_of(one.place) == &room_of(other.place); });
      recipe.parts.push_back(other);
      return recipe;
    }
  }
  filling.lead.resize(std::min(filling.lead.size(), kLeadMax));
  return recipe;
}

}  // namespace ringwall::prove::detail
