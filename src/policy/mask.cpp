#include "policy/mask.h"

#include <algorithm>

#include "base/text.h"
#include "waf/transform.h"

namespace ringwall::policy {

namespace {

// Parts of names, in lower case; "pass" covers password, passwd and passphrase.
constexpr std::string_view kSecretParts[] = {"authorization", "cookie", "token",  "secret", "pass",   "pwd",        "api-key",   "api_key",
                                             "apikey",        "session", "credit", "card",   "cvv",    "credential", "signature", "private"};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::size_t skip_blanks(std::string_view text, std::size_t at) {
  while (at < text.size() && is_blank(text[at])) ++at;
  return at;
}

// Behind the quote that ends the string which begins at `at`, or the end of the text.
std::size_t string_end(std::string_view text, std::size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\\') ++at;
    else if (text[at] == '"') return at + 1;
  }
  return text.size();
}

// The letters of a JSON string; what is beyond ASCII does not occur in the names that matter.
std::string letters_of(std::string_view quoted) {
  std::string out;
  for (std::size_t i = 0; i < quoted.size(); ++i) {
    if (quoted[i] != '\\' || i + 1 >= quoted.size()) {
      out += quoted[i];
      continue;
    }
    ++i;
    if (quoted[i] != 'u' || i + 4 >= quoted.size()) {
      out += quoted[i];
      continue;
    }
    unsigned code = 0;
    for (const char c : quoted.substr(i + 1, 4)) code = code * 16 + static_cast<unsigned>(c >= 'a' ? c - 'a' + 10 : c >= 'A' ? c - 'A' + 10 : c - '0');
    out += static_cast<char>(code);
    i += 4;
  }
  return out;
}

// The text of a part up to the next boundary.
std::string mask_multipart(std::string_view content_type, std::string_view body) {
  const auto lower = base::lower_ascii(content_type);
  const auto at = lower.find("boundary=");
  if (at == std::string::npos) return std::string(kMasked);
  auto boundary = content_type.substr(at + 9);
  if (boundary.starts_with('"')) boundary = boundary.substr(1, boundary.find('"', 1) - 1);
  else boundary = boundary.substr(0, boundary.find_first_of("; ,"));
  if (boundary.empty()) return std::string(kMasked);
  const auto delimiter = "--" + std::string(boundary);
  std::string out;
  for (std::size_t from = 0; from < body.size();) {
    const auto begin = std::min(body.find(delimiter, from), body.size());
    const auto end = begin == body.size() ? begin : std::min(body.find(delimiter, begin + delimiter.size()), body.size());
    out += body.substr(from, begin - from);
    const auto part = body.substr(begin, end - begin);
    auto head = part.find("\r\n\r\n");
    head = head == std::string_view::npos ? part.find("\n\n") : head + 2;
    // Without the end of its head a part has no value yet.
    const bool secret = head != std::string_view::npos && names_secret(part.substr(0, head));
    if (!secret) {
      const auto value = head == std::string_view::npos ? std::string_view() : part.substr(head + 2);
      const bool json = value.starts_with('{') || value.starts_with('[');
      out += json ? std::string(part.substr(0, head + 2)) + mask_json(value) : std::string(part);
    } else {
      out += part.substr(0, head + 2);
      out += kMasked;
      if (end != body.size()) out += "\r\n";
    }
    from = end;
  }
  return out;
}

// The attributes of a tag; `tag` is what stands between < and >.
std::string mask_attributes(std::string_view tag) {
  std::string out;
  for (std::size_t from = 0; from < tag.size();) {
    const auto equals = tag.find('=', from);
    if (equals == std::string_view::npos) return out.append(tag.substr(from));
    const auto value = skip_blanks(tag, equals + 1);
    if (value == tag.size() || (tag[value] != '"' && tag[value] != '\'')) {
      out += tag.substr(from, value - from);
      from = value;
      if (from < tag.size()) out += tag[from++];
      continue;
    }
    const auto end = std::min(tag.find(tag[value], value + 1), tag.size());
    auto name = base::trim(tag.substr(from, equals - from));
    if (const auto blank = name.find_last_of(" \t\r\n"); blank != std::string_view::npos) name.remove_prefix(blank + 1);
    out += tag.substr(from, value + 1 - from);
    out += names_secret(name) ? kMasked : tag.substr(value + 1, end - value - 1);
    if (end < tag.size()) out += tag[end];
    from = std::min(end + 1, tag.size());
  }
  return out;
}

}  // namespace

bool names_secret(std::string_view name) {
  const auto lower = base::lower_ascii(name);
  return std::any_of(std::begin(kSecretParts), std::end(kSecretParts), [&](std::string_view part) { return lower.find(part) != std::string::npos; });
}

