#include "prove/detail/layout.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "prove/detail/texts.h"

namespace ringwall::prove::detail {

namespace {

constexpr std::string_view kBoundary = "ringwallprove";

int hex_digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; }

std::string form_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

void add_pairs(std::string_view text, char separator, bool decode, Arguments& out) {
  while (!text.empty()) {
    const auto pair = text.substr(0, text.find(separator));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    const auto equals = std::min(pair.find('='), pair.size());
    const auto name = pair.substr(0, equals), value = pair.substr(std::min(equals + 1, pair.size()));
    if (decode) out.emplace_back(form_decoded(name), form_decoded(value));
    else out.emplace_back(base::trim(name), value);
  }
}

std::string form_of(const Arguments& arguments, bool raw) {
  std::string out;
  for (const auto& [name, value] : arguments) {
    if (!out.empty()) out += '&';
    out += raw ? name + "=" + value : percent_encoded(name) + "=" + percent_encoded(value);
  }
  return out;
}

// Bytes that are no UTF-8 stay as they are when it is to be raw.
std::string json_text(std::string_view text, bool raw) {
  std::string out;
  if (!raw) {
    base::append_json_string(out, text);
    return out;
  }
  out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string xml_text(std::string_view text, bool raw) {
  if (raw) return std::string(text);
  std::string out;
  for (const char c : text) {
    if (c == '<') out += "&lt;";
    else if (c == '&') out += "&amp;";
    else if (c == '"') out += "&quot;";
    else out += c;
  }
  return out;
}

// A header ends with its line.
std::string one_line(std::string_view text) {
  std::string out(text);
  std::replace_if(out.begin(), out.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  return out;
}

void set_body(Exchange& exchange, std::string type, std::string body) {
  if (exchange.method == "GET" || exchange.method == "HEAD") exchange.method = "POST";
  set_header(exchange, "Content-Type", std::move(type));
  exchange.body = std::move(body);
}

}  // namespace

void set_header(Exchange& exchange, std::string_view name, std::string value) {
  for (auto& header : exchange.headers) {
    if (base::lower_ascii(header.name) == base::lower_ascii(name)) {
      header.value = std::move(value);
      return;
    }
  }
  exchange.headers.push_back({std::string(name), std::move(value)});
}

const std::string* header_of(const Exchange& exchange, std::string_view name) {
  for (const auto& header : exchange.headers) {
    if (base::lower_ascii(header.name) == base::lower_ascii(name)) return &header.value;
  }
  return nullptr;
}

Arguments arguments_of(const Exchange& exchange) {
  Arguments out;
  if (const auto question = exchange.uri.find('?'); question != std::string::npos) add_pairs(std::string_view(exchange.uri).substr(question + 1), '&', true, out);
  if (const auto* type = header_of(exchange, "content-type"); type != nullptr && base::lower_ascii(*type).starts_with("application/x-www-form-urlencoded")) add_pairs(exchange.body, '&', true, out);
  if (const auto* cookie = header_of(exchange, "cookie")) add_pairs(*cookie, ';', false, out);
  return out;
}

void put(const Arguments& arguments, Container container, bool raw, Exchange& exchange) {
  std::string text;
  switch (container) {
    case Container::kQuery:
      exchange.uri = exchange.uri.substr(0, exchange.uri.find('?')) + "?" + form_of(arguments, raw);
      if (raw) exchange.uri = one_line(exchange.uri);
      return;
    case Container::kForm: return set_body(exchange, "application/x-www-form-urlencoded", form_of(arguments, raw));
    case Container::kJson:
      for (const auto& [name, value] : arguments) text += fmt::format("{}{}:{}", text.empty() ? "{" : ",", json_text(name, raw), json_text(value, raw));
      return set_body(exchange, "application/json", text.empty() ? "{}" : text + "}");
    case Container::kMultipart:
      for (std::size_t i = 0; i < arguments.size(); ++i) {
        // Every third is a file.
        const auto& [name, value] = arguments[i];
        const auto file = i % 3 == 2 ? fmt::format("; filename=\"{}\"\r\nContent-Type: text/plain", one_line(value.substr(0, 60))) : std::string();
        text += fmt::format("--{}\r\nContent-Disposition: form-data; name=\"{}\"{}\r\n\r\n{}\r\n", kBoundary, one_line(name), file, value);
      }
      return set_body(exchange, fmt::format("multipart/form-data; boundary={}", kBoundary), text + fmt::format("--{}--\r\n", kBoundary));
    case Container::kXml:
      for (const auto& [name, value] : arguments) text += fmt::format("<e a=\"{}\">{}</e>", xml_text(name, raw), xml_text(value, raw));
      return set_body(exchange, "application/xml", "<?xml version=\"1.0\"?><r>" + text + "</r>");
    case Container::kCookies:
      for (const auto& [name, value] : arguments) text += fmt::format("{}{}={}", text.empty() ? "" : "; ", raw ? name : percent_encoded(name), raw ? value : percent_encoded(value));
      return set_header(exchange, "Cookie", one_line(text));
    case Container::kHeaders: {
      constexpr std::string_view kNames[] = {"User-Agent", "Referer", "X-Forwarded-For", "X-Custom", "Accept", "Authorization", "Range", "Content-Type", "X-Filename", "Accept-Charset"};
      for (std::size_t i = 0; i < arguments.size(); ++i) set_header(exchange, kNames[(i + arguments[i].first.size()) % std::size(kNames)], one_line(arguments[i].second));
      return;
    }
    case Container::kPath:
      for (const auto& argument : arguments) text += "/" + (raw ? one_line(argument.second) : percent_encoded(argument.second));
      exchange.uri = text + (exchange.uri.find('?') == std::string::npos ? "" : exchange.uri.substr(exchange.uri.find('?')));
      return;
  }
}

}  // namespace ringwall::prove::detail