std::string mask_form(std::string_view text) {
  std::string out;
  waf::Arena arena;
  for (auto rest = text;;) {
    const auto end = std::min(rest.find('&'), rest.size());
    const auto pair = rest.substr(0, end);
    const auto equals = pair.find('=');
    bool secret = false;
    if (equals != std::string_view::npos) {
      secret = names_secret(pair.substr(0, equals)) || names_secret(waf::transform(waf::Transformation::kUrlDecodeUni, pair.substr(0, equals), arena));
      if (!secret) {
        const auto value = waf::transform(waf::Transformation::kUrlDecodeUni, pair.substr(equals + 1), arena);
        secret = (value.starts_with('{') || value.starts_with('[')) && mask_json(value) != value;
      }
    }
    out += secret ? std::string(pair.substr(0, equals + 1)).append(kMasked) : std::string(pair);
    if (end == rest.size()) return out;
    out += '&';
    rest.remove_prefix(end + 1);
  }
}

std::string mask_uri(std::string_view uri) {
  const auto question = uri.find('?');
  if (question == std::string_view::npos) return std::string(uri);
  return std::string(uri.substr(0, question + 1)) + mask_form(uri.substr(question + 1));
}

std::string mask_json(std::string_view text) {
  std::string out;
  const auto hidden = '"' + std::string(kMasked) + '"';
  std::size_t depth = 0, secret_depth = 0;  // 0: not below a secret name
  bool of_secret = false;                   // the next value belongs to a secret name
  const auto put = [&](std::string_view value) {
    out += of_secret || secret_depth != 0 ? std::string_view(hidden) : value;
    of_secret = false;
  };
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"') {
      const auto end = string_end(text, at), next = skip_blanks(text, end);
      const auto quoted = text.substr(at, end - at);
      if (next < text.size() && text[next] == ':') {
        out += text.substr(at, next + 1 - at);
        of_secret = names_secret(letters_of(quoted));
        at = next + 1;
      } else {
        put(quoted);
        at = end;
      }
    } else if (c == '{' || c == '[') {
      ++depth;
      if (of_secret && secret_depth == 0) secret_depth = depth;
      of_secret = false;
      out += c, ++at;
    } else if (c == '}' || c == ']') {
      if (depth == secret_depth) secret_depth = 0;
      if (depth > 0) --depth;
      of_secret = false;
      out += c, ++at;
    } else if (c == ',' || c == ':' || is_blank(c)) {
      if (c == ',') of_secret = false;
      out += c, ++at;
    } else {
      const auto end = std::min(text.find_first_of(",:]}[{\" \t\r\n", at + 1), text.size());
      put(text.substr(at, end - at));
      at = end;
    }
  }
  return out;
}

std::string mask_xml(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto open = std::min(text.find('<', at), text.size());
    out += text.substr(at, open - at);
    if (open == text.size()) break;
    const auto close = std::min(text.find('>', open), text.size());
    const auto tag = text.substr(open, close - open);
    const auto name = tag.substr(1, tag.find_first_of(" \t\r\n/>", 2) - 1);
    out += mask_attributes(tag);
    if (close == text.size()) break;
    out += '>';
    at = close + 1;
    if (tag.starts_with("</") || tag.ends_with('/') || !names_secret(name)) continue;
    // With all that stands below it.
    const auto end = std::min(text.find("</" + std::string(name), at), text.size());
    if (end != at) out += kMasked;
    at = end;
  }
  return out;
}

std::string mask_cookies(std::string_view text) {
  std::string out;
  for (auto rest = text;;) {
    const auto end = std::min(rest.find(';'), rest.size());
    const auto pair = rest.substr(0, end);
    const auto equals = pair.find('=');
    // Without '=' it may be a value as well as a name.
    const auto name = equals != std::string_view::npos ? equals + 1 : skip_blanks(pair, 0);
    out += pair.substr(0, name);
    if (name < pair.size()) out += kMasked;
    if (end == rest.size()) return out;
    out += ';';
    rest.remove_prefix(end + 1);
  }
}

std::string mask_body(std::string_view content_type, std::string_view body) {
  const auto type = base::lower_ascii(base::trim(content_type));
  if (type.starts_with("multipart/")) return mask_multipart(content_type, body);
  const auto first = skip_blanks(body, 0);
  std::string out(body);
  if (first < body.size() && (body[first] == '{' || body[first] == '[' || type.find("json") != std::string::npos)) out = mask_json(out);
  else if (first < body.size() && (body[first] == '<' || type.find("xml") != std::string::npos)) out = mask_xml(out);
  else return mask_form(out);
  // Who writes JSON and calls it a form has it read as a form.
  return type.starts_with("application/x-www-form-urlencoded") ? mask_form(out) : out;
}

}  // namespace ringwall::policy
